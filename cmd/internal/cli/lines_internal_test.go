package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// server is an event as a Go program with an agent gives it.
func server(at time.Time, rss float64) sampler.Event {
	s := &sampler.Snapshot{Time: at, Took: 42 * time.Microsecond}
	s.Add(sampler.ProcessRSS, rss)
	s.Add(sampler.ProcessPeakRSS, 250e6)
	s.Add(sampler.ProcessThreads, 12)
	s.Add(sampler.ProcessCPU, 10+float64(at.Unix()%60)/4)
	s.Add(sampler.GoClassObjects, 90e6)
	s.Add(sampler.GoHeapGoal, 140e6)
	s.Add(sampler.GoCyclesTotal, 1234)
	s.Add(sampler.GoGoroutines, 57)
	s.Add(sampler.CgroupLimit, 512e6)
	s.Add(sampler.CgroupCurrent, 256e6)
	return sampler.Event{Snapshot: s, Info: sampler.Info{
		Target: sampler.Target{Kind: sampler.KindProcess, PID: 4242}, PID: 4242, Name: "api-server", Source: "agent", GoVersion: "go1.26.1",
	}}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)

func TestTextLinesAreAligned(t *testing.T) {
	var out bytes.Buffer
	p := &textPrinter{w: &out}
	for i, rss := range []float64{212e6, 5.5e3, 2.1e9} {
		if err := p.print(server(noon.Add(time.Duration(i)*time.Second), rss)); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.TrimPrefix(`
TIME            RSS     CHANGE       PEAK       HEAP       LIVE       GOAL     GCS  GOROUTINES  THREADS    CPU  NEAREST LIMIT
12:00:00     212 MB        0 B     250 MB    90.0 MB          -     140 MB   1,234          57       12      -  50% of 512 MB (cgroup)
12:00:01    5.50 kB    -212 MB     250 MB    90.0 MB          -     140 MB   1,234          57       12    25%  50% of 512 MB (cgroup)
12:00:02    2.10 GB   +1.89 GB     250 MB    90.0 MB          -     140 MB   1,234          57       12    25%  50% of 512 MB (cgroup)
`, "\n")
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestTextLiveHeapIsNotKnownBeforeTheFirstCollection(t *testing.T) {
	for cycles, want := range map[float64]string{0: unknown, 1: "0 B"} {
		s := &sampler.Snapshot{}
		s.Add(sampler.GoCyclesTotal, cycles)
		s.Add(sampler.GoHeapLive, 0)
		if got := liveCell(nil, s); got != want {
			t.Errorf("after %g collections the live heap is shown as %q, want %q", cycles, got, want)
		}
	}
}

func TestTextTitlesReturnOnATerminalAndWithADeeperSource(t *testing.T) {
	titles := func(terminal bool, events int) int {
		var out bytes.Buffer
		p := &textPrinter{w: &out, terminal: terminal}
		for i := range events {
			p.print(server(noon.Add(time.Duration(i)*time.Second), 1e6))
		}
		return strings.Count(out.String(), "TIME")
	}
	if pipe, screen := titles(false, 60), titles(true, 60); pipe != 1 || screen != 3 {
		t.Errorf("titles %d times in a pipe and %d on a terminal, want 1 and 3", pipe, screen)
	}
	var out bytes.Buffer
	p := &textPrinter{w: &out}
	shallow := server(noon, 1e6)
	shallow.Info.GoVersion = ""
	shallow.Snapshot.Samples = shallow.Snapshot.Samples[:3]
	p.print(shallow)
	p.print(server(noon.Add(time.Second), 1e6))
	if got := out.String(); strings.Count(got, "TIME") != 2 || strings.Index(got, "HEAP") < strings.LastIndex(got, "TIME") {
		t.Errorf("titles do not follow the source:\n%s", got)
	}
}

func TestJSONLineIsWhatWasRead(t *testing.T) {
	ev := server(noon, 212e6)
	ev.Snapshot.Warn(errors.New("read smaps: permission denied"))
	var out bytes.Buffer
	if err := newJSON(&out).print(ev); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Time     time.Time
		Target   map[string]any
		TookNS   int64 `json:"took_ns"`
		Metrics  map[string]float64
		Warnings []string
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	if !got.Time.Equal(noon) || got.TookNS != 42000 {
		t.Errorf("time %s took %d", got.Time, got.TookNS)
	}
	if fmt.Sprint(got.Target) != "map[kind:process name:api-server pid:4242 source:agent]" {
		t.Errorf("target %v", got.Target)
	}
	if len(got.Metrics) != len(ev.Snapshot.Samples) || got.Metrics["/process/rss:bytes"] != 212e6 {
		t.Errorf("metrics %v", got.Metrics)
	}
	if _, invented := got.Metrics["/gc/heap/live:bytes"]; invented {
		t.Error("a metric that was not read is there")
	}
	if fmt.Sprint(got.Warnings) != "[read smaps: permission denied]" {
		t.Errorf("warnings %v", got.Warnings)
	}
}

func TestJSONGapIsALineWithoutMetrics(t *testing.T) {
	var out bytes.Buffer
	newJSON(&out).print(sampler.Event{Err: errors.New("no answer")})
	if got := out.String(); !strings.Contains(got, `"metrics":{},"warnings":["no answer"]`) {
		t.Errorf("got %s", got)
	}
}

func TestHostileNamesDoNotReachTheTerminal(t *testing.T) {
	const hostile = "a\x1b[31m\u009b31m\n\u202ename\xff"
	ev := server(noon, 1e6)
	ev.Info.Name = hostile
	var out bytes.Buffer
	newJSON(&out).print(ev)
	conclude(&out, fmt.Errorf("%s\x1b]0;title\x07 is gone", hostile))
	for _, r := range out.String() {
		if r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u202e') {
			t.Fatalf("%U reaches the terminal: %q", r, out.String())
		}
	}
	line, _, _ := strings.Cut(out.String(), "\n")
	var got jsonLine
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.Target.Name != strings.ToValidUTF8(hostile, "\ufffd") {
		t.Errorf("the name reads back as %q, %v", got.Target.Name, err)
	}
}

// scripted is a session that returns one error after the other, and a reading for nil.
type scripted struct{ errs []error }

func (s *scripted) Read(_ context.Context, snap *sampler.Snapshot) error {
	snap.Reset(time.Now())
	if len(s.errs) == 0 {
		return nil
	}
	err := s.errs[0]
	s.errs = s.errs[1:]
	return err
}

func (s *scripted) Close() error           { return nil }
func (s *scripted) Describe() sampler.Info { return sampler.Info{Name: "server"} }

func TestEndOfTheTargetDecidesTheCode(t *testing.T) {
	gone := func(change func(*sampler.Gone)) error {
		g := &sampler.Gone{At: noon}
		change(g)
		return g
	}
	ended := gone(func(*sampler.Gone) {})
	exited := gone(func(g *sampler.Gone) { g.ExitCode = sampler.Known(0) })
	failed := gone(func(g *sampler.Gone) { g.ExitCode = sampler.Known(3) })
	killed := gone(func(g *sampler.Gone) { g.Signal = "SIGSEGV" })
	oom := gone(func(g *sampler.Gone) { g.OOM = true })
	trouble := errors.New("no answer")
	for name, c := range map[string]struct {
		errs     []error
		duration time.Duration
		code     int
		says     string
	}{
		"exited 0":                   {[]error{nil, exited}, 0, 0, "server exited 0 at"},
		"exited 0 before its time":   {[]error{nil, exited}, time.Hour, 0, "server exited 0 at"},
		"exited 3":                   {[]error{nil, failed}, 0, 2, "server exited 3 at"},
		"killed":                     {[]error{nil, killed}, 0, 2, "killed by SIGSEGV"},
		"killed for memory":          {[]error{nil, oom}, 0, 2, "killed by the kernel for memory"},
		"ended, nobody knows how":    {[]error{nil, ended}, 0, 0, "server ended at"},
		"ended so before its time":   {[]error{nil, ended}, time.Hour, 2, "server ended at"},
		"never read":                 {[]error{exited}, 0, 2, "before it could be read"},
		"no reading in the duration": {slices.Repeat([]error{trouble}, 100), 100 * time.Millisecond, 2, "no answer"},
		"trouble and then a reading": {[]error{trouble, nil, nil}, 100 * time.Millisecond, 0, "no answer"},
		"nothing but readings":       {nil, 100 * time.Millisecond, 0, ""},
	} {
		var out, stderr bytes.Buffer
		l := &lines{
			opened: &opened{session: &scripted{c.errs}}, keeper: newKeeper(&opened{}, nil, ""), interval: sampler.MinInterval, duration: c.duration,
			printer: newJSON(&out), stderr: &stderr,
		}
		code := conclude(&stderr, l.run(t.Context()))
		if code != c.code || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%s: exit %d, want %d, saying %q:\n%s", name, code, c.code, c.says, stderr.String())
		}
	}
}

