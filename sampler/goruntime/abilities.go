package goruntime

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	agentPackage = `github.com/alloc-dev/heaptop/sampler/agent`
	howAgent     = `import ` + agentPackage + ` in the program and call agent.Listen(agent.Options{})`
	howEndpoint  = `import net/http/pprof in the program and serve http.DefaultServeMux on a loopback port, or name its endpoint with --pprof URL`
	howEither    = howAgent + ", or " + howEndpoint
)

// without says that no source at hand can do what was asked, and what would enable it.
func (j *session) without(what string, why error, how string) error {
	switch {
	case j.program.known && j.program.version == "" && j.agent == nil:
		return sampler.Classed(sampler.ErrUnsupported, "%s: process %d is not a Go program", what, j.pid)
	case why != nil:
		reason := strings.TrimSuffix(why.Error(), ": "+sampler.ErrUnsupported.Error())
		if strings.Contains(reason, agentPackage) { // it names the ways already
			return sampler.Classed(sampler.ErrUnsupported, "%s: %s", what, reason)
		}
		return sampler.Classed(sampler.ErrUnsupported, "%s: %s; to enable it, %s", what, reason, how)
	}
	return sampler.Classed(sampler.ErrUnsupported, "%s: to enable it, %s", what, how)
}

// HeapProfile asks memory, which costs the target nothing, else the agent, else the endpoint. An endpoint's last
// profile is returned again when it is asked for sooner than 5 s after; Profile.Time says when it was made.
func (j *session) HeapProfile(ctx context.Context) (sampler.Profile, error) {
	return deepest(ctx, j, "read the heap profile", sampler.HeapProfiler.HeapProfile, (*agentClient).heapProfile, (*endpoint).heapProfile)
}

// Goroutines asks in the same order as HeapProfile. The agent and an endpoint stop the program to tell.
func (j *session) Goroutines(ctx context.Context) (sampler.Goroutines, error) {
	return deepest(ctx, j, "read the goroutines", sampler.GoroutineProfiler.Goroutines, (*agentClient).goroutines, (*endpoint).goroutines)
}

// GoroutineProfile asks in the same order as Goroutines.
func (j *session) GoroutineProfile(ctx context.Context) (sampler.Profile, error) {
	return deepest(ctx, j, "read the goroutine profile", sampler.GoroutineProfiler.GoroutineProfile,
		(*agentClient).goroutineProfile, (*endpoint).goroutineProfile)
}

// deepest asks memory where that has the ability, else the agent, else the endpoint. Where none of them answers the error
// says why memory did not, and what would enable it.
func deepest[Ability, T any](ctx context.Context, j *session, what string, memory func(Ability, context.Context) (T, error),
	agent func(*agentClient, context.Context) (T, error), behind func(*endpoint, context.Context) (T, error)) (T, error) {
	var why error
	if a, ok := j.memory.(Ability); ok {
		got, err := memory(a, ctx)
		if err == nil || ctx.Err() != nil {
			return got, err
		}
		why = err
	}
	switch {
	case j.agent != nil:
		return agent(j.agent, ctx)
	case j.endpoint != nil:
		return behind(j.endpoint, ctx)
	}
	var none T
	return none, j.without(what, errors.Join(why, j.memoryErr), howEither)
}

var (
	_ sampler.Describer         = (*session)(nil)
	_ sampler.HeapProfiler      = (*session)(nil)
	_ sampler.GoroutineProfiler = (*session)(nil)
	_ sampler.Collector         = (*session)(nil)
	_ sampler.Tuner             = (*session)(nil)
	_ sampler.Mapper            = (*session)(nil)
	_ sampler.PeakResetter      = (*session)(nil)
	_ sampler.SpanReader        = (*session)(nil)
	_ sampler.HeapWalker        = (*session)(nil)
)

// CanCollect returns nil when the agent, an endpoint or memory can force a collection, else an error that says what
// would enable it.
func (j *session) CanCollect() error {
	if j.agent != nil || j.endpoint != nil {
		return nil
	}
	var why error
	if c, ok := j.memory.(sampler.Collector); ok {
		if why = c.CanCollect(); why == nil {
			return nil
		}
		if errors.Is(why, sampler.ErrPermission) {
			return notWritten{j.pid}
		}
	}
	return j.without("force a garbage collection", errors.Join(why, j.memoryErr), howEither)
}

