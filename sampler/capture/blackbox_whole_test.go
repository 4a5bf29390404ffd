package capture_test

import (
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// TestLastWhole: the last state of a process that is just ending is the one before it let go of its memory.
func TestLastWhole(t *testing.T) {
	at := func(sec int64) time.Time { return time.Unix(1_800_000_000+sec, 0) }
	hear := func(m *capture.Memory, sec int64, metric sampler.Metric) {
		s := &sampler.Snapshot{Time: at(sec)}
		s.Add(metric, 42)
		m.Event(sampler.Event{Snapshot: s})
	}
	m := capture.NewMemory(capture.MemoryOptions{})
	if got := m.LastWhole(); !got.IsZero() {
		t.Errorf("nothing was read, and yet %v", got)
	}
	hear(m, 1, sampler.ProcessRSS)
	hear(m, 2, sampler.ProcessRSS)
	hear(m, 3, sampler.ProcessThreads)
	if got := m.LastWhole(); !got.Equal(at(2)) {
		t.Errorf("got %v, want %v", got, at(2))
	}
	dir := t.TempDir()
	box, err := m.WriteBlackBox(dir, "", capture.BlackBoxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := capture.Read(box.Snapshot); err != nil || !s.Sample.Time.Equal(at(2)) {
		t.Errorf("the snapshot: %v, %v", s, err)
	}
	never := capture.NewMemory(capture.MemoryOptions{})
	for i := range int64(20) {
		hear(never, i, sampler.GoHeapLive)
	}
	if got := never.LastWhole(); !got.Equal(at(19)) {
		t.Errorf("a target without resident memory: %v, want its last reading, %v", got, at(19))
	}
}
