package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

const snapshotLong = `Write a snapshot of a target: its readings, its heap profile, goroutines and mappings, in one file that heaptop opens,
compares (heaptop diff) and go tool pprof can read the heap.pb.gz of. With --pprof that profile is written alone.

It is taken at once, or as often as one of these comes about:
  --when 'rss>500MB'    once, when the metric is larger; the metrics are those of --limit
  --every 10m           at once and then every 10 minutes, until --duration is over or the target ends
  --at-limit            once at each of 80, 90 and 95 % of the nearest limit: the cgroup's, GOMEMLIMIT, the machine's, or
                        one of --limit; --at-limit=70,85 are percents of your own
A command behind -- is started, and ended with heaptop.

stdout has the path of each file, stderr what is in it. No file is ever replaced. Without -o, files go to --snapshot-dir
under names that tell the target and the time.

Exit codes: 0 done; 2 could not measure, or --when did not come about; 3 what was typed is wrong, or there is a file of
that name; 130 interrupted.`

const snapshotExample = `  heaptop snapshot 4242 -o before.heapsnap
  heaptop snapshot api-server --note "after the import" --gc
  heaptop snapshot --pprof -o heap.pb.gz http://localhost:6060
  heaptop snapshot --when 'rss>500MB' -o big.heapsnap 4242
  heaptop snapshot --at-limit -- ./server -x
  heaptop snapshot --every 10m --duration 8h --snapshot-dir night 4242`

// snapshot are the options of heaptop snapshot.
type snapshot struct {
	live   *live // the target, and how it is read
	path   string
	pprof  bool
	note   string
	gc     bool
	when   *condition
	every  time.Duration
	levels []float64
}

// leastEvery is the shortest time between two snapshots: a heap profile from an endpoint stops the target.
const leastEvery = time.Second

// maxNote is the longest note.
const maxNote = 4096

func newSnapshot(env *environment) *cobra.Command {
	o := &snapshot{live: newLive(env)}
	o.live.format = "text"
	c := &cobra.Command{
		Use:     "snapshot TARGET | -- COMMAND...",
		Short:   "Write a snapshot of a target, now or when something happens",
		Long:    snapshotLong,
		Example: snapshotExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			o.live.given = c.Flags().Changed
			if err := o.live.readArgs(c, args); err != nil {
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			return o.run(c.Context())
		},
		ValidArgsFunction: completeTarget,
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVarP(&o.path, "output", "o", "", "write this `FILE`, which must not be there")
	f.BoolVar(&o.pprof, "pprof", false, "write the heap profile alone, as go tool pprof opens it")
	f.StringVar(&o.note, "note", "", "keep this `TEXT` in the snapshot")
	f.BoolVar(&o.gc, "gc", false, "force a garbage collection before it, where the target can be asked to")
	f.Var(&when{&o.when}, "when", "take it when this comes about, such as 'rss>500MB'")
	f.Var(&span{&o.every, leastEvery, 1000 * time.Hour}, "every", "take one so often")
	f.Var(&levels{&o.levels}, "at-limit", "take one at each of these percents of the nearest limit")
	f.Lookup("at-limit").NoOptDefVal = defaultLevels
	f.Var(&limits{&o.live.limits}, "limit", "a limit of your own, such as rss=500MB; may be repeated")
	f.Var(&span{&o.live.interval, sampler.MinInterval, sampler.MaxInterval}, "interval", "time between readings while waiting")
	f.Var(&span{&o.live.duration, 0, 1000 * time.Hour}, "duration", "end after this time; 0 means when all is done, or the target ends")
	f.StringVar(&o.live.snapshotDir, "snapshot-dir", "", "where files go without -o (default: heaptop/snapshots in the XDG state `DIR`)")
	f.BoolVar(&o.live.blackBox, "black-box", o.live.blackBox, "write what was read last to --snapshot-dir when the target dies")
	return c
}

func (o *snapshot) waits() bool { return o.when != nil || o.every > 0 || o.levels != nil }

// check refuses what does not go together, before anything is opened.
func (o *snapshot) check() error {
	const help = "see heaptop snapshot --help"
	switch kind := o.live.target.Kind; {
	case kind == sampler.KindMachine:
		return usagef(help, "of which target? Name one: heaptop snapshot 4242")
	case kind == sampler.KindFile:
		return usagef("", "%s is a file: it was taken already", o.live.target.Path)
	case kind == sampler.KindCommand && !o.waits():
		return usagef(help, "a command that has just been started holds nothing yet: add --when, --every or --at-limit")
	case o.live.duration > 0 && !o.waits():
		return usagef(help, "--duration goes with --when, --every or --at-limit: without them the snapshot is taken at once")
	case len(o.note) > maxNote:
		return usagef("", "--note: %d bytes are more than %d", len(o.note), maxNote)
	case o.pprof && o.note != "":
		return usagef("", "--note goes into a snapshot: --pprof writes the heap profile alone")
	case o.path == "":
		return nil
	case o.every > 0 || len(o.levels) > 1 || len(o.levels) == 1 && o.when != nil:
		return usagef("leave out -o, or name a folder with --snapshot-dir", "-o %s is one file, and there may be several snapshots", o.path)
	}
	if want := o.extension(); !strings.HasSuffix(o.path, want) {
		return usagef("", "-o %s: the name must end in %s, or heaptop cannot open it again", o.path, want)
	}
	return free("-o", o.path)
}

func (o *snapshot) extension() string {
	if o.pprof {
		return profileExtension
	}
	return capture.Extension
}

func (o *snapshot) run(ctx context.Context) error {
	b := newBackend(o.live)
	defer b.close(ctx)
	return concluded(o.shoot(ctx, b), b)
}

func (o *snapshot) shoot(ctx context.Context, b *backend) error {
	s, done, err := o.live.newShots(ctx, b, o.live.interval, o.path)
	if err != nil {
		return err
	}
	defer done()
	s.to.profile = o.pprof
	s.note, s.gc, s.every, s.when = o.note, o.gc, o.every, o.when
	if o.levels != nil {
		s.approach = &approach{levels: o.levels, limits: o.live.limits}
	}
	err = s.run(ctx)
	for _, path := range s.paths {
		fmt.Fprintln(o.live.env.Out, path)
	}
	return err
}

// newShots opens the target and returns who takes its snapshots, into the file at path, or into the folder for them where
// that is ""; done ends the watch.
func (o *live) newShots(ctx context.Context, b *backend, interval time.Duration, path string) (s *shots, done func(), err error) {
	dir, err := o.dir()
	if err != nil && path == "" {
		return nil, nil, err
	}
	target, err := o.resolve(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	w, err := b.watch(ctx, target, interval)
	if err != nil {
		return nil, nil, err
	}
	s = &shots{env: o.env, w: w, to: destination{dir: dir, path: path}, duration: o.duration}
	return s, func() { _ = w.Close() }, nil // it only read
}
