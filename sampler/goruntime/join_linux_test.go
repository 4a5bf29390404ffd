package goruntime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc"
	"github.com/alloc-dev/heaptop/sampler/proc"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// quick is New with the pauses between questions that tests can wait for.
func quick(o Options) *Source {
	if o.System == nil {
		o.System = proc.Source{}
	}
	s := New(o)
	s.every, s.rescan = 20*time.Millisecond, 10*time.Millisecond
	return s
}

func open(t *testing.T, src *Source, target sampler.Target) sampler.Session {
	t.Helper()
	s, err := src.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func describe(s sampler.Session) sampler.Info { return s.(sampler.Describer).Describe() }

// near reports whether a reading lies between what the program said before and after it, with some slack for what its
// answers themselves allocate.
func near(t *testing.T, s *sampler.Snapshot, m sampler.Metric, a, b uint64, slack float64) {
	t.Helper()
	v, ok := s.Get(m)
	if low, high := float64(min(a, b))-slack, float64(max(a, b))+slack; !ok || v < low || v > high {
		t.Errorf("%s is %.0f (%t), the program says %d to %d", m, v, ok, a, b)
	}
}

// agrees compares a reading with what the program said of itself before and after.
func agrees(t *testing.T, s *sampler.Snapshot, a, b truth) {
	t.Helper()
	const slack = 2 << 20
	near(t, s, sampler.GoClassObjects, a.MemStats.HeapAlloc, b.MemStats.HeapAlloc, slack)
	near(t, s, sampler.GoClassTotal, a.MemStats.Sys, b.MemStats.Sys, 0)
	near(t, s, sampler.GoClassReleased, a.MemStats.HeapReleased, b.MemStats.HeapReleased, slack)
	near(t, s, sampler.GoClassFree, a.MemStats.HeapIdle-a.MemStats.HeapReleased, b.MemStats.HeapIdle-b.MemStats.HeapReleased, slack)
	near(t, s, sampler.GoClassStacks, a.MemStats.StackInuse, b.MemStats.StackInuse, 256<<10)
	near(t, s, sampler.GoClassProfiling, a.MemStats.BuckHashSys, b.MemStats.BuckHashSys, 0)
	near(t, s, sampler.GoHeapAllocs, a.MemStats.TotalAlloc, b.MemStats.TotalAlloc, 0)
	near(t, s, sampler.GoHeapGoal, a.MemStats.NextGC, b.MemStats.NextGC, slack)
	near(t, s, sampler.GoCyclesTotal, uint64(a.MemStats.NumGC), uint64(b.MemStats.NumGC), 0)
	near(t, s, sampler.GoCyclesForced, uint64(a.MemStats.NumForcedGC), uint64(b.MemStats.NumForcedGC), 0)
	near(t, s, sampler.GoGoroutines, uint64(a.Goroutines), uint64(b.Goroutines), 8) // those that answer
	if pauses, ok := s.Get(sampler.GoPauseTotal); !ok || pauses < float64(a.MemStats.PauseTotalNs)/1e9-1e-9 || pauses > float64(b.MemStats.PauseTotalNs)/1e9+1e-9 {
		t.Errorf("pauses of %v s (%t), the program says %d to %d ns", pauses, ok, a.MemStats.PauseTotalNs, b.MemStats.PauseTotalNs)
	}
	if rss, ok := s.Get(sampler.ProcessRSS); !ok || rss < 64<<20 {
		t.Errorf("RSS of %v (%t) with 64 MiB held", rss, ok)
	}
}

// able checks what a session over a source with an agent or an endpoint can do.
func able(t *testing.T, c *child, s sampler.Session) {
	t.Helper()
	before := c.do("park").MemStats.NumGC
	if err := s.(sampler.Collector).CanCollect(); err != nil {
		t.Error(err)
	}
	if err := s.(sampler.Collector).Collect(t.Context()); err != nil {
		t.Error(err)
	}
	if after := c.do("").MemStats; after.NumGC <= before || after.NumForcedGC == 0 {
		t.Errorf("%d collections, %d before Collect", after.NumGC, before)
	}
	snap := until(t, s, "cycle", func(s *sampler.Snapshot) bool { return len(s.Cycles) > 0 })
	if cy := snap.Cycles[0]; cy.Number <= uint64(before) || !cy.Pause.OK || time.Since(cy.End) > time.Minute {
		t.Errorf("cycle %+v after number %d", cy, before)
	}
	p, err := s.(sampler.HeapProfiler).HeapProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := inUse(t, p.Data, "holdOneMiB"); got < 48<<20 || got > 80<<20 {
		t.Errorf("%d bytes in use by holdOneMiB, want about 64 MiB", got)
	}
	parkedGoroutines(t, s)
}

func parkedGoroutines(t *testing.T, s sampler.Session) {
	t.Helper()
	g, err := s.(sampler.GoroutineProfiler).Goroutines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parked := 0
	for _, grp := range g.Groups {
		if grp.CreatedBy.Function == "" && g.Source != "memory" && grp.State != "running" && grp.State != "IO wait" && !strings.Contains(fmt.Sprint(grp.Stack), "main") {
			t.Errorf("nobody created %+v", grp)
		}
		if len(grp.Stack) > 0 && strings.Contains(grp.Stack[len(grp.Stack)-1].Function, "(*server).do.func") && grp.State == "select (no cases)" {
			parked += grp.Count
		}
	}
	if parked != 10 {
		t.Errorf("%d goroutines are parked, want 10: %+v", parked, g.Groups)
	}
	p, err := s.(sampler.GoroutineProfiler).GoroutineProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := profile.ParseData(p.Data); err != nil {
		t.Error(err)
	}
}

func inUse(t *testing.T, data []byte, function string) (sum int64) {
	t.Helper()
	p, err := profile.ParseData(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Sample {
		for _, l := range s.Location {
			for _, line := range l.Line {
				if strings.HasSuffix(line.Function.Name, function) {
					sum += s.Value[3]
				}
			}
		}
	}
	return sum
}

func TestAgentIsFoundByProcessID(t *testing.T) {
	c := start(t, nil)
	c.do("agent")
	c.do("hold")
	s := open(t, quick(Options{}), c.target())
	if i := describe(s); i.Source != "agent" || i.PID != c.pid || !strings.HasPrefix(i.GoVersion, "go1.") {
		t.Errorf("describes %+v", i)
	}
	before := c.do("gc")
	snap := until(t, s, "agent", func(s *sampler.Snapshot) bool { _, ok := s.Get(sampler.GoHeapLive); return ok })
	agrees(t, snap, before, c.do(""))
	near(t, snap, sampler.GoHeapLive, 64<<20, 66<<20, 0)
	if h, ok := snap.Histogram(sampler.GoGCPauses); !ok || len(h.Buckets) != len(h.Counts)+1 {
		t.Errorf("pauses: %t, %d buckets", ok, len(h.Buckets))
	}
	able(t, c, s)
	tune := s.(sampler.Tuner)
	if err := errors.Join(tune.SetGCPercent(t.Context(), 77), tune.SetMemoryLimit(t.Context(), 1<<30), tune.FreeOSMemory(t.Context())); err != nil {
		t.Error(err)
	}
	snap = until(t, s, "tuned", func(s *sampler.Snapshot) bool { return true })
	near(t, snap, sampler.GoGCPercent, 77, 77, 0)
	near(t, snap, sampler.GoMemLimit, 1<<30, 1<<30, 0)
}

func TestAgentByItsSocket(t *testing.T) {
	c := start(t, nil)
	c.do("agent")
	c.do("hold")
	path := sockPaths("/proc", c.pid)[0]
	s := open(t, quick(Options{}), sampler.Target{Kind: sampler.KindAgent, URL: "unix://" + path, Path: path})
	before := c.do("gc")
	var snap sampler.Snapshot
	if err := s.Read(t.Context(), &snap); err != nil {
		t.Fatal(err)
	}
	agrees(t, &snap, before, c.do(""))
	if i := describe(s); i.PID != c.pid || i.Target.Kind != sampler.KindAgent {
		t.Errorf("describes %+v", i)
	}
}

func TestEndpointIsFoundOnThePortsOfTheProcess(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0"} {
		c := start(t, nil)
		c.do("pprof " + addr)
		c.do("hold")
		s := open(t, quick(Options{}), c.target())
		if i := describe(s); i.Source != "pprof" {
			t.Fatalf("describes %+v", i)
		}
		before := c.do("gc")
		asked := time.Now()
		snap := until(t, s, "statistics", func(s *sampler.Snapshot) bool {
			_, ok := s.Get(sampler.GoHeapGoal)
			return ok && s.RuntimeTime().After(asked)
		})
		agrees(t, snap, before, c.do(""))
		if _, ok := snap.Get(sampler.GoHeapLive); ok {
			t.Error("MemStats knows no live heap, but one is told")
		}
		able(t, c, s)
		if err := s.(sampler.Tuner).SetGCPercent(t.Context(), 50); !errors.Is(err, sampler.ErrUnsupported) || !strings.Contains(err.Error(), "agent.Listen") {
			t.Errorf("set GOGC: %v", err)
		}
	}
}

func TestEndpointByURLJoinsItsProcess(t *testing.T) {
	c := start(t, nil)
	addr := c.do("pprof 127.0.0.1:0").Addr
	c.do("hold")
	s := open(t, quick(Options{}), sampler.Target{Kind: sampler.KindEndpoint, URL: "http://" + addr + "/debug/pprof/heap?seconds=1"})
	if i := describe(s); i.PID != c.pid || i.Source != "pprof" {
		t.Errorf("describes %+v", i)
	}
	before := c.do("gc")
	asked := time.Now()
	snap := until(t, s, "statistics", func(s *sampler.Snapshot) bool {
		_, ok := s.Get(sampler.GoHeapGoal)
		return ok && s.RuntimeTime().After(asked)
	})
	agrees(t, snap, before, c.do(""))
}

// Statistics of an endpoint stop the program: between two of them only the system's figures come.
func TestEndpointIsNotAskedOften(t *testing.T) {
	c := start(t, nil)
	c.do("pprof 127.0.0.1:0")
	src := quick(Options{})
	src.every = time.Hour
	s := open(t, src, c.target())
	var snap sampler.Snapshot
	var first time.Time
	for i := range 3 {
		if err := s.Read(t.Context(), &snap); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = snap.RuntimeTime()
		}
		if _, ok := snap.Get(sampler.GoHeapGoal); !ok || !snap.RuntimeTime().Equal(first) || !snap.Time.After(first) {
			t.Errorf("reading %d at %v has the heap goal: %t, read at %v and not when first asked, %v", i, snap.Time, ok, snap.RuntimeTime(), first)
		}
		if _, ok := snap.Get(sampler.ProcessRSS); !ok {
			t.Errorf("reading %d has no RSS", i)
		}
	}
	p, err := s.(sampler.HeapProfiler).HeapProfile(t.Context())
	again, err2 := s.(sampler.HeapProfiler).HeapProfile(t.Context())
	if err != nil || err2 != nil || !again.Time.Equal(p.Time) {
		t.Errorf("profiles of %v and %v, %v, %v", p.Time, again.Time, err, err2)
	}
}

