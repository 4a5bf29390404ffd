package tab

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func colourTheme() *theme.Theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.TrueColor)
	return theme.New(r, true)
}

func at(s int) time.Time { return time.Unix(1_800_000_000+int64(s), 0).UTC() }

func reading(s int, rss float64) sampler.Event {
	snap := &sampler.Snapshot{Time: at(s)}
	snap.Add(sampler.ProcessRSS, rss)
	return sampler.Event{Snapshot: snap, Info: sampler.Info{Name: "x", Source: "proc"}}
}

func watching(readings int) *State {
	st := NewState(theme.Plain(), time.Second, nil)
	st.Retarget(sampler.Info{Name: "x"}, nil)
	for i := range readings {
		st.Hear(at(i), reading(i, float64(100+i)))
	}
	return st
}

func TestAFrozenStateDoesNotChange(t *testing.T) {
	st := watching(10)
	st.Freeze()
	frozen := *st.Data()
	for i := 10; i < 100; i++ {
		st.Hear(at(i), reading(i, 1e9))
		st.SetHeap(&profile.Heap{Time: at(i)}, nil, nil)
		st.SetProcesses(st.SpareTable(), nil)
	}
	if got := *st.Data(); got.At != frozen.At || got.Snapshot != frozen.Snapshot || got.Heap != frozen.Heap || got.Processes != frozen.Processes {
		t.Errorf("the frozen data moved from %v to %v", frozen.At, got.At)
	}
	if v, _ := frozen.Snapshot.Get(sampler.ProcessRSS); v != 109 {
		t.Errorf("RSS frozen at 109 is now %v", v)
	}
	st.Resume()
	if st.Data().At != at(99) {
		t.Errorf("resumed at %v, the last reading was at %v", st.Data().At, at(99))
	}
}

func TestTablesInUseAreNotReadInto(t *testing.T) {
	st := watching(1)
	st.SetProcesses(st.SpareTable(), nil)
	st.Freeze()
	shown := st.Data().Processes
	for range 10 {
		spare := st.SpareTable()
		if spare == shown || spare == st.Live().Processes {
			t.Fatal("a table that is shown was given out to read into")
		}
		st.SetProcesses(spare, nil)
	}
}

func TestTheMarkIsTheFirstReadingUntilAnotherIsSet(t *testing.T) {
	st := watching(10)
	if st.Data().Mark.At != at(0) {
		t.Errorf("marked at %v", st.Data().Mark.At)
	}
	first := &profile.Heap{Time: at(9)}
	st.SetHeap(first, nil, nil)
	st.SetHeap(&profile.Heap{Time: at(12)}, nil, nil)
	if st.Data().Mark.Heap != first {
		t.Error("the mark has not the first profile")
	}
	st.SetMark()
	if st.Data().Mark.At != at(9) || st.Data().Mark.Heap.Time != at(12) {
		t.Errorf("marked at %v with the profile of %v", st.Data().Mark.At, st.Data().Mark.Heap.Time)
	}
}

func TestAFailedReadingKeepsTheLastValues(t *testing.T) {
	st := watching(5)
	st.Hear(at(6), sampler.Event{Err: errors.New("connection refused")})
	d := st.Data()
	if d.Failed == nil || d.Gone != nil || d.At != at(4) {
		t.Errorf("failed %v, gone %v, at %v", d.Failed, d.Gone, d.At)
	}
	st.Hear(at(7), reading(7, 1))
	if st.Data().Failed != nil {
		t.Error("a reading succeeded and the failure is still shown")
	}
	st.Hear(at(8), sampler.Event{Err: fmt.Errorf("read process 42: %w", &sampler.Gone{At: at(8), Signal: "SIGKILL"})})
	if g := st.Data().Gone; g == nil || g.Signal != "SIGKILL" {
		t.Errorf("gone %+v", g)
	}
	st2 := watching(1)
	st2.Hear(at(2), sampler.Event{Err: fmt.Errorf("read: %w", sampler.ErrGone)})
	if st2.Data().Gone == nil {
		t.Error("an error that wraps ErrGone did not end the target")
	}
}

func TestRatesAreTakenOverAMinuteAtMost(t *testing.T) {
	st := watching(300)
	d := st.Data()
	if span := d.At.Sub(d.Recent.Time); span < 50*time.Second || span > time.Minute {
		t.Errorf("rates are taken over %s", span)
	}
}

func TestASnapshotPutOffKeepsTheLastMappings(t *testing.T) {
	st := watching(1)
	maps := &sampler.Mappings{Time: at(1)}
	st.SetMappings(maps, nil)
	st.SetMappings(nil, fmt.Errorf("mappings: %w", sampler.ErrBudget))
	if st.Data().Mappings != maps || st.Data().MappingsFail != nil {
		t.Errorf("mappings %v, %v", st.Data().Mappings, st.Data().MappingsFail)
	}
}

