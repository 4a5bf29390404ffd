package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const optimizeLong = `What could be better: advice from what was measured, with what it gains and what it costs.

The target is watched for the time given. Then each piece of advice is printed with the numbers behind it: another GOGC
or GOMEMLIMIT, with what each setting would cost; free memory that is not returned; huge pages that hold it; goroutines
that wait for ever; sites whose objects die at once; slices and maps that grow; memory outside the Go heap; stacks. Where
nothing is found, nothing is advised. Nothing is written into the target.

Exit codes: 0 done, with advice or without; 2 could not measure; 3 what was typed is wrong, or the file is none that can
be read; 130 interrupted: what was seen until then is reported.`

const optimizeExample = `  heaptop debug optimize 4242
  heaptop debug optimize --monitoring-duration 2m api-server
  heaptop debug optimize --format markdown --output advice.md http://localhost:6060
  heaptop debug optimize before.heapsnap`

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
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.readArgs(c, args); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&span{&o.duration, time.Second, 1000 * time.Hour}, "monitoring-duration", "how long to watch; a program that collects rarely needs longer")
	f.Var(&choice{&o.format, debugFormats(), "unknown format, debug knows"}, "format", "how to show it")
	f.StringVar(&o.output, "output", "", "write to this `FILE`, complete or not at all")
	if err := c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(debugFormats(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was bound above
	}
	return c
}

func (o *optimize) readArgs(c *cobra.Command, args []string) error {
	const help = "see heaptop debug optimize --help"
	switch {
	case c.ArgsLenAtDash() >= 0:
		return usagef("start it first, then name its process: heaptop debug optimize PID", "heaptop debug looks into a program that runs, and starts none")
	case len(args) == 0:
		return usagef(help, "name a process, a URL or a snapshot to look into")
	case len(args) > 1:
		return usagef(help, "%d targets: one at a time", len(args))
	}
	t, err := sampler.ParseTarget(args[0])
	if err != nil {
		return &usageError{err, help}
	}
	if t.Kind == sampler.KindRedis {
		return usagef("", "%s: only processes and Go programs can be advised on", t.URL)
	}
	o.target = t
	return nil
}

// run watches the target and reports.
func (o *optimize) run(ctx context.Context) error {
	s, err := openSubject(ctx, o.env, o.target)
	if err != nil {
		return cause(ctx, err)
	}
	defer s.close()
	r := &analysis.Findings{Schema: analysis.FindingsSchema, Command: "optimize", Target: s.describe()}
	var in *analysis.AdviceInput
	if s.session == nil {
		in, err = adviceOfSnapshot(s.snapshot)
	} else {
		in, err = o.watch(ctx, s)
	}
	if err != nil {
		return cause(ctx, err)
	}
	if r.Time = in.Record.Last().Time; s.session != nil {
		r.Target = s.describe() // a deeper source may have appeared
	}
	r.Findings = analysis.Advise(in)
	r.Warnings = append(r.Warnings, in.Warnings...)
	if err := writeReport(o.env, o.output, func() ([]byte, error) { return findings(r, o.format) }); err != nil {
		return err
	}
	return cause(ctx, nil)
}

// adviceOfSnapshot is what one reading tells: no rates.
func adviceOfSnapshot(snap *capture.Snapshot) (*analysis.AdviceInput, error) {
	in := &analysis.AdviceInput{Maps: snap.Mappings}
	if snap.Sample == nil {
		return nil, errors.New("the snapshot holds no reading")
	}
	in.Record.Add(snap.Sample)
	in.Warn("a snapshot is one reading: what happens over time, such as the collector's work, is not known")
	if snap.Heap != nil {
		if heap, err := profile.ParseHeap(*snap.Heap); err == nil {
			in.Heap = &heap
		} else {
			in.Warn(err.Error())
		}
	}
	return in, nil
}

// The pace of watching: often enough to see collections and short stays of free memory, at a cost that is none.
const (
	mostReadings    = 200
	shortestReading = 50 * time.Millisecond
	longestReading  = time.Second
	lastWithin      = 10 * time.Second // for what is read at the end, after an interrupt too
)

// watch reads the target for the time given, or until the user has seen enough.
func (o *optimize) watch(ctx context.Context, s *subject) (*analysis.AdviceInput, error) {
	in := &analysis.AdviceInput{}
	var snap sampler.Snapshot
	if err := s.session.Read(ctx, &snap); err != nil {
		return nil, err
	}
	in.Record.Add(&snap)
	in.HeapFrom = o.heap(ctx, s, in)
	in.GoroutinesFrom = o.goroutines(ctx, s, in)
	ended := o.readings(ctx, s, &snap, in)
	if ended != nil {
		in.Warn("the target " + plainly(ended))
		return in, nil
	}
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
	defer stop()
	in.Heap = o.heap(last, s, in)
	in.Goroutines = o.goroutines(last, s, in)
	if m, ok := s.session.(sampler.Mapper); ok {
		if maps, err := m.Mappings(last); err == nil {
			in.Maps = &maps
		} else if !errors.Is(err, sampler.ErrUnsupported) && !errors.Is(err, sampler.ErrBudget) {
			in.Warn(plainly(err))
		}
	}
	for _, w := range snap.Warnings {
		in.Warn(plainly(w))
	}
	return in, nil
}

// readings takes readings until the time is over, and returns why the target cannot be read any longer.
func (o *optimize) readings(ctx context.Context, s *subject, snap *sampler.Snapshot, in *analysis.AdviceInput) error {
	bar := newProgress(o.env.Err)
	defer bar.clear()
	clock := time.NewTicker(min(max(o.duration/mostReadings, shortestReading), longestReading))
	defer clock.Stop()
	begin := time.Now()
	for {
		select {
		case <-ctx.Done():
			in.Warn("interrupted after " + unit.Duration(time.Since(begin).Round(time.Second)) + ": this is what was seen until then")
			return nil
		case <-clock.C:
		}
		err := s.session.Read(ctx, snap)
		switch {
		case errors.Is(err, sampler.ErrGone):
			return err
		case err == nil:
			in.Record.Add(snap)
		}
		watched := time.Since(begin)
		if watched >= o.duration {
			return nil
		}
		bar.say(time.Now(), fmt.Sprintf("watching %s: %s of %s", s.describe().Name, unit.Duration(watched.Round(time.Second)), unit.Duration(o.duration)))
	}
}

func (o *optimize) heap(ctx context.Context, s *subject, in *analysis.AdviceInput) *profile.Heap {
	p, ok := s.session.(sampler.HeapProfiler)
	if !ok {
		return nil
	}
	raw, err := p.HeapProfile(ctx)
	if err == nil {
		var heap profile.Heap
		if heap, err = profile.ParseHeap(raw); err == nil {
			return &heap
		}
	}
	if ctx.Err() == nil {
		in.Warn(plainly(err))
	}
	return nil
}

func (o *optimize) goroutines(ctx context.Context, s *subject, in *analysis.AdviceInput) *sampler.Goroutines {
	p, ok := s.session.(sampler.GoroutineProfiler)
	if !ok {
		return nil
	}
	g, err := p.Goroutines(ctx)
	if err != nil {
		if !errors.Is(err, sampler.ErrUnsupported) && ctx.Err() == nil {
			in.Warn(plainly(err))
		}
		return nil
	}
	return &g
}