// Memory is read from outside; what it cannot do, an endpoint does.
func TestMemoryForReadingEndpointForCollecting(t *testing.T) {
	c := start(t, nil)
	c.do("hold")
	s := open(t, quick(Options{Memory: goproc.Source{}}), c.target())
	if i := describe(s); i.Source != "memory" {
		t.Skipf("memory cannot be read here: %q", i.Hints)
	}
	if err := s.(sampler.Collector).CanCollect(); !errors.Is(err, sampler.ErrPermission) || !strings.Contains(err.Error(), "--allow-write") {
		t.Errorf("can collect: %v", err)
	}
	if spans, err := s.(sampler.SpanReader).Spans(t.Context()); err != nil || spans.InUse < 64<<20 {
		t.Errorf("spans of %d bytes with 64 MiB held: %v", spans.InUse, err)
	}
	if m, err := s.(sampler.Mapper).Mappings(t.Context()); err != nil || goMemory(m) < 64<<20 {
		t.Errorf("mappings of %v bytes are the heap's with 64 MiB held: %v", goMemory(m), err)
	}
	c.do("pprof 127.0.0.1:0")
	before := c.do("gc")
	snap := until(t, s, "endpoint", func(*sampler.Snapshot) bool { return s.(sampler.Collector).CanCollect() == nil })
	agrees(t, snap, before, c.do(""))
	near(t, snap, sampler.GoHeapLive, 64<<20, 66<<20, 0)
	if i := describe(s); i.Source != "memory" {
		t.Errorf("describes %+v", i)
	}
	able(t, c, s)
	if p, err := s.(sampler.HeapProfiler).HeapProfile(t.Context()); err != nil || p.Source != "memory" {
		t.Errorf("heap profile of %q: %v", p.Source, err)
	}
}

