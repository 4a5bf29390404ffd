package goproc

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// group is goroutines with the same state, creator and stack.
type group struct {
	status        uint32
	reason        uint8
	gopc, startPC uint64
	stack         []uint64
	hash          uint64
	count         int
	stamped       int   // those whose waiting time is known
	oldest        int64 // the first and last moment at which one was seen waiting
	newest        int64
	stacks        uint64 // bytes of their stacks
	unmeasured    bool   // the bounds of one of the stacks make no sense
}

// grouper groups goroutines as they come. It hashes stacks itself, into one table: 100,000 goroutines cost no
// allocation each.
type grouper struct {
	seed   uint64
	groups []group
	table  []int32 // of indexes into groups, plus 1; open addressing, a power of two
	arena  []uint64
	total  int
}

func newGrouper() *grouper {
	return &grouper{seed: rand.Uint64(), table: make([]int32, 1<<10)}
}

func (r *grouper) hash(g *goroutine, stack []uint64) uint64 {
	h := r.seed
	mix := func(v uint64) {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	mix(uint64(g.status)<<8 | uint64(g.reason))
	mix(g.gopc)
	mix(g.startPC)
	for _, pc := range stack {
		mix(pc)
	}
	return h
}

func (r *grouper) add(g *goroutine, stack []uint64) {
	r.total++
	if g.status != gWaiting {
		g.reason = 0 // left from an earlier wait
	}
	h := r.hash(g, stack)
	mask := uint64(len(r.table) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		at := r.table[i]
		if at == 0 {
			r.table[i] = int32(r.insert(g, stack, h) + 1)
			break
		}
		if k := &r.groups[at-1]; k.hash == h && k.is(g, stack) {
			k.note(g)
			return
		}
	}
	if 2*len(r.groups) > len(r.table) {
		r.grow()
	}
}

func (k *group) is(g *goroutine, stack []uint64) bool {
	return k.status == g.status && k.reason == g.reason && k.gopc == g.gopc && k.startPC == g.startPC && slices.Equal(k.stack, stack)
}

func (k *group) note(g *goroutine) {
	k.count++
	if g.lo < g.hi && g.hi-g.lo <= maxStack {
		k.stacks += g.hi - g.lo
	} else {
		k.unmeasured = true
	}
	if g.waitSince <= 0 || g.status != gWaiting {
		return
	}
	if k.stamped == 0 || g.waitSince < k.oldest {
		k.oldest = g.waitSince
	}
	k.newest = max(k.newest, g.waitSince)
	k.stamped++
}

func (r *grouper) insert(g *goroutine, stack []uint64, h uint64) int {
	if cap(r.arena)-len(r.arena) < len(stack) {
		r.arena = make([]uint64, 0, max(4096, len(stack)))
	}
	start := len(r.arena)
	r.arena = append(r.arena, stack...)
	r.groups = append(r.groups, group{status: g.status, reason: g.reason, gopc: g.gopc, startPC: g.startPC, hash: h,
		stack: r.arena[start:len(r.arena):len(r.arena)]})
	r.groups[len(r.groups)-1].note(g)
	return len(r.groups) - 1
}

func (r *grouper) grow() {
	r.table = make([]int32, 2*len(r.table))
	mask := uint64(len(r.table) - 1)
	for n := range r.groups {
		i := r.groups[n].hash & mask
		for r.table[i] != 0 {
			i = (i + 1) & mask
		}
		r.table[i] = int32(n + 1)
	}
}

// group reads all goroutines but the runtime's own and groups them, the largest group first.
func (s *Session) group(ctx context.Context) (*grouper, error) {
	if s.goroutines == nil {
		r, err := newGoroutineReader(s.p)
		if err != nil {
			return nil, err
		}
		s.goroutines = r
	}
	groups := newGrouper()
	err := s.goroutines.each(ctx, func(g *goroutine, stack []uint64) {
		if !s.goroutines.own(g) {
			groups.add(g, stack)
		}
	})
	if err != nil {
		return nil, s.failed(err)
	}
	slices.SortStableFunc(groups.groups, func(a, b group) int { return cmp.Compare(b.count, a.count) })
	return groups, nil
}

// Goroutines returns the target's goroutines, those of the runtime itself left out, with complete stacks, their state
// in the runtime's words, the function each started with and what created it. Running ones have no stack: it changes
// while it would be read. A stack that changed anyway is not shown; a warning counts them. Waiting times are lower
// bounds, stamped by the target's collections. It does not stop the target.
func (s *Session) Goroutines(ctx context.Context) (sampler.Goroutines, error) {
	start := time.Now()
	groups, err := s.group(ctx)
	if err != nil {
		return sampler.Goroutines{}, err
	}
	out := sampler.Goroutines{Time: start, Source: "memory", Total: groups.total, Groups: make([]sampler.GoroutineGroup, 0, len(groups.groups))}
	now := monotonic()
	for i := range groups.groups {
		out.Groups = append(out.Groups, s.describe(&groups.groups[i], now))
	}
	if n := s.goroutines.torn; n > 0 {
		out.Warnings = append(out.Warnings, fmt.Errorf("%d goroutines moved while their stacks were read and are shown without", n))
	}
	out.Took = time.Since(start)
	return out, nil
}

func (s *Session) describe(k *group, now int64) sampler.GoroutineGroup {
	g := goroutine{status: k.status, reason: k.reason}
	out := sampler.GoroutineGroup{Count: k.count, State: s.goroutines.state(&g)}
	callee := ""
	for _, pc := range k.stack {
		for _, f := range s.p.symbols.visible(s.p.symbols.call(pc), callee) {
			out.Stack = append(out.Stack, f.Frame)
			callee = f.Function
		}
	}
	if f := s.p.symbols.expand(k.startPC); len(f) > 0 {
		out.Start = f[len(f)-1].Frame
		if n := len(out.Stack); n > 0 && f[len(f)-1].wrapper {
			out.Start = out.Stack[n-1] // what the compiler wrapped
		}
	}
	if k.gopc != 0 {
		if f := s.p.symbols.expand(k.gopc - 1); len(f) > 0 {
			out.CreatedBy = f[0].Frame
		}
	}
	if !k.unmeasured {
		out.Stacks = sampler.Known(float64(k.stacks))
	}
	if k.stamped > 0 && now > k.oldest {
		out.WaitMax = sampler.Known(float64(now-k.oldest) / 1e9)
		if k.stamped == k.count && now > k.newest {
			out.WaitMin = sampler.Known(float64(now-k.newest) / 1e9)
		}
	}
	return out
}

// GoroutineProfile returns the same goroutines as a profile, as /debug/pprof/goroutine gives it. Those without a stack
// stand under the function they started with.
func (s *Session) GoroutineProfile(ctx context.Context) (sampler.Profile, error) {
	return s.packed(ctx, s.goroutineProfile)
}

func (s *Session) goroutineProfile(ctx context.Context) (*profile.Profile, error) {
	groups, err := s.group(ctx)
	if err != nil {
		return nil, err
	}
	b := newProfileBuilder(s.p.symbols, "goroutine", "count")
	b.out.PeriodType, b.out.Period = &profile.ValueType{Type: "goroutine", Unit: "count"}, 1
	for i := range groups.groups {
		k := &groups.groups[i]
		stack := k.stack
		if len(stack) == 0 {
			stack = []uint64{k.startPC}
		}
		sample, callee := &profile.Sample{Value: []int64{int64(k.count)}}, ""
		for _, pc := range stack {
			pc = s.p.symbols.call(pc)
			if f := s.p.symbols.visible(pc, callee); len(f) > 0 {
				sample.Location = append(sample.Location, b.location(pc, f))
				callee = f[len(f)-1].Function
			}
		}
		if len(sample.Location) > 0 {
			b.out.Sample = append(b.out.Sample, sample)
		}
	}
	return b.out, nil
}
