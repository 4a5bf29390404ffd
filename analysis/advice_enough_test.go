package analysis_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// short is a program that was watched for 2 s, in which so many collections ended that took 45 % of the CPU it used.
func short(collections float64, change map[sampler.Metric]float64) *analysis.AdviceInput {
	begin := time.Unix(1000, 0)
	more := map[sampler.Metric]float64{sampler.ProcessRSS: 150 * mib, sampler.ProcessAnon: 140 * mib, sampler.MachineMemory: 8 << 30, sampler.MachineAvailable: 6 << 30}
	for m, v := range change {
		more[m] = v
	}
	in := &analysis.AdviceInput{}
	in.Record.Add(reading(begin.Add(10*time.Second), 5, 1000*mib, 1, 10, more))
	in.Record.Add(reading(begin.Add(12*time.Second), 5+collections, 1024*mib, 1.45, 11, more))
	return in
}

// Of a short watch nothing is advised that it cannot tell: what it lacked is said, and how long to watch.
func TestNoAdviceFromTooFewCollections(t *testing.T) {
	free := map[sampler.Metric]float64{sampler.GoClassFree: 60 * mib, sampler.ProcessRSS: 200 * mib, sampler.ProcessAnon: 190 * mib}
	for _, c := range []struct {
		name          string
		in            *analysis.AdviceInput
		title, advice string
	}{
		{"one collection is no mean", short(1, nil), "Too little was seen to advise on GOGC and GOMEMLIMIT: 1 collection in 2.0s",
			"Watch for 30s or longer, until 5 collections have ended."}, // the heap fills in 4.4 s
		{"nor are four", short(4, nil), "4 collections in 2.0s", "until 5 collections have ended."},
		{"a sawtooth", short(0, free), "Too little was seen to tell whether 62.9 MB of the heap stay free: no collection in 2.0s",
			"Watch for 20s or longer, until 3 collections have ended."},
		{"one turn of it", short(2, free), "stay free: 2 collections in 2.0s", "until 3 collections have ended."},
		{"forced ones", short(2, nil), "that the program forces: 2 collections in 2.0s", "until 5 collections have ended."},
	} {
		if c.name == "forced ones" {
			last := c.in.Record.Last().Clone()
			last.Set(sampler.GoCyclesForced, 2)
			last.Time = last.Time.Add(time.Nanosecond)
			c.in.Record.Add(last)
		}
		list := analysis.Advise(c.in)
		if !slices.ContainsFunc(list, func(f analysis.Finding) bool {
			return f.Analyzer == "optimize" && f.Severity == analysis.Info && strings.Contains(f.Title, c.title) && strings.HasSuffix(f.Advice, c.advice)
		}) {
			t.Errorf("%s: %+v", c.name, list)
		}
		for _, f := range list {
			for _, wrong := range []string{"The collector takes", "FreeOSMemory", "GOGC=", "runtime.GC", "A peak in the past"} {
				if f.Analyzer != "whatif" && strings.Contains(f.Title+f.Advice+strings.Join(f.Details, " "), wrong) {
					t.Errorf("%s: says %q: %+v", c.name, wrong, f)
				}
			}
			for _, row := range f.Rows {
				if v := row.Numbers["gc_cpu_percent"]; v > 0 { // that of GOGC=off is 0 by its nature
					t.Errorf("%s: %s is foretold to cost %g %% from too few collections", c.name, row.Name, v)
				}
			}
		}
	}
}

// From enough collections there is advice again.
func TestEnoughCollectionsAreEnough(t *testing.T) {
	if f := advice(t, short(5, nil), "gc_settings"); !strings.Contains(f.Title, "The collector takes") || !strings.Contains(f.Advice, "GOGC=200") {
		t.Errorf("%+v", f)
	}
	free := map[sampler.Metric]float64{sampler.GoClassFree: 60 * mib, sampler.ProcessRSS: 200 * mib, sampler.ProcessAnon: 190 * mib}
	f := advice(t, short(3, free), "free_memory")
	if !strings.Contains(f.Advice, "FreeOSMemory") || !strings.Contains(f.Details[0], "in which 3 collections ended") {
		t.Errorf("%+v", f)
	}
}

// That nothing was found says what could not be judged.
func TestNothingFoundIsNotSaidOfAnUnseenCollector(t *testing.T) {
	f := analysis.Advise(short(0, nil))[0]
	if text := strings.Join(f.Details, " "); f.Analyzer != "optimize" || strings.Contains(text, "the collector's work") ||
		!strings.Contains(text, "Too little was seen to judge the collector: no collection in 2.0s. Watch for 30s or longer") {
		t.Errorf("%+v", f)
	}
}

// Goroutines that come in two seconds may be a burst of work.
func TestABurstOfGoroutinesIsNoLeak(t *testing.T) {
	in := short(5, nil)
	in.GoroutinesFrom, in.Goroutines = waiting(50, "chan receive", 0, 2), waiting(90, "chan receive", 0, 2)
	f := advice(t, in, "optimize")
	if f.Severity != analysis.Info || !strings.Contains(f.Title, "40 came and wait, in 2.0s") || !strings.HasPrefix(f.Advice, "Watch for 10s") {
		t.Errorf("%+v", f)
	}
}
