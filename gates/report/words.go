package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// finding is one thing that was judged and is no plain pass.
type finding struct {
	verdict gates.Verdict
	metric  string // empty: of the scenario as a whole
	text    string // a sentence, safe to print
	grown   bool   // memory is above a limit or a baseline, so that sites explain it
}

// findings returns what is no plain pass of a scenario, what failed first, then what was not measured, then warnings.
func findings(s *gates.Scenario) []finding {
	var out []finding
	if s.Error != "" {
		out = append(out, finding{gates.Unmeasured, "", line(s.Error), false})
	}
	for _, same := range byReason(s.Gates) {
		g := same[0]
		out = append(out, finding{g.Verdict, g.Metric, gateWords(g, same[1:]...), g.Verdict == gates.Failed})
	}
	for _, c := range s.Comparisons {
		if means := c.Means(); c.Gated && means != gates.Passed {
			out = append(out, finding{means, c.Metric, comparisonWords(c), c.Verdict == gates.Regressed})
		}
	}
	if st := s.Stability; st != nil && st.Verdict != gates.Passed && st.Reason != "" {
		out = append(out, finding{st.Verdict, "", line(st.Reason), st.Verdict == gates.Failed})
	}
	if len(out) == 0 && severity(s.Verdict) > severity(gates.Warned) {
		out = append(out, finding{s.Verdict, "", "the scenario is " + name(string(s.Verdict)) + ", and the report does not say why", false})
	}
	slices.SortStableFunc(out, func(a, b finding) int { return severity(b.verdict) - severity(a.verdict) })
	return out
}

// byReason groups the gates that are no plain pass: those that one reason kept from being measured belong together.
func byReason(all []gates.Gate) [][]gates.Gate {
	var out [][]gates.Gate
	for _, g := range all {
		if g.Verdict == gates.Passed {
			continue
		}
		i := slices.IndexFunc(out, func(same []gates.Gate) bool {
			return !there(g.Value) && !there(same[0].Value) && g.Reason != "" && g.Reason == same[0].Reason && g.Verdict == same[0].Verdict
		})
		if i < 0 {
			out = append(out, []gates.Gate{g})
		} else {
			out[i] = append(out[i], g)
		}
	}
	return out
}

// notes returns what weakens or explains the numbers of a scenario and is no finding: growth that is accepted, and warnings.
func notes(s *gates.Scenario) []string {
	var out []string
	for _, c := range s.Comparisons {
		if c.Gated && c.Accepted != "" {
			out = append(out, comparisonWords(c))
		}
	}
	for _, warning := range s.Warnings {
		out = append(out, line(warning))
	}
	return atMost(out, maxWarnings)
}

// severity orders verdicts for people: what failed comes before what could not be measured.
func severity(v gates.Verdict) int {
	return cmp.Or(slices.Index([]gates.Verdict{gates.Passed, gates.Warned, gates.Unmeasured, gates.Failed}, v)+1, 3)
}

// gateWords says what became of a limit, and of others that had the same fate.
func gateWords(g gates.Gate, others ...gates.Gate) string {
	metric, reason := name(g.Metric), line(g.Reason)
	const shown = 2
	for _, other := range others[:min(len(others), shown)] {
		metric += ", " + name(other.Metric)
	}
	if more := len(others) - shown; more > 0 {
		metric += fmt.Sprintf(" and %d more", more)
	}
	if !there(g.Value) {
		verb := " could not be measured: "
		if g.Verdict == gates.Warned {
			verb = " could not be judged: "
		}
		return metric + verb + cmp.Or(reason, "no reason is known")
	}
	value, limit := quantity(g.Unit, *g.Value), quantity(g.Unit, g.Limit)
	if value == limit && *g.Value != g.Limit {
		value, limit = number(*g.Value), number(g.Limit)+" "+name(g.Unit)
	}
	text := metric + " is " + value + ", the limit is " + limit
	if g.HeadroomPercent != nil && *g.HeadroomPercent < 0 {
		text += ": " + percent(-*g.HeadroomPercent) + " above it"
	}
	return join(text, reason)
}

// comparisonWords says what became of a comparison.
func comparisonWords(c gates.Comparison) string {
	metric, against := name(c.Metric), ""
	if c.Against != "" {
		against = " against " + name(c.Against)
	}
	var text string
	switch c.Verdict {
	case gates.Stable:
		text = metric + " is stable" + against
	case gates.Improved, gates.Grew, gates.Regressed:
		verb := " grew"
		if c.Verdict == gates.Improved {
			verb = " shrank"
		}
		text = metric + verb + by(c) + against
		if c.Verdict != gates.Improved {
			text += ", " + percent(c.MaxIncrease) + " is allowed"
		}
		if c.Severity != "" {
			text += " (" + name(c.Severity) + ")"
		}
	case gates.Inconclusive:
		text = fmt.Sprintf("%s: no verdict%s after %d and %d runs", metric, against, c.Runs[0], c.Runs[1])
		if there(c.SmallestProvable) {
			text += ", which could prove a change of " + percent(*c.SmallestProvable) + " at the least"
		}
	default:
		text = metric + " could not be compared" + against
	}
	if c.Accepted != "" {
		text += "; accepted: " + line(c.Accepted)
	}
	return join(text, line(c.Reason))
}

