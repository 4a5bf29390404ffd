package analysis_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// watched is a Go program in good order, seen for 20 s: 150 MiB RSS, 50 MiB live, GC CPU 4 %.
func watched(change map[sampler.Metric]float64) *analysis.AdviceInput {
	begin := time.Unix(1000, 0)
	healthy := map[sampler.Metric]float64{
		sampler.ProcessRSS: 150 * mib, sampler.ProcessAnon: 140 * mib, sampler.ProcessFile: 10 * mib, sampler.ProcessShmem: 0,
		sampler.GoClassUnused: 2 * mib, sampler.GoClassMetaOther: 4 * mib, sampler.GoGoroutines: 20,
	}
	for m, v := range change {
		healthy[m] = v
	}
	in := &analysis.AdviceInput{}
	in.Record.Add(reading(begin.Add(10*time.Second), 5, 1000*mib, 1, 25, healthy))
	in.Record.Add(reading(begin.Add(30*time.Second), 15, 1200*mib, 1.2, 30, healthy))
	return in
}

// advice returns the finding of an analyzer, and fails when there is none.
func advice(t *testing.T, in *analysis.AdviceInput, analyzer string) analysis.Finding {
	t.Helper()
	all := analysis.Advise(in)
	for _, f := range all {
		if f.Analyzer == analyzer {
			if f.Advice == "" || len(f.Evidence) == 0 {
				t.Errorf("no advice, or nothing behind it: %+v", f)
			}
			return f
		}
	}
	t.Fatalf("nothing about %s in %+v", analyzer, all)
	return analysis.Finding{}
}

func analyzers(list []analysis.Finding) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Analyzer)
	}
	return out
}

