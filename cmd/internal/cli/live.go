package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui"
	"github.com/alloc-dev/heaptop/tui/terminal"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// run watches the target in the format asked for.
func (o *live) run(ctx context.Context) error {
	if o.mode == modeSnapshot && o.format == "dashboard" {
		o.format = "text" // there is nothing to look at before the end
	}
	if why := o.noDashboard(); o.format == "dashboard" && why != "" {
		o.instead = why + ": lines of text instead of the dashboard"
		o.format = "text"
	}
	b := newBackend(o)
	defer b.close(ctx)
	lean, stop := context.WithCancel(ctx)
	defer stop()
	go keepLean(lean)
	switch {
	case o.format == "dashboard":
		return concluded(o.runDashboard(ctx, b), b)
	case o.target.Kind == sampler.KindFile:
		if o.instead != "" {
			printLines(o.env.Err, "heaptop: ", o.instead)
		}
		return replay{env: o.env, path: o.target.Path, format: o.format, output: o.output, limits: o.limits}.run(ctx)
	case o.mode == modeTrace:
		return concluded(o.runTrace(ctx, b), b)
	case o.mode == modeSnapshot:
		return concluded(o.runSeries(ctx, b), b)
	}
	return concluded(o.runLines(ctx, b), b)
}

// noDashboard says why no dashboard can be drawn here, "" where it can.
func (o *live) noDashboard() string {
	switch {
	case !isTerminal(o.env.Out):
		return "stdout is no terminal"
	case !isTerminal(o.env.In):
		return "stdin is no terminal"
	case o.env.Getenv("TERM") == "dumb":
		return "this terminal (TERM=dumb) cannot place text"
	}
	return ""
}

// concluded returns how the command ended once its recording is complete.
func concluded(err error, b *backend) error {
	if failed := b.conclude(); err == nil || errors.As(err, new(*interrupted)) && failed != nil {
		err = failed
	}
	return err
}

func (o *live) runDashboard(ctx context.Context, b *backend) error {
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.duration, errOver)
		defer cancel()
	}
	settings := tui.Options{
		Backend: b, Mode: o.mode, Theme: o.colours(), Interval: o.interval, SnapshotDir: o.snapshotDir,
		Limits: o.limits, Version: version(), Input: o.env.In, Output: o.env.Out,
	}
	target, err := o.resolve(ctx, b)
	if err != nil {
		return err
	}
	if target.Kind != sampler.KindMachine {
		if settings.Watch, err = b.Open(ctx, target); err != nil {
			return err
		}
	}
	err = tui.Run(ctx, settings)
	if errors.Is(err, errOver) {
		return nil
	}
	return err
}

// colours returns the theme the person asked for, or the one that fits.
func (o *live) colours() *theme.Theme {
	dark := o.theme == "dark" || o.theme == "auto" && terminal.Dark(o.env.Getenv)
	return terminal.Theme(o.env.Out, dark)
}

func (o *live) runLines(ctx context.Context, b *backend) (err error) {
	target, err := o.resolve(ctx, b)
	if err != nil {
		return err
	}
	opened, err := b.open(ctx, target)
	if err != nil {
		return err
	}
	defer func() { _ = opened.session.Close() }() // it only read
	k, err := b.keep(opened)
	if err != nil {
		return err
	}
	out := o.env.Out
	l := &lines{opened: opened, keeper: k, interval: o.interval, duration: o.duration, stderr: o.env.Err}
	if o.output != "" {
		file, createErr := createOutput(o.output)
		if createErr != nil {
			return createErr
		}
		out = file
		defer func() {
			if l.readings == 0 {
				file.discard()
			} else if publishErr := file.publish(); err == nil || errors.As(err, new(*interrupted)) && publishErr != nil {
				err = publishErr
			}
		}()
	}
	l.printer = o.printer(out)
	o.introduce(opened.info())
	return l.run(ctx)
}

func (o *live) printer(out io.Writer) printer {
	if o.format == "json" {
		return &jsonPrinter{w: out, now: time.Now}
	}
	return &textPrinter{w: out, terminal: isTerminal(out), limits: o.limits}
}

// introduce says on stderr what is watched, how, and what would show more.
func (o *live) introduce(info sampler.Info) {
	if o.instead != "" {
		printLines(o.env.Err, "heaptop: ", o.instead)
	}
	var parts []string
	if info.GoVersion != "" {
		parts = append(parts, info.GoVersion)
	}
	if info.Source != "" {
		parts = append(parts, "read from "+info.Source)
	}
	name := theme.Clean(info.Name)
	if info.PID != 0 {
		name += fmt.Sprintf(" %d", info.PID)
	}
	end := "Ctrl-C ends"
	if o.duration > 0 {
		end = "for " + o.duration.String()
	}
	parts = append(parts, "every "+o.interval.String(), end)
	printLines(o.env.Err, "heaptop: ", "watching "+name+": "+strings.Join(parts, ", "))
	for _, hint := range info.Hints {
		printLines(o.env.Err, "  ", hint)
	}
}
