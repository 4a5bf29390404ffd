package feed_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis/feed"
	"github.com/alloc-dev/heaptop/sampler"
)

// Before the first collection nobody knows the live heap: the progress does not tell one of 0 bytes.
func TestProgressBeforeTheFirstCollection(t *testing.T) {
	l := feed.New("", time.Minute, nil)
	if got := l.Progress(time.Minute); got != "0s of 1m00s" {
		t.Errorf("before the first reading: %q", got)
	}
	for i, c := range []struct {
		cycles, live float64
		want         string
	}{{0, 0, "0s of 1m00s, RSS 9.65 MB"}, {1, 4e6, "1.0s of 1m00s, RSS 9.65 MB, live heap 4.00 MB"}} {
		s := &sampler.Snapshot{Time: time.Unix(int64(1000+i), 0)}
		s.Add(sampler.ProcessRSS, 9.65e6)
		s.Add(sampler.GoCyclesTotal, c.cycles)
		s.Add(sampler.GoHeapLive, c.live)
		l.Event(sampler.Event{Snapshot: s})
		if got := l.Progress(time.Minute); got != c.want {
			t.Errorf("after %v collections: %q, want %q", c.cycles, got, c.want)
		}
		if live := s.LiveHeap(); live.OK != (c.cycles > 0) || live.Value != c.live {
			t.Errorf("after %v collections: %+v", c.cycles, live)
		}
	}
	s := &sampler.Snapshot{}
	s.Add(sampler.GoHeapLive, 5e6)
	if live := s.LiveHeap(); !live.OK || live.Value != 5e6 {
		t.Errorf("where collections are not counted: %+v", live)
	}
	if strings.Contains(l.Progress(time.Minute), "goroutines") {
		t.Error("what was not read is told")
	}
}
