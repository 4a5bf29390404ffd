package cli

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/github"
	"github.com/alloc-dev/heaptop/gates/history"
)

// issue keeps the issue about what drifts.
func (o *publication) issue(ctx context.Context, r *gates.Report) error {
	drift, err := o.drift()
	if err != nil {
		return err
	}
	d := o.drifting(r, drift)
	if o.dry {
		state := "closed: nothing exceeds"
		switch {
		case d.Exceeded:
			state = "open: " + d.Title
		case d.Unknown:
			state = "as it is: not all was measured"
		}
		_, err := fmt.Fprintf(o.env.Out, "issue %s\n\n%s", state, d.Body)
		return err
	}
	return o.orElse(d.Body, func() error {
		client, err := o.client()
		if err != nil {
			return err
		}
		w, err := client.PutIssue(ctx, d)
		if err == nil {
			o.told("issue", w)
		}
		return err
	})
}

// drifting judges whether there is something to tell, and how.
func (o *publication) drifting(r *gates.Report, drift []history.Drift) github.Drift {
	above := o.above(r)
	state := fnv.New64a()
	state.Write([]byte(github.StateOf(r)))
	gated := false
	for _, d := range drift {
		if d.Gated {
			gated = true
			state.Write([]byte(d.Kind + "\x00" + d.Scenario + "\x00" + d.Metric + "\x01"))
		}
	}
	for _, s := range above {
		state.Write([]byte("\x02" + s.what))
	}
	if o.missing {
		state.Write([]byte("\x03"))
	}
	text := o.text(cmp.Or(r.Environment.Commit, o.env.Getenv("GITHUB_SHA")))
	if o.missing {
		text.Drift = append(text.Drift, "a measurement is missing: what it would say is not known, and so nothing is closed")
	}
	for _, s := range above {
		text.Drift = append(text.Drift, s.text)
	}
	text.Drift = append(text.Drift, sentences(drift)...)
	d := github.Drift{
		Key: o.key, Labels: o.labels, Title: "Memory: a nightly measurement exceeds what is allowed", Body: github.Issue(r, text),
		Exceeded: r.Verdict == gates.Failed || len(above) > 0 || gated,
		Unknown:  o.missing || r.Verdict == gates.Unmeasured,
		State:    fmt.Sprintf("%016x", state.Sum64()),
	}
	switch {
	case len(above) > 0:
		d.Title = "Memory: an overhead is above its threshold"
	case r.Verdict != gates.Failed && gated:
		d.Title = "Memory: what is gated has grown"
	}
	if d.Unknown && !d.Exceeded {
		d.Title = "Memory: a nightly measurement could not be made"
	}
	at := ""
	if text.Artifacts != "" {
		at = " (" + text.Artifacts + ")"
	}
	d.Change = "What exceeds has changed" + at + "; the text above has the latest report.\n"
	d.Normal = "Back to normal" + at + ": nothing exceeds what is allowed any more.\n"
	return d
}

type overThreshold struct{ what, text string }

// above are the overheads above the threshold.
func (o *publication) above(r *gates.Report) []overThreshold {
	var out []overThreshold
	if o.threshold == 0 {
		return nil
	}
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		if m, ok := s.Metrics["overhead_ratio"]; ok && len(m.Values) > 0 && m.Median > o.threshold {
			value := gates.FormatValue(m.Unit, m.Median)
			out = append(out, overThreshold{s.Name, fmt.Sprintf("the overhead of %s is %s, the threshold is %s", s.Name, value, strings.TrimSuffix(gates.FormatValue(m.Unit, o.threshold), " "))})
		}
	}
	return out
}