func TestNothingFoundIsSaid(t *testing.T) {
	got := analysis.Advise(watched(nil))
	if names := analyzers(got); !slices.Equal(names, []string{"optimize", "whatif"}) {
		t.Fatalf("advice about a program in good order: %v", got)
	}
	if got[0].Advice != "" || !strings.Contains(got[0].Title, "Nothing was found") || !strings.Contains(got[0].Details[0], "collector") {
		t.Errorf("%+v", got[0])
	}
	in := &analysis.AdviceInput{}
	s := &sampler.Snapshot{Time: time.Unix(1, 0)}
	s.Add(sampler.ProcessRSS, 1e9)
	in.Record.Add(s)
	got = analysis.Advise(in)
	if len(got) != 1 || !strings.Contains(got[0].Details[0], "about Go programs") {
		t.Errorf("of a program that is not Go: %+v", got)
	}
	if got := analysis.Advise(&analysis.AdviceInput{}); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

// Each condition is advised on, with its numbers, and only where it is there.
func TestAdviceFollowsFromEvidence(t *testing.T) {
	for _, c := range []struct {
		name, analyzer string
		change         map[sampler.Metric]float64
		severity       analysis.Severity
		says           string
		evidence       string
		value          float64
	}{
		{"free memory", "free_memory", map[sampler.Metric]float64{sampler.GoClassFree: 60 * mib, sampler.ProcessRSS: 200 * mib, sampler.ProcessAnon: 190 * mib},
			analysis.Info, "debug.FreeOSMemory", "free_bytes", 60 * mib},
		{"the collector off", "gc_settings", map[sampler.Metric]float64{sampler.GoGCPercent: 1 << 63},
			analysis.Warning, "Set GOMEMLIMIT", "alloc_bytes_per_second", 10 * mib},
		{"a limit that is too small", "gc_settings", map[sampler.Metric]float64{sampler.GoMemLimit: 55 * mib},
			analysis.Critical, "GOMEMLIMIT=", "live_bytes", 50 * mib},
		{"a cgroup without a limit for the runtime", "gc_settings", map[sampler.Metric]float64{sampler.CgroupLimit: 150 * mib, sampler.CgroupCurrent: 100 * mib},
			analysis.Warning, "GOMEMLIMIT=135MiB", "cgroup_limit_bytes", 150 * mib},
		{"stacks", "stacks", map[sampler.Metric]float64{sampler.GoClassStacks: 40 * mib, sampler.GoGoroutines: 40, sampler.ProcessRSS: 200 * mib, sampler.ProcessAnon: 190 * mib},
			analysis.Info, "recursion", "average_bytes", 1 * mib},
		{"small stacks", "stacks", map[sampler.Metric]float64{sampler.GoClassStacks: 40 * mib, sampler.GoGoroutines: 10000, sampler.ProcessRSS: 200 * mib, sampler.ProcessAnon: 190 * mib},
			analysis.Info, "fewer goroutines", "goroutines_count", 10000},
	} {
		f := advice(t, watched(c.change), c.analyzer)
		if f.Severity != c.severity || !strings.Contains(f.Advice, c.says) || f.Evidence[c.evidence] != c.value {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// costly is a program that spends much of its CPU on collections.
func costly(gcCPU float64) *analysis.AdviceInput {
	begin := time.Unix(1000, 0)
	more := map[sampler.Metric]float64{sampler.ProcessRSS: 150 * mib, sampler.MachineMemory: 8 << 30, sampler.MachineAvailable: 6 << 30}
	in := &analysis.AdviceInput{}
	in.Record.Add(reading(begin.Add(10*time.Second), 5, 1000*mib, 1, 10, more))
	in.Record.Add(reading(begin.Add(30*time.Second), 25, 2000*mib, 1+gcCPU, 20, more))
	return in
}

func TestGOGCIsAdvisedByWhatItGains(t *testing.T) {
	f := advice(t, costly(3), "gc_settings") // 30 % of 10 s
	if f.Severity != analysis.Warning || !strings.Contains(f.Advice, "GOGC=200") {
		t.Errorf("%+v", f)
	}
	if now, then := f.Evidence["gc_cpu_percent"], f.Evidence["advised_gc_cpu_percent"]; now < 29 || now > 31 || then > now/1.7 || then <= 0 {
		t.Errorf("GC CPU from %g %% to %g %%", now, then)
	}
	if f.Evidence["advised_peak_heap_bytes"] <= f.Evidence["peak_heap_bytes"] {
		t.Error("less GC CPU has no price")
	}
	f = advice(t, costly(0.02), "gc_settings") // 0.2 %
	if f.Severity != analysis.Info || !strings.Contains(f.Advice, "GOGC=25") || f.Evidence["advised_peak_heap_bytes"] >= f.Evidence["peak_heap_bytes"] {
		t.Errorf("%+v", f)
	}
}

// Where a limit is near, memory is not advised to be spent.
func TestNoMemoryIsSpentNearALimit(t *testing.T) {
	in := costly(3)
	s := in.Record.Last().Clone()
	s.Set(sampler.CgroupLimit, 1<<30)
	s.Set(sampler.CgroupCurrent, 1<<30-10*mib)
	s.Time = s.Time.Add(time.Nanosecond)
	in.Record.Add(s)
	for _, f := range analysis.Advise(in) {
		if f.Analyzer == "gc_settings" {
			t.Errorf("%+v", f)
		}
	}
}

func TestForcedCollectionsAreNamed(t *testing.T) {
	in := costly(2)
	s := in.Record.Last().Clone()
	s.Set(sampler.GoCyclesForced, 18)
	s.Time = s.Time.Add(time.Nanosecond)
	in.Record.Add(s)
	f := advice(t, in, "forced_gc")
	if !strings.Contains(f.Title, "18 of 20") || !strings.Contains(f.Advice, "runtime.GC") || f.Severity != analysis.Warning {
		t.Errorf("%+v", f)
	}
}

func TestReturnedMemoryThatStaysIsNamed(t *testing.T) {
	in := watched(map[sampler.Metric]float64{
		sampler.GoClassTotal: 300 * mib, sampler.GoClassReleased: 165 * mib, sampler.ProcessRSS: 250 * mib, sampler.ProcessAnon: 240 * mib, sampler.ProcessHuge: 200 * mib,
	})
	in.Maps = &sampler.Mappings{Time: in.Record.Last().Time, List: []sampler.Mapping{{Name: "[anon: Go: heap]", Go: true, Size: 400 * mib, RSS: 235 * mib, Anon: 235 * mib}}}
	f := advice(t, in, "huge_pages")
	if f.Evidence["kept_bytes"] != 100*mib || !strings.Contains(f.Advice, "disablethp") {
		t.Errorf("%+v", f)
	}
}

func TestNativeMemoryIsNamed(t *testing.T) {
	in := watched(map[sampler.Metric]float64{sampler.ProcessRSS: 350 * mib, sampler.ProcessAnon: 340 * mib})
	in.Maps = &sampler.Mappings{Time: in.Record.Last().Time, List: []sampler.Mapping{
		{Name: "[anon: Go: heap]", Go: true, Size: 400 * mib, RSS: 130 * mib, Anon: 130 * mib},
		{Name: "[heap]", Size: 200 * mib, RSS: 200 * mib, Anon: 200 * mib},
	}}
	f := advice(t, in, "native")
	if f.Evidence["malloc_bytes"] != 200*mib || !strings.Contains(f.Advice, "malloc_trim") {
		t.Errorf("%+v", f)
	}
}

// waiting is goroutines that wait at one place.
func waiting(count int, state string, least, most float64) *sampler.Goroutines {
	return &sampler.Goroutines{Total: count, Groups: []sampler.GoroutineGroup{{
		Count: count, State: state, WaitMin: sampler.Known(least), WaitMax: sampler.Known(most),
		Stack: []sampler.Frame{{Function: "main.wait", File: "/src/main.go", Line: 7}}, Stacks: sampler.Known(float64(count) * 2048),
	}}}
}

func TestGoroutinesThatDoNotEndAreNamed(t *testing.T) {
	for _, c := range []struct {
		name        string
		before, now *sampler.Goroutines
		want        analysis.Severity // "" for none
	}{
		{"they come and stay", waiting(50, "chan receive", 1, 30), waiting(90, "chan receive", 1, 50), analysis.Warning},
		{"many wait long", waiting(500, "select", 70, 80), waiting(500, "select", 90, 100), analysis.Info},
		{"a pool of idle workers", waiting(20, "chan receive", 500, 900), waiting(20, "chan receive", 520, 920), ""},
		{"they come and go", waiting(50, "chan receive", 0, 2), waiting(90, "chan receive", 0, 2), ""},
		{"connections wait for the network", waiting(500, "IO wait", 70, 80), waiting(600, "IO wait", 70, 100), ""},
		{"nil channels", waiting(20, "chan receive (nil chan)", 1, 5), waiting(20, "chan receive (nil chan)", 1, 25), analysis.Warning},
	} {
		in := watched(nil)
		in.GoroutinesFrom, in.Goroutines = c.before, c.now
		list := analysis.Advise(in)
		if c.want == "" {
			if slices.Contains(analyzers(list), "goroutines") {
				t.Errorf("%s: %+v", c.name, list)
			}
			continue
		}
		f := advice(t, in, "goroutines")
		if f.Severity != c.want || f.Rows[0].Name != "main.wait main.go:7" || f.Evidence["stacks_bytes"] != float64(c.now.Total)*2048 {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}