func goMemory(m sampler.Mappings) (bytes float64) {
	for _, x := range m.List {
		if x.Go {
			bytes += x.RSS
		}
	}
	return bytes
}

// The agent tells of a collection what the runtime publishes; the heap before it is in memory alone.
func TestMemoryCompletesTheCyclesOfTheAgent(t *testing.T) {
	c := start(t, nil)
	c.do("agent")
	c.do("hold")
	s := open(t, quick(Options{Memory: goproc.Source{}}), c.target())
	until(t, s, "agent", func(s *sampler.Snapshot) bool { _, ok := s.Get(sampler.GoHeapLive); return ok })
	if _, err := s.(sampler.SpanReader).Spans(t.Context()); err != nil {
		t.Skipf("memory cannot be read here: %v", err)
	}
	c.do("gc")
	snap := until(t, s, "a cycle", func(s *sampler.Snapshot) bool { return len(s.Cycles) > 0 })
	last := snap.Cycles[len(snap.Cycles)-1]
	if i := describe(s); i.Source != "agent" || last.Kind != "forced" {
		t.Errorf("%q tells of a collection that is %q", i.Source, last.Kind)
	}
	if !last.Before.OK || !last.After.OK || !last.Live.OK || last.Before.Value < 64<<20 || last.After.Value < last.Live.Value {
		t.Errorf("heap of 64 MiB before and after: %+v", last)
	}
}

