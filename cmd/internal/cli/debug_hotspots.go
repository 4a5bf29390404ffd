package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

const hotspotsLong = `Where memory is: the allocation sites of a Go program that hold the most; where garbage comes from: the sites that allocate
what soon dies; where memory stays: the sites that keep what they allocate, and those that grow; the largest goroutine
stacks; and the size classes with the most unused room.

A heap profile is a sample: each figure is given with its uncertainty, one standard deviation. What allocates and what
grows takes two of them, --monitoring-duration apart; 0 leaves that out. Of a recording they are its first and its last,
or as far apart as asked for.

--holders also follows every pointer of the heap and tells who holds the objects of each site: the variables and
goroutines that keep them alive, and the way to them. The program is not stopped for it, and nothing is written into it; a
heap of 1 GB takes about a second. It needs a Go process of this machine whose memory heaptop may read.

Ctrl-C ends the watch and reports on what was seen until then.

Exit codes: 0 done; 2 could not measure: no such process, no permission, it tells no allocation sites, it ended; 3 what was
typed is wrong, or the file is none that can be read; 130 interrupted.`

const hotspotsExample = `  heaptop debug hotspots 4242
  heaptop debug hotspots --holders --threshold 5MB api-server
  heaptop debug hotspots --monitoring-duration 1m --format json --output hot.json http://localhost:6060
  heaptop debug hotspots --monitoring-duration 0 --format markdown before.heapsnap`

// hotspots are the options of heaptop debug hotspots.
type hotspots struct {
	env       *environment
	target    sampler.Target
	duration  time.Duration // between the profiles; 0: only one is read
	given     bool          // duration was typed
	holders   bool
	threshold float64
	format    string
	output    string
}

func newHotspots(env *environment) *cobra.Command {
	o := &hotspots{env: env, duration: 10 * time.Second, format: "text", threshold: 1e6}
	c := &cobra.Command{
		Use:               "hotspots TARGET|FILE",
		Short:             "Which code holds memory, makes garbage, keeps what it allocates; and who holds it",
		Long:              hotspotsLong,
		Example:           hotspotsExample,
		ValidArgsFunction: completeTarget,
		RunE: func(c *cobra.Command, args []string) error {
			t, err := debugTarget(c, args, false)
			if err != nil {
				return err
			}
			o.target, o.given = t, c.Flags().Changed("monitoring-duration")
			if err := holdersOf(t, o.holders); err != nil {
				return err
			}
			if o.given && o.duration > 0 && t.Kind == sampler.KindFile && strings.HasSuffix(t.Path, capture.Extension) {
				return usagef("", "--monitoring-duration makes no sense with a snapshot, which is one moment")
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&span{&o.duration, 0, 1000 * time.Hour}, "monitoring-duration", "how long to watch what allocates and what grows; 0 skips it")
	f.BoolVar(&o.holders, "holders", false, "also tell who holds the objects, by following every pointer of the heap")
	f.Var(&size{&o.threshold}, "threshold", "list only sites that hold at least this much; 0 lists all")
	bindReport(c, &o.format, &o.output)
	return c
}

// run reads the target and reports; what was seen is reported too when the watch ended early.
func (o *hotspots) run(ctx context.Context) error {
	s, err := openAny(ctx, o.env, o.target)
	if err != nil {
		return cause(ctx, err)
	}
	defer s.close()
	r := &analysis.Findings{Schema: analysis.FindingsSchema, Command: "hotspots", Time: time.Now()}
	l := &hotLook{o: o, s: s, r: r, in: &analysis.HotspotInput{Threshold: o.threshold}, history: sampler.NewHistory()}
	if s.past != nil {
		err = l.recorded(ctx)
	} else {
		err = l.live(ctx)
	}
	if err != nil && !l.seen() {
		return cause(ctx, withWayOut(s, err))
	}
	r.Target = s.describe()
	r.Findings = analysis.FindHotspots(l.in)
	if failed := writeReport(o.env, o.output, func() ([]byte, error) { return findings(r, o.format) }); failed != nil {
		return failed
	}
	return cause(ctx, err)
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
	if !errors.Is(err, sampler.ErrUnsupported) {
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
