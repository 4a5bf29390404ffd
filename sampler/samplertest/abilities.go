package samplertest

import (
	"errors"
	"fmt"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// abilities checks that each ability the session has gives a result, or an error that says which sort it is.
func (c *checker) abilities() {
	if d, ok := c.session.(sampler.Describer); ok {
		if i := d.Describe(); i.Source == "" || i.Target.Kind == "" {
			c.errorf("describe: source %q, target kind %q: want both", i.Source, i.Target.Kind)
		}
	}
	if p, ok := c.session.(sampler.HeapProfiler); ok {
		got, err := p.HeapProfile(c.ctx)
		c.profile("heap profile", got, err, "inuse_space")
	}
	c.goroutines()
	if m, ok := c.session.(sampler.Mapper); ok {
		c.mappings(m.Mappings(c.ctx))
	}
	if x, ok := c.session.(sampler.Collector); ok {
		if err := x.CanCollect(); err != nil {
			c.sort("can collect", err)
		} else if ask, ok := x.(sampler.CollectConfirmer); !ok || ask.ConfirmCollect() == "" {
			c.sort("collect", x.Collect(c.ctx)) // else a person would have to agree
		}
	}
	c.memory()
	if r, ok := c.session.(sampler.PeakResetter); ok {
		r.ResetPeaks()
	}
	if o, ok := c.session.(sampler.Output); ok {
		if _, dropped := o.Log(); dropped < 0 {
			c.errorf("log: %d lines dropped", dropped)
		}
	}
	var s sampler.Snapshot
	if err := c.session.Read(c.ctx, &s); err != nil {
		c.errorf("reading after the abilities: %w", err)
		return
	}
	c.reading(&s)
}

// memory checks what reads the heap itself, or would write into it. Nothing is written.
func (c *checker) memory() {
	if w, ok := c.session.(sampler.HeapWalker); ok {
		got, err := w.Walk(c.ctx, sampler.WalkOptions{})
		can := error(nil)
		if x, ok := w.(sampler.WalkChecker); ok {
			can = x.CanWalk()
		}
		refused := errors.Is(err, sampler.ErrSwapped) || errors.Is(err, sampler.ErrWalkTooLarge)
		switch {
		case can != nil && err == nil:
			c.errorf("walk: it succeeded, and CanWalk says that it cannot: %w", can)
		case can == nil && err != nil && !refused:
			c.sort("walk", err)
		case err == nil && (got.Time.IsZero() || got.Took <= 0 || got.Source == "" || got.Objects <= 0 || got.Reached <= 0):
			c.errorf("walk at %v, took %v by %q: %d objects with %d bytes: want all of them", got.Time, got.Took, got.Source, got.Objects, got.Reached)
		}
	}
	if p, ok := c.session.(sampler.ProfileSwitcher); ok {
		switch err := p.CanRecordSites(); {
		case err != nil:
			c.sort("can record sites", err)
		case p.ConfirmRecordSites() == "":
			c.errorf("recording sites writes into the target: want a question to ask first")
		}
	}
}

// sort checks that an error is one that callers can tell apart. It returns whether there is none.
func (c *checker) sort(what string, err error) bool {
	if err == nil {
		return true
	}
	for _, known := range []error{sampler.ErrUnsupported, sampler.ErrPermission, sampler.ErrNotFound, sampler.ErrGone, sampler.ErrBudget} {
		if errors.Is(err, known) {
			return false
		}
	}
	c.broken = append(c.broken, fmt.Errorf("%s: want an error that wraps one of sampler's, got: %w", what, err))
	return false
}

// profile checks that p is a profile as pprof reads it, with samples of the type.
func (c *checker) profile(what string, p sampler.Profile, err error, kind string) {
	if !c.sort(what, err) {
		return
	}
	if p.Time.IsZero() || p.Source == "" {
		c.errorf("%s of %v from %q: want a time and a source", what, p.Time, p.Source)
	}
	parsed, err := profile.ParseData(p.Data)
	if err != nil {
		c.errorf("%s: %w", what, err)
		return
	}
	for _, t := range parsed.SampleType {
		if t.Type == kind {
			return
		}
	}
	c.errorf("%s: no sample type %s", what, kind)
}

func (c *checker) goroutines() {
	p, ok := c.session.(sampler.GoroutineProfiler)
	if !ok {
		return
	}
	got, err := p.GoroutineProfile(c.ctx)
	c.profile("goroutine profile", got, err, "goroutine")
	g, err := p.Goroutines(c.ctx)
	if !c.sort("goroutines", err) {
		return
	}
	sum := 0
	for i, x := range g.Groups {
		sum += x.Count
		if x.Count <= 0 || i > 0 && x.Count > g.Groups[i-1].Count {
			c.errorf("goroutine group %d has %d: want the largest first, none empty", i, x.Count)
		}
	}
	if sum > g.Total || g.Total == 0 || sum < g.Total && len(g.Warnings) == 0 {
		c.errorf("goroutines: groups of %d in all, total %d: want the same, or a warning", sum, g.Total)
	}
}

func (c *checker) mappings(m sampler.Mappings, err error) {
	if !c.sort("mappings", err) {
		return
	}
	if len(m.List) == 0 || m.Time.IsZero() {
		c.errorf("mappings at %v: %d of them", m.Time, len(m.List))
	}
	seen := make(map[string]bool)
	for _, x := range m.List {
		// Mappings of one name may be told apart by what they are.
		key := fmt.Sprintf("%q stack %t go %t", x.Name, x.Stack, x.Go)
		if seen[key] || x.Count <= 0 || x.RSS < 0 || x.RSS > x.Size {
			c.errorf("mapping %s: twice, or %d areas with RSS %v of size %v", key, x.Count, x.RSS, x.Size)
		}
		seen[key] = true
	}
}
