package goproc

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// buildLeaky builds testdata/leaky once for each variant.
func buildLeaky(t testing.TB, v variant) string {
	t.Helper()
	builds.mu.Lock()
	defer builds.mu.Unlock()
	key := "leaky " + v.name
	if path, ok := builds.built[key]; ok {
		return path
	}
	path := filepath.Join(builds.dir, fmt.Sprintf("leaky%d", len(builds.built)))
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, v.args...), ".")...)
	cmd.Dir = "testdata/leaky"
	cmd.Env = append(append(os.Environ(), "GOFLAGS=", "GOWORK=off"), v.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build leaky (%s): %v\n%s", v.name, err, out)
	}
	builds.built[key] = path
	return path
}

// startLeaky starts it and waits until it has leaked.
func startLeaky(t testing.TB, v variant, env ...string) *child {
	t.Helper()
	cmd := exec.Command(buildLeaky(t, v))
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(c.stop)
	if line, err := c.out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("leaky says %q: %v", line, err)
	}
	return c
}

func walk(t testing.TB, s *Session, o sampler.WalkOptions) sampler.HeapWalk {
	t.Helper()
	out, err := s.Walk(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// show prints a walk as a person would want to read it.
func show(h *sampler.HeapWalk) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d objects, %d bytes reached, %.0f marked, %d read in %v; %d shared\n", h.Objects, h.Reached, h.Marked.Value, h.Read, h.Took.Round(time.Millisecond), h.Shared)
	for _, w := range h.Warnings {
		fmt.Fprintf(&b, "warning: %v\n", w)
	}
	for i, r := range h.Roots {
		if i < 10 {
			fmt.Fprintf(&b, "%10d  %s\n", r.Retained, r.HoldRoot)
		}
	}
	for _, s := range h.Sites {
		where := "?"
		if len(s.Stack) > 0 {
			where = fmt.Sprintf("%s:%d", s.Stack[0].Function, s.Stack[0].Line)
		}
		fmt.Fprintf(&b, "%s: %d samples, %d dead, %d objects, %d bytes\n", where, s.Samples, s.Dead, s.Objects, s.Bytes)
		for _, p := range s.Paths {
			fmt.Fprintf(&b, "    %d objects, %d bytes: %s\n", p.Objects, p.Bytes, held(&p))
		}
	}
	return b.String()
}

// held tells a path in one line.
func held(p *sampler.HoldPath) string {
	var parts []string
	for _, s := range p.Steps {
		parts = append(parts, s.Label)
	}
	root := p.Roots[0].String()
	if p.Function != "" {
		root += " in " + p.Function
	}
	parts = append(parts, root)
	line := strings.Join(parts, " <- ")
	for _, r := range p.Roots[1:] {
		line += "; also " + r.String()
	}
	if p.MoreRoots {
		line += "; and more"
	}
	return line
}

// site returns the largest site whose innermost function has a name.
func site(t *testing.T, h *sampler.HeapWalk, function string) *sampler.HeldSite {
	t.Helper()
	for i := range h.Sites {
		if s := &h.Sites[i]; len(s.Stack) > 0 && s.Stack[0].Function == function {
			return s
		}
	}
	t.Fatalf("no site %s in\n%s", function, show(h))
	return nil
}

// near fails the test when an estimate is not within a part of what was planted.
func near(t *testing.T, what string, got, want, part float64) {
	t.Helper()
	if math.Abs(got-want) > part*want {
		t.Errorf("%s: %.0f, want about %.0f", what, got, want)
	}
}

// What testdata/leaky plants when it is not told otherwise.
const (
	leakySessions  = 2000
	leakyBlob      = 4961 // bytes of the slot that a session's blob takes, on average
	leakyShared    = 200
	leakyWorkers   = 50
	leakyBuffer    = 20480
	leakyTolerance = 0.15 // the samples are few
)

// TestWalkNamesTheLeaks plants two leaks, entries of a map that a variable keeps and goroutines that wait for ever with a
// buffer, and wants the variable and the goroutines named, with as many bytes as were planted.
func TestWalkNamesTheLeaks(t *testing.T) {
	for _, v := range []variant{normal(), stripped(),
		{name: "PIE", args: []string{"-buildmode=pie"}},
		{name: "stripped PIE", args: []string{"-buildmode=pie", "-ldflags=-s -w"}}} {
		t.Run(v.name, func(t *testing.T) {
			c := startLeaky(t, v)
			h := walk(t, c.open(Options{}), sampler.WalkOptions{})
			checkLeaks(t, &h, strings.Contains(v.name, "stripped"), true)
		})
	}
}

// checkLeaks compares what a walk has found with what was planted.
func checkLeaks(t *testing.T, h *sampler.HeapWalk, stripped, typed bool) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log("\n" + show(h))
		}
	}()
	global := func(r sampler.HoldRoot, name string) bool {
		if stripped {
			return r.Kind == sampler.RootGlobal && strings.HasPrefix(r.Name, ".bss+0x")
		}
		return r.Kind == sampler.RootGlobal && r.Name == name
	}
	for _, w := range h.Warnings {
		t.Errorf("warning: %v", w)
	}
	if part := float64(h.Reached) / h.Marked.Value; part < 0.999 || part > 1.002 {
		t.Errorf("reached %d bytes of %.0f that the target's collector marked", h.Reached, h.Marked.Value)
	}
	if !global(h.Roots[0].HoldRoot, "main.sessions") || h.Roots[0].Retained < leakySessions*leakyBlob {
		t.Errorf("%s keeps %d bytes alive, want main.sessions with at least %d", h.Roots[0], h.Roots[0].Retained, leakySessions*leakyBlob)
	}

	blobs := site(t, h, "main.newBlob")
	near(t, "blobs", float64(blobs.Bytes), leakySessions*leakyBlob, leakyTolerance)
	var way *sampler.HoldPath
	var all int64
	for i := range blobs.Paths {
		if p := &blobs.Paths[i]; len(p.Roots) == 1 && global(p.Roots[0], "main.sessions") && !p.Shared() {
			all += p.Bytes
			way = &blobs.Paths[0]
		}
	}
	if float64(all) < 0.99*float64(blobs.Bytes) {
		t.Errorf("main.sessions holds %d of %d bytes of blobs", all, blobs.Bytes)
	}
	if typed && way != nil {
		s := way.Steps
		if len(s) < 3 || s[0].Type != "[]uint8" || s[1].Type != "main.session" || s[1].Field != "blob" || s[2].Type != "map[string]*main.session" || s[2].Field != "value" {
			t.Errorf("a blob is held by %s", held(way))
		}
	}

	buffers := site(t, h, "main.newBuffer")
	near(t, "buffers", float64(buffers.Bytes), leakyWorkers*leakyBuffer, leakyTolerance)
	if p := &buffers.Paths[0]; len(p.Roots) != 1 || p.Roots[0] != (sampler.HoldRoot{Kind: sampler.RootGoroutine, Name: "main.worker", Goroutines: leakyWorkers}) ||
		!strings.HasPrefix(p.Function, "main.w") {
		t.Errorf("a buffer is held by %s, want the %d goroutines of main.worker", held(p), leakyWorkers)
	}

	both := site(t, h, "main.newShared")
	if p := &both.Paths[0]; !p.Shared() || len(p.Roots) != 2 || p.MoreRoots || !global(p.Roots[0], "main.byIndex") || !global(p.Roots[1], "main.sessions") {
		t.Errorf("what a slice and a map hold is held by %s", held(p))
	}
	near(t, "shared", float64(both.Bytes), leakyShared*9472, leakyTolerance)
	if h.Shared < leakyShared*9472 {
		t.Errorf("several roots together keep %d bytes alive, want at least %d", h.Shared, leakyShared*9472)
	}

	payloads := site(t, h, "main.push")
	if p := &payloads.Paths[0]; !global(p.Roots[0], "main.chain") || len(p.Steps) != 2 || p.Steps[1].Kind != sampler.StepChain || p.Steps[1].Count < 2 {
		t.Errorf("what a linked list holds is held by %s", held(p))
	}
}

