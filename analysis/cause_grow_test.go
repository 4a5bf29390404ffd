package analysis_test

import (
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// TestReadingsOfTheStartAreNotCountedAsEvidence: a program that has just begun leaks memory of C code, and its address space
// was read six times, but only twice once it had begun. That is too little for a trend: the mapping that is larger at the
// end is named, in place of saying that none grows in six readings.
func TestReadingsOfTheStartAreNotCountedAsEvidence(t *testing.T) {
	w := analysis.NewLeakWatch("")
	for i := range 400 {
		at, native := began.Add(time.Duration(i)*250*time.Millisecond), 1e6+float64(i)*25e4
		s := &sampler.Snapshot{Time: at}
		s.Add(sampler.GoHeapLive, 4e6)
		s.Add(sampler.GoClassObjects, 5e6)
		s.Add(sampler.GoClassTotal, 2e7)
		s.Add(sampler.GoClassReleased, 1e6)
		s.Add(sampler.ProcessFile, 3e6)
		s.Add(sampler.ProcessRSS, 2e7+native)
		w.Add(s, sampler.Info{PID: 1, GoVersion: "go1.26.8", Started: began})
		switch i {
		case 10, 20, 30, 40, 200, 390:
			w.Mappings(&sampler.Mappings{Time: at, List: []sampler.Mapping{{Name: "[heap]", Count: 1, RSS: native}, {Name: "[stack]", Count: 1, RSS: 1e5}}})
		}
	}
	f := findingOf(t, w.Report(analysis.LeakJudgement{}), analysis.NativeSeries)
	if f.Verdict != analysis.LeakGrowing || len(f.Rows) != 1 || f.Rows[0].Name != "[heap]" || f.Rows[0].Numbers["share_percent"] != 100 {
		t.Errorf("%s: %q, %+v", f.Verdict, f.Details, f.Rows)
	}
}

// TestWhatNoProcessTellsIsNotNothing: where no process tells how much of it is swapped out, no sum is told either.
func TestWhatNoProcessTellsIsNotNothing(t *testing.T) {
	table := &sampler.ProcessTable{Processes: []sampler.Process{{PID: 1, Name: "a", RSS: sampler.Known(5e6)}, {PID: 2, Name: "b"}}}
	find := func() map[string]float64 {
		for _, f := range analysis.MachinePicture(table) {
			if f.Analyzer == "processes" {
				return f.Evidence
			}
		}
		t.Fatal("the processes are not told")
		return nil
	}
	if e := find(); e["rss_bytes"] != 5e6 {
		t.Errorf("the sum of what is resident is %v", e["rss_bytes"])
	} else if v, told := e["swapped_bytes"]; told {
		t.Errorf("%v bytes are said to be swapped out", v)
	}
	table.Processes[1].Swap = sampler.Known(0)
	if v, told := find()["swapped_bytes"]; !told || v != 0 {
		t.Errorf("nothing is swapped out, and %v is told, %v", v, told)
	}
}
