package samplertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// prompt is how long a session may take to notice that its context has ended.
const prompt = 5 * time.Second

// Test fails t for each rule of sampler.Source and sampler.Session that src breaks over target, which must be there and
// be the test's own: where the session can force a collection, it will.
func Test(t *testing.T, src sampler.Source, target sampler.Target) {
	t.Helper()
	for _, err := range Check(t.Context(), src, target) {
		t.Error(err)
	}
}

// Check returns what Test reports.
func Check(ctx context.Context, src sampler.Source, target sampler.Target) []error {
	c := &checker{ctx: ctx, src: src}
	c.source()
	session, err := src.Open(ctx, target)
	if err != nil {
		return append(c.broken, fmt.Errorf("open %v: %w", target, err))
	}
	c.session = session
	c.readings()
	c.abilities()
	c.cancelled()
	c.closing()
	return c.broken
}

// checker collects what is broken.
type checker struct {
	ctx     context.Context
	src     sampler.Source
	session sampler.Session
	broken  []error
}

func (c *checker) errorf(format string, args ...any) {
	c.broken = append(c.broken, fmt.Errorf(format, args...))
}

// source checks what must hold before anything is open.
func (c *checker) source() {
	if n := c.src.Name(); n == "" || n != strings.ToLower(n) || strings.ContainsAny(n, " \t\n") {
		c.errorf("source name %q: want a word in lower case", n)
	}
	for _, t := range []sampler.Target{{Kind: "of no kind"}, {}} {
		s, err := c.src.Open(c.ctx, t)
		switch {
		case err == nil:
			c.errorf("open a target of kind %q: no error", t.Kind)
			_ = s.Close()
		case !errors.Is(err, sampler.ErrUnsupported) && !errors.Is(err, sampler.ErrNotFound):
			c.errorf("open a target of kind %q: want ErrUnsupported or ErrNotFound wrapped, got: %w", t.Kind, err)
		}
	}
}

// readings reads a few times and checks each reading, and what must hold between them.
func (c *checker) readings() {
	const times = 4
	var s sampler.Snapshot
	s.Add("/left/over:bytes", 1)
	s.Warn(errors.New("left over"))
	var kept, same []*sampler.Snapshot
	for i := range times {
		if err := c.session.Read(c.ctx, &s); err != nil {
			c.errorf("reading %d: %w", i, err)
			return
		}
		c.reading(&s)
		kept, same = append(kept, s.Clone()), append(same, s.Clone())
	}
	for i := range kept {
		if !reflect.DeepEqual(kept[i], same[i]) {
			c.errorf("a clone of reading %d changed by later ones", i)
		}
		if i > 0 {
			c.between(kept[i-1], kept[i])
		}
	}
}

// reading checks one reading.
func (c *checker) reading(s *sampler.Snapshot) {
	if s.Time.IsZero() || s.Took <= 0 {
		c.errorf("reading at %v took %v: want both filled in", s.Time, s.Took)
	}
	if len(s.Samples) == 0 {
		c.errorf("reading has no sample")
	}
	seen := make(map[sampler.Metric]bool)
	for _, x := range s.Samples {
		c.name(x.Metric, seen)
		if math.IsNaN(x.Value) || math.IsInf(x.Value, 0) {
			c.errorf("%s is %v: want a finite number, or a warning", x.Metric, x.Value)
		}
	}
	for _, h := range s.Histograms {
		c.name(h.Metric, seen)
		if len(h.Counts) == 0 || len(h.Buckets) != len(h.Counts)+1 || !slices.IsSorted(h.Buckets) {
			c.errorf("%s: %d boundaries and %d counts: want one more, in order", h.Metric, len(h.Buckets), len(h.Counts))
		}
	}
	for i, y := range s.Cycles {
		if y.End.IsZero() || i > 0 && y.Number <= s.Cycles[i-1].Number {
			c.errorf("collection %d ended %v: want an end, and the oldest first", y.Number, y.End)
		}
	}
	for _, w := range s.Warnings {
		if w == nil || w.Error() == "" || w.Error() == "left over" {
			c.errorf("warning %v: want a reason, of this reading", w)
		}
	}
}

func (c *checker) name(m sampler.Metric, seen map[sampler.Metric]bool) {
	switch {
	case m == "/left/over:bytes":
		c.errorf("Read left a sample of the snapshot it was given")
	case !strings.HasPrefix(string(m), "/") || m.Unit() == "":
		c.errorf("metric %q: want /path:unit", m)
	case seen[m]:
		c.errorf("metric %s: read twice", m)
	}
	seen[m] = true
}

// cumulative returns the metrics that only grow while the target lives.
func cumulative() []sampler.Metric {
	return []sampler.Metric{
		sampler.ProcessMinorFaults, sampler.ProcessMajorFaults, sampler.ProcessCPU, sampler.CgroupOOMKills,
		sampler.GoHeapAllocs, sampler.GoHeapAllocCount, sampler.GoHeapFrees, sampler.GoHeapFreeCount,
		sampler.GoCyclesTotal, sampler.GoCyclesForced, sampler.GoPauseTotal, sampler.GoCPUGCAssist, sampler.GoCPUGCDedicated,
		sampler.GoCPUGCPause,
	}
}

// between checks what holds between a reading and the next.
func (c *checker) between(a, b *sampler.Snapshot) {
	if b.Time.Before(a.Time) {
		c.errorf("a reading at %v follows one at %v", b.Time, a.Time)
	}
	for _, m := range cumulative() {
		if x, y := a.Reading(m), b.Reading(m); x.OK && y.OK && y.Value < x.Value {
			c.errorf("%s fell from %v to %v", m, x.Value, y.Value)
		}
	}
	for _, h := range b.Histograms {
		before, ok := a.Histogram(h.Metric)
		if ok && len(before.Counts) != len(h.Counts) {
			c.errorf("%s changed its buckets", h.Metric)
			continue
		}
		for i := range before.Counts {
			if h.Counts[i] < before.Counts[i] {
				c.errorf("%s: count %d fell from %d to %d", h.Metric, i, before.Counts[i], h.Counts[i])
			}
		}
	}
	if len(a.Cycles) > 0 && len(b.Cycles) > 0 && b.Cycles[0].Number <= a.Cycles[len(a.Cycles)-1].Number {
		c.errorf("collection %d is told twice", b.Cycles[0].Number)
	}
}

// cancelled checks that a context that has ended is noticed.
func (c *checker) cancelled() {
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var s sampler.Snapshot
		_ = c.session.Read(ctx, &s) // it may as well succeed
	}()
	late := time.NewTimer(prompt)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		c.errorf("reading with a context that has ended: still busy after %v", prompt)
		<-done
	}
}

// closing checks that a session can be closed twice.
func (c *checker) closing() {
	if err := c.session.Close(); err != nil {
		c.errorf("close: %w", err)
	}
	defer func() {
		if v := recover(); v != nil {
			c.errorf("close a second time: panic: %v", v)
		}
	}()
	_ = c.session.Close() // an error is as good as none
}
