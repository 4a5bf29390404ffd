package capture

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func TestTheBlackBoxHoldsTheLastMinutesAndTheLastState(t *testing.T) {
	o := fast()
	m := NewMemory(MemoryOptions{Rates: o.Rates, Now: o.Now, Version: "v0.1.0"})
	w := watch(t, 105, m)
	dir := filepath.Join(t.TempDir(), "new")
	box, err := m.WriteBlackBox(dir, "", BlackBoxOptions{Ledger: json.RawMessage(`{"rows":[]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "api-server-4242-20261121T110354-oom"); box.Recording != want+".heaprec" || box.Snapshot != want+".heapsnap" {
		t.Errorf("the black box is %+v, want %s", box, want)
	}
	r := open(t, box.Recording)
	w.compare(t, r)
	if d := cmp.Diff(w.gone, r.Gone()); d != "" || r.Cut() != 0 {
		t.Errorf("the end is not what it was, or %d bytes are cut off:\n%s", r.Cut(), d)
	}
	s, err := Read(box.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	last, k := w.samples[len(w.samples)-1], (len(w.samples)-1)/every
	if d := cmp.Diff(last, s.Sample, alike(), exactly()); d != "" {
		t.Errorf("the last state is not what was read last:\n%s", d)
	}
	if parsed(t, s.Heap.Data) != parsed(t, w.heaps[k].Data) || s.Note != w.gone.Error() || s.Goroutine == nil || s.Mappings == nil || s.Ledger == nil {
		t.Errorf("the snapshot has the note %q, goroutines %v, mappings %v, ledger %s, or another heap", s.Note, s.Goroutine, s.Mappings, s.Ledger)
	}
	again, err := m.WriteBlackBox(dir, "", BlackBoxOptions{})
	if err != nil || again.Recording == box.Recording || again.Snapshot == box.Snapshot {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 4 {
		t.Errorf("the folder holds %v, want two files twice", left)
	}
}

func TestABlackBoxOfNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := NewMemory(MemoryOptions{}).WriteBlackBox(dir, "x", BlackBoxOptions{}); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("with no reading: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("the folder holds %v", left)
	}
}

// TestMemoryIsBounded reads for an hour into little memory, by size and by age, and asks for what should be left.
func TestMemoryIsBounded(t *testing.T) {
	samplertest.NotUnderRace(t)
	o := fast()
	for name, c := range map[string]MemoryOptions{
		"size": {MaxBytes: 100_000, Rates: o.Rates, Age: 24 * time.Hour},
		"age":  {MaxBytes: 100 << 20, Rates: o.Rates, Age: 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMemory(c)
			w := watch(t, 1500, m)
			from, to := m.Span()
			if m.Bytes() > c.MaxBytes || m.Dropped() != 0 || m.Bytes() < 10_000 {
				t.Errorf("it takes %d bytes of %d, %d dropped", m.Bytes(), c.MaxBytes, m.Dropped())
			}
			span := to.Sub(from)
			t.Logf("%v in %d bytes", span, m.Bytes())
			if span > c.Age+15*time.Second || span < 5*time.Minute || !to.Equal(w.samples[len(w.samples)-1].Time) {
				t.Errorf("it goes back %v from %v", span, to)
			}
			if _, err := m.At(from.Add(-time.Second)); !errors.Is(err, ErrNotRecorded) {
				t.Errorf("before its beginning: %v", err)
			}
			profiles := 0
			for i, s := range w.samples {
				if s.Time.Before(from) {
					continue
				}
				got, err := m.At(s.Time)
				if err != nil || !equal(s, got) {
					t.Fatalf("reading %d: %v\n%s", i, err, cmp.Diff(s, got, exactly()))
				}
				if h, err := m.HeapAt(s.Time); err == nil {
					profiles++
					if i%every == 0 && parsed(t, h.Data) != parsed(t, w.heaps[i/every].Data) {
						t.Fatalf("heap profile at reading %d is another", i)
					}
				} else if !errors.Is(err, ErrNotRecorded) || profiles > 0 {
					t.Fatalf("heap profile at reading %d: %v", i, err)
				}
			}
			if profiles == 0 {
				t.Error("no heap profile is left")
			}
		})
	}
}

func TestTakeReadsWhatIsDue(t *testing.T) {
	m := NewMemory(MemoryOptions{})
	var s countingSession
	at := time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)
	for i := range 31 { // half a minute: heap at 0, 10, 20 and 30 s
		s.now = at.Add(time.Duration(i) * time.Second)
		if err := Take(t.Context(), &s, s.now, m); err != nil {
			t.Fatal(err)
		}
	}
	if s.maps != 2 {
		t.Errorf("mappings were read %d times in 30 s, want 2", s.maps)
	}
	s.err = errors.New("no answer")
	if err := Take(t.Context(), &s, s.now.Add(time.Hour), m); !errors.Is(err, s.err) {
		t.Errorf("what could not be read: %v", err)
	}
	s.err = sampler.ErrBudget
	if err := Take(t.Context(), &s, s.now.Add(time.Hour), m); err != nil {
		t.Errorf("what was put off: %v", err)
	}
}

// countingSession has mappings and nothing else.
type countingSession struct {
	sampler.Session
	now  time.Time
	maps int
	err  error
}

func (s *countingSession) Mappings(context.Context) (sampler.Mappings, error) {
	s.maps++
	return sampler.Mappings{Time: s.now, List: []sampler.Mapping{{Name: "[heap]", Count: 1}}}, s.err
}
