package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/feed"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const (
	endPatience = 2 * time.Second // for how a command ended, once it cannot be read any more
)

// errTimeOver is the cause of a watch that lasted as long as it was to.
var errTimeOver = errors.New("the duration is over")

// longWatch is the watch of one subject.
type longWatch struct {
	o       *StabilityOptions
	subject *StabilitySubject
	tail    *tailWriter
	command *launch.Process // nil when the target runs already
	load    *launch.Process
	target  sampler.Target // once it is started
	leaks   *feed.Leaks
	files   *stabilityFiles // nil without a folder

	readings targetReadings
	began    time.Time
	first    *sampler.Snapshot
	moments  moments
	failed   error // of the last reading that was not possible

	collected *sampler.Snapshot // the first one that tells the live heap
}

// watchLong watches one subject and judges it.
func watchLong(ctx context.Context, o *StabilityOptions, s *StabilitySubject) *gates.Scenario {
	var log io.Writer
	if !s.Quiet {
		log = o.Log
	}
	w := &longWatch{
		o: o, subject: s, tail: &tailWriter{next: log}, leaks: feed.New(o.per(), o.Duration, nil),
		moments: moments{every: o.Interval}, readings: targetReadings{cgroup: cgroupPeak{within: withinCgroupOf}},
	}
	defer w.stop()
	err := w.run(ctx)
	o.Progress(StabilityProgress{Subject: s.Name, Watched: w.watched(), Ended: true})
	return w.conclude(ctx, err)
}

// run starts the subject, and reads it until its time is over. The error says why it could not, or ended before.
func (w *longWatch) run(ctx context.Context) error {
	var err error
	if w.target, err = w.start(ctx); err != nil {
		return err
	}
	session, err := w.open(ctx)
	if err != nil {
		return w.whyGone(err)
	}
	defer shut(session)
	if w.o.Folder != "" {
		if w.files, err = newStabilityFiles(w.o, w.subject.Name, describeSession(session)); err != nil {
			return err
		}
		defer w.files.close()
	}
	if err := w.startLoad(); err != nil {
		return err
	}
	return w.watch(ctx, session)
}

func describeSession(s sampler.Session) sampler.Info {
	if d, ok := s.(sampler.Describer); ok {
		return d.Describe()
	}
	return sampler.Info{}
}

// watch reads until the time is over.
func (w *longWatch) watch(ctx context.Context, session sampler.Session) error {
	w.began = time.Now()
	interval := feed.Interval(w.o.Duration)
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	timer := time.AfterFunc(w.o.Duration+interval/2, func() { stop(errTimeOver) })
	defer timer.Stop()
	w.watchLoad(running, stop)
	watcher := sampler.NewWatcher(session, sampler.WatchOptions{Interval: interval})
	followed := make(chan struct{})
	go func() { defer close(followed); w.leaks.Follow(running, watcher, w.files.sinks()...) }()
	err := watcher.Run(running, w.event)
	cause := context.Cause(running)
	stop(errTimeOver)
	<-followed
	w.files.last(context.WithoutCancel(ctx), session)
	switch {
	case err != nil:
		return w.whyGone(err)
	case w.first == nil && w.failed != nil:
		return w.failed
	case !errors.Is(cause, errTimeOver):
		return cause
	case w.command != nil && w.command.Gone() != nil:
		return w.whyGone(w.command.Gone())
	}
	return w.readings.standing.always(w.readings.n)
}

// watchLoad ends the watch when the load generator fails: what comes after is not what was asked for.
func (w *longWatch) watchLoad(ctx context.Context, stop context.CancelCauseFunc) {
	if w.load == nil {
		return
	}
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-w.load.Done():
		}
		if g := w.load.Gone(); !g.ExitCode.OK || g.ExitCode.Value != 0 {
			stop(fmt.Errorf("the load generator %w after %s%s", g, unit.Duration(time.Since(w.began).Round(time.Second)), w.lastWords()))
			return
		}
		w.leaks.Warn("the load generator ended after " + unit.Duration(time.Since(w.began).Round(time.Second)) + ": the time after that was without load")
	}()
}

// event takes a reading.
func (w *longWatch) event(ev sampler.Event) {
	w.leaks.Event(ev)
	for _, sink := range w.files.sinks() {
		sink.Event(ev)
	}
	if ev.Snapshot == nil {
		w.failed = ev.Err
		return
	}
	s := ev.Snapshot
	if w.first == nil {
		w.first = s.Clone()
	}
	if w.collected == nil && s.LiveHeap().OK {
		w.collected = s.Clone()
	}
	w.readings.snap = *s
	w.readings.take(ev.Info.PID)
	p := w.progress(s)
	p.Moment = w.moments.add(w.moment(s))
	w.o.Progress(p)
}

func (w *longWatch) watched() time.Duration {
	last := w.leaks.Last()
	if w.first == nil || last == nil {
		return 0
	}
	return last.Time.Sub(w.first.Time)
}

