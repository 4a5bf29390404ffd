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
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const hotspotsLong = `Where memory is: the allocation sites of a Go program that hold the most.

A heap profile is a sample: each figure is given with its uncertainty, one standard deviation. --holders also follows
every pointer of the heap and tells who holds the objects of each site: the variables and goroutines that keep them
alive, and the way to them. The program is not stopped for it, and nothing is written into it; a heap of 1 GB takes about
a second. It needs a Go process of this machine whose memory heaptop may read.

Exit codes: 0 done; 2 could not measure: no such process, no permission, it tells no allocation sites; 3 what was typed
is wrong, or the file is none that can be read.`

const hotspotsExample = `  heaptop debug hotspots 4242
  heaptop debug hotspots --holders --threshold 5MB api-server
  heaptop debug hotspots --format json --output hot.json http://localhost:6060
  heaptop debug hotspots --format markdown before.heapsnap`

// hotspots are the options of heaptop debug hotspots.
type hotspots struct {
	env       *environment
	target    sampler.Target
	holders   bool
	threshold float64
	format    string
	output    string
}

func debugFormats() []string { return []string{"text", "json", "markdown"} }

func newHotspots(env *environment) *cobra.Command {
	o := &hotspots{env: env, format: "text", threshold: 1e6}
	c := &cobra.Command{
		Use:               "hotspots TARGET|FILE",
		Short:             "Which allocation sites hold the most, and who holds them",
		Long:              hotspotsLong,
		Example:           hotspotsExample,
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
	f.BoolVar(&o.holders, "holders", false, "also tell who holds the objects, by following every pointer of the heap")
	f.Var(&size{&o.threshold}, "threshold", "list only sites that hold at least this much; 0 lists all")
	f.Var(&choice{&o.format, debugFormats(), "unknown format, debug knows"}, "format", "how to show it")
	f.StringVar(&o.output, "output", "", "write to this `FILE`, complete or not at all")
	if err := c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(debugFormats(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was bound above
	}
	return c
}

// size is a flag that takes a number of bytes.
type size struct{ value *float64 }

func (s *size) String() string { return unit.Bytes(*s.value) }
func (s *size) Type() string   { return "SIZE" }

func (s *size) Set(text string) (err error) {
	*s.value, err = unit.ParseBytes(text)
	return err
}

func (o *hotspots) readArgs(c *cobra.Command, args []string) error {
	const help = "see heaptop debug hotspots --help"
	switch {
	case c.ArgsLenAtDash() >= 0:
		return usagef("start it first, then name its process: heaptop debug hotspots PID", "heaptop debug looks into a program that runs, and starts none")
	case len(args) == 0:
		return usagef(help, "name a process, a URL or a snapshot to look into")
	case len(args) > 1:
		return usagef(help, "%d targets: one at a time", len(args))
	}
	t, err := sampler.ParseTarget(args[0])
	if err != nil {
		return &usageError{err, help}
	}
	o.target = t
	switch t.Kind {
	case sampler.KindRedis:
		return usagef("", "%s: only Go programs tell allocation sites", t.URL)
	case sampler.KindFile:
		if o.holders {
			return usagef("name the running process", "--holders follows pointers, which a file does not hold")
		}
	}
	return nil
}

// run reads the target and reports.
func (o *hotspots) run(ctx context.Context) error {
	s, err := openSubject(ctx, o.env, o.target)
	if err != nil {
		return cause(ctx, err)
	}
	defer s.close()
	r := &analysis.Findings{Schema: analysis.FindingsSchema, Command: "hotspots", Time: time.Now(), Target: s.describe(), Warnings: []string{}}
	heap, err := s.heap(ctx, r)
	if err != nil && (!o.holders || !errors.Is(err, sampler.ErrUnsupported)) {
		return cause(ctx, withWayOut(s, err))
	}
	var walk *sampler.HeapWalk
	if o.holders {
		if err != nil {
			r.Warnings = append(r.Warnings, plainly(err))
		}
		if walk, err = s.walk(ctx, o.env, r); err != nil {
			return cause(ctx, err)
		}
	}
	r.Findings = analysis.Hotspots(heap, walk, o.threshold)
	return writeReport(o.env, o.output, func() ([]byte, error) { return findings(r, o.format) })
}

// cause prefers the signal that ended the context to the error that followed from it.
func cause(ctx context.Context, err error) error {
	var signal *interrupted
	if errors.As(context.Cause(ctx), &signal) {
		return signal
	}
	return err
}

// withWayOut adds what helps to a heap profile that could not be read.
func withWayOut(s *subject, err error) error {
	if s.session == nil || !errors.Is(err, sampler.ErrUnsupported) {
		return err
	}
	w, ok := s.session.(sampler.WalkChecker)
	if !ok || w.CanWalk() != nil {
		return err
	}
	pid := s.info.PID
	return &hinted{err, fmt.Sprintf("who holds the heap can be told all the same: heaptop debug hotspots --holders %d;\n"+
		"to record allocation sites from now on, without a restart: heaptop --allow-write %d, then the key P", pid, pid)}
}

// heapOf reads what a profile says, and refuses one that says nothing.
func heapOf(p sampler.Profile, r *analysis.Findings) (*profile.Heap, error) {
	heap, err := profile.ParseHeap(p)
	if err != nil {
		return nil, err
	}
	if len(heap.Sites) == 0 {
		return nil, fmt.Errorf("no allocation sites: %s: %w", heap.Empty, sampler.ErrUnsupported)
	}
	if !heap.Time.IsZero() {
		r.Time = heap.Time
	}
	r.Warnings = append(r.Warnings, heap.Warnings...)
	return &heap, nil
}
