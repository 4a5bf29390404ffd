package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const optimizeLong = `What could be better: advice from what was measured, with what it gains and what it costs.

The target is watched for the time given. Then each piece of advice is printed with the numbers behind it: another GOGC
or GOMEMLIMIT, with what each setting would cost; free memory that is not returned; huge pages that hold it; goroutines
that wait for ever; sites whose objects die at once; slices and maps that grow; memory outside the Go heap; stacks. Where
nothing is found, nothing is advised. Of a recording all of its time is looked at; a snapshot is one moment, and tells less.
Nothing is written into the target.

Exit codes: 0 done, with advice or without; 2 could not measure; 3 what was typed is wrong, or the file is none that can
be read; 130 interrupted: what was seen until then is reported.`

const optimizeExample = `  heaptop debug optimize 4242
  heaptop debug optimize --monitoring-duration 2m api-server
  heaptop debug optimize --format markdown --output advice.md http://localhost:6060
  heaptop debug optimize night.heaprec`

// optimize are the options of heaptop debug optimize.
type optimize struct {
	env      *environment
	target   sampler.Target
	duration time.Duration
	format   string
	output   string
}

func newOptimize(env *environment) *cobra.Command {
	o := &optimize{env: env, format: "text", duration: 10 * time.Second}
	c := &cobra.Command{
		Use:               "optimize TARGET|FILE",
		Short:             "What could be better, with what it gains and costs",
		Long:              optimizeLong,
		Example:           optimizeExample,
		ValidArgsFunction: completeTarget,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.target, err = debugTarget(c, args, false); err != nil {
				return err
			}
			if o.target.Kind == sampler.KindFile && c.Flags().Changed("monitoring-duration") {
				return usagef("", "--monitoring-duration goes with a target that lives, and %s is a file", o.target.Path)
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&span{&o.duration, time.Second, 1000 * time.Hour}, "monitoring-duration", "how long to watch; a program that collects rarely needs longer")
	bindReport(c, &o.format, &o.output)
	return c
}

// run watches the target, or reads the file, and reports.
func (o *optimize) run(ctx context.Context) error {
	s, err := openAny(ctx, o.env, o.target)
	if err != nil {
		return cause(ctx, err)
	}
	defer s.close()
	l := &optimizeLook{o: o, s: s, in: &analysis.AdviceInput{}, history: sampler.NewHistory()}
	l.r = &analysis.Findings{Schema: analysis.FindingsSchema, Command: "optimize"}
	if s.past != nil {
		err = l.recorded(ctx)
	} else {
		err = l.live(ctx)
	}
	if err != nil {
		return cause(ctx, err)
	}
	r := l.r
	r.Time, r.Target = l.last.Time, s.describe()
	r.Findings = analysis.Advise(l.in)
	r.Warnings = unique(r.Warnings)
	if err := writeReport(o.env, o.output, func() ([]byte, error) { return findings(r, o.format) }); err != nil {
		return err
	}
	return cause(ctx, nil)
}

// unique leaves out what was said before.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// optimizeLook reads what advice is based on.
type optimizeLook struct {
	o       *optimize
	s       *subject
	r       *analysis.Findings
	in      *analysis.AdviceInput
	history *sampler.History // of the watch: when collections ended
	last    sampler.Snapshot
}

func (l *optimizeLook) warn(format string, args ...any) {
	l.r.Warnings = append(l.r.Warnings, fmt.Sprintf(format, args...))
}

// read takes a reading.
func (l *optimizeLook) read(ctx context.Context) error {
	if err := l.s.session.Read(ctx, &l.last); err != nil {
		return err
	}
	l.add(&l.last)
	return nil
}

func (l *optimizeLook) add(s *sampler.Snapshot) {
	l.in.Record.Add(s)
	l.history.Add(s)
}

// live watches the target for the time given, or until the user has seen enough, or it ends.
func (l *optimizeLook) live(ctx context.Context) error {
	if err := l.read(ctx); err != nil {
		return err
	}
	golang := l.s.isGo(&l.last)
	l.in.From = l.point(l.s.heapIfAny(ctx, l.r, golang))
	l.in.GoroutinesFrom = l.s.goroutines(ctx, l.r, golang)
	if ended := l.watch(ctx); ended != nil {
		l.warn("the target %s: this is what was seen until then", plainly(ended))
		return nil
	}
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer stop()
	l.in.Maps = l.s.mappings(last, l.r)
	if err := l.read(last); err != nil {
		l.warn("the last reading could not be made: %s", plainly(err))
	}
	l.in.To = l.point(l.s.heapIfAny(last, l.r, golang))
	l.in.Goroutines = l.s.goroutines(last, l.r, golang)
	for _, w := range l.last.Warnings {
		l.warn("%s", plainly(w))
	}
	return nil
}

// The pace of watching: often enough to see collections and short stays of free memory, at a cost that is none.
const (
	adviceReadings = 200
	fastAdvice     = 50 * time.Millisecond
	slowAdvice     = time.Second
)

// watch reads until the time is over. The error says why the target cannot be read any longer.
func (l *optimizeLook) watch(ctx context.Context) error {
	bar := newProgress(l.o.env.Err)
	defer bar.clear()
	clock := time.NewTicker(min(max(l.o.duration/adviceReadings, fastAdvice), slowAdvice))
	defer clock.Stop()
	begin := time.Now()
	for {
		select {
		case <-ctx.Done():
			l.warn("interrupted after %s: this is what was seen until then", unit.Duration(time.Since(begin)))
			return nil
		case <-clock.C:
		}
		if err := l.read(ctx); errors.Is(err, sampler.ErrGone) {
			return err
		}
		watched := time.Since(begin)
		if watched >= l.o.duration {
			return nil
		}
		bar.say(time.Now(), fmt.Sprintf("watching %s: %s of %s", l.s.describe().Name, unit.Duration(watched.Round(time.Second)), unit.Duration(l.o.duration)))
	}
}

// point is the moment of the last reading, with a heap profile.
func (l *optimizeLook) point(heap *profile.Heap) analysis.TracePoint {
	return analysis.TracePoint{Snapshot: l.last.Clone(), Cycles: l.history.Cycles(), Heap: heap}
}

// recorded reads a file: all its readings, and what it holds of its beginning and its end.
func (l *optimizeLook) recorded(ctx context.Context) error {
	past := l.s.past
	for m, err := range past.All() {
		if err != nil {
			return &usageError{err, ""}
		}
		if m.Snapshot == nil {
			continue
		}
		l.add(m.Snapshot)
		l.last = *m.Snapshot
		if l.in.From.Heap != nil || ctx.Err() != nil {
			continue
		}
		if raw, err := past.HeapAt(m.Snapshot.Time); err == nil {
			if heap, err := profile.ParseHeap(*raw); err == nil {
				l.in.From = l.point(&heap)
			}
		}
		if g, err := past.GoroutinesAt(m.Snapshot.Time); err == nil && l.in.GoroutinesFrom == nil {
			l.in.GoroutinesFrom = g
		}
	}
	golang := l.s.isGo(&l.last)
	l.in.To = l.point(l.s.heapIfAny(ctx, l.r, golang))
	l.in.Goroutines = l.s.goroutines(ctx, l.r, golang)
	l.in.Maps = l.s.mappings(ctx, l.r)
	if l.in.Record.Span() == 0 {
		l.warn("a snapshot is one reading: what happens over time, such as the collector's work, is not known")
		l.in.From, l.in.GoroutinesFrom = analysis.TracePoint{}, nil
	}
	return ctx.Err()
}
