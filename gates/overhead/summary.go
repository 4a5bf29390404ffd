package overhead

import (
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/gates"
)

// Formula is how the overall ratio is made.
const Formula = "0.2 small + 0.3 medium + 0.5 large of overhead_string"

// stableBelow is the change, in percent, below which a ratio is stable.
const stableBelow = 1.0

// coverage is what the interval of a median holds at least.
const coverage = 0.95

// Overall weighs the ratios of the three documents.
func Overall(small, medium, large float64) float64 { return 0.2*small + 0.3*medium + 0.5*large }

// Summarize works the medians, intervals and ratios of what was measured into the report: Values and CopyValues of each
// stored document are there, everything else follows.
func Summarize(r *gates.OverheadReport) {
	r.Formula = Formula
	for i := range r.Documents {
		summarizeDocument(&r.Documents[i])
	}
	r.Summary = nil
	for _, as := range Representations() {
		if as != String && slices.ContainsFunc(r.Documents, func(d gates.OverheadDocument) bool { return find(d, as) != nil }) {
			r.Summary = append(r.Summary, summarize(r, as))
		}
	}
}

func summarizeDocument(d *gates.OverheadDocument) {
	for i := range d.Stored {
		s := &d.Stored[i]
		s.Memory, s.Low, s.High = middle(s.Values)
		s.Copy, s.CopyLow, s.CopyHigh = middle(s.CopyValues)
		s.OverheadText, s.OverheadString = nil, nil
		if s.Memory != nil && d.TextBytes > 0 {
			s.OverheadText = share(*s.Memory, float64(d.TextBytes))
		}
	}
	text := find(*d, String)
	for i := range d.Stored {
		s := &d.Stored[i]
		if text != nil && s.Memory != nil && text.Memory != nil {
			s.OverheadString = share(*s.Memory, *text.Memory)
		}
	}
}

// middle returns the median of the values and its interval, nothing of nothing.
func middle(values []float64) (median, low, high *float64) {
	if len(values) == 0 {
		return nil, nil, nil
	}
	m := stats.Median(values)
	l, h := stats.MedianInterval(values, coverage)
	return &m, &l, &h
}