func TestSpanGrowsWithTheHistory(t *testing.T) {
	for _, c := range []struct {
		readings int
		want     time.Duration
	}{{1, time.Minute}, {60, time.Minute}, {90, 2 * time.Minute}, {200, MaxSpan}, {1000, MaxSpan}} {
		if got := watching(c.readings).Span(); got != c.want {
			t.Errorf("after %d s the charts show %s, want %s", c.readings, got, c.want)
		}
	}
}

func TestSiteHistoryIsBoundedAndTrue(t *testing.T) {
	h := NewSiteHistory()
	for i := range 3 * siteTimes {
		heap := profile.Heap{Time: at(5 * i)}
		for j := range 50 {
			heap.Sites = append(heap.Sites, profile.Site{Function: fmt.Sprintf("f%d", i/siteTimes*1000+j), InUseBytes: float64(i)})
		}
		if i > 10 {
			heap.Sites = append(heap.Sites, profile.Site{Function: "late", InUseBytes: float64(i)})
		}
		h.Add(&heap)
	}
	if len(h.sites) > siteMost || len(h.times) != siteTimes {
		t.Errorf("%d sites at %d times are kept", len(h.sites), len(h.times))
	}
	key := (&profile.Site{Function: "late"}).Key()
	times, values := h.Of(key, at(1e9))
	if len(values) != siteTimes || values[0] != float64(2*siteTimes) || times[0] != at(5*2*siteTimes) || values[siteTimes-1] != float64(3*siteTimes-1) {
		t.Errorf("%d values from %v at %v to %v", len(values), values[0], times[0], values[len(values)-1])
	}
	if _, values = h.Of(key, times[9]); len(values) != 10 {
		t.Errorf("%d values up to the tenth time", len(values))
	}
	if _, values = h.Of((&profile.Site{Function: "f7"}).Key(), at(1e9)); values != nil {
		t.Errorf("a site that no kept profile has still has %d values", len(values))
	}
}

func TestSiteHistoryShowsNothingBeforeTheFirstAndZeroAfterTheLast(t *testing.T) {
	h := NewSiteHistory()
	site := profile.Site{Function: "f", InUseBytes: 8}
	h.Add(&profile.Heap{Time: at(0)})
	h.Add(&profile.Heap{Time: at(5), Sites: []profile.Site{site}})
	h.Add(&profile.Heap{Time: at(10)})
	if _, values := h.Of(site.Key(), at(100)); len(values) != 2 || values[0] != 8 || values[1] != 0 {
		t.Errorf("values %v, want 8 and then 0", values)
	}
}

// A profile changes only with a collection, so rates are taken over half a minute.
func TestAllocationRatesAreTakenOverHalfAMinute(t *testing.T) {
	st := watching(1)
	for i := range 20 {
		st.SetHeap(&profile.Heap{Time: at(5 * i)}, nil, nil)
	}
	d := st.Data()
	if span := d.Heap.Time.Sub(d.HeapBefore.Time); span != 30*time.Second {
		t.Errorf("rates are taken over %s", span)
	}
	st.Reset()
	if st.Data().HeapBefore != nil {
		t.Error("a profile from before the reset is still compared with")
	}
}

// A program that was killed and not waited for yet is read once more, without memory: its last values stay.
func TestTheLastValuesAreThoseFromBeforeTheEnd(t *testing.T) {
	st := watching(3)
	empty := func(s int) sampler.Event { return sampler.Event{Snapshot: &sampler.Snapshot{Time: at(s)}} }
	st.Hear(at(3), empty(3))
	st.Hear(at(4), sampler.Event{Err: &sampler.Gone{At: at(4), Signal: "SIGKILL"}})
	if v, ok := st.Data().Snapshot.Get(sampler.ProcessRSS); !ok || v != 102 || st.Data().At != at(2) {
		t.Errorf("RSS %v (%v) of %v is shown, want 102 of %v", v, ok, st.Data().At, at(2))
	}
	if st.Live().Gone == nil {
		t.Error("the end is not known")
	}

	st = watching(3)
	st.Hear(at(3), empty(3))
	st.Hear(at(4), empty(4)) // it goes on: a program that nobody waits for
	if _, ok := st.Data().Snapshot.Get(sampler.ProcessRSS); ok || st.Data().At != at(4) {
		t.Errorf("what was read at %v is shown for what cannot be read any more", st.Data().At)
	}
	st.Hear(at(5), empty(5))
	if st.Data().At != at(5) {
		t.Errorf("the reading of %v is shown, want that of %v", st.Data().At, at(5))
	}
	st.Hear(at(6), reading(6, 50))
	if v, _ := st.Data().Snapshot.Get(sampler.ProcessRSS); v != 50 {
		t.Errorf("RSS %v is shown, want 50", v)
	}
}
