package sampler

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// job is one use of the session: a reading, or what Do was given.
type job struct {
	run     func(context.Context) error
	callers context.Context // of the caller of Do; nil for a reading
	begun   time.Time
	cancel  context.CancelFunc
	done    chan struct{} // closed when run has returned; what follows may be read then
	err     error
	info    *Info // of a reading; nil when the session does not say
}

// start runs the job on a goroutine of its own, so that one which hangs does not take the loop with it.
func (j *job) start(ctx context.Context) {
	j.begun = time.Now()
	go func() {
		defer close(j.done)
		j.err = errors.New("the session ended its goroutine") // unless it returns
		defer func() {
			if v := recover(); v != nil {
				j.err = &Panic{Value: v, Stack: debug.Stack()}
			}
		}()
		j.err = j.run(ctx)
	}()
}

// watchLoop is the state of Watcher.Run, used by its goroutine alone.
type watchLoop struct {
	w        *Watcher
	ctx      context.Context
	emit     func(Event)
	tick     *time.Timer
	stuck    *time.Timer // runs while a reading does
	next     time.Time   // when the next reading is due
	last     time.Time   // when the last one was; zero before the first
	late     bool        // a reading came due while Do ran
	busy     *job        // nil when nobody uses the session
	snapshot Snapshot    // the session's to reuse; ours only while busy is nil
	info     Info        // the last known
	cost     costMeter
	clock    clock
}

func newWatchLoop(w *Watcher, ctx context.Context, emit func(Event)) *watchLoop {
	now := time.Now()
	l := &watchLoop{w: w, ctx: ctx, emit: emit, tick: time.NewTimer(0), stuck: time.NewTimer(time.Hour), next: now}
	l.stuck.Stop()
	l.cost.begun = now
	return l
}

func (l *watchLoop) run() error {
	for {
		if l.ctx.Err() != nil {
			return nil
		}
		jobs, done := l.w.jobs, (chan struct{})(nil)
		if l.busy != nil {
			jobs, done = nil, l.busy.done
		}
		select {
		case <-l.ctx.Done():
			return nil
		case <-l.w.changed:
			l.reschedule()
		case <-l.tick.C:
			l.due()
		case <-l.stuck.C:
			l.reportStuck()
		case j := <-jobs:
			l.do(j)
		case <-done:
			if err := l.finish(); err != nil {
				return err
			}
		}
	}
}

// reschedule starts a new grid, an interval after the last reading or now when that is past. The first reading is due at
// once whatever the interval is.
func (l *watchLoop) reschedule() {
	if l.last.IsZero() {
		return
	}
	l.next = l.last.Add(l.w.Interval())
	if now := time.Now(); l.next.Before(now) {
		l.next = now
	}
	l.tick.Reset(time.Until(l.next))
}

// due starts the reading that has come due, or skips it while the session is in use, and sets the time of the next one.
func (l *watchLoop) due() {
	interval := l.w.Interval()
	l.last = l.next
	l.next = l.next.Add(interval)
	if behind := time.Since(l.next); behind >= 0 {
		skipped := behind/interval + 1
		l.last, l.next = l.last.Add(skipped*interval), l.next.Add(skipped*interval)
	}
	l.tick.Reset(time.Until(l.next))
	switch {
	case l.busy == nil:
		l.read()
	case l.busy.callers != nil:
		l.late = true
	}
}

func (l *watchLoop) read() {
	l.late = false
	ctx, cancel := context.WithTimeout(l.ctx, l.w.timeout)
	j := &job{cancel: cancel, done: make(chan struct{})}
	j.run = func(ctx context.Context) error {
		err := l.w.session.Read(ctx, &l.snapshot) // the loop leaves the snapshot alone meanwhile
		if d, ok := l.w.session.(Describer); ok {
			info := d.Describe()
			j.info = &info
		}
		return err
	}
	l.busy = j
	j.start(ctx)
	l.stuck.Reset(l.w.timeout + stuckGrace)
}

// do starts what Do was given, in a context that ends with its caller's and with the watch.
func (l *watchLoop) do(j *job) {
	ctx, cancel := context.WithCancel(j.callers)
	unhook := context.AfterFunc(l.ctx, cancel)
	j.cancel = func() { unhook(); cancel() }
	l.busy = j
	j.start(ctx)
}

// finish takes the result of the job that has ended; its error ends the watch.
func (l *watchLoop) finish() error {
	j := l.busy
	l.busy = nil
	l.stuck.Stop()
	j.cancel()
	if j.info != nil {
		l.info = *j.info
	}
	took := time.Since(j.begun)
	if j.callers != nil {
		l.cost.add(time.Now(), took)
		if l.late {
			l.read()
		}
		return nil
	}
	if l.ctx.Err() != nil {
		return nil
	}
	if j.err != nil {
		l.cost.add(time.Now(), took)
		l.emitErr(readError(j.err, l.w.timeout))
		if errors.Is(j.err, ErrGone) {
			return j.err
		}
		return nil
	}
	if l.snapshot.Took > 0 {
		took = l.snapshot.Took
	}
	l.cost.add(time.Now(), took)
	if set := l.clock.look(l.snapshot.Time); set != nil {
		l.snapshot.Warn(set)
	}
	l.emit(Event{Snapshot: l.snapshot.Clone(), Info: l.info, Cost: l.cost.share(time.Now(), l.w.Interval())})
	return nil
}

func readError(err error, timeout time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("reading given up after %v: %w", timeout, err)
	}
	return err
}

// reportStuck tells that the reading has not returned though its time is over.
func (l *watchLoop) reportStuck() {
	if l.busy == nil || l.busy.callers != nil {
		return
	}
	waited := time.Since(l.busy.begun).Round(time.Second / 10)
	l.emitErr(fmt.Errorf("no answer for %v, and the session does not give up: %w", waited, context.DeadlineExceeded))
	l.stuck.Reset(l.w.timeout)
}

func (l *watchLoop) emitErr(err error) {
	l.emit(Event{Err: err, Info: l.info, Cost: l.cost.share(time.Now(), l.w.Interval())})
}

// stop ends the timers and waits a little for the session to return.
func (l *watchLoop) stop() {
	l.tick.Stop()
	l.stuck.Stop()
	if l.busy == nil {
		return
	}
	l.busy.cancel()
	wait := time.NewTimer(endGrace)
	defer wait.Stop()
	select {
	case <-l.busy.done:
	case <-wait.C:
	}
}

// costMeter sums what readings took, by second, over the last minute.
type costMeter struct {
	begun   time.Time
	seconds [60]struct {
		second int64
		took   time.Duration
	}
}

// second counts from the beginning of the watch: the wall clock may be set back.
func (c *costMeter) second(now time.Time) int64 { return int64(now.Sub(c.begun) / time.Second) }

// add counts a reading that ended at now.
func (c *costMeter) add(now time.Time, took time.Duration) {
	second := c.second(now)
	slot := &c.seconds[second%int64(len(c.seconds))]
	if slot.second != second {
		slot.second, slot.took = second, 0
	}
	slot.took += took
}

// share returns the part of the last minute, or of the time since the watch began, but at least of one interval, that
// readings took.
func (c *costMeter) share(now time.Time, interval time.Duration) float64 {
	var sum time.Duration
	for _, slot := range c.seconds {
		if c.second(now)-slot.second < int64(len(c.seconds)) {
			sum += slot.took
		}
	}
	elapsed := max(min(now.Sub(c.begun), time.Minute), interval)
	return min(float64(sum)/float64(elapsed), 1)
}
