package samplertest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

func read(t *testing.T, s sampler.Session) *sampler.Snapshot {
	t.Helper()
	var into sampler.Snapshot
	if err := s.Read(t.Context(), &into); err != nil {
		t.Fatal(err)
	}
	return &into
}

func value(t *testing.T, s *sampler.Snapshot, m sampler.Metric) float64 {
	t.Helper()
	v, ok := s.Get(m)
	if !ok {
		t.Fatalf("%s was not read", m)
	}
	return v
}

// TestFakeKeepsTheContract also shows how a source calls Test.
func TestFakeKeepsTheContract(t *testing.T) {
	for _, o := range []Options{{}, {Seed: 7, Age: time.Second}, {Age: 24 * time.Hour}, {Plain: true}} {
		Test(t, Source{o}, sampler.Target{Kind: sampler.KindProcess, PID: DefaultPID})
	}
	if _, err := (Source{}).Open(t.Context(), sampler.Target{Kind: sampler.KindProcess, PID: 1}); !errors.Is(err, sampler.ErrNotFound) {
		t.Errorf("open another process: %v", err)
	}
}

// TestFakeDependsOnTimeAlone reads two fakes at different paces to the same instant.
func TestFakeDependsOnTimeAlone(t *testing.T) {
	slow, fast := New(Options{Age: 400 * time.Second}), New(Options{Age: 340 * time.Second, Step: 250 * time.Millisecond})
	want := read(t, slow)
	var got *sampler.Snapshot
	for range 241 {
		got = read(t, fast)
	}
	if !got.Time.Equal(want.Time) {
		t.Fatalf("read at %v and %v", got.Time, want.Time)
	}
	for _, s := range want.Samples {
		if v := value(t, got, s.Metric); math.Abs(v-s.Value) > 1e-9*math.Abs(s.Value) {
			t.Errorf("%s is %v, read often %v", s.Metric, s.Value, v)
		}
	}
}

// TestFakeHangsTogether checks the sums and laws that hold in a real server.
func TestFakeHangsTogether(t *testing.T) {
	f := New(Options{Age: time.Second, Step: 3 * time.Second})
	last := 0.0
	for range 400 {
		s := read(t, f)
		rss := value(t, s, sampler.ProcessRSS)
		if parts := value(t, s, sampler.ProcessAnon) + value(t, s, sampler.ProcessFile) + value(t, s, sampler.ProcessShmem); parts != rss {
			t.Fatalf("RSS %v, its parts %v", rss, parts)
		}
		m, err := f.Mappings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, x := range m.List {
			sum += x.RSS
		}
		if sum != rss {
			t.Fatalf("RSS %v, of all mappings %v", rss, sum)
		}
		if peak := value(t, s, sampler.ProcessPeakRSS); peak < rss || peak < last {
			t.Fatalf("peak %v, RSS %v, peak before %v", peak, rss, last)
		} else {
			last = peak
		}
		classes := 0.0
		for _, x := range s.Samples {
			if strings.HasPrefix(string(x.Metric), "/memory/classes/") && x.Metric != sampler.GoClassTotal {
				classes += x.Value
			}
			if x.Value < 0 {
				t.Fatalf("%s is %v", x.Metric, x.Value)
			}
		}
		if total := value(t, s, sampler.GoClassTotal); total != classes {
			t.Fatalf("classes add up to %v, their total is %v", classes, total)
		}
		live, goal, inUse := value(t, s, sampler.GoHeapLive), value(t, s, sampler.GoHeapGoal), value(t, s, sampler.GoClassObjects)
		if inUse < live || inUse > goal*1.01 {
			t.Fatalf("%v in use, live %v, goal %v", inUse, live, goal)
		}
	}
}

func TestFakeHeapProfileAddsUp(t *testing.T) {
	f := New(Options{})
	s := read(t, f)
	p, err := f.HeapProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := profile.ParseData(p.Data)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, x := range parsed.Sample {
		sum += float64(x.Value[3])
	}
	if live := value(t, s, sampler.GoHeapLive); len(parsed.Sample) != 12 || math.Abs(sum-live) > 0.1*live {
		t.Errorf("%d sites hold %v, the live heap is %v", len(parsed.Sample), sum, live)
	}
}