func TestWarningsAreToldOnce(t *testing.T) {
	trouble := errors.New("no answer")
	var out, stderr bytes.Buffer
	l := &lines{
		opened: &opened{session: &scripted{[]error{trouble, nil, trouble, nil}}}, keeper: newKeeper(&opened{}, nil, ""), interval: sampler.MinInterval,
		duration: 250 * time.Millisecond, printer: newJSON(&out), stderr: &stderr,
	}
	if err := l.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(stderr.String(), "no answer"); n != 1 {
		t.Errorf("told %d times:\n%s", n, stderr.String())
	}
	if n := strings.Count(out.String(), "no answer"); n != 2 {
		t.Errorf("the JSON lines carry it %d times, want 2:\n%s", n, out.String())
	}
}

// brokenPipe fails as a pipe without a reader does.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, fmt.Errorf("write: %w", syscall.EPIPE) }

func TestBrokenPipeIsNoFailure(t *testing.T) {
	l := &lines{
		opened: &opened{session: &scripted{}}, keeper: newKeeper(&opened{}, nil, ""), interval: sampler.MinInterval,
		printer: newJSON(brokenPipe{}), stderr: &bytes.Buffer{},
	}
	if err := l.run(t.Context()); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestInterruptedContextIs130(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&interrupted{syscall.SIGTERM})
	l := &lines{
		opened: &opened{session: &scripted{}}, keeper: newKeeper(&opened{}, nil, ""), interval: sampler.MinInterval,
		printer: newJSON(&bytes.Buffer{}), stderr: &bytes.Buffer{},
	}
	var stderr bytes.Buffer
	if code := conclude(&stderr, l.run(ctx)); code != 130 || stderr.String() != "heaptop: exit 130: interrupted by a signal (terminated)\n" {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

func TestUnitsOfLimits(t *testing.T) {
	o := &live{}
	f := &limits{&o.limits}
	for _, s := range []string{"rss=500MB", "heap=1GiB"} {
		if err := f.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.limits[0].Bytes; unit.Bytes(got) != "500 MB" || o.limits[1].Bytes != 1<<30 {
		t.Errorf("limits %+v", o.limits)
	}
}

func newJSON(w io.Writer) *jsonPrinter { return &jsonPrinter{w: w, now: time.Now} }
