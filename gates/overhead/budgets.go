package overhead

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// The representations.
const (
	String = "string"
	JSON   = "json"
	Hash   = "hash"
)

// Representations returns them all, in the order of reports.
func Representations() []string { return []string{String, JSON, Hash} }

// Asked returns those of the names, in the order of reports, with string, which the others are compared with; all where no
// name is given.
func Asked(names []string) []string {
	return slices.DeleteFunc(Representations(), func(as string) bool {
		return len(names) > 0 && as != String && !slices.Contains(names, as)
	})
}

// What is allowed when nothing is said.
const (
	DefaultThreshold   = 2.7 // of the overall ratio of json
	DefaultMaxVsString = 3.5 // of overhead_string of each document as json
)

// Budget is what a document may take in one representation, and what it took when the budget was set. 0 is not said.
type Budget struct {
	Max      float64 // of overhead_text
	Bytes    float64
	Measured float64 // overhead_text
	Date     string  // of that measurement, 2026-11-22
	From     string  // gates.FromStandard or gates.FromConfig
}

// Settings are what is demanded.
type Settings struct {
	Threshold   float64                      // of the overall ratio; 0: DefaultThreshold
	MaxVsString float64                      // 0: DefaultMaxVsString
	Budgets     map[string]map[string]Budget // by document and representation; each stands in place of the built-in one
}

// recorded is a budget for json as it was set: of JSON text with a space behind each comma and colon.
type recorded struct {
	document             string
	limit, measured, max float64 // max in bytes
}

const recordedOn = "2026-01-20"

func recordedBudgets() []recorded {
	return []recorded{
		{"tiny", 7.5, 7.36, 200},
		{Small, 4, 3.13, 400},
		{Medium, 3.5, 3.00, 0},
		{Large, 3, 2.91, 15_000},
		{"array_small", 3, 2.69, 0},
		{"array_medium", 2.5, 2.21, 0},
		{"array_large", 2.5, 2.27, 0},
		{"nested_moderate", 3.5, 3.40, 0},
		{"nested_deep", 3.5, 3.04, 0},
		{"homogeneous_u8_small", 2, 0.81, 0},
		{"homogeneous_u8_large", 1.5, 0.72, 0},
		{"homogeneous_float_small", 2, 0.71, 0},
		{"homogeneous_float_large", 1.5, 0.53, 0},
		{"homogeneous_int_small", 2, 0.81, 0},
		{"homogeneous_int_large", 1.5, 0.56, 0},
	}
}

// Builtin returns the budgets that hold where a policy sets none. Those of json are the recorded ones, which were of spaced
// text, as the same number of bytes over compact text. Those of string and hash are a tenth above what Redis 7.0.15 with
// jemalloc took.
func Builtin() map[string]map[string]Budget {
	out := map[string]map[string]Budget{}
	documents := map[string]Document{}
	for _, d := range Documents() {
		documents[d.Name], out[d.Name] = d, map[string]Budget{}
	}
	for _, r := range recordedBudgets() {
		d := documents[r.document]
		spaced := float64(d.Spaced) / float64(len(d.Text))
		out[r.document][JSON] = Budget{rounded(r.limit * spaced), r.max, rounded(r.measured * spaced), recordedOn, gates.FromStandard}
	}
	for _, o := range ownBudgets() {
		n := float64(len(documents[o.document].Text))
		out[o.document][String] = Budget{rounded(1.1 * o.text / n), 0, rounded(o.text / n), ownOn, gates.FromStandard}
		out[o.document][Hash] = Budget{rounded(1.1 * o.hash / n), 0, rounded(o.hash / n), ownOn, gates.FromStandard}
	}
	return out
}

func rounded(v float64) float64 { return math.Round(v*1000) / 1000 }

// with returns the budgets of a policy in place of the built-in ones.
func (s Settings) budgets() map[string]map[string]Budget {
	out := Builtin()
	for document, as := range s.Budgets {
		if out[document] == nil {
			out[document] = map[string]Budget{}
		}
		maps.Copy(out[document], as)
	}
	return out
}

// Names returns the names of the documents.
func Names() []string {
	var names []string
	for _, d := range Documents() {
		names = append(names, d.Name)
	}
	return names
}

// Judge holds a report against budgets, and notes them in it: overhead_text and bytes of each document in each representation that was asked for,
// overhead_string of json against max_vs_string, and the overall ratio of json against the threshold. Warnings name budgets
// that leave more than half of the limit free, or less than 3 %, and figures that do not agree.
func Judge(r *gates.OverheadReport, s Settings) (list []gates.Gate, warnings []string) {
	list = s.ofJSON(r)
	var wide, narrow, apart []string
	budgets := s.budgets()
	for _, d := range r.Documents {
		for i, stored := range d.Stored {
			b, ok := budgets[d.Name][stored.As]
			if ok {
				d.Stored[i].Budget = &gates.OverheadBudget{Max: b.Max, Bytes: b.Bytes, Measured: b.Measured, Date: b.Date}
				found := b.judge(d, stored)
				list = append(list, found...)
				wide, narrow = room(found, wide, narrow)
			}
			if agree, ok := stored.Agree(); ok && !agree {
				apart = append(apart, fmt.Sprintf("%s.%s (%.0f and %.0f B)", stored.As, d.Name, *stored.Memory, *stored.Copy))
			}
		}
	}
	for _, w := range []struct {
		text string
		list []string
	}{
		{"budgets with more than half of the limit left free, which would miss a large growth", wide},
		{"budgets with less than 3% of the limit left, which the next release of the server may break", narrow},
		{"MEMORY USAGE and the change of used_memory for a copy do not agree", apart},
	} {
		if len(w.list) > 0 {
			warnings = append(warnings, w.text+": "+strings.Join(w.list, ", "))
		}
	}
	return list, warnings
}

