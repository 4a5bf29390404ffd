package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

const replayLong = `Print the readings of a recording, as they were printed when it was made, or that of a snapshot.

The lines are those of heaptop --format text or json, with the same numbers. Of a recording that was cut off, by a crash
or a full disk, all is printed up to there. heaptop FILE opens it in the dashboard instead.

With --format html it is one page that opens in any browser, offline: of a snapshot where its memory is, allocation sites,
flame graphs, goroutines and mappings; of a recording also charts over time, whether it grows, and what changed from the
beginning to the end.

Exit codes: 0 done; 3 what was typed is wrong, or the file cannot be read; 130 interrupted.`

const replayExample = `  heaptop replay night.heaprec
  heaptop replay --format json night.heaprec
  heaptop replay --format html --output spike.html spike.heaprec
  heaptop replay --format json --output night.json night.heaprec`

func replayFormats() []string { return []string{"text", "json", "html"} }

// replay are the options of heaptop replay.
type replay struct {
	env    *environment
	path   string
	format string
	output string
	limits []analysis.Limit
}

func newReplay(env *environment) *cobra.Command {
	o := &replay{env: env, format: "text"}
	c := &cobra.Command{
		Use:               "replay FILE",
		Short:             "Print the readings of a recording or a snapshot",
		Long:              replayLong,
		Example:           replayExample,
		ValidArgsFunction: filesEnding(capture.RecordingExtension, capture.Extension),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("see heaptop replay --help", "want one file, but %d were given", len(args))
			}
			if t, err := sampler.ParseTarget(args[0]); err != nil || t.Kind != sampler.KindFile {
				return usagef("", "%s: want a name that ends in %s or %s", args[0], capture.RecordingExtension, capture.Extension)
			}
			o.path = args[0]
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&choice{&o.format, replayFormats(), "unknown format, replay knows"}, "format", "how to print it")
	f.StringVar(&o.output, "output", "", "write to this `FILE`, complete or not at all")
	f.Var(&limits{&o.limits}, "limit", "show how far this limit is, such as rss=500MB; may be repeated")
	return c
}

// run prints the file's readings.
func (o replay) run(ctx context.Context) error {
	f, err := openPast(o.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.done() }() // it was only read
	if f.note != "" {
		printLines(o.env.Err, "heaptop: ", f.note)
	}
	if o.output == "" {
		return o.print(ctx, f, o.env.Out)
	}
	return writeOutput(o.output, func(w io.Writer) error { return o.print(ctx, f, w) })
}

func (o replay) print(ctx context.Context, f *file, out io.Writer) error {
	if o.format == "html" {
		return ignorePipe(o.html(ctx, f, out))
	}
	var at time.Time
	l := &lines{stderr: o.env.Err}
	if o.format == "json" {
		l.printer = &jsonPrinter{w: out, now: func() time.Time { return at }}
	} else {
		l.printer = &textPrinter{w: out, terminal: isTerminal(out), limits: o.limits}
	}
	past := f.past
	if o.output != "" || !seen(out) {
		past = told(past, f.path, o.env.Err)
	}
	thinned := 1
	for m, err := range past.All() {
		switch {
		case err != nil:
			return &usageError{err, ""}
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		at = m.From
		thinned = max(thinned, m.Count)
		l.take(sampler.Event{Snapshot: m.Snapshot, Info: m.Info, Err: m.Err})
		switch {
		case errors.Is(l.broken, syscall.EPIPE):
			return nil // who reads has seen enough
		case l.broken != nil:
			return l.broken
		}
	}
	if thinned > 1 {
		printLines(o.env.Err, "heaptop: ", fmt.Sprintf("older readings were thinned: a line stands for up to %d of them, and is the last", thinned))
	}
	if gone := f.past.Gone(); gone != nil {
		printLines(o.env.Err, "heaptop: ", "then it ended: "+gone.Error())
	}
	return nil
}

// ignorePipe returns nil where who reads has seen enough.
func ignorePipe(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}
