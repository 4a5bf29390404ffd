package goproc

import (
	"context"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestCycles compares the collections we report with the target's own record of them.
func TestCycles(t *testing.T) {
	c := startTarget(t, stripped())
	s := c.open(Options{})
	var snap sampler.Snapshot
	read := func() []sampler.GCCycle {
		if err := s.Read(context.Background(), &snap); err != nil {
			t.Fatal(err)
		}
		m := c.ask("stats").MemStats
		for _, y := range snap.Cycles {
			i := (y.Number - 1) % 256
			if uint64(y.End.UnixNano()) != m.PauseEnd[i] || y.Pause.Value != float64(m.PauseNs[i])/1e9 {
				t.Errorf("collection %d ended %v with a pause of %v, the target says %d and %d ns", y.Number, y.End, y.Pause, m.PauseEnd[i], m.PauseNs[i])
			}
		}
		return snap.Cycles
	}
	first := read()
	if n := c.ask("stats").MemStats.NumGC; len(first) != int(n) {
		t.Errorf("the first reading reports %d collections, the target had %d", len(first), n)
	}
	if again := read(); len(again) != 0 {
		t.Errorf("a second reading reports %v again", again)
	}
	c.ask("gc")
	c.ask("leak 1000")
	c.ask("gc")
	got := read()
	if len(got) != 2 || got[0].Kind != "forced" || got[1].Kind != "forced" {
		t.Fatalf("after two forced collections: %+v", got)
	}
	if got[0].Live.OK || !got[1].Live.OK {
		t.Errorf("only the last collection's sizes are kept by the runtime, got %+v", got)
	}
	live, _ := snap.Get(sampler.GoHeapLive)
	if y := got[1]; y.Live.Value != live || y.Before.Value < 20<<20 || y.After.Value < y.Live.Value || y.Goal.Value < y.Live.Value {
		t.Errorf("the last collection, with %.0f bytes live: %+v", live, y)
	}
	for range 300 { // more than the runtime remembers
		c.ask("gc")
	}
	if got := read(); len(got) != 256 {
		t.Errorf("after 300 collections %d are reported, want the 256 the runtime remembers", len(got))
	}
}

// TestThroughMem reads through /proc/PID/mem, as where process_vm_readv is forbidden.
func TestThroughMem(t *testing.T) {
	c := startTarget(t, stripped())
	s := c.open(Options{})
	s.p.mem.(*procMemory).viaMem = true
	compareStatistics(t, c, s)
	compareSites(t, c, s)
	compareGoroutines(t, c, s)
	compareSpans(t, c, s)
	c.tell("exit 0")
	_ = c.cmd.Wait()
	var snap sampler.Snapshot
	if err := s.Read(context.Background(), &snap); err == nil {
		t.Error("a process that has ended was read")
	}
}
