package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/proc"
)

const (
	targetPatience = 10 * time.Second // for one reading
	targetPace     = 100 * time.Millisecond
	longPace       = time.Second // from a minute on
)

// target measures something that runs already, for a time. It has no other side: only limits and a stored baseline judge
// it.
func (r *runner) target(ctx context.Context, s *policy.Scenario) ([]gates.Scenario, error) {
	t, err := resolve(ctx, s.Target)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", sampler.WithoutPassword(s.Target), err)
	}
	j := &job{scenario: s, name: s.Name, at: r.trees.user()}
	j.run = func(ctx context.Context, _ *side, profiles bool) (*once, error) {
		return watchTarget(ctx, s, t, profiles)
	}
	out, err := r.judge(ctx, j)
	if s.Against != "" || s.Anchor != "" {
		out.Warnings = append(out.Warnings, "a running target has no other side: it is not compared with another commit")
	}
	return []gates.Scenario{*out}, err
}

// resolve finds the one process that a target names.
func resolve(ctx context.Context, name string) (sampler.Target, error) {
	t, err := sampler.ParseTarget(name)
	if err != nil {
		return t, worktree.Usage("%w", err)
	}
	if t.Kind != sampler.KindName {
		return t, nil
	}
	found, err := proc.Find(ctx, t.Name)
	switch {
	case err != nil:
		return t, err
	case len(found) > 1:
		return t, worktree.Usage("%d processes have this name: name one by its id, such as %d", len(found), found[0].PID)
	}
	return sampler.Target{Kind: sampler.KindProcess, PID: found[0].PID}, nil
}

// watchTarget reads a target for the scenario's duration.
func watchTarget(ctx context.Context, s *policy.Scenario, t sampler.Target, profiles bool) (*once, error) {
	session, err := targetSource(t).Open(ctx, t)
	if err != nil {
		return nil, err
	}
	defer shut(session)
	began := time.Now()
	w := &targetReadings{cgroup: cgroupPeak{within: withinCgroupOf}}
	duration := s.Duration
	if duration <= 0 {
		duration = policy.DefaultDuration
	}
	end := time.NewTimer(duration)
	defer end.Stop()
	tick := time.NewTimer(0)
	defer tick.Stop()
	for reading := true; reading; {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-end.C:
			reading = false
		case <-tick.C:
			tick.Reset(targetInterval(time.Since(began)))
		}
		if err := w.read(ctx, session); err != nil {
			return nil, err
		}
	}
	o := w.values(s, began, time.Now())
	w.standing.judge(o, w.n)
	if profiles {
		o.profiles = targetSites(ctx, session)
	}
	return o, nil
}

func targetInterval(since time.Duration) time.Duration {
	if since < longRun {
		return targetPace
	}
	return longPace
}

// targetReadings is what was read of a running target.
type targetReadings struct {
	snap       sampler.Snapshot
	n, failed  int
	lastErr    error
	rss        []sampler.Point
	server     serverReadings
	peak       sampler.Reading
	cgroup     cgroupPeak
	heap       heapSeries
	last       *sampler.Snapshot  // the last one with the runtime's figures
	goroutines [2]sampler.Reading // of the first reading that tells them, and of the last
	standing   standing
}

// maxFailed is how many readings in a row may fail before the target counts as gone.
const maxFailed = 5

func (w *targetReadings) read(ctx context.Context, session sampler.Session) error {
	within, stop := context.WithTimeout(ctx, targetPatience)
	defer stop()
	if err := session.Read(within, &w.snap); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.failed++
		if errors.Is(err, sampler.ErrGone) || w.failed >= maxFailed {
			return fmt.Errorf("the target ended, or answers no more, before its time was over: %w", err)
		}
		w.lastErr = err
		return nil
	}
	w.failed = 0
	w.take(describeSession(session).PID)
	return nil
}

// take adds what was read into snap, of the process pid; 0 where it is none of this machine.
func (w *targetReadings) take(pid int) {
	w.n++
	w.standing.add(&w.snap)
	if v, ok := w.snap.Get(sampler.ProcessRSS); ok {
		w.rss = appendPoint(w.rss, pointAt(w.snap.Time, v))
	}
	if r := w.snap.Reading(sampler.ProcessPeakRSS); r.OK {
		w.peak = r
	}
	w.cgroup.take(&w.snap, pid)
	w.server.take(&w.snap)
	w.heap.add(&w.snap)
	if _, ok := w.snap.Get(sampler.GoCyclesTotal); ok {
		if w.last == nil {
			w.goroutines[0] = w.snap.Reading(sampler.GoGoroutines)
		}
		w.last = w.snap.Clone()
		w.goroutines[1] = w.snap.Reading(sampler.GoGoroutines)
	}
}

// values makes the gate metrics. What a target did before it was watched is in none of them but its peak.
func (w *targetReadings) values(s *policy.Scenario, began, end time.Time) *once {
	o := newOnce()
	o.took = end.Sub(began)
	from := began.Add(s.Warmup)
	if w.peak.OK {
		o.set("peak_rss", w.peak.Value, "VmHWM, since the process began")
	} else {
		o.lack("peak_rss", "the target's peak cannot be read from here")
	}
	w.cgroup.value(o)
	o.sustained("sustained_rss", w.rss, from, end)
	if len(w.server.used) > 0 {
		w.server.values(o, s, from, end)
		return o
	}
	o.lack("live_heap", "a running target has no checkpoint")
	if w.heap.from == nil || w.last == nil {
		why := "the target is no Go program, or its runtime could not be read"
		for _, metric := range goMetrics() {
			o.lack(metric, "%s", why)
		}
		o.series = trendSeries{string(sampler.ProcessRSS), w.rss, time.Time{}}
		o.grow(s.Limits, from)
		return o
	}
	base, _ := w.heap.from.Get(sampler.GoClassObjects)
	o.heap(&w.heap, &totals{exact: true}, heapBase{base, "the first reading"}, from, sessions(s.Sessions), "")
	o.collector(w.heap.from, w.last, "")
	for metric, of := range map[string]sampler.Metric{"allocs": sampler.GoHeapAllocCount, "alloc_bytes": sampler.GoHeapAllocs} {
		if v, ok := between(w.heap.from, w.last, of); ok {
			o.set(metric, v, string(of)+" while it was watched")
		} else {
			o.lack(metric, "the runtime did not tell it")
		}
	}
	if first, last := w.goroutines[0], w.goroutines[1]; first.OK && last.OK {
		o.set("goroutines", max(last.Value-first.Value, 0), "at the end, above the first reading")
	}
	o.series = trendSeries{string(sampler.GoHeapLive), w.heap.live, time.Time{}}
	o.grow(s.Limits, from)
	return o
}
