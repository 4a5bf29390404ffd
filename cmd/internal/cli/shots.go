package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// shots takes snapshots of one target: one at once, or as what was asked for comes about.
type shots struct {
	env      *environment
	w        *watch
	to       destination
	note     string
	gc       bool // force a collection before each
	every    time.Duration
	when     *condition
	approach *approach
	duration time.Duration

	paths    []string  // written
	first    time.Time // of the first reading
	last     time.Time
	periods  int // of every that are over
	highest  sampler.Reading
	done     bool      // when was met
	pending  string    // why a snapshot is taken once the collection is over; "" for none
	forced   time.Time // when that was
	told     lines     // tells warnings once
	progress *progress
}

// waits reports whether there is anything but "now" to wait for.
func (s *shots) waits() bool { return s.every > 0 || s.when != nil || s.approach != nil }

// finished reports whether everything asked for came about.
func (s *shots) finished() bool {
	return s.every == 0 && (s.when == nil || s.done) && (s.approach == nil || len(s.approach.levels) == 0)
}

// slack is how early a reading may be for what is due every so often.
func (s *shots) slack() time.Duration { return min(s.every/2, 100*time.Millisecond) }

// grace is how long after the duration a late reading is waited for: longer where a snapshot of a series is due by then.
func (s *shots) grace() time.Duration {
	const least, most = 100 * time.Millisecond, 3 * time.Second
	if s.every == 0 || s.duration < s.every {
		return least
	}
	return min(s.every, most)
}

// run returns nil when everything was done, or the duration was over and all that was due by then was done.
func (s *shots) run(ctx context.Context) error {
	s.progress, s.told = newProgress(s.env.Err), lines{stderr: s.env.Err}
	defer s.progress.clear()
	if s.duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, s.duration+s.grace(), errOver)
		defer stop()
	}
	for {
		select {
		case <-ctx.Done():
			return s.over(context.Cause(ctx))
		case ev, open := <-s.w.Events():
			if !open {
				return fmt.Errorf("%s: %w", s.w.Info().Name, sampler.ErrGone)
			}
			if end, err := s.take(ctx, ev); end || err != nil {
				if errors.Is(err, errOver) {
					return s.over(errOver)
				}
				return err
			}
		}
	}
}

// over says whether the end of the time leaves what was asked for undone.
func (s *shots) over(cause error) error {
	switch {
	case !errors.Is(cause, errOver):
		return cause
	case s.when != nil && !s.done:
		s.progress.clear()
		return fmt.Errorf("%s did not come about within %s: %s", s.when.text, s.duration, s.highestWords())
	case s.last.IsZero():
		return fmt.Errorf("%s was not read within %s", s.w.Info().Name, s.duration)
	case s.pending != "":
		return fmt.Errorf("%s: the collection before the snapshot did not end within %s", s.w.Info().Name, s.duration)
	}
	if a := s.approach; a != nil && len(s.paths) == 0 {
		s.progress.clear()
		printLines(s.env.Err, "heaptop: ", "no snapshot was taken: "+a.words())
	}
	return nil
}

func (s *shots) highestWords() string {
	if !s.highest.OK {
		return s.when.name + " was not read"
	}
	return s.when.name + " was " + unit.Bytes(s.highest.Value) + " at most"
}

// take looks at one event. end says that there is nothing more to wait for.
func (s *shots) take(ctx context.Context, ev sampler.Event) (end bool, err error) {
	switch {
	case errors.Is(ev.Err, sampler.ErrGone):
		return true, s.gone(ev)
	case ev.Err != nil:
		s.progress.clear()
		s.told.tell(ev.Err.Error())
		return false, nil
	}
	if s.first.IsZero() {
		s.first = ev.Snapshot.Time
	}
	s.last = ev.Snapshot.Time
	why, due := s.due(ev.Snapshot)
	switch {
	case s.pending != "" && !s.forced.IsZero() && ev.Snapshot.Time.After(s.forced):
		why, due, s.pending, s.forced = s.pending, true, "", time.Time{}
	case due && s.gc:
		if s.pending == "" {
			s.pending = why
		} else {
			s.pending += ", " + why
		}
		due = false
	}
	if s.pending != "" && s.forced.IsZero() {
		return false, s.collect(ctx)
	}
	if due {
		if err := s.shoot(ctx, ev, why); err != nil {
			return false, err
		}
	}
	if s.pending == "" && s.finished() {
		return true, nil
	}
	s.tellProgress(ev.Snapshot)
	return s.pending == "" && s.every > 0 && s.duration > 0 && ev.Snapshot.Time.Sub(s.first) >= s.duration-s.slack(), nil
}

// due returns why a snapshot is to be taken now, in words.
func (s *shots) due(snap *sampler.Snapshot) (why string, due bool) {
	if !s.waits() {
		return "asked for", s.pending == "" && len(s.paths) == 0
	}
	var reasons []string
	if s.every > 0 && snap.Time.Sub(s.first) >= time.Duration(s.periods)*s.every-s.slack() {
		s.periods = int((snap.Time.Sub(s.first)+s.slack())/s.every) + 1
		reasons = append(reasons, "every "+s.every.String())
	}
	if s.when != nil && !s.done {
		v := snap.Reading(s.when.metric)
		if v.OK && (!s.highest.OK || v.Value > s.highest.Value) {
			s.highest = v
		}
		if v.OK && s.when.met(v.Value) {
			s.done = true
			reasons = append(reasons, s.when.text+": "+unit.Bytes(v.Value))
		}
	}
	if s.approach != nil {
		if words, ok := s.approach.reached(snap); ok {
			reasons = append(reasons, words)
		}
	}
	return strings.Join(reasons, ", "), len(reasons) > 0
}

