package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/feed"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

func newLeakWatch(per string, duration time.Duration) *feed.Leaks {
	return feed.New(sampler.Metric(per), duration, plainly)
}

// runWatch watches a target that lives.
func (o *leaks) runWatch(ctx context.Context) error {
	if o.target.Kind == sampler.KindEndpoint && !o.given {
		o.duration *= 2
	}
	interval := o.interval
	if interval == 0 {
		interval = feed.Interval(o.duration)
	}
	view := &live{env: o.env, target: o.target, mode: modeLive, format: "text", interval: interval, duration: o.duration}
	b := newBackend(view)
	defer b.close(ctx)
	target, err := view.resolve(ctx, b)
	if err != nil {
		return cause(ctx, err)
	}
	opened, err := b.open(ctx, target)
	if err != nil {
		return cause(ctx, err)
	}
	defer func() { _ = opened.session.Close() }() // it only read
	s := &subject{info: opened.info(), session: opened.session, backend: b, ctx: ctx}
	view.introduce(withoutWishes(s.info))
	l := newLeakWatch(o.per, o.duration)
	end := o.watch(ctx, l, opened, interval)
	if l.Last() == nil {
		return end
	}
	s.info = opened.info()
	judgement := analysis.LeakJudgement{Material: o.material, Limits: o.limits, Threshold: o.threshold, AskHolders: askHolders(s)}
	var problems []string
	if o.holders {
		judgement.Walk, problems = o.walk(ctx, s, end)
	}
	report := l.Report(judgement)
	report.Warnings = append(report.Warnings, problems...)
	if end != nil {
		report.Warnings = append(report.Warnings, "the watch ended early: "+end.Error())
	}
	return o.conclude(report, s.describe(), l.Last().Time, end)
}

// withoutWishes leaves out what would let a person do more with a target that tells all that a leak's cause needs.
func withoutWishes(info sampler.Info) sampler.Info {
	if info.Source == freeSource {
		info.Hints = nil
	}
	return info
}

// askHolders says how to learn who holds the objects.
func askHolders(s *subject) string {
	w, ok := s.session.(sampler.WalkChecker)
	switch {
	case !ok || w.CanWalk() != nil:
		return ""
	case s.info.Target.Kind == sampler.KindCommand:
		return "--holders also tells who keeps the objects alive."
	}
	return fmt.Sprintf("Who keeps the objects alive: heaptop debug hotspots --holders %d", s.info.PID)
}

// watch reads until the time is over; the error says why it ended before.
func (o *leaks) watch(ctx context.Context, l *feed.Leaks, opened *opened, interval time.Duration) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	bar := newProgress(o.env.Err)
	defer bar.clear()
	run := &lines{opened: opened, duration: o.duration, interval: interval, stderr: o.env.Err}
	timer := time.AfterFunc(o.duration+run.slack(), func() { stop(errOver) })
	defer timer.Stop()
	watcher := sampler.NewWatcher(opened.session, sampler.WatchOptions{Interval: interval})
	followed := make(chan struct{})
	go func() { defer close(followed); l.Follow(ctx, watcher) }()
	err := watcher.Run(ctx, func(ev sampler.Event) {
		ev = opened.refine(ev)
		l.Event(ev)
		if ev.Snapshot == nil {
			run.failed = ev.Err
			return
		}
		run.readings++
		bar.say(time.Now(), "watched "+ev.Info.Name+" for "+l.Progress(o.duration))
		if run.over(ev) {
			stop(errOver)
		}
	})
	stop(errOver)
	<-followed
	switch why := context.Cause(ctx); {
	case err != nil:
		bar.clear()
		return run.ended(opened.info().Name)
	case run.readings == 0 && run.failed != nil:
		return run.failed
	case errors.Is(why, errOver):
		return nil
	default:
		return why
	}
}

// walk tells who holds the objects, or why that cannot be told.
func (o *leaks) walk(ctx context.Context, s *subject, end error) (*sampler.HeapWalk, []string) {
	if end != nil {
		return nil, []string{"who holds the objects was not asked, because the watch ended early"}
	}
	var notes analysis.Findings
	walk, err := s.walk(ctx, o.env, &notes)
	if err != nil {
		return nil, []string{"who holds the objects cannot be told: " + plainly(err)}
	}
	return walk, notes.Warnings
}

// runRecording judges a recording as a whole.
func (o *leaks) runRecording(ctx context.Context) error {
	f, err := openPast(o.target.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.done() }() // it was only read
	from, to := f.past.Span()
	l := newLeakWatch(o.per, to.Sub(from))
	if f.note != "" {
		l.Warn(f.note)
	}
	if err := replayLeaks(ctx, l, told(f.past, f.path, o.env.Err)); err != nil {
		return cause(ctx, err)
	}
	info, err := f.past.InfoAt(to)
	if err != nil {
		return &usageError{err, ""}
	}
	if gone := f.past.Gone(); gone != nil {
		l.Warn("then it ended: " + gone.Error())
	}
	info.Target, info.Source = o.target, capture.Source{}.Name()
	s := &subject{info: info}
	report := l.Report(analysis.LeakJudgement{Material: o.material, Limits: o.limits, Threshold: o.threshold})
	return o.conclude(report, s.describe(), to, nil)
}

// replayLeaks hands over all that a recording holds. A part that cannot be read is the file's fault.
func replayLeaks(ctx context.Context, l *feed.Leaks, past capture.Past) error {
	err := l.Replay(ctx, past)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return &usageError{err, ""}
}