// by is " by 12.0% (11.2% to 12.9%)", as far as it is known.
func by(c gates.Comparison) string {
	if !there(c.ChangePercent) {
		return ""
	}
	text := " by " + percent(math.Abs(*c.ChangePercent))
	switch low, high := there(c.LowPercent), there(c.HighPercent); {
	case low && high && *c.LowPercent == *c.HighPercent:
	case low && high:
		text += " (" + signed(*c.LowPercent) + " to " + signed(*c.HighPercent) + ")"
	case low:
		text += " (at least " + signed(*c.LowPercent) + ")"
	}
	return text
}

// join puts a reason behind a sentence.
func join(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + "; " + reason
}

// percent prints a percentage with a digit behind the point where it is below 100: "12.7%", "240%".
func percent(v float64) string {
	switch a := math.Abs(v); {
	case !finite(v):
		return "?"
	case a != 0 && a < 0.005 && v > 0:
		return "<0.01%"
	case a != 0 && a < 0.005:
		return ">-0.01%"
	case a >= 1e6:
		return strconv.FormatFloat(v, 'g', 3, 64) + "%"
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64) + "%"
	case a != 0 && a < 0.95:
		return strconv.FormatFloat(v, 'g', 2, 64) + "%"
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + "%"
}

func signed(v float64) string {
	if v >= 0.005 {
		return "+" + percent(v)
	}
	return percent(v)
}

// blameWords returns the columns of a site: share, change, name.
func blameWords(b gates.Blame) (share, change, site string) {
	if finite(b.SharePercent) {
		share = percent(math.Round(b.SharePercent))
	}
	if finite(b.ChangeBytes) {
		change = quantity("bytes", b.ChangeBytes)
		if b.ChangeBytes > 0 {
			change = "+" + change
		}
	}
	return share, change, name(b.Site)
}

// place is the file and the line that a site ends in: "pkg.Func dir/file.go:88".
func place(site string) (file string, at int, ok bool) {
	words := strings.Fields(site)
	if len(words) < 2 {
		return "", 0, false
	}
	last := words[len(words)-1]
	i := strings.LastIndexByte(last, ':')
	if i <= 0 {
		return "", 0, false
	}
	at, err := strconv.Atoi(last[i+1:])
	return last[:i], at, err == nil && at > 0
}

// headline is "heaptop: failed. 3 scenarios: 1 failed, 2 passed".
func headline(r *gates.Report) string {
	if len(r.Scenarios) == 0 {
		return "heaptop: " + name(string(r.Verdict)) + ". No scenario was measured"
	}
	return "heaptop: " + name(string(r.Verdict)) + ". " + unit.Things(len(r.Scenarios), "scenario") + ": " + tally(r)
}

func tally(r *gates.Report) string {
	n := map[gates.Verdict]int{}
	for i := range r.Scenarios {
		n[r.Scenarios[i].Verdict]++
	}
	var parts []string
	for _, v := range []gates.Verdict{gates.Failed, gates.Unmeasured, gates.Warned, gates.Passed} {
		if n[v] > 0 {
			parts = append(parts, strconv.Itoa(n[v])+" "+string(v))
		}
	}
	return strings.Join(parts, ", ")
}

// where says when and where was measured, as far as is known.
func where(r *gates.Report) string {
	e := r.Environment
	parts := []string{strings.Trim(name(e.OS)+"/"+name(e.Arch), "/"), name(e.CPU)}
	if e.CPUs > 0 {
		parts = append(parts, unit.Things(e.CPUs, "CPU"))
	}
	parts = append(parts, name(e.Go))
	if e.Commit != "" {
		parts = append(parts, strings.TrimSpace("commit "+short(e.Commit)+" "+name(e.Branch)))
	}
	text := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
	if !r.FinishedAt.IsZero() {
		text = r.FinishedAt.UTC().Format("2006-01-02 15:04 UTC") + ", " + text
	}
	return strings.TrimSuffix(text, ", ")
}

// short is the beginning of a commit's hash.
func short(commit string) string {
	if len(commit) == 40 && strings.Trim(commit, "0123456789abcdef") == "" {
		return commit[:12]
	}
	return name(commit)
}

// took prints how long something took, in seconds; what a foreign report says is bounded.
func took(seconds float64) string {
	return unit.Duration(time.Duration(min(seconds, 1e9) * float64(time.Second)))
}

// effort is "5 runs, 12s", as far as it is known.
func effort(s *gates.Scenario) string {
	var parts []string
	if s.Runs > 0 {
		parts = append(parts, unit.Things(s.Runs, "run"))
	}
	if finite(s.DurationS) && s.DurationS > 0 {
		parts = append(parts, took(s.DurationS))
	}
	if s.Sessions > 1 {
		parts = append(parts, "heap per session of "+strconv.Itoa(s.Sessions))
	}
	return strings.Join(parts, ", ")
}
