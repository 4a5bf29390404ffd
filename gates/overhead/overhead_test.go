package overhead_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
)

// TestDocuments compares the texts with the sizes that were measured of the same documents elsewhere, with spaces.
func TestDocuments(t *testing.T) {
	want := map[string][3]int{ // compact, spaced, leaves
		"tiny": {22, 25, 2}, "small": {108, 120, 7}, "medium": {391, 434, 21}, "large": {2299, 2555, 135},
		"array_small": {562, 645, 41}, "array_medium": {5591, 6394, 401}, "array_large": {58575, 66578, 4001},
		"nested_moderate": {238, 266, 12}, "nested_deep": {904, 1007, 42},
		"homogeneous_u8_small": {312, 414, 101}, "homogeneous_u8_large": {35706, 45708, 10001},
		"homogeneous_float_small": {551, 653, 101}, "homogeneous_float_large": {72617, 82619, 10001},
		"homogeneous_int_small": {313, 415, 101}, "homogeneous_int_large": {48913, 58915, 10001},
	}
	documents := overhead.Documents()
	if len(documents) != len(want) {
		t.Errorf("%d documents, want %d", len(documents), len(want))
	}
	for _, d := range documents {
		if got := [3]int{len(d.Text), d.Spaced, len(d.Fields)}; got != want[d.Name] {
			t.Errorf("%s: %v, want %v", d.Name, got, want[d.Name])
		}
		if !json.Valid([]byte(d.Text)) {
			t.Errorf("%s is no JSON: %.100s", d.Name, d.Text)
		}
		paths := map[string]bool{}
		for _, f := range d.Fields {
			paths[f.Path] = true
		}
		if len(paths) != len(d.Fields) {
			t.Errorf("%s: two of its %d leaves have one path", d.Name, len(d.Fields))
		}
	}
}

// report is what a server with the recorded figures would give: memory of each representation of each document.
func report(memory map[string]map[string]float64) *gates.OverheadReport {
	r := &gates.OverheadReport{}
	for _, d := range overhead.Documents() {
		one := gates.OverheadDocument{Name: d.Name, Category: d.Category, TextBytes: len(d.Text)}
		for _, as := range []string{overhead.String, overhead.JSON} {
			s := gates.OverheadStored{As: as}
			if v, ok := memory[d.Name][as]; ok {
				s.Values = []float64{v, v}
			} else {
				s.Missing = "not there"
			}
			one.Stored = append(one.Stored, s)
		}
		r.Documents = append(r.Documents, one)
	}
	overhead.Summarize(r)
	return r
}

// even is a server where every document takes so many times its string as json.
func even(times float64) map[string]map[string]float64 {
	out := map[string]map[string]float64{}
	for _, d := range overhead.Documents() {
		n := float64(len(d.Text))
		out[d.Name] = map[string]float64{overhead.String: n, overhead.JSON: n * times}
	}
	return out
}

func TestOverall(t *testing.T) {
	m := even(1)
	for name, times := range map[string]float64{"small": 1.88, "medium": 2.51, "large": 2.37} {
		m[name][overhead.JSON] = m[name][overhead.String] * times
	}
	r := report(m)
	got := r.Summary[0]
	if got.Overall == nil || math.Abs(*got.Overall-2.314) > 1e-9 {
		t.Errorf("overall is %v, want 0.2*1.88 + 0.3*2.51 + 0.5*2.37 = 2.314", got.Overall)
	}
	if got.Worst.Document != "medium" || got.Best.Ratio != 1 {
		t.Errorf("best %+v, worst %+v", got.Best, got.Worst)
	}
	if m := overhead.Metrics(r)["overhead_ratio"]; len(m.Values) != 2 || math.Abs(m.Median-2.314) > 1e-9 {
		t.Errorf("overhead_ratio: %+v", m)
	}
}

func TestTrend(t *testing.T) {
	before := report(even(2))
	for _, c := range []struct {
		times  float64
		change float64
		status string
	}{{2.112, 5.6, gates.TrendHigher}, {2.019, 0.95, gates.TrendStable}, {1.888, -5.6, gates.TrendBetter}} {
		now := report(even(c.times))
		overhead.Compare(now, before, "last.json")
		for _, got := range now.Trend {
			if got.Status != c.status || got.ChangePercent == nil || math.Abs(*got.ChangePercent-c.change) > 1e-9 {
				t.Errorf("%s %g times: %+v, want %s by %g%%", got.Document, c.times, got, c.status, c.change)
			}
		}
		if len(now.Trend) != 16 {
			t.Errorf("%d trends, want one of each document and the overall one", len(now.Trend))
		}
	}
	m := even(2)
	delete(m["small"], overhead.JSON)
	now := report(m)
	overhead.Compare(now, before, "last.json")
	if first := now.Trend[0]; first.Document != "overall" || first.Status != gates.TrendUnmeasured || first.ChangePercent != nil {
		t.Errorf("with a document that failed: %+v, want unmeasured", first)
	}
	overhead.Compare(before, now, "last.json")
	if got := before.Trend[2]; got.Document != "small" || got.Status != gates.TrendNew {
		t.Errorf("against a report without it: %+v, want new", got)
	}
}