// An agent that appears while the process is watched is taken up, and its end is survived.
func TestDeeperSourceAppearsAndGoes(t *testing.T) {
	began := time.Now()
	c := start(t, nil)
	s := open(t, quick(Options{}), c.target())
	if i := describe(s); i.Source != "proc" {
		t.Errorf("describes %+v", i)
	}
	if early := hints(s); strings.Contains(early, "agent.Listen") && time.Since(began) < beginning {
		t.Errorf("a program that has just begun may be about to listen, and is advised: %s", early)
	}
	until(t, s, "the hint how to see more", func(*sampler.Snapshot) bool { return strings.Contains(hints(s), "agent.Listen") })
	if err := s.(sampler.Collector).CanCollect(); !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("can collect: %v", err)
	}
	c.do("pprof 127.0.0.1:0")
	until(t, s, "endpoint", func(*sampler.Snapshot) bool { return describe(s).Source == "pprof" })
	c.do("agent")
	until(t, s, "agent", func(*sampler.Snapshot) bool { return describe(s).Source == "agent" })
	c.do("stop")
	until(t, s, "without the agent", func(*sampler.Snapshot) bool { return describe(s).Source == "pprof" })
	c.do("agent")
	until(t, s, "agent again", func(*sampler.Snapshot) bool { return describe(s).Source == "agent" })
	c.end()
	var snap sampler.Snapshot
	if err := s.Read(t.Context(), &snap); !errors.Is(err, sampler.ErrGone) {
		t.Errorf("after its end: %v", err)
	}
}

