package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// checkText says in plain words what a policy will do. measured has what is known of scenarios and their benchmarks.
func checkText(p *policy.Policy, a *asked, measured map[string]*gates.Scenario, from string) string {
	var b strings.Builder
	if p.Path != "" {
		wrap(&b, "", "  ", theme.Clean(p.Path)+": "+unit.Things(len(p.Scenarios), "scenario"))
	}
	for _, w := range p.Warnings {
		wrap(&b, "! ", "  ", theme.Clean(w))
	}
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		wrap(&b, "", "  ", theme.Clean(s.Name)+": "+theme.Clean(whatRuns(s)))
		if s.Helper {
			wrap(&b, "  ", "  ", "Nothing judges it: it is measured for an overhead.")
			continue
		}
		limitsText(&b, s)
		comparisonText(&b, s, a)
		for _, name := range namesFor(s, measured) {
			figuresText(&b, s, measured[name], a, from)
		}
	}
	return b.String()
}

// whatRuns says what a scenario is.
func whatRuns(s *policy.Scenario) string {
	var text string
	switch s.Kind {
	case gates.KindBench:
		text = "the benchmarks of " + s.Bench
	case gates.KindBuiltin:
		text = "the built-in workload " + s.Builtin
	case gates.KindTarget:
		text = "the running target " + sampler.WithoutPassword(s.Target)
	case gates.KindOverhead:
		if r := s.Overhead.Redis; r != nil {
			return "what documents take in " + sampler.WithoutPassword(r.URL) + " as " + strings.Join(overhead.Asked(r.Representations), ", ")
		}
		text = fmt.Sprintf("%s of %s, divided by that of %s", s.Overhead.Metric, s.Overhead.Of, s.Overhead.Over)
	default:
		text = "runs " + s.Run
		if len(s.Command) > 0 {
			text = "runs " + strings.Join(s.Command, " ")
		}
	}
	if s.Duration > 0 {
		text += " for " + unit.Duration(s.Duration)
	}
	if s.Sessions > 1 {
		text += fmt.Sprintf(", which holds %d sessions", s.Sessions)
	}
	if s.Build != "" {
		text += "; built by " + strings.TrimSpace(s.Build)
	}
	return text
}

// limitsText lists the absolute limits.
func limitsText(b *strings.Builder, s *policy.Scenario) {
	if s.Overhead != nil && s.Overhead.Redis != nil {
		redisLimitsText(b, s.Overhead.Redis)
	}
	for _, l := range s.Limits {
		m, _ := gates.MetricOf(l.Metric)
		how := "the median is"
		if m.Peak {
			how = "any run is"
		}
		wrap(b, "  fails when ", "    ", fmt.Sprintf("%s: %s above %s (%s)", l.Metric, how, m.Format(l.Max), whence(l)))
	}
}

// redisLimitsText says what documents in a server are held against.
func redisLimitsText(b *strings.Builder, r *policy.RedisOverhead) {
	wrap(b, "  fails when ", "    ", fmt.Sprintf("a document takes more than its budget (%d of the policy, the others are built in)", budgetsOf(r)))
	if slices.Contains(overhead.Asked(r.Representations), overhead.JSON) {
		wrap(b, "  fails when ", "    ", fmt.Sprintf("json takes more than %g times a string over all documents, or %g times of one",
			orElse(r.Threshold, overhead.DefaultThreshold), orElse(r.MaxVsString, overhead.DefaultMaxVsString)))
	}
}

func budgetsOf(r *policy.RedisOverhead) int {
	n := 0
	for _, as := range r.Budgets {
		n += len(as)
	}
	return n
}

func whence(l gates.Limit) string {
	switch l.From {
	case gates.FromBuiltin:
		return "the workload's own: " + l.Because
	case gates.FromConfig:
		return "policy"
	case gates.FromFlag:
		return "command line"
	}
	return "preset " + l.From
}

// comparisonText says what is compared with, and what growth fails.
func comparisonText(b *strings.Builder, s *policy.Scenario, a *asked) {
	var with []string
	if a.baseline != "" {
		with = append(with, "the stored report "+a.baseline)
	}
	switch s.Against {
	case "":
	case "auto":
		with = append(with, "the merge base with the default branch")
	default:
		with = append(with, s.Against)
	}
	if s.Anchor != "" {
		with = append(with, "the anchor "+s.Anchor)
	}
	if len(with) == 0 {
		wrap(b, "  ", "    ", "is compared with nothing")
		return
	}
	gated := gatedMetrics(s)
	if len(gated) == 0 {
		wrap(b, "  ", "    ", "is compared with "+strings.Join(with, " and ")+", by which nothing can fail")
		return
	}
	fails, warns := s.Compare.Increases("")
	wrap(b, "  fails when ", "    ", fmt.Sprintf("%s: growth by %s against %s is proven; a proven growth above %s is a warning, and one that stays undecided: %s",
		strings.Join(gated, ", "), unit.Percent(fails), strings.Join(with, " and "), unit.Percent(warns),
		onInconclusive(s.Compare.OnInconclusive)))
	for _, m := range gated {
		if own, ok := s.Compare.PerMetric[m]; ok {
			wrap(b, "    ", "    ", m+": by "+unit.Percent(own))
		}
	}
	for _, acc := range s.Accept {
		until := acc.Until.AddDate(0, 0, -1).Format(time.DateOnly)
		wrap(b, "    ", "    ", fmt.Sprintf("%s of %s may grow by %s until %s: %s", acc.Metric, theme.Clean(acc.Scenario), unit.Percent(acc.UpTo), until, theme.Clean(acc.Because)))
	}
}