func TestFakeLeaks(t *testing.T) {
	held := func(age time.Duration) (leak int64, goroutines int) {
		f := New(Options{Age: age})
		p, err := f.HeapProfile(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := profile.ParseData(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range parsed.Sample {
			if strings.Contains(x.Location[0].Line[0].Function.Name, "remember") {
				leak = x.Value[3]
			}
		}
		g, err := f.Goroutines(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return leak, g.Total
	}
	early, few := held(10 * time.Minute)
	late, many := held(30 * time.Minute)
	if want := leakPerSecond * 1200.0; math.Abs(float64(late-early)-want) > 0.1*want || many-few != 40 {
		t.Errorf("in 20 minutes %d bytes and %d goroutines leaked, want %v and 40", late-early, many-few, want)
	}
}

// TestFakeProfilesOpenInPprof asks the pprof people use.
func TestFakeProfilesOpenInPprof(t *testing.T) {
	Tool(t, "go")
	f := New(Options{Age: time.Hour})
	heap, err := f.HeapProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	goroutines, err := f.GoroutineProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for says, p := range map[string]sampler.Profile{"session.(*Manager).remember": heap, "notify.(*Hub).deliver": goroutines} {
		path := filepath.Join(t.TempDir(), "p.pb.gz")
		if err := os.WriteFile(path, p.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", path).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte(says)) {
			t.Errorf("go tool pprof: %v, want it to say %s:\n%s", err, says, out)
		}
	}
}

func TestFakeObeys(t *testing.T) {
	f := New(Options{})
	before := read(t, f)
	if err := f.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.SetGCPercent(t.Context(), 50); err != nil {
		t.Fatal(err)
	}
	if err := f.FreeOSMemory(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := read(t, f)
	if forced := value(t, after, sampler.GoCyclesForced); forced != 2 || after.Cycles[len(after.Cycles)-1].Kind == "" {
		t.Errorf("%v forced collections, want 2", forced)
	}
	if goal, live := value(t, after, sampler.GoHeapGoal), value(t, after, sampler.GoHeapLive); math.Abs(goal/live-1.5) > 0.01 {
		t.Errorf("with GOGC 50 the goal is %v over %v live", goal, live)
	}
	if value(t, after, sampler.ProcessRSS) >= value(t, before, sampler.ProcessRSS) || value(t, after, sampler.GoClassReleased) == 0 {
		t.Error("returning free memory returned none")
	}
}

func TestFakeEnds(t *testing.T) {
	f := New(Options{Age: 10 * time.Second, EndAfter: 12 * time.Second, End: &sampler.Gone{Signal: "SIGKILL", OOM: true}})
	read(t, f)
	read(t, f)
	var gone *sampler.Gone
	if err := f.Read(t.Context(), new(sampler.Snapshot)); !errors.As(err, &gone) || !gone.OOM {
		t.Errorf("after its end: %v", err)
	}
	if _, err := f.HeapProfile(t.Context()); !errors.Is(err, sampler.ErrGone) {
		t.Errorf("profile after the end: %v", err)
	}
}

func TestBareHasNoAbility(t *testing.T) {
	s := Bare(New(Options{}))
	if _, ok := s.(sampler.HeapProfiler); ok {
		t.Error("a bare session makes heap profiles")
	}
	read(t, s)
}

func TestListerIsAProcessTable(t *testing.T) {
	l := NewLister(ListerOptions{Processes: 5000})
	var table sampler.ProcessTable
	if err := l.List(t.Context(), sampler.ListOptions{PIDs: map[int]bool{DefaultPID: true}}, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Processes) != 5000 {
		t.Errorf("%d processes, want 5000", len(table.Processes))
	}
	names := make(map[string]bool)
	pids := make(map[int]bool)
	for i, p := range table.Processes {
		if i > 0 && p.PID <= table.Processes[i-1].PID {
			t.Fatalf("process %d follows %d", p.PID, table.Processes[i-1].PID)
		}
		names[p.Name], pids[p.PID] = true, true
		if (p.PID == DefaultPID) != p.Peak.OK {
			t.Errorf("process %d: peak known %t", p.PID, p.Peak.OK)
		}
	}
	for _, p := range table.Processes {
		if p.PPID != 0 && !pids[p.PPID] {
			t.Errorf("process %d has the parent %d, which is not there", p.PID, p.PPID)
		}
	}
	for _, n := range append(HostileNames(), DefaultName) {
		if !names[n] {
			t.Errorf("no process is called %.40q", n)
		}
	}
	server := func() float64 {
		i := slices.IndexFunc(table.Processes, func(p sampler.Process) bool { return p.PID == DefaultPID })
		return table.Processes[i].RSS.Value
	}
	if want := value(t, read(t, New(Options{})), sampler.ProcessRSS); server() != want {
		t.Errorf("the server has %v in the table and %v by itself", server(), want)
	}
	failing := NewLister(ListerOptions{Fail: context.DeadlineExceeded})
	if err := failing.List(t.Context(), sampler.ListOptions{}, &table); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a failing lister says %v", err)
	}
}