func (w *longWatch) progress(s *sampler.Snapshot) StabilityProgress {
	watched := s.Time.Sub(w.first.Time)
	p := StabilityProgress{
		Subject: w.subject.Name, Watched: watched, Left: max(w.o.Duration-watched, 0), RSS: s.Reading(sampler.ProcessRSS),
		Live: s.LiveHeap(), Used: s.Reading(sampler.RedisUsed), Goroutines: s.Reading(sampler.GoGoroutines), Operations: s.Reading(w.o.per()),
	}
	if began := w.first.Reading(w.o.per()); p.Operations.OK && began.OK {
		p.Operations.Value -= began.Value
	}
	return p
}

func (w *longWatch) moment(s *sampler.Snapshot) gates.Moment {
	p := w.progress(s)
	return gates.Moment{AtS: p.Watched.Seconds(), RSS: p.RSS.Pointer(), Live: p.Live.Pointer(), Goroutines: p.Goroutines.Pointer(), Operations: p.Operations.Pointer()}
}

// whyGone says how the subject ended, where heaptop knows better than who reads it.
func (w *longWatch) whyGone(err error) error {
	if w.command == nil {
		if errors.Is(err, sampler.ErrGone) {

			return fmt.Errorf("the target ended after %s of %s: %w", w.after(), unit.Duration(w.o.Duration), err)
		}
		return err
	}
	select {
	case <-w.command.Done():
	case <-time.After(endPatience):
		return err
	}
	return fmt.Errorf("it ended after %s of %s: %w%s", w.after(), unit.Duration(w.o.Duration), w.command.Gone(), w.lastWords())
}

func (w *longWatch) after() string { return unit.Duration(w.watched().Round(time.Second)) }

func (w *longWatch) lastWords() string {
	if words := w.tail.last(); words != "" {
		return "; its last words: " + words
	}
	return ""
}

// hurry kills a process when the user will not wait.
func (w *longWatch) hurry(p *launch.Process) {
	go func() {
		select {
		case <-w.o.Hurry:
			p.Kill()
		case <-p.Done():
		}
	}()
}

// stop ends the load generator, and then what it loads.
func (w *longWatch) stop() {
	for _, p := range []*launch.Process{w.load, w.command} {
		if p != nil {
			p.Stop(os.Interrupt)
		}
	}
}

// conclude makes the report's entry of what was seen.
func (w *longWatch) conclude(ctx context.Context, err error) *gates.Scenario {
	s := w.subject
	out := &gates.Scenario{Name: s.Name, Kind: s.Kind, Runs: 1, DurationS: w.watched().Seconds(), Sessions: s.Sessions, Metrics: map[string]gates.Measured{}, Gates: []gates.Gate{}}
	cut := err != nil && ctx.Err() != nil
	if err != nil && !cut {
		out.Error = err.Error()
	}
	if w.first == nil {
		if out.Error == "" {
			out.Error = "it was not read even once"
			if err != nil {
				out.Error = err.Error()
			}
		}
		return out
	}
	judgement := analysis.LeakJudgement{}
	if percent, ok := limitOf(s.limits(w.o), "growth"); ok {
		judgement.Material = percent / 100
	}
	seen := stabilitySeen{leaks: w.leaks.Report(judgement), sites: w.leaks.GrowingSites(), first: w.first, collected: w.collected, last: w.leaks.Last(), cut: cut, watched: w.watched()}
	if work, ok := w.leaks.Work(); ok {
		seen.work = &work
	}
	w.metrics(out, seen.leaks)
	out.Stability = judgeStability(w.o, &seen)
	out.Stability.Load, out.Stability.Moments, out.Stability.Files = w.o.Load, w.moments.list, w.files.names()
	if err != nil {
		out.Stability.Ended = err.Error()
	}
	out.Blame = blameOf(seen.leaks)
	for _, warning := range seen.leaks.Warnings {
		if w.o.Per != "" || !strings.HasPrefix(warning, string(sampler.WorkOperations)) { // few programs count, and nobody asked
			out.Warnings = append(out.Warnings, warning)
		}
	}
	if s := mainSeries(seen.leaks); s != nil && s.Series == string(sampler.GoHeapLive) && w.collected == nil {
		out.Warnings = append(out.Warnings, "the live heap is not known: the program did not collect while it was watched")
	}
	if warning := w.childrenHoldMore(); warning != "" {
		out.Warnings = append(out.Warnings, warning)
	}
	out.Warnings = append(out.Warnings, w.files.problems()...)
	return out
}

// childrenHoldMore warns where what is judged is the smaller part.
func (w *longWatch) childrenHoldMore() string {
	last := w.leaks.Last()
	own, tree := last.Reading(sampler.ProcessRSS), last.Reading(sampler.TreeRSS)
	if !own.OK || !tree.OK || tree.Value < 2*own.Value {
		return ""
	}
	return fmt.Sprintf("it has children that hold %s more than its own %s: they are not judged; watch them by their process ids",
		unit.Bytes(tree.Value-own.Value), unit.Bytes(own.Value))
}