// deeperWait is how long is waited for a source that can force a collection to be found.
const deeperWait = 3 * time.Second

// collect forces a collection. A source that can is found a little after the target was opened; until then nothing is
// done, and the next reading tries again.
func (s *shots) collect(ctx context.Context) error {
	within, stop := context.WithTimeout(ctx, takeTimeout)
	defer stop()
	err := s.tryCollect(within)
	switch {
	case err == nil:
		s.forced = time.Now()
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, sampler.ErrUnsupported) && s.last.Sub(s.first) < deeperWait:
		return nil
	}
	return &hinted{err, "without --gc the snapshot is of the heap as it is"}
}

// tryCollect does not collect where that would write into the target: there is nobody to ask.
func (s *shots) tryCollect(ctx context.Context) error {
	return s.w.Do(ctx, func(ctx context.Context, session sampler.Session) error {
		c, ok := session.(sampler.Collector)
		if !ok {
			return fmt.Errorf("force a collection: it takes a Go program with heaptop's agent or a pprof endpoint (%w)", sampler.ErrUnsupported)
		}
		if err := c.CanCollect(); err != nil {
			return fmt.Errorf("force a collection: %w", err)
		}
		if a, ok := session.(sampler.CollectConfirmer); ok && a.ConfirmCollect() != "" {
			return fmt.Errorf("force a collection: it would %s, and nobody is here to agree", a.ConfirmCollect())
		}
		return c.Collect(ctx)
	})
}

// shoot takes a snapshot and writes it.
func (s *shots) shoot(ctx context.Context, ev sampler.Event, why string) error {
	note := s.note
	if s.when != nil || s.approach != nil { // what came about is worth keeping
		note = strings.TrimPrefix(note+"; "+why, "; ")
	}
	snap, err := takeSnapshot(ctx, s.w, ev, note)
	if err != nil {
		return err
	}
	s.progress.clear()
	path, err := s.to.write(snap)
	if path != "" {
		s.paths = append(s.paths, path)
	}
	if err != nil {
		return err
	}
	printLines(s.env.Err, "heaptop: ", "wrote "+path+s.contents(snap, why))
	for _, w := range snap.Sample.Warnings {
		s.told.tell(w.Error())
	}
	return nil
}

// contents says in words what is in a snapshot.
func (s *shots) contents(snap *capture.Snapshot, why string) string {
	var parts []string
	if s.waits() {
		parts = append(parts, why)
	}
	if s.to.profile {
		parts = append(parts, "heap profile alone")
		return ": " + strings.Join(parts, ", ")
	}
	if rss, ok := snap.Sample.Get(sampler.ProcessRSS); ok {
		parts = append(parts, "RSS "+unit.Bytes(rss))
	}
	for _, p := range []struct {
		has  bool
		name string
	}{{snap.Heap != nil, "heap profile"}, {snap.Goroutine != nil, "goroutines"}, {snap.Mappings != nil, "mappings"}} {
		if p.has {
			parts = append(parts, p.name)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// tellProgress says what is waited for, and how far it is.
func (s *shots) tellProgress(snap *sampler.Snapshot) {
	if !s.waits() {
		return
	}
	var parts []string
	if s.when != nil && !s.done {
		parts = append(parts, fmt.Sprintf("waiting for %s: %s now", s.when.text, cell(snap.Reading(s.when.metric), unit.Bytes)))
	}
	if a := s.approach; a != nil && len(a.levels) > 0 {
		if a.known {
			parts = append(parts, fmt.Sprintf("waiting for %s of %s (%s): %s now", unit.Percent(a.levels[0]), unit.Bytes(a.last.Bytes), a.last.Name,
				unit.Percent(a.last.Used/a.last.Bytes)))
		} else {
			parts = append(parts, "waiting for a limit: none is known yet; --limit rss=500MB sets one")
		}
	}
	if s.every > 0 {
		next := s.first.Add(time.Duration(s.periods) * s.every)
		parts = append(parts, fmt.Sprintf("%d written, the next in %s", len(s.paths), unit.Duration(max(0, next.Sub(snap.Time)))))
	}
	s.progress.say(snap.Time, strings.Join(parts, "; ")+"; "+unit.Duration(snap.Time.Sub(s.first))+" so far")
}

// gone says whether the end of the target leaves what was asked for undone.
func (s *shots) gone(ev sampler.Event) error {
	s.progress.clear()
	name := s.w.Info().Name
	var end *sampler.Gone
	if !errors.As(ev.Err, &end) {
		end = &sampler.Gone{At: time.Now(), Reason: ev.Err.Error()}
	}
	switch {
	case s.last.IsZero():
		return fmt.Errorf("%s ended before it could be read: %w", name, end)
	case s.pending != "":
		return fmt.Errorf("%s ended before the snapshot could be taken: %w", name, end)
	case s.when != nil && !s.done:
		return fmt.Errorf("%s ended before %s: %s: %w", name, s.when.text, s.highestWords(), end)
	case died(end), s.duration > 0:
		return fmt.Errorf("%s %w", name, end)
	}
	printLines(s.env.Err, "heaptop: ", name+" "+end.Error())
	return nil
}
