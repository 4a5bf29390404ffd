package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui"
	"github.com/alloc-dev/heaptop/tui/terminal"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// run watches the target in the format asked for.
func (o *live) run(ctx context.Context) error {
	if o.format == "dashboard" && (!isTerminal(o.env.In) || !isTerminal(o.env.Out)) {
		which := "stdout"
		if isTerminal(o.env.Out) {
			which = "stdin"
		}
		o.instead = which + " is no terminal: lines of text instead of the dashboard"
		o.format = "text"
	}
	b := newBackend(o)
	defer b.close(ctx)
	if o.format == "dashboard" {
		return o.runDashboard(ctx, b)
	}
	return o.runLines(ctx, b)
}

func (o *live) runDashboard(ctx context.Context, b *backend) error {
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.duration, errOver)
		defer cancel()
	}
	settings := tui.Options{
		Backend: b, Theme: o.colours(), Interval: o.interval, SnapshotDir: o.snapshotDir,
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
	out := o.env.Out
	l := &lines{opened: opened, interval: o.interval, duration: o.duration, stderr: o.env.Err}
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
	o.introduce(opened)
	return l.run(ctx)
}

func (o *live) printer(out io.Writer) printer {
	if o.format == "json" {
		return &jsonPrinter{out}
	}
	return &textPrinter{w: out, terminal: isTerminal(out), limits: o.limits}
}

// introduce says on stderr what is watched, how, and what would show more.
func (o *live) introduce(opened *opened) {
	if o.instead != "" {
		printLines(o.env.Err, "heaptop: ", o.instead)
	}
	info := opened.info()
	var parts []string
	if info.GoVersion != "" {
		parts = append(parts, info.GoVersion)
	}
	if info.Source != "" {
		parts = append(parts, "read from "+info.Source)
	}
	name := info.Name
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
