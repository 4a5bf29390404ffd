package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

const analyzeLong = `The complete picture of one target: where its resident memory is and why there is so much of it, how far the limits are,
what the kernel counts, and of a Go program the collector, allocation sites, size classes and fragmentation, goroutines and
their stacks. Every table has the share of the total; what could not be read is said, and never 0.

Of a process that is not a Go program it is what the kernel knows: mappings by file, anonymous memory, stacks, shared pages.
Without a target it is the machine: what is available, pressure, the largest processes. Of a recording it is its end.

It reads once, and does not stop the target. --holders also follows every pointer of a Go heap, which tells types and who
holds the objects; see heaptop debug hotspots --help.

Exit codes: 0 done; 2 could not measure: no such process, no permission; 3 what was typed is wrong, or the file is none that
can be read; 130 interrupted.`

const analyzeExample = `  heaptop debug analyze
  heaptop debug analyze 4242
  heaptop debug analyze --holders api-server
  heaptop debug analyze --format markdown --output picture.md http://localhost:6060
  heaptop debug analyze --format json night.heaprec`

// analyze are the options of heaptop debug analyze.
type analyze struct {
	env       *environment
	target    sampler.Target
	holders   bool
	threshold float64
	format    string
	output    string
}

func newAnalyze(env *environment) *cobra.Command {
	o := &analyze{env: env, format: "text", threshold: 1e6}
	c := &cobra.Command{
		Use:               "analyze [TARGET|FILE]",
		Short:             "The complete picture of one target, or of the machine",
		Long:              analyzeLong,
		Example:           analyzeExample,
		ValidArgsFunction: completeTarget,
		RunE: func(c *cobra.Command, args []string) error {
			t, err := debugTarget(c, args, true)
			if err != nil {
				return err
			}
			o.target = t
			if t.Kind == sampler.KindMachine && o.holders {
				return usagef("name a running Go process", "--holders follows the pointers of one process")
			}
			if err := holdersOf(t, o.holders); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&o.holders, "holders", false, "also tell types and who holds the objects, by following every pointer of the heap")
	f.Var(&size{&o.threshold}, "threshold", "list only sites that hold at least this much; 0 lists all")
	bindReport(c, &o.format, &o.output)
	return c
}

// run reads the target once and reports.
func (o *analyze) run(ctx context.Context) error {
	r := &analysis.Findings{Schema: analysis.FindingsSchema, Command: "analyze", Time: time.Now()}
	var err error
	if o.target.Kind == sampler.KindMachine {
		err = o.machine(ctx, r)
	} else {
		err = o.process(ctx, r)
	}
	if err != nil {
		return cause(ctx, err)
	}
	return writeReport(o.env, o.output, func() ([]byte, error) { return findings(r, o.format) })
}

// machine reports on the whole machine.
func (o *analyze) machine(ctx context.Context, r *analysis.Findings) error {
	lister := newLister()
	defer func() { _ = lister.Close() }() // it only read
	var table sampler.ProcessTable
	if err := lister.List(ctx, sampler.ListOptions{All: true}, &table); err != nil {
		return fmt.Errorf("read the processes: %w", err)
	}
	r.Target = analysis.FindingTarget{Kind: string(sampler.KindMachine), Name: o.target.String(), Source: "proc"}
	r.Time = table.Time
	r.Findings = analysis.MachinePicture(&table)
	for _, w := range table.Warnings {
		r.Warnings = append(r.Warnings, plainly(w))
	}
	return nil
}

// process reports on one process, or on what a file tells of one.
func (o *analyze) process(ctx context.Context, r *analysis.Findings) error {
	s, err := openAny(ctx, o.env, o.target)
	if err != nil {
		return err
	}
	defer s.close()
	sight, err := o.look(ctx, s, r)
	if err != nil {
		return err
	}
	r.Time, r.Target = sight.Snapshot.Time, s.describe()
	found, warnings := analysis.Picture(sight)
	r.Findings = found
	r.Warnings = append(r.Warnings, warnings...)
	if s.info.Opaque {
		r.Warnings = append(r.Warnings, "the program could not be looked into: whether it is a Go program is not known")
	}
	if s.info.Source != "memory" && s.info.Source != "agent" { // the hints of those tell of other abilities than to see
		for _, hint := range s.info.Hints {
			printLines(o.env.Err, "heaptop: ", hint)
		}
	}
	return nil
}

// look reads all that the subject tells.
func (o *analyze) look(ctx context.Context, s *subject, r *analysis.Findings) (*analysis.Sight, error) {
	var snap sampler.Snapshot
	if err := s.session.Read(ctx, &snap); err != nil {
		return nil, err
	}
	for _, w := range snap.Warnings {
		r.Warnings = append(r.Warnings, plainly(w))
	}
	golang := s.isGo(&snap)
	sight := &analysis.Sight{Snapshot: &snap, Threshold: o.threshold}
	sight.Mappings = s.mappings(ctx, r)
	sight.Heap = s.heapIfAny(ctx, r, golang)
	sight.Goroutines = s.goroutines(ctx, r, golang)
	sight.Spans = s.spans(ctx, r, golang)
	if o.holders {
		walk, err := s.walk(ctx, o.env, r)
		if err != nil {
			return nil, err
		}
		sight.Walk = walk
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sight.Info = s.info
	return sight, nil
}
