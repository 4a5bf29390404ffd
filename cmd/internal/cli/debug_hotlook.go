package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// The pace of a watch, and how long what is read at its end may take: after an interrupt too.
const (
	hotReadings = 100
	fastHot     = 50 * time.Millisecond
	slowHot     = time.Second
	endWithin   = 10 * time.Second
)

// hotLook reads what hotspots are found in.
type hotLook struct {
	o       *hotspots
	s       *subject
	r       *analysis.Findings
	in      *analysis.HotspotInput
	history *sampler.History // of the watch: when collections ended
	last    sampler.Snapshot
	reading bool // last was read
}

// seen says whether there is anything to report.
func (l *hotLook) seen() bool { return l.in.To.Heap != nil || l.in.Walk != nil }

// read takes a reading.
func (l *hotLook) read(ctx context.Context) error {
	if err := l.s.session.Read(ctx, &l.last); err != nil {
		return err
	}
	l.reading = true
	l.history.Add(&l.last)
	return nil
}

// point is the moment of the last reading, with a heap profile.
func (l *hotLook) point(heap *profile.Heap) analysis.TracePoint {
	p := analysis.TracePoint{Heap: heap, Cycles: l.history.Cycles()}
	if l.reading {
		p.Snapshot = l.last.Clone()
	}
	return p
}

// live looks into a target that runs. What it was to tell and does not is an error, with what was read until then in in.
func (l *hotLook) live(ctx context.Context) error {
	if err := l.read(ctx); err != nil {
		return err
	}
	heap, err := l.s.heap(ctx, l.r)
	switch {
	case err == nil:
	case l.o.holders && errors.Is(err, sampler.ErrUnsupported):
		l.r.Warnings = append(l.r.Warnings, plainly(err))
	default:
		return err
	}
	ended := ctx.Err()
	if heap != nil {
		l.in.To = l.point(heap)
		if l.o.duration > 0 {
			ended = l.watch(ctx)
		}
	}
	if errors.Is(ended, sampler.ErrGone) {
		l.in.From = analysis.TracePoint{} // there is nothing to compare it with
		l.r.Warnings = append(l.r.Warnings, "the target "+plainly(ended)+": this is what was seen until then")
		return fmt.Errorf("%s %w", l.s.describe().Name, ended)
	}
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer stop()
	l.in.Goroutines = l.s.goroutines(last, l.r, true)
	l.in.Spans = l.s.spans(last, l.r, true)
	if !l.o.holders || ended != nil {
		return ended
	}
	walk, err := l.s.walk(ctx, l.o.env, l.r)
	l.in.Walk = walk
	return err
}

// watch reads until the time is over, and then the second profile. The error says why it ended before.
func (l *hotLook) watch(ctx context.Context) error {
	l.in.From = l.in.To
	bar := newProgress(l.o.env.Err)
	begin, again := time.Now(), false
	clock := time.NewTicker(min(max(l.o.duration/hotReadings, fastHot), slowHot))
	defer clock.Stop()
	defer bar.clear()
	over := time.NewTimer(l.o.duration)
	defer over.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			l.r.Warnings = append(l.r.Warnings, "interrupted after "+unit.Duration(time.Since(begin))+": this is what was seen until then")
			ended = true
		case <-over.C:
			ended = true
		case <-clock.C:
			if err := l.read(ctx); errors.Is(err, sampler.ErrGone) {
				return err
			}
			if !again && time.Since(begin) < l.o.duration/2 && len(l.history.Cycles()) >= 2 {
				again = true
				l.begin(ctx)
			}
			bar.say(time.Now(), fmt.Sprintf("watching what %s allocates: %s of %s", l.s.describe().Name,
				unit.Duration(time.Since(begin).Round(time.Second)), unit.Duration(l.o.duration)))
		}
	}
	return l.end(ctx)
}

// begin takes the first profile anew once it is known when the collections before it ended: only then is it known of
// which moment it tells.
func (l *hotLook) begin(ctx context.Context) {
	var unused analysis.Findings // the same warnings come with the last profile
	if heap, err := l.s.heap(ctx, &unused); err == nil {
		l.in.From = l.point(heap)
	}
}

// end takes the last reading and profile.
func (l *hotLook) end(ctx context.Context) error {
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer stop()
	if err := l.read(last); err != nil {
		return err
	}
	var again analysis.Findings
	heap, err := l.s.heap(last, &again)
	if err != nil {
		l.in.From = analysis.TracePoint{}
		l.r.Warnings = append(l.r.Warnings, "there is no second profile to compare with: "+plainly(err))
	} else {
		l.in.To, l.r.Time = l.point(heap), again.Time
	}
	return ctx.Err()
}

// pastSteps is how many moments of a recording are looked at for its first heap profile.
const pastSteps = 100

// recorded looks into a file: at its end, and between then and its beginning, or as long before the end as asked for.
func (l *hotLook) recorded(ctx context.Context) error {
	if err := l.read(ctx); err != nil {
		return err
	}
	heap, err := l.s.heap(ctx, l.r)
	if err != nil {
		return err
	}
	l.r.Time = l.last.Time
	if l.in.To, err = l.pastPoint(l.last.Time, heap); err != nil {
		return err
	}
	l.in.Goroutines = l.s.goroutines(ctx, l.r, true)
	from, to := l.s.past.Span()
	if l.o.given {
		from = maxTime(from, to.Add(-l.o.duration))
	}
	if !to.After(from) {
		return ctx.Err()
	}
	for i := range pastSteps {
		at := from.Add(to.Sub(from) * time.Duration(i) / pastSteps)
		raw, err := l.s.past.HeapAt(at)
		if err != nil {
			continue
		}
		first, err := profile.ParseHeap(*raw)
		if err != nil {
			return &usageError{fmt.Errorf("read %s: %w", l.s.info.Target.Path, err), ""}
		}
		l.in.From, err = l.pastPoint(maxTime(at, first.Time), &first)
		return err
	}
	return ctx.Err()
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pastPoint is a moment of a recording.
func (l *hotLook) pastPoint(at time.Time, heap *profile.Heap) (analysis.TracePoint, error) {
	snap, err := l.s.past.At(at)
	if err != nil {
		return analysis.TracePoint{}, &usageError{err, ""}
	}
	cycles, err := l.s.past.CyclesUntil(at)
	if err != nil {
		return analysis.TracePoint{}, &usageError{err, ""}
	}
	return analysis.TracePoint{Snapshot: snap, Cycles: cycles, Heap: heap}, nil
}
