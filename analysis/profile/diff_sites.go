package profile

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

// SiteChange is a line that allocates, before and after.
type SiteChange struct {
	Frame sampler.Frame // the innermost one outside the runtime; with Filter.Mine the innermost of the program's own
	Delta
	Stacks     []StackChange // those that changed most first, at most maxStacks
	StackCount int
}

// StackChange is one stack of a site, before and after.
type StackChange struct {
	Frames []sampler.Frame // innermost first
	Delta
}

// SizeChange is objects of one size, before and after. Bytes and objects are estimates from the profile's samples.
type SizeChange struct {
	Size float64 // bytes of one object
	Delta
}

// siteGroup collects the stacks of one site.
type siteGroup struct {
	Delta
	variances
	stacks []*pair
}

// Sites returns the sites of the stacks that the filter takes, in descending order of the change of bytes in use: what grew
// most comes first, what shrank most last. Sites that do not change at all are among them.
func (j *Joined) Sites(f Filter) []SiteChange {
	groups := map[int32]*siteGroup{}
	j.each(f, func(p *pair, site int32) {
		g := groups[site]
		if g == nil {
			g = &siteGroup{}
			groups[site] = g
		}
		g.From.add(&p.From)
		g.To.add(&p.To)
		g.inUse += p.change.inUse
		g.alloc += p.change.alloc
		g.stacks = append(g.stacks, p)
	})
	sites := make([]SiteChange, 0, len(groups))
	budget := maxAllFrames
	for _, at := range slices.SortedFunc(maps.Keys(groups), func(a, b int32) int { return j.compareSites(groups, a, b) }) {
		g := groups[at]
		g.setUncertainty(g.variances)
		site := SiteChange{Frame: j.frames[at], Delta: g.Delta, StackCount: len(g.stacks)}
		site.Stacks, budget = j.largest(g.stacks, budget)
		sites = append(sites, site)
	}
	return sites
}

func (j *Joined) compareSites(groups map[int32]*siteGroup, a, b int32) int {
	x, y := groups[a], groups[b]
	return cmp.Or(cmp.Compare(y.Change(), x.Change()), cmp.Compare(y.To.InUseBytes, x.To.InUseBytes),
		cmp.Compare(y.To.AllocBytes, x.To.AllocBytes), compareFrames(j.frames[a], j.frames[b]))
}

func compareFrames(a, b sampler.Frame) int {
	return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// largest expands the stacks that changed most.
func (j *Joined) largest(stacks []*pair, budget int) ([]StackChange, int) {
	slices.SortFunc(stacks, func(a, b *pair) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Change()), math.Abs(a.Change())), cmp.Compare(b.To.InUseBytes, a.To.InUseBytes),
			cmp.Compare(b.To.AllocBytes, a.To.AllocBytes), slices.CompareFunc(a.frames, b.frames, func(x, y int32) int {
				return compareFrames(j.frames[x], j.frames[y])
			}))
	})
	out := make([]StackChange, 0, min(maxStacks, len(stacks)))
	for _, p := range stacks[:min(maxStacks, len(stacks))] {
		if budget -= len(p.frames); budget < 0 {
			break
		}
		s := StackChange{Delta: p.Delta, Frames: make([]sampler.Frame, len(p.frames))}
		for i, f := range p.frames {
			s.Frames[i] = j.frames[f]
		}
		s.setUncertainty(p.change)
		out = append(out, s)
	}
	return out, budget
}

// Sizes returns the objects by size, in descending order of the change of bytes in use. It is empty where the profiles do
// not label their samples with the size of the objects.
func (j *Joined) Sizes() []SizeChange {
	out := make([]SizeChange, 0, len(j.sizes))
	for size, d := range j.sizes {
		out = append(out, SizeChange{size, *d})
	}
	slices.SortFunc(out, func(a, b SizeChange) int {
		return cmp.Or(cmp.Compare(b.Change(), a.Change()), cmp.Compare(a.Size, b.Size))
	})
	return out
}