func TestOrdinaryProcess(t *testing.T) {
	sleep := startSleep(t)
	s := open(t, quick(Options{}), sampler.Target{Kind: sampler.KindProcess, PID: sleep})
	var snap sampler.Snapshot
	if err := s.Read(t.Context(), &snap); err != nil {
		t.Fatal(err)
	}
	if i := describe(s); i.Source != "proc" || i.GoVersion != "" {
		t.Errorf("describes %+v", i)
	}
	if _, err := s.(sampler.HeapProfiler).HeapProfile(t.Context()); !errors.Is(err, sampler.ErrUnsupported) || !strings.Contains(err.Error(), "not a Go program") {
		t.Error(err)
	}
	if _, err := s.(sampler.SpanReader).Spans(t.Context()); !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("spans: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	src := quick(Options{})
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	for _, x := range []struct {
		target sampler.Target
		want   error
		words  string
	}{
		{sampler.Target{Kind: sampler.KindProcess, PID: 1<<22 + 1}, sampler.ErrNotFound, ""},
		{sampler.Target{Kind: sampler.KindEndpoint, URL: "http://" + refused.Addr().String()}, sampler.ErrNotFound, "nobody listens"},
		{sampler.Target{Kind: sampler.KindEndpoint, URL: "http://user:secret@" + refused.Addr().String() + "/?token=hidden"}, sampler.ErrNotFound, "nobody listens"},
		{sampler.Target{Kind: sampler.KindEndpoint, URL: "http://%zz"}, nil, "pprof endpoint"},
		{sampler.Target{Kind: sampler.KindAgent, URL: "unix:///nowhere.sock", Path: "/nowhere.sock"}, sampler.ErrNotFound, "/nowhere.sock"},
		{sampler.Target{Kind: sampler.KindFile, Path: "x"}, sampler.ErrUnsupported, ""},
	} {
		s, err := src.Open(t.Context(), x.target)
		if err == nil {
			s.Close()
		}
		if err == nil || x.want != nil && !errors.Is(err, x.want) || !strings.Contains(err.Error(), x.words) {
			t.Errorf("%s: %v", x.target, err)
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("tells a secret: %v", err)
		}
	}
}

func TestContract(t *testing.T) {
	c := start(t, nil)
	c.do("hold")
	t.Run("system alone", func(t *testing.T) { samplertest.Test(t, quick(Options{}), c.target()) })
	addr := c.do("pprof 127.0.0.1:0").Addr
	t.Run("endpoint", func(t *testing.T) { samplertest.Test(t, quick(Options{}), c.target()) })
	t.Run("url", func(t *testing.T) {
		samplertest.Test(t, quick(Options{}), sampler.Target{Kind: sampler.KindEndpoint, URL: addr})
	})
	c.do("agent")
	t.Run("agent", func(t *testing.T) { samplertest.Test(t, quick(Options{}), c.target()) })
}

// A command's stderr: every line of its log and every collection is there, each where it belongs.
func TestTraceOfARealProgram(t *testing.T) {
	var out, raw locked
	trace := NewTrace(&out)
	c := start(t, io.MultiWriter(&raw, trace), "GODEBUG=gctrace=1")
	src := quick(Options{Trace: trace})
	s := open(t, src, c.target())
	end := c.do("log server ")
	snap := until(t, s, "all collections", func(s *sampler.Snapshot) bool {
		n, _ := s.Get(sampler.GoCyclesTotal)
		return uint32(n) >= end.MemStats.NumGC
	})
	near(t, snap, sampler.GoHeapLive, 0, 8<<20, 0)
	if i := describe(s); i.Source != "gctrace" {
		t.Errorf("describes %+v", i)
	}
	c.end()
	if err := trace.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(withoutCutLine(out.String()), "\n"), "\n")
	for i, line := range lines {
		if i >= logLines || !strings.HasSuffix(line, fmt.Sprint(" server ", i)) || len(line) != len("2026/11/21 21:45:00 server ")+len(fmt.Sprint(i)) {
			t.Fatalf("line %d of %d is %q", i, len(lines), line)
		}
	}
	if len(lines) != logLines {
		t.Errorf("%d lines", len(lines))
	}
	unbroken := len(regexp.MustCompile(`gc \d+ @[^\n]* P( \(forced\))?\n`).FindAllString(raw.String(), -1))
	t.Logf("%d collections, of %d the line came in one piece", end.MemStats.NumGC, unbroken)
}

// withoutCutLine leaves out a gctrace line that the end of the program cut off: no filter can tell it from the program's own.
func withoutCutLine(text string) string {
	return regexp.MustCompile(`gc \d+ @[^\n]*\z`).ReplaceAllString(text, "")
}

// Lines that are nothing but numbers can be told from the runtime's only where each write is seen by itself.
func TestPacketTraceOfARealProgram(t *testing.T) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_DIRECT); err != nil {
		t.Fatal(err)
	}
	r, w := os.NewFile(uintptr(fds[0]), "stderr"), os.NewFile(uintptr(fds[1]), "stderr")
	defer r.Close()
	defer w.Close()
	var out locked
	trace := NewPacketTrace(&out)
	c := start(t, w, "GODEBUG=gctrace=1")
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Read(buf)
			if err != nil {
				done <- err
				return
			}
			trace.Write(buf[:n])
		}
	}()
	end := c.do("count")
	c.end()
	w.Close()
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := trace.Close(); err != nil {
		t.Fatal(err)
	}
	cycles := trace.Cycles()
	if len(cycles) < int(end.MemStats.NumGC) {
		t.Errorf("%d collections, the program says %d", len(cycles), end.MemStats.NumGC)
	}
	for i, cy := range cycles {
		if cy.Number != uint64(i)+1 {
			t.Fatalf("collection %d is numbered %d", i, cy.Number)
		}
	}
	lines := strings.Split(withoutCutLine(out.String()), "\n")
	for i, line := range lines {
		if i < logLines && line != fmt.Sprint(i) || i >= logLines && line != "" {
			t.Fatalf("line %d of %d is %q", i, len(lines), line)
		}
	}
}

func TestCancelledOpen(t *testing.T) {
	hang := hanging(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if s, err := quick(Options{}).Open(ctx, sampler.Target{Kind: sampler.KindEndpoint, URL: hang}); err == nil {
		s.Close()
		t.Error("opens what never answers")
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}
