package goproc

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestSpans compares the sums over all spans with the counters that the runtime keeps independently of them.
func TestSpans(t *testing.T) {
	for _, v := range []variant{normal(), stripped()} {
		t.Run(v.name, func(t *testing.T) {
			c := startTarget(t, v)
			s := c.open(Options{})
			for _, prepare := range []string{"gc", "leak 3000", "free"} {
				c.ask("%s", prepare)
				compareSpans(t, c, s)
			}
		})
	}
}

func compareSpans(t *testing.T, c *child, s *Session) {
	t.Helper()
	eventually(t, "spans, and the target's own counters", func() string {
		sp, err := s.Spans(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		m := c.ask("stats").MemStats
		var b strings.Builder
		check := func(what string, ours, own, slack uint64) {
			if max(ours, own)-min(ours, own) > slack {
				fmt.Fprintf(&b, "  %-20s spans %d, counters %d\n", what, ours, own)
			}
		}
		check("bytes of spans", sp.Bytes, m.HeapInuse, 0)
		check("bytes in use", sp.InUse, m.HeapAlloc, 4096)
		check("objects", uint64(sp.Objects), m.HeapObjects, 20)
		check("free and released", sp.Free+sp.Released, m.HeapIdle, 0)
		check("released", sp.Released, m.HeapReleased, 0)
		objects := map[uint64]uint64{}
		for _, k := range sp.Classes {
			objects[k.Size] += uint64(k.Objects)
			if k.Objects > k.Slots || k.InUse > k.Bytes {
				fmt.Fprintf(&b, "  class %d holds more than it can: %+v\n", k.Size, k)
			}
		}
		for _, k := range m.BySize[1:] {
			check(fmt.Sprintf("objects of %d", k.Size), objects[uint64(k.Size)], k.Mallocs-k.Frees, 20)
		}
		return b.String()
	})
}