func orElse(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}

func onInconclusive(word string) string {
	switch word {
	case gates.InconclusivePass:
		return "passes"
	case gates.InconclusiveFail:
		return "fails"
	}
	return "warns"
}

// gatedMetrics are the metrics whose growth can fail a scenario.
func gatedMetrics(s *policy.Scenario) []string {
	return slices.DeleteFunc(s.Compare.GatedMetrics(), func(metric string) bool { return !s.Measures(metric) })
}

// namesFor are the entries of what was measured that belong to a scenario: itself, or its benchmarks.
func namesFor(s *policy.Scenario, measured map[string]*gates.Scenario) []string {
	var names []string
	for name := range measured {
		if base, _, _ := strings.Cut(name, "/"); base == s.Name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// figuresText says how noisy what was measured is, what growth is found in it, and how long that takes.
func figuresText(b *strings.Builder, s *policy.Scenario, got *gates.Scenario, a *asked, from string) {
	if got.Error != "" {
		wrap(b, "  ! ", "    ", "could not be measured: "+theme.Clean(got.Error))
		return
	}
	compared := s.Against != "" || s.Anchor != ""
	runs := float64(got.Runs)
	t := table{titles: []string{"measured", "spread", "finds", "limit left"}, of: "metric, from " + from}
	for _, m := range gates.Metrics() {
		v, ok := got.Metrics[m.Name]
		limit, limited := limitOf(s, m.Name)
		gated := slices.Contains(gatedMetrics(s), m.Name)
		if !ok || len(v.Values) == 0 || !limited && !gated {
			continue
		}
		row := tableRow{name: theme.Clean(got.Name) + "." + m.Name, cells: []string{m.Format(v.Median), spread(v), "", ""}}
		if compared && gated {
			var needed float64
			row.cells[2], needed = finds(s, m, v)
			runs = max(runs, needed)
		}
		if limited && limit > 0 {
			row.cells[3] = fmt.Sprintf("%.0f%%", 100*(1-slices.Max(v.Values)/limit))
		}
		t.rows = append(t.rows, row)
	}
	if len(t.rows) > 0 {
		l := newTableText(b, &t)
		for i := range t.rows {
			l.row(&t.rows[i])
		}
	}
	if got.Runs > 0 && got.DurationS > 0 {
		each := time.Duration(got.DurationS / float64(got.Runs) * float64(time.Second))
		wrap(b, "  takes about ", "    ", fmt.Sprintf("%s: %s of %s%s", unit.Duration(time.Duration(runs*float64(each))),
			unit.Things(int(math.Round(runs)), "run"), unit.Duration(each), note(a, compared)))
	}
}

// finds says which growth a comparison calls a regression in 95 of 100 cases, and the runs that it takes while nothing
// changes. It is empty where too little is known.
func finds(s *policy.Scenario, m gates.Metric, v gates.Measured) (text string, runs float64) {
	o, ok := gates.Foresee(s.Compare, m.Name, v.Values)
	if !ok {
		return "", 0
	}
	text = "nothing"
	if o.Found > 0 {
		text = "+" + unit.Percent(o.Found)
	}
	if o.Exact {
		text += ", exact"
	}
	return text, o.Runs
}

// note is what weakens the figures.
func note(a *asked, compared bool) string {
	switch {
	case compared:
		return ", while nothing changes; more where it is close"
	case a.baseline != "":
		return ". Drift since the stored report is not excluded; --against auto excludes it"
	}
	return ""
}

func limitOf(s *policy.Scenario, metric string) (float64, bool) {
	for _, l := range s.Limits {
		if l.Metric == metric {
			return l.Max, true
		}
	}
	return 0, false
}

// spread is how far the runs are apart, of their median.
func spread(m gates.Measured) string {
	apart := slices.Max(m.Values) - slices.Min(m.Values)
	switch {
	case len(m.Values) < 2 || apart > 0 && m.Median == 0:
		return "unknown"
	case apart == 0:
		return unit.Percent(0)
	}
	return unit.Percent(apart / m.Median)
}