// TestWalkCountsExactly has every object sampled, and wants as many as were planted. A few may also be held by a
// variable of main that the compiler still takes for alive. What the runtime itself allocates below a function counts as
// the function's, and is told from the planted objects by its size.
func TestWalkCountsExactly(t *testing.T) {
	c := startLeaky(t, stripped(), "LEAKY_RATE=1")
	h := walk(t, c.open(Options{}), sampler.WalkOptions{})
	for _, x := range []struct {
		function  string
		want      int
		low, high int64 // bytes of a slot
	}{
		{"main.newBlob", leakySessions, 4096, 5376},
		{"main.newSession", leakySessions, 80, 80},
		{"main.newShared", leakyShared, 9472, 9472},
		{"main.newBuffer", leakyWorkers, leakyBuffer, leakyBuffer},
	} {
		s, n := site(t, &h, x.function), 0
		for _, p := range s.Paths {
			if size := p.Steps[0].Size; size >= x.low && size <= x.high {
				n += p.Samples
			}
		}
		if n != x.want || s.Paths[0].Samples < x.want-3 || s.Dead != 0 {
			t.Errorf("%s: %d live objects, %d of them in the same way, and %d dead; want %d, all alive", x.function, n, s.Paths[0].Samples, s.Dead, x.want)
		}
	}
	if t.Failed() {
		t.Log("\n" + show(&h))
	}
}