func gateOf(t *testing.T, list []gates.Gate, metric string) gates.Gate {
	t.Helper()
	for _, g := range list {
		if g.Metric == metric {
			return g
		}
	}
	t.Fatalf("no gate on %s", metric)
	return gates.Gate{}
}

func TestJudge(t *testing.T) {
	m := even(2)
	list, warnings := overhead.Judge(report(m), overhead.Settings{})
	for _, g := range list {
		if g.Verdict != gates.Passed && !strings.HasPrefix(g.Metric, "json.homogeneous") {
			t.Errorf("%s: %s %s", g.Metric, g.Verdict, g.Reason)
		}
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "json.tiny.overhead_text (76.5%)") {
		t.Errorf("warnings %q, want slack of json.tiny", warnings)
	}
	m["tiny"] = map[string]float64{overhead.String: 104, overhead.JSON: 370}
	list, _ = overhead.Judge(report(m), overhead.Settings{Threshold: 1.9})
	for metric, words := range map[string]string{
		"json.tiny.overhead_text": "tiny as json takes 16.82 times its 22 bytes of text, the budget is 8.523 (measured 8.364 on 2026-01-20): find what made it grow",
		"json.tiny.bytes":         "tiny as json takes 370 bytes, 200 are allowed",
		"json.max_vs_string":      "tiny as json takes 3.558 times the memory of its string",
		"overhead_ratio":          "overall json overhead 2.0000 = 0.2 small + 0.3 medium + 0.5 large",
	} {
		if g := gateOf(t, list, metric); g.Verdict != gates.Failed || !strings.Contains(g.Reason, words) {
			t.Errorf("%s: %s %q, want failed with %q", metric, g.Verdict, g.Reason, words)
		}
	}
	own := overhead.Settings{Budgets: map[string]map[string]overhead.Budget{"tiny": {overhead.JSON: {Max: 17, From: gates.FromConfig}}}}
	list, warnings = overhead.Judge(report(m), own)
	if g := gateOf(t, list, "json.tiny.overhead_text"); g.Verdict != gates.Passed || !strings.Contains(strings.Join(warnings, " "), "less than 3%") {
		t.Errorf("with a budget of its own: %+v, warnings %q", g, warnings)
	}
}

// TestNothingMeasured holds what could not be measured against everything: it must pass nothing.
func TestNothingMeasured(t *testing.T) {
	r := report(nil)
	list, _ := overhead.Judge(r, overhead.Settings{})
	if len(list) < 30 {
		t.Errorf("%d gates", len(list))
	}
	for _, g := range list {
		if g.Verdict != gates.Unmeasured || g.Reason == "" || g.Value != nil {
			t.Errorf("%s: %+v, want unmeasured with a reason", g.Metric, g)
		}
	}
	for _, n := range overhead.Numbers(r) {
		if !strings.HasSuffix(n.Name, "_string_bytes") {
			t.Errorf("%s is %g without a measurement", n.Name, n.Value)
		}
	}
}

// What is demanded of json is never met by silence: without it in the report the gate is unmeasured.
func TestDemandOfWhatWasNotStored(t *testing.T) {
	r := &gates.OverheadReport{Documents: []gates.OverheadDocument{{Name: "tiny", TextBytes: 22,
		Stored: []gates.OverheadStored{{As: overhead.String, Values: []float64{80}}, {As: overhead.Hash, Values: []float64{90}}}}}}
	overhead.Summarize(r)
	list, _ := overhead.Judge(r, overhead.Settings{Threshold: 2.5, MaxVsString: 3})
	found := map[string]gates.Gate{}
	for _, g := range list {
		found[g.Metric] = g
	}
	for metric, limit := range map[string]float64{"overhead_ratio": 2.5, "json.max_vs_string": 3} {
		if g := found[metric]; g.Verdict != gates.Unmeasured || g.Limit != limit || !strings.Contains(g.Reason, "representations") {
			t.Errorf("%s: %+v", metric, g)
		}
	}
	if list, _ := overhead.Judge(r, overhead.Settings{}); len(list) != len(found)-2 {
		t.Errorf("%d gates where nothing is demanded of json, want %d", len(list), len(found)-2)
	}
}
