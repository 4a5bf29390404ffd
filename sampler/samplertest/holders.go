package samplertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// ConfirmCollect asks where Options.Asks is set.
func (f *Fake) ConfirmCollect() string {
	if !f.o.Asks {
		return ""
	}
	return fmt.Sprintf("write 8 bytes into process %d to make it collect", f.o.PID)
}

// CanRecordSites tells that the sites are recorded already, unless Options.NoSites is set.
func (f *Fake) CanRecordSites() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	what := fmt.Sprintf("record allocation sites in process %d", f.o.PID)
	switch {
	case f.o.Plain:
		return fmt.Errorf("%s: not a Go program: %w", what, sampler.ErrUnsupported)
	case !f.o.NoSites || f.recording:
		return fmt.Errorf("%s: it records them already: %w", what, sampler.ErrUnsupported)
	case !f.o.Asks:
		return fmt.Errorf("%s: it would write into the process's memory; --allow-write permits that: %w", what, sampler.ErrPermission)
	}
	return nil
}

// ConfirmRecordSites asks.
func (f *Fake) ConfirmRecordSites() string {
	return fmt.Sprintf("write 8 bytes into process %d to make it record allocation sites", f.o.PID)
}

// RecordSites makes the next HeapProfile one with sites.
func (f *Fake) RecordSites(ctx context.Context) error {
	if err := f.CanRecordSites(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recording = true
	return f.usable(ctx)
}

// CanWalk tells that the heap of a Go program can be walked.
func (f *Fake) CanWalk() error {
	if f.o.Plain {
		return fmt.Errorf("tell who holds an object of process %d: not a Go program: %w", f.o.PID, sampler.ErrUnsupported)
	}
	return nil
}

// Walk tells who holds the server's objects: its caches and indexes by variables, buffers by the goroutines of their
// connections, sessions by a variable and in part by waiting goroutines as well.
func (f *Fake) Walk(ctx context.Context, o sampler.WalkOptions) (sampler.HeapWalk, error) {
	for i, stage := range []string{"find the heap's spans", "read variables and stacks", "read objects", "follow pointers"} {
		if o.Progress != nil {
			o.Progress(sampler.WalkProgress{Stage: stage, Part: float64(i) / 4})
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.o.Swapped > 0 && !o.Force {
		return sampler.HeapWalk{}, fmt.Errorf("walk the heap: read process %d: %d kB of it are swapped out, and up to all of that would be brought back into memory: %w", f.o.PID, f.o.Swapped>>10, sampler.ErrSwapped)
	}
	if err := f.ask(ctx, "walk the heap"); err != nil {
		return sampler.HeapWalk{}, err
	}
	out := sampler.HeapWalk{Time: f.now, Took: 212 * time.Millisecond, Source: "memory"}
	if f.o.NoSites && !f.recording {
		out.Warnings = append(out.Warnings, errors.New("this program records no allocation stacks: nothing in it asks runtime/pprof for a profile"))
	}
	retained := map[sampler.HoldRoot]int64{}
	for _, s := range sites() {
		held := f.m.held(s)
		objects, bytes := sampled(held, s.size)
		if objects == 0 {
			continue
		}
		site := heldSite(&s, objects, bytes)
		for i := range site.Paths {
			if p := &site.Paths[i]; p.Shared() {
				out.Shared += p.Bytes
			} else {
				retained[p.Roots[0]] += p.Bytes
			}
		}
		out.Objects += site.Objects
		out.Reached += site.Bytes
		if len(out.Warnings) == 0 {
			out.Sites = append(out.Sites, site)
		}
	}
	out.Roots = byRetained(retained)
	out.Read = out.Reached / 8
	out.Marked = sampler.Known(float64(out.Reached + 8192))
	return out, nil
}

// held is how many bytes a site holds as of the last collection.
func (m *model) held(s site) float64 {
	held := s.base * m.base(m.cycleAt)
	if s.cache {
		held += m.cache(m.cycleAt)
	}
	if s.leak {
		held += m.leak(m.cycleAt)
	}
	return held
}

func byRetained(retained map[sampler.HoldRoot]int64) []sampler.HeldRoot {
	var out []sampler.HeldRoot
	for root, bytes := range retained {
		at := 0
		for at < len(out) && (out[at].Retained > bytes || out[at].Retained == bytes && out[at].Name < root.Name) {
			at++
		}
		out = append(out[:at], append([]sampler.HeldRoot{{HoldRoot: root, Retained: bytes}}, out[at:]...)...)
	}
	return out
}

// heldSite divides the objects of a site among the ways in which they are held.
func heldSite(s *site, objects, bytes int64) sampler.HeldSite {
	out := sampler.HeldSite{Stack: s.stack, Objects: int(objects), Bytes: bytes, Samples: max(int(float64(bytes)/profileRate), 1)}
	ways := waysOf(s)
	left := out
	for i, w := range ways {
		p := w.path
		p.Objects, p.Bytes, p.Samples = left.Objects, left.Bytes, left.Samples
		if i < len(ways)-1 {
			p.Objects, p.Bytes = int(float64(objects)*w.share), int64(float64(bytes)*w.share)
			p.Samples = max(int(float64(out.Samples)*w.share), 1)
		}
		left.Objects, left.Bytes, left.Samples = left.Objects-p.Objects, left.Bytes-p.Bytes, max(left.Samples-p.Samples, 1)
		p.Steps = append([]sampler.HoldStep{objectStep(s)}, p.Steps...)
		out.Paths = append(out.Paths, p)
	}
	return out
}

func objectStep(s *site) sampler.HoldStep {
	size := int64(s.size)
	step := sampler.HoldStep{Kind: sampler.StepObject, Count: 1, Size: size, Label: fmt.Sprintf("%d B object", size)}
	if size >= 1024 {
		step.Type, step.Label = "[]uint8", "[]uint8"
	}
	return step
}

// holdWay is a way to be held, by a part of a site's objects.
type holdWay struct {
	share float64
	path  sampler.HoldPath
}

func global(name string) sampler.HoldRoot {
	return sampler.HoldRoot{Kind: sampler.RootGlobal, Name: name}
}

func routines(count int, start string) sampler.HoldRoot {
	return sampler.HoldRoot{Kind: sampler.RootGoroutine, Name: start, Goroutines: count}
}

func through(typ, field string, size int64) sampler.HoldStep {
	return sampler.HoldStep{Kind: sampler.StepObject, Count: 1, Size: size, Type: typ, Field: field, Label: typ + " (" + field + ")"}
}

// waysOf tells how the objects of a site are held.
func waysOf(s *site) []holdWay {
	const conn = "net/http.(*conn).serve"
	server := through("server.Server", "cache", 640)
	chain := sampler.HoldStep{Kind: sampler.StepChain, Count: 1204, Size: 96, Label: "1204 × 96 B object"}
	srv := global("main.srv")
	manager := global("github.com/acme/api/session.manager")
	deliver := routines(12, "github.com/acme/api/notify.(*Hub).deliver")
	switch top := s.stack[0].Function; {
	case s.cache:
		entry := through("cache.entry", "value", 96)
		table := through("map[string]*cache.entry", "value", 368)
		return []holdWay{
			{.9, sampler.HoldPath{Roots: []sampler.HoldRoot{srv}, Steps: []sampler.HoldStep{entry, table, through("cache.LRU", "entries", 128), server}}},
			{.08, sampler.HoldPath{Roots: []sampler.HoldRoot{srv, routines(28, conn)}, Steps: []sampler.HoldStep{entry, chain, server}}},
			{.02, sampler.HoldPath{Roots: []sampler.HoldRoot{routines(28, conn)}, Function: "github.com/acme/api/server.(*Server).lookup"}},
		}
	case s.leak:
		table := through("map[string]*session.Session", "value", 4096)
		return []holdWay{
			{.94, sampler.HoldPath{Roots: []sampler.HoldRoot{manager}, Steps: []sampler.HoldStep{table, through("session.Manager", "active", 128)}}},
			{.06, sampler.HoldPath{Roots: []sampler.HoldRoot{manager, deliver}, Steps: []sampler.HoldStep{table}}},
		}
	case strings.HasPrefix(top, "github.com/acme/api/store."):
		return []holdWay{{1, sampler.HoldPath{Roots: []sampler.HoldRoot{srv}, Steps: []sampler.HoldStep{chain, through("store.Index", "shards", 4096), server}}}}
	case strings.HasPrefix(top, "bufio."):
		return []holdWay{{1, sampler.HoldPath{Roots: []sampler.HoldRoot{routines(28, conn)}, Function: conn, Steps: []sampler.HoldStep{through("bufio.Reader", "buf", 96)}}}}
	}
	return []holdWay{{1, sampler.HoldPath{Roots: []sampler.HoldRoot{routines(28, conn)}, Function: "github.com/acme/api/server.(*Server).ServeHTTP"}}}
}
