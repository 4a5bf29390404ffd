package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// defaultTrace is the time between two readings of --mode trace where --interval is not given. Heap profiles, which it
// needs, are read every 5 s at most from an endpoint, because they stop the target.
const defaultTrace = 5 * time.Second

// traceEvent is an interval of a trace, with what it is of.
type traceEvent struct {
	trace    analysis.Trace
	info     sampler.Info
	warnings []error
}

// tracePrinter prints an interval.
type tracePrinter interface{ print(ev traceEvent) error }

// tracing follows what one target allocates.
type tracing struct {
	w        *watch
	interval time.Duration
	duration time.Duration
	printer  tracePrinter
	lines    lines // for what is told on stderr, and how it ends
	tracer   analysis.Tracer
	first    time.Time
}

// runTrace prints what the target allocates, interval by interval.
func (o *live) runTrace(ctx context.Context, b *backend) error {
	target, err := o.resolve(ctx, b)
	if err != nil {
		return err
	}
	t := &tracing{interval: o.interval, duration: o.duration}
	if !o.given("interval") {
		t.interval = defaultTrace
	}
	if t.w, err = b.watch(ctx, target, t.interval); err != nil {
		return err
	}
	defer func() { _ = t.w.Close() }() // it only read
	t.lines = lines{duration: o.duration, stderr: o.env.Err}
	shown := *o
	shown.interval = t.interval
	shown.introduce(t.w.Info())
	var end error
	err = o.writeReport(func(w io.Writer) error {
		t.printer = &traceText{w: w}
		if o.format == "json" {
			t.printer = &traceJSON{w: w}
		}
		end = t.run(ctx)
		if t.lines.readings == 0 && o.output != "" {
			return end // nothing was measured: leave no file
		}
		return t.lines.broken
	})
	switch {
	case errors.Is(err, syscall.EPIPE):
		return nil // who reads has seen enough
	case err != nil:
		return err
	}
	return end
}

func (t *tracing) run(ctx context.Context) error {
	if t.duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, t.duration+t.slack(), errOver)
		defer stop()
	}
	for {
		select {
		case <-ctx.Done():
			return t.over(context.Cause(ctx))
		case ev, open := <-t.w.Events():
			if !open {
				return t.over(sampler.ErrGone)
			}
			if end, err := t.hear(ctx, ev); end || err != nil {
				return err
			}
		}
	}
}

func (t *tracing) slack() time.Duration { return min(t.interval/2, 100*time.Millisecond) }

func (t *tracing) over(cause error) error {
	switch {
	case !errors.Is(cause, errOver):
		return cause
	case t.lines.readings == 0 && t.lines.failed != nil:
		return t.lines.failed
	case t.lines.readings == 0:
		return fmt.Errorf("%s: --duration %s ended before there were two readings to compare, %s apart", t.w.Info().Name, t.duration, t.interval)
	}
	return nil
}

// hear takes one event. end says that the duration is over, or the target.
func (t *tracing) hear(ctx context.Context, ev sampler.Event) (end bool, err error) {
	l := &t.lines
	switch {
	case errors.Is(ev.Err, sampler.ErrGone):
		l.failed = ev.Err
		return true, l.ended(t.w.Info().Name)
	case ev.Err != nil:
		l.failed = ev.Err
		l.tell(ev.Err.Error())
		return false, nil
	}
	if t.first.IsZero() {
		t.first = ev.Snapshot.Time
	}
	point, warnings := t.point(ctx, ev)
	trace, ok := t.tracer.Next(point)
	if ok {
		if !trace.Bytes.OK && point.Heap == nil {
			return true, fmt.Errorf("%s cannot be traced: %w", ev.Info.Name, errors.Join(warnings...))
		}
		l.readings++
		for _, w := range append(warnings, ev.Snapshot.Warnings...) {
			l.tell(w.Error())
		}
		if l.broken = t.printer.print(traceEvent{trace, ev.Info, append(warnings, ev.Snapshot.Warnings...)}); l.broken != nil {
			return true, l.broken
		}
	}
	return t.duration > 0 && ev.Snapshot.Time.Sub(t.first) >= t.duration-t.slack(), nil
}

// point reads the heap profile that goes with a reading.
func (t *tracing) point(ctx context.Context, ev sampler.Event) (p analysis.TracePoint, warnings []error) {
	p.Snapshot = ev.Snapshot
	cycles, err := t.w.keeper.memory.CyclesUntil(ev.Snapshot.Time)
	if err != nil {
		warnings = append(warnings, err)
	}
	p.Cycles = cycles
	within, stop := context.WithTimeout(ctx, takeTimeout)
	defer stop()
	read := make(chan sampler.Profile, 1) // after a timeout the reading may go on
	err = t.w.Do(within, func(ctx context.Context, s sampler.Session) error {
		r, ok := s.(sampler.HeapProfiler)
		if !ok {
			return fmt.Errorf("this source reads no allocation sites (%w)", sampler.ErrUnsupported)
		}
		raw, err := r.HeapProfile(ctx)
		read <- raw
		return err
	})
	if err != nil {
		return p, append(warnings, err)
	}
	raw := <-read
	t.w.Sink().Heap(raw)
	heap, err := profile.ParseHeap(raw)
	if err != nil {
		return p, append(warnings, err)
	}
	p.Heap = &heap
	return p, warnings
}