// TestWalkReleases looks for the leaks in programs of older releases, stripped and not.
func TestWalkReleases(t *testing.T) {
	if os.Getenv("HEAPTOP_FULL") != "1" {
		t.Skip("HEAPTOP_FULL=1 runs it: it needs the toolchains of Go 1.20 to 1.25")
	}
	for _, version := range []string{"go1.20.14", "go1.21.13", "go1.22.12", "go1.23.12", "go1.24.13", "go1.25.8", "go1.26.0"} {
		for _, v := range []variant{normal(), {name: "stripped PIE", args: []string{"-buildmode=pie", "-ldflags=-s -w"}}} {
			v.name += " " + version
			v.env = append(v.env, "GOTOOLCHAIN="+version)
			t.Run(v.name, func(t *testing.T) {
				c := startLeaky(t, v)
				s := c.open(Options{})
				h := walk(t, s, sampler.WalkOptions{})
				checkLeaks(t, &h, strings.Contains(v.name, "stripped"), s.p.minor >= 22)
			})
		}
	}
}

// TestWalkWithoutSites tells who keeps how much also where the program records no allocation stacks.
func TestWalkWithoutSites(t *testing.T) {
	c := startLeaky(t, variant{name: "without pprof", args: []string{"-tags=nopprof"}})
	h := walk(t, c.open(Options{}), sampler.WalkOptions{})
	if len(h.Sites) != 0 || len(h.Warnings) != 1 || !strings.Contains(h.Warnings[0].Error(), "records no allocation stacks") {
		t.Errorf("%d sites, warnings %v; want none, and why", len(h.Sites), h.Warnings)
	}
	if len(h.Roots) == 0 || h.Roots[0].String() != "global main.sessions" {
		t.Errorf("the root that keeps most is\n%s", show(&h))
	}
}

// TestWalkLeavesTheTargetAlone compares the target before and after: it has not allocated, collected or grown.
func TestWalkLeavesTheTargetAlone(t *testing.T) {
	c := startLeaky(t, stripped())
	s := c.open(Options{})
	walk(t, s, sampler.WalkOptions{})
	before, err := s.MemStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rss := resident(t, c)
	for range 5 {
		walk(t, s, sampler.WalkOptions{})
	}
	after, err := s.MemStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after.Mallocs != before.Mallocs || after.NumGC != before.NumGC || after.PauseTotalNs != before.PauseTotalNs {
		t.Errorf("five walks cost the target %d allocations, %d collections, %d ns of pauses",
			after.Mallocs-before.Mallocs, after.NumGC-before.NumGC, after.PauseTotalNs-before.PauseTotalNs)
	}
	if now := resident(t, c); now > rss {
		t.Errorf("five walks made the target grow from %d to %d pages", rss, now)
	}
}

// resident returns how many pages a process has in memory.
func resident(t *testing.T, c *child) (pages int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.pid()))
	if err != nil {
		t.Fatal(err)
	}
	var size int
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestWalkOfABusyTarget walks a program that allocates and starts goroutines all the time: what is held for long must
// come out all the same.
func TestWalkOfABusyTarget(t *testing.T) {
	c := startTarget(t, stripped())
	c.ask("churn 2")
	s := c.open(Options{})
	for range 5 {
		h := walk(t, s, sampler.WalkOptions{})
		blobs := site(t, &h, "main.leakSession")
		if blobs.Samples < 50 || blobs.Dead > blobs.Samples/10 {
			t.Errorf("%d sampled objects reached, %d not\n%s", blobs.Samples, blobs.Dead, show(&h))
		}
		if h.Reached < 20<<20 || float64(h.Reached) > 1.5*h.Marked.Value {
			t.Errorf("reached %d bytes, the collector %.0f", h.Reached, h.Marked.Value)
		}
	}
}
