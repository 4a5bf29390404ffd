package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report/send"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// sending is where a report is sent, as it was typed and as it was understood.
type sending struct {
	typed  []string
	dryRun bool
	list   []*send.Destination
}

// parse reads what was typed, before anything is read or sent.
func (o *sending) parse(getenv func(string) string) error {
	if o.dryRun && len(o.typed) == 0 {
		return usagef("add --send", "--dry-run without --send has nothing to show")
	}
	seen := map[string]bool{}
	for _, t := range o.typed {
		d, err := send.Parse(t, getenv)
		if err != nil {
			return &usageError{fmt.Errorf("--send: %w", err), "see heaptop report --help"}
		}
		if seen[d.String()] {
			return usagef("", "--send: %s is there twice", d)
		}
		seen[d.String()] = true
		if err := d.Ready(); err != nil && !o.dryRun {
			return &usageError{fmt.Errorf("--send: %w", err), "set it in the environment, or see with --dry-run what would be sent"}
		}
		o.list = append(o.list, d)
	}
	return nil
}

// send sends the report everywhere; a place that fails does not keep it from the others.
func (o *sending) send(ctx context.Context, env *environment, r *gates.Report) error {
	if o.dryRun {
		return o.show(env, r)
	}
	var all []error
	for _, d := range o.list {
		progress := newProgress(env.Err)
		if warning := d.Exposes(); warning != "" {
			printLines(env.Err, "heaptop: ", warning)
		}
		sender := &send.Sender{Say: func(text string) { progress.say(time.Now(), text) }}
		out, err := sender.Send(ctx, d, r)
		progress.clear()
		if err == nil {
			printLines(env.Err, "heaptop: ", fmt.Sprintf("sent %s to %s", amount(out.Points, out.Requests), d))
		}
		all = append(all, err)
	}
	if err := errors.Join(all...); err != nil {
		return &unsent{err}
	}
	return nil
}

// show prints what would be sent, without what is secret.
func (o *sending) show(env *environment, r *gates.Report) error {
	for _, d := range o.list {
		batches, err := d.Batches(r)
		if err != nil {
			return fmt.Errorf("show what would be sent to %s: %w", d, err)
		}
		points := 0
		for _, b := range batches {
			points += b.Points
		}
		printLines(env.Err, "heaptop: ", fmt.Sprintf("would send %s to %s", amount(points, len(batches)), d))
		for _, b := range batches {
			if _, err := env.Out.Write(b.Body); err != nil {
				return err
			}
		}
	}
	return nil
}

func amount(points, requests int) string {
	return unit.Things(points, "point") + " in " + unit.Things(requests, "request")
}