func share(a, b float64) *float64 {
	v := a / b
	if b <= 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func find(d gates.OverheadDocument, as string) *gates.OverheadStored {
	for i := range d.Stored {
		if d.Stored[i].As == as {
			return &d.Stored[i]
		}
	}
	return nil
}

// ratio is overhead_string of a document, nil where there is none.
func ratio(r *gates.OverheadReport, document, as string) *float64 {
	for _, d := range r.Documents {
		if s := find(d, as); d.Name == document && s != nil {
			return s.OverheadString
		}
	}
	return nil
}

func summarize(r *gates.OverheadReport, as string) gates.OverheadSummary {
	out := gates.OverheadSummary{As: as, Small: ratio(r, Small, as), Medium: ratio(r, Medium, as), Large: ratio(r, Large, as)}
	if out.Small != nil && out.Medium != nil && out.Large != nil {
		v := Overall(*out.Small, *out.Medium, *out.Large)
		out.Overall = &v
	}
	type sum struct {
		total    float64
		n, there int
	}
	sums := map[string]*sum{}
	var order []string
	for _, d := range r.Documents {
		s := find(d, as)
		if s == nil {
			continue
		}
		if sums[d.Category] == nil {
			sums[d.Category], order = &sum{}, append(order, d.Category)
		}
		of := sums[d.Category]
		of.n++
		if s.OverheadString == nil {
			if out.Missing == "" {
				out.Missing = s.Missing
			}
			continue
		}
		of.there, of.total = of.there+1, of.total+*s.OverheadString
		extremes(&out, gates.OverheadCase{Document: d.Name, Ratio: *s.OverheadString})
	}
	for _, category := range order {
		if of := sums[category]; of.there == of.n { // a mean of the rest would be of something else
			out.Categories = append(out.Categories, gates.OverheadCategory{Name: category, Mean: of.total / float64(of.n), Documents: of.n})
		}
	}
	return out
}

// extremes keeps the best and the worst case.
func extremes(out *gates.OverheadSummary, one gates.OverheadCase) {
	if out.Best == nil || one.Ratio < out.Best.Ratio {
		out.Best = &one
	}
	if out.Worst == nil || one.Ratio > out.Worst.Ratio {
		out.Worst = &one
	}
}

// Compare sets the trend of every ratio against an earlier report, whose name is against.
func Compare(r, earlier *gates.OverheadReport, against string) {
	r.Against, r.Trend = against, nil
	for _, sum := range r.Summary {
		var before *float64
		for _, s := range earlier.Summary {
			if s.As == sum.As {
				before = s.Overall
			}
		}
		r.Trend = append(r.Trend, trend(sum.As, "overall", sum.Overall, before))
		for _, d := range r.Documents {
			if s := find(d, sum.As); s != nil {
				r.Trend = append(r.Trend, trend(sum.As, d.Name, s.OverheadString, ratio(earlier, d.Name, sum.As)))
			}
		}
	}
}

func trend(as, document string, now, before *float64) gates.OverheadTrend {
	t := gates.OverheadTrend{As: as, Document: document, Current: now, Baseline: before}
	switch {
	case now == nil:
		t.Status = gates.TrendUnmeasured
		return t
	case before == nil || *before <= 0:
		t.Status = gates.TrendNew
		return t
	}
	change := (*now - *before) / *before * 100
	t.ChangePercent = &change
	switch {
	case math.Abs(change) < stableBelow:
		t.Status = gates.TrendStable
	case change < 0:
		t.Status = gates.TrendBetter
	default:
		t.Status = gates.TrendHigher
	}
	return t
}

// Number is one figure of a report under the name that machines look for.
type Number struct {
	Name  string
	Unit  string // ratio or bytes
	Value float64
}

// Numbers returns the figures that exist. Those of json have the bare names (overall_overhead_ratio, small_doc_overhead,
// tiny_json_memory, tiny_overhead_ratio, category_basic_avg_overhead), those of hash begin with hash_. tiny_string_bytes is
// the length of the text, tiny_string_memory what it takes as a string.
func Numbers(r *gates.OverheadReport) []Number {
	var out []Number
	add := func(name, unit string, v *float64) {
		if v != nil {
			out = append(out, Number{name, unit, *v})
		}
	}
	for _, s := range r.Summary {
		p := prefix(s.As)
		add(p+"overall_overhead_ratio", "ratio", s.Overall)
		add(p+"small_doc_overhead", "ratio", s.Small)
		add(p+"medium_doc_overhead", "ratio", s.Medium)
		add(p+"large_doc_overhead", "ratio", s.Large)
	}
	for _, d := range r.Documents {
		n := float64(d.TextBytes)
		add(d.Name+"_string_bytes", "bytes", &n)
		for _, s := range d.Stored {
			add(d.Name+"_"+s.As+"_memory", "bytes", s.Memory)
		}
		for _, s := range d.Stored {
			if s.As != String {
				add(prefix(s.As)+d.Name+"_overhead_ratio", "ratio", s.OverheadString)
			}
		}
	}
	for _, s := range r.Summary {
		for _, c := range s.Categories {
			add(prefix(s.As)+"category_"+c.Name+"_avg_overhead", "ratio", &c.Mean)
		}
	}
	return out
}

func prefix(as string) string {
	if as == JSON {
		return ""
	}
	return as + "_"
}

// Metrics returns the figures that exist as metrics of a scenario, and overhead_ratio, the overall ratio of json, with a
// value of each run.
func Metrics(r *gates.OverheadReport) map[string]gates.Measured {
	out := map[string]gates.Measured{}
	for _, n := range Numbers(r) {
		out[n.Name] = gates.Measure(gates.Metric{Unit: n.Unit, Definition: definition(n)}, "MEMORY USAGE", []float64{n.Value})
	}
	metric, _ := gates.MetricOf("overhead_ratio")
	if values := overallOfRuns(r); len(values) > 0 {
		out[metric.Name] = gates.Measure(metric, "MEMORY USAGE: "+Formula+" of json", values)
	} else {
		for _, s := range r.Summary {
			if s.As == JSON {
				out[metric.Name] = gates.NotMeasured(metric, s.Missing, false)
			}
		}
	}
	return out
}

func definition(n Number) string {
	if n.Unit == "ratio" {
		return "overhead_string: memory / memory as a string; overall = " + Formula
	}
	return "bytes of the text, or of memory by MEMORY USAGE SAMPLES 0, key and entry included"
}

// overallOfRuns is the overall ratio of json in each run.
func overallOfRuns(r *gates.OverheadReport) []float64 {
	runs := -1
	parts := map[string][2][]float64{}
	for _, d := range r.Documents {
		j, s := find(d, JSON), find(d, String)
		if !slices.Contains([]string{Small, Medium, Large}, d.Name) || j == nil || s == nil {
			continue
		}
		if runs < 0 || min(len(j.Values), len(s.Values)) < runs {
			runs = min(len(j.Values), len(s.Values))
		}
		parts[d.Name] = [2][]float64{j.Values, s.Values}
	}
	var out []float64
	for i := 0; i < runs && len(parts) == 3; i++ {
		of := func(name string) float64 { return parts[name][0][i] / parts[name][1][i] }
		out = append(out, Overall(of(Small), of(Medium), of(Large)))
	}
	return out
}
