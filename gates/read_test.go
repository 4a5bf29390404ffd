package gates_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/gates"
)

// full returns a report that has something of everything.
func full(t testing.TB) *gates.Report {
	t.Helper()
	peak, _ := gates.MetricOf("peak_rss")
	growth, _ := gates.MetricOf("growth")
	limits := []gates.Limit{{Metric: "peak_rss", Max: 60e6, From: gates.FromConfig}, {Metric: "growth", Max: 10, From: gates.FromStandard}}
	metrics := map[string]gates.Measured{
		"peak_rss": gates.Measure(peak, "VmHWM at exit", []float64{50e6, 52e6, 51e6}),
		"growth":   gates.NotMeasured(growth, "too short", true),
	}
	r := &gates.Report{
		Schema:      gates.ReportSchema,
		Tool:        gates.Tool{Version: "v1", Go: "go1.26"},
		Environment: gates.Environment{OS: "linux", Arch: "amd64", CPUs: 2},
		StartedAt:   time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC),
		FinishedAt:  time.Date(2026, 11, 22, 1, 3, 3, 0, time.UTC),
		Seed:        math.MaxUint64,
		Scenarios: []gates.Scenario{{Name: "import \x1b[31m", Kind: gates.KindCommand, Runs: 3, DurationS: 1.5, Metrics: metrics, Gates: gates.Evaluate(limits, metrics),
			Comparisons: gates.CompareStored(gates.CompareSettings{}, map[string][]float64{"peak_rss": {50e6, 51e6}}, map[string][]float64{"peak_rss": {60e6, 61e6}}),
			Blame:       []gates.Blame{{Site: "main.main main.go:8", ChangeBytes: 1e6, SharePercent: 80}},
			Trend:       &gates.Trend{Metric: "growth", Verdict: "insufficient"}}},
	}
	r.Judge()
	return r
}

func TestReportRoundTrip(t *testing.T) {
	want := full(t)
	data, err := want.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "null") {
		t.Errorf("null in\n%s", data)
	}
	got, err := gates.ReadReport("a.json", data)
	if err != nil {
		t.Fatal(err)
	}
	want.Scenarios[0].Metrics["growth"] = got.Scenarios[0].Metrics["growth"] // an empty list where there was nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := got.JSON()
	if err != nil || string(again) != string(data) {
		t.Errorf("written again it is another report (%v)", err)
	}
}

func TestReportWithoutNumbersIsNotWritten(t *testing.T) {
	r := full(t)
	nan := math.NaN()
	r.Scenarios[0].Gates[0].Value = &nan
	if data, err := r.JSON(); err == nil {
		t.Errorf("NaN is written:\n%s", data)
	}
}

func TestEmptyReportIsWritten(t *testing.T) {
	data, err := (&gates.Report{Scenarios: []gates.Scenario{{Name: "a", Kind: gates.KindBench, Error: "it did not build"}}}).JSON()
	if err != nil || strings.Contains(string(data), "null") {
		t.Errorf("%v:\n%s", err, data)
	}
}

func TestReadReportRefuses(t *testing.T) {
	data, err := full(t).JSON()
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	change := func(old, by string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in\n%s", old, good)
		}
		return strings.Replace(good, old, by, 1)
	}
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "it is empty"},
		{"blank", " \n", "it is empty"},
		{"cut off", good[:len(good)/2], "it is cut off at byte "},
		{"cut off at the end", good[:len(good)-3], "it is cut off at byte "},
		{"two", good + good, "something follows the report"},
		{"a list", "[1]", "which does not fit"},
		{"a value", "12", "a single value"},
		{"not JSON", "METRIC:a:1", "byte 1: invalid character"},
		{"NaN", change("51000000", "NaN"), "invalid character 'N'"},
		{"null", change("51000000", "null"), "null: a number that does not exist is left out"},
		{"too large a number", change("51000000", "1e999"), "does not fit"},
		{"text for a number", change("51000000", `"51"`), "byte "},
		{"another schema", change("report/v1", "report/v2"), `its schema is "heaptop.report/v2"; this program reads "heaptop.report/v1"`},
		{"no schema", change(`"schema"`, `"scheme"`), "it has no schema"},
		{"a key twice", change(`"duration_s"`, `"runs"`), `key "runs" twice`},
		{"a median of other values", change(`"median": 51000000`, `"median": 5`), `metric "peak_rss": its median and interval are not those of its values`},
		{"a verdict", change(`"verdict": "insufficient"`, `"verdict": 7`), "does not fit"},
		{"a gate's verdict", change(`"verdict": "passed"`, `"verdict": "fine"`), `verdict "fine" is none`},
		{"a kind", change(`"kind": "command"`, `"kind": "dance"`), `kind "dance" is none`},
		{"negative runs", change(`"runs": 3`, `"runs": -3`), "below 0"},
		{"two scenarios of one name", `{"schema":"heaptop.report/v1","verdict":"passed","scenarios":[
			{"name":"a","kind":"bench","verdict":"passed"},{"name":"a","kind":"bench","verdict":"passed"}]}`, `scenario 2: its name "a" is empty or taken`},
		{"deep", strings.Repeat("[", 100_000), "nested deeper than 32"},
		{"huge", strings.Repeat(" ", 65<<20), "larger than 64 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := gates.ReadReport("base.json", []byte(c.data))
			if err == nil {
				t.Fatalf("read as %+v", r)
			}
			if !strings.HasPrefix(err.Error(), "read base.json: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %q", err, c.want)
			}
		})
	}
}

func TestReadReportIgnoresWhatItDoesNotKnow(t *testing.T) {
	data, err := full(t).JSON()
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(string(data), `"runs": 3`, `"runs": 3, "mood": {"a": [1, "b", true]}`, 1)
	if _, err := gates.ReadReport("a.json", []byte(more)); err != nil {
		t.Error(err)
	}
}

func FuzzReadReport(f *testing.F) {
	data, err := full(f).JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/3])
	f.Add([]byte(`{"schema":"heaptop.report/v1","verdict":"passed","scenarios":[]}`))
	f.Add([]byte(`[[{"a":null}]]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := gates.ReadReport("fuzz", data)
		if err != nil {
			return
		}
		r.Judge()
		again, err := r.JSON()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := gates.ReadReport("again", again); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