// Collect forces a garbage collection and returns when it has ended; memory, which can only ask for one, may return
// sooner.
func (j *session) Collect(ctx context.Context) error {
	switch {
	case j.agent != nil:
		return j.agent.collect(ctx)
	case j.endpoint != nil:
		return j.endpoint.collect(ctx)
	}
	if err := j.CanCollect(); err != nil {
		return err
	}
	return j.memory.(sampler.Collector).Collect(ctx)
}

// SetGCPercent sets GOGC through the agent; -1 switches the collector off.
func (j *session) SetGCPercent(ctx context.Context, percent int) error {
	if j.agent == nil {
		return j.without("set GOGC", nil, howAgent)
	}
	return j.agent.setGCPercent(ctx, percent)
}

// SetMemoryLimit sets GOMEMLIMIT through the agent; math.MaxInt64 means none.
func (j *session) SetMemoryLimit(ctx context.Context, bytes int64) error {
	if j.agent == nil {
		return j.without("set GOMEMLIMIT", nil, howAgent)
	}
	return j.agent.setMemoryLimit(ctx, bytes)
}

// FreeOSMemory makes the program collect and return free memory to the system, through the agent.
func (j *session) FreeOSMemory(ctx context.Context) error {
	if j.agent == nil {
		return j.without("return free memory to the system", nil, howAgent)
	}
	return j.agent.freeOSMemory(ctx)
}

// Spans asks memory, which alone knows.
func (j *session) Spans(ctx context.Context) (sampler.Spans, error) {
	if r, ok := j.memory.(sampler.SpanReader); ok {
		return r.Spans(ctx)
	}
	return sampler.Spans{}, j.onlyMemory("read spans and size classes")
}

// Walk asks memory, which alone can follow pointers.
func (j *session) Walk(ctx context.Context, o sampler.WalkOptions) (sampler.HeapWalk, error) {
	if w, ok := j.memory.(sampler.HeapWalker); ok {
		return w.Walk(ctx, o)
	}
	return sampler.HeapWalk{}, j.onlyMemory("find what holds the heap")
}

// onlyMemory says why the process's memory is not read, which nothing else can stand in for.
func (j *session) onlyMemory(what string) error {
	if j.memoryErr != nil && j.program.version != "" {
		return sampler.Classed(sampler.ErrUnsupported, "%s: %w", what, j.memoryErr)
	}
	return sampler.Classed(sampler.ErrUnsupported, "%s: only a Go process of this machine can be read so", what)
}

// heapPlaceAge is how long what memory said of the heap's place is used: the heap takes new arenas of 64 MiB as it grows.
const heapPlaceAge = 20 * time.Second

// Mappings asks the system, which memory tells where the heap lies.
func (j *session) Mappings(ctx context.Context) (sampler.Mappings, error) {
	if m, ok := j.system.(sampler.Mapper); ok {
		j.placeHeap(ctx)
		return m.Mappings(ctx)
	}
	return sampler.Mappings{}, sampler.Classed(sampler.ErrUnsupported, "read the mappings of %s: its process is not read by a source that can", j.target)
}

// placeHeap hands on what memory knows of the heap's place. Where it knows nothing the mappings are read all the same,
// and what of them is Go's may stay unknown.
func (j *session) placeHeap(ctx context.Context) {
	to, ok := j.system.(sampler.HeapPlacer)
	from, ok2 := j.memory.(sampler.SpanReader)
	if !ok || !ok2 || time.Since(j.placed) < heapPlaceAge {
		return
	}
	if spans, err := from.Spans(ctx); err == nil {
		to.PlaceHeap(spans.Arenas)
		j.placed = time.Now()
	}
}

// ResetPeaks starts the system's own peaks anew.
func (j *session) ResetPeaks() {
	if r, ok := j.system.(sampler.PeakResetter); ok {
		r.ResetPeaks()
	}
}

// Parts returns the joined sessions that come from other packages, so that an ability this one does not know can be
// found in them: what reads the process's memory, then what asks the system. They are closed by the joined session.
func (j *session) Parts() []sampler.Session {
	var parts []sampler.Session
	for _, p := range []sampler.Session{j.memory, j.system} {
		if p != nil {
			parts = append(parts, p)
		}
	}
	return parts
}