// room sorts the gates that hold by what they leave free.
func room(found []gates.Gate, wide, narrow []string) (w, n []string) {
	for _, g := range found {
		if g.Verdict != gates.Passed || g.HeadroomPercent == nil {
			continue
		}
		text := fmt.Sprintf("%s (%.1f%%)", g.Metric, *g.HeadroomPercent)
		switch {
		case *g.HeadroomPercent > 50:
			wide = append(wide, text)
		case *g.HeadroomPercent < 3:
			narrow = append(narrow, text)
		}
	}
	return wide, narrow
}

// gate compares a value with its limit; a value that is not there is unmeasured.
func gate(metric, unit, from string, value *float64, limit float64, missing string) gates.Gate {
	g := gates.Gate{Metric: metric, Op: "<=", Limit: limit, Unit: unit, From: from, Verdict: gates.Unmeasured, Reason: missing}
	if value == nil {
		if missing == "" {
			g.Reason = "not measured"
		}
		return g
	}
	v := *value
	headroom := (limit - v) / limit * 100
	g.Value, g.HeadroomPercent, g.Verdict, g.Reason = &v, &headroom, gates.Passed, ""
	if v > limit {
		g.Verdict = gates.Failed
	}
	return g
}

func (b Budget) judge(d gates.OverheadDocument, s gates.OverheadStored) []gates.Gate {
	name := s.As + "." + d.Name
	var out []gates.Gate
	if b.Max > 0 {
		g := gate(name+".overhead_text", "ratio", b.From, s.OverheadText, b.Max, s.Missing)
		if g.Verdict == gates.Failed {
			g.Reason = fmt.Sprintf("%s as %s takes %.4g times its %d bytes of text, the budget is %.4g%s: find what made it grow; if it is wanted, "+
				"set overhead.budgets.%s.%s.max in heaptop.yml with the value measured and its date", d.Name, s.As, *g.Value, d.TextBytes, b.Max, b.was(), d.Name, s.As)
		}
		out = append(out, g)
	}
	if b.Bytes > 0 {
		g := gate(name+".bytes", "bytes", b.From, s.Memory, b.Bytes, s.Missing)
		if g.Verdict == gates.Failed {
			g.Reason = fmt.Sprintf("%s as %s takes %.0f bytes, %.0f are allowed: find what made it grow; if it is wanted, set overhead.budgets.%s.%s.bytes in heaptop.yml",
				d.Name, s.As, *g.Value, b.Bytes, d.Name, s.As)
		}
		out = append(out, g)
	}
	return out
}

func (b Budget) was() string {
	if b.Measured == 0 {
		return ""
	}
	text := fmt.Sprintf(" (measured %.4g", b.Measured)
	if b.Date != "" {
		text += " on " + b.Date
	}
	return text + ")"
}

// ofJSON are the gates on json over all documents. Where documents were not stored as that, only what is demanded in so
// many words is unmeasured.
func (s Settings) ofJSON(r *gates.OverheadReport) []gates.Gate {
	i := slices.IndexFunc(r.Summary, func(sum gates.OverheadSummary) bool { return sum.As == JSON })
	if i < 0 {
		return s.unasked()
	}
	return []gates.Gate{overall(r.Summary[i], cmp.Or(s.Threshold, DefaultThreshold)), versus(r, cmp.Or(s.MaxVsString, DefaultMaxVsString))}
}

// unasked are the gates on json where documents were not stored as that.
func (s Settings) unasked() []gates.Gate {
	const missing = "documents were not stored as json: add it to representations"
	var out []gates.Gate
	if s.Threshold > 0 {
		out = append(out, overall(gates.OverheadSummary{As: JSON, Missing: missing}, s.Threshold))
	}
	if s.MaxVsString > 0 {
		out = append(out, gate("json.max_vs_string", "ratio", gates.FromConfig, nil, s.MaxVsString, missing))
	}
	return out
}

func overall(sum gates.OverheadSummary, threshold float64) gates.Gate {
	g := gate("overhead_ratio", "ratio", gates.FromConfig, sum.Overall, threshold, sum.Missing)
	if g.Verdict == gates.Failed {
		g.Reason = fmt.Sprintf("overall %s overhead %.4f = %s is above the threshold: the breakdown names the documents that grew", sum.As, *g.Value, Formula)
	}
	return g
}

// versus holds the greatest overhead_string of json against its limit. One document that was not measured makes it
// unmeasured, unless another breaks it.
func versus(r *gates.OverheadReport, limit float64) gates.Gate {
	var worst *float64
	var document, missing string
	for _, d := range r.Documents {
		i := slices.IndexFunc(d.Stored, func(s gates.OverheadStored) bool { return s.As == JSON })
		if i < 0 {
			continue
		}
		switch v := d.Stored[i].OverheadString; {
		case v == nil:
			missing = d.Stored[i].Missing
			if missing == "" {
				missing = d.Name + " was not measured"
			}
		case worst == nil || *v > *worst:
			worst, document = v, d.Name
		}
	}
	if missing != "" && (worst == nil || *worst <= limit) {
		worst = nil
	}
	g := gate("json.max_vs_string", "ratio", gates.FromConfig, worst, limit, missing)
	if g.Verdict == gates.Failed {
		g.Reason = fmt.Sprintf("%s as json takes %.4g times the memory of its string: find what made it grow, or raise overhead.max_vs_string in heaptop.yml", document, *worst)
	}
	return g
}
