package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/alloc-dev/heaptop/sampler"
)

// fixture unpacks a captured system and returns options that read it.
func fixture(tb testing.TB, name string) Options {
	tb.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	for _, f := range archive.Files {
		write(tb, filepath.Join(dir, f.Name), string(f.Data))
	}
	return Options{Root: filepath.Join(dir, "proc"), CgroupRoot: filepath.Join(dir, "cgroup")}
}

// write puts text into a file without making another inode, so that a kept descriptor sees it.
func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// edit replaces text in a file, which must hold it.
func edit(tb testing.TB, path, from, to string) {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if !strings.Contains(string(b), from) {
		tb.Fatalf("%s does not hold %q", path, from)
	}
	write(tb, path, strings.Replace(string(b), from, to, 1))
}

func openFixture(tb testing.TB, o Options, pid int) sampler.Session {
	tb.Helper()
	s, err := Source{o}.Open(context.Background(), sampler.Target{Kind: sampler.KindProcess, PID: pid})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func readAllSamples(tb testing.TB, s sampler.Session) (map[sampler.Metric]float64, []string) {
	tb.Helper()
	var snap sampler.Snapshot
	if err := s.Read(context.Background(), &snap); err != nil {
		tb.Fatal(err)
	}
	got := map[sampler.Metric]float64{}
	for _, x := range snap.Samples {
		if _, twice := got[x.Metric]; twice {
			tb.Errorf("%s is there twice", x.Metric)
		}
		got[x.Metric] = x.Value
	}
	var warnings []string
	for _, w := range snap.Warnings {
		warnings = append(warnings, w.Error())
	}
	return got, warnings
}

func TestDockerWithCgroupV2(t *testing.T) {
	o := fixture(t, "docker-v2.txtar")
	s := openFixture(t, o, 4242)
	got, warnings := readAllSamples(t, s)
	const kib = 1024
	page := float64(os.Getpagesize())
	want := map[sampler.Metric]float64{
		sampler.ProcessRSS: 51757 * page, sampler.ProcessPeakRSS: 231244 * kib,
		sampler.ProcessAnon: 170164 * kib, sampler.ProcessFile: 36352 * kib, sampler.ProcessShmem: 512 * kib,
		sampler.ProcessSwap: 2048 * kib, sampler.ProcessPSS: 190000 * kib, sampler.ProcessUSS: (6352 + 170164 + 2048) * kib,
		sampler.ProcessThreads: 14, sampler.ProcessMinorFaults: 51713, sampler.ProcessMajorFaults: 17,
		sampler.ProcessCPU: 20, sampler.ProcessFDs: 3,
		sampler.TreeRSS: (51757 + 1000) * page, sampler.TreeProcesses: 2,
		sampler.CgroupCurrent: 300000000, sampler.CgroupPeak: 400000000, sampler.CgroupLimit: 268435456,
		sampler.CgroupOOMKills: 2,
		sampler.PressureSome10: 12.34, sampler.PressureFull10: 3.21,
		sampler.MachineMemory: 16308704 * kib, sampler.MachineAvailable: 8154352 * kib,
		sampler.MachineSwapTotal: 2097148 * kib, sampler.MachineSwapFree: 1048574 * kib,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("samples (-want +got):\n%s", d)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
	info := s.(sampler.Describer).Describe()
	wantInfo := sampler.Info{
		Target: sampler.Target{Kind: sampler.KindProcess, PID: 4242}, PID: 4242, Name: "api-server", User: "70002",
		Container: "docker-0123456789ab", Started: time.Unix(1763000000+3600, 0), Source: "proc",
	}
	if d := cmp.Diff(wantInfo, info); d != "" {
		t.Errorf("info (-want +got):\n%s", d)
	}
}

func TestCgroupV1WithoutLimitOrPressure(t *testing.T) {
	s := openFixture(t, fixture(t, "hybrid-v1.txtar"), 12213)
	got, warnings := readAllSamples(t, s)
	if got[sampler.CgroupCurrent] != 90206208 || got[sampler.CgroupPeak] != 426725376 {
		t.Errorf("cgroup current %v, peak %v", got[sampler.CgroupCurrent], got[sampler.CgroupPeak])
	}
	for _, m := range []sampler.Metric{sampler.CgroupLimit, sampler.PressureSome10, sampler.PressureFull10} {
		if v, ok := got[m]; ok {
			t.Errorf("%s = %v, want it absent", m, v)
		}
	}
	if v, ok := got[sampler.CgroupOOMKills]; !ok || v != 0 {
		t.Errorf("OOM kills %v, %v; want a known 0", v, ok)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "psi=1") {
		t.Errorf("warnings: %q, want one that says how to get pressure figures", warnings)
	}
	if c := s.(sampler.Describer).Describe().Container; c != "process_api-7939319af647" {
		t.Errorf("container %q", c)
	}
}

func TestReusedPidIsAnEnd(t *testing.T) {
	o := fixture(t, "docker-v2.txtar")
	s := openFixture(t, o, 4242)
	readAllSamples(t, s)
	edit(t, o.Root+"/4242/stat", " 360000 ", " 370000 ")
	var snap sampler.Snapshot
	for range 2 { // an end is for ever
		err := s.Read(context.Background(), &snap)
		if !errors.Is(err, sampler.ErrGone) || !strings.Contains(err.Error(), "process id 4242 now belongs to another process") {
			t.Fatalf("Read: %v", err)
		}
		if len(snap.Samples) > 0 {
			t.Errorf("samples of a process that has ended: %v", snap.Samples)
		}
	}
}

func TestHowAProcessEnded(t *testing.T) {
	const scope = "/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"
	for _, c := range []struct {
		name  string
		code  int // as wait(2) has it
		kills string
		want  sampler.Gone
	}{
		{"killed for memory", 9, "oom_kill 3", sampler.Gone{Signal: "SIGKILL", OOM: true}},
		{"killed by a person", 9, "oom_kill 2", sampler.Gone{Signal: "SIGKILL"}},
		{"another one was killed for memory", 3 << 8, "oom_kill 3", sampler.Gone{ExitCode: sampler.Known(3)}},
		{"code hidden from other users", 0, "oom_kill 2", sampler.Gone{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := fixture(t, "docker-v2.txtar")
			s := openFixture(t, o, 4242)
			readAllSamples(t, s)
			edit(t, o.CgroupRoot+scope+"/memory.events", "oom_kill 2", c.kills)
			edit(t, o.Root+"/4242/stat", "(api-server) S", "(api-server) Z")
			edit(t, o.Root+"/4242/stat", " 14 0 360000", " 1 0 360000")
			edit(t, o.Root+"/4242/stat", " 0\n", fmt.Sprintf(" %d\n", c.code))
			var gone *sampler.Gone
			if err := s.Read(context.Background(), new(sampler.Snapshot)); !errors.As(err, &gone) {
				t.Fatalf("Read: %v", err)
			}
			gone.At = time.Time{}
			if d := cmp.Diff(&c.want, gone); d != "" {
				t.Errorf("end (-want +got):\n%s", d)
			}
		})
	}
}

// A container that is removed as it ends takes its counters along; those of the slice above remain.
func TestKilledForMemoryAndRemoved(t *testing.T) {
	for _, c := range []struct {
		above string
		oom   bool
	}{{"oom_kill 8", true}, {"oom_kill 7", false}} {
		o := fixture(t, "docker-v2.txtar")
		events := o.CgroupRoot + "/system.slice/memory.events"
		write(t, events, "oom_kill 7\n")
		s := openFixture(t, o, 4242)
		readAllSamples(t, s)
		write(t, s.(*session).cgroup.events.path, "") // what a removed cgroup tells
		write(t, events, c.above+"\n")
		edit(t, o.Root+"/4242/stat", "(api-server) S", "(api-server) X")
		var gone *sampler.Gone
		if err := s.Read(context.Background(), new(sampler.Snapshot)); !errors.As(err, &gone) || gone.OOM != c.oom {
			t.Errorf("%s: end %+v, want OOM %v", c.above, gone, c.oom)
		}
	}
}

// A process whose first thread has ended, or which is about to end, shows zeros: they are no readings.
func TestNoAddressSpaceIsUnknownNotZero(t *testing.T) {
	o := fixture(t, "docker-v2.txtar")
	s := openFixture(t, o, 4242)
	write(t, o.Root+"/4242/statm", "0 0 0 0 0 0 0\n")
	got, warnings := readAllSamples(t, s)
	for _, m := range []sampler.Metric{sampler.ProcessRSS, sampler.ProcessPeakRSS, sampler.ProcessAnon, sampler.TreeRSS, sampler.TreeProcesses} {
		if v, ok := got[m]; ok {
			t.Errorf("%s = %v, want it absent", m, v)
		}
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "no memory of its own") {
		t.Errorf("warnings: %q", warnings)
	}
}

func TestCgroupIsFollowed(t *testing.T) {
	o := fixture(t, "docker-v2.txtar")
	s := openFixture(t, o, 4242)
	readAllSamples(t, s)
	// The new cgroup lacks the controller, so that the slice above accounts for it.
	write(t, o.CgroupRoot+"/batch.slice/memory.current", "1000\n")
	write(t, o.CgroupRoot+"/batch.slice/memory.max", "max\n")
	write(t, o.CgroupRoot+"/batch.slice/memory.events", "oom_kill 0\n")
	write(t, o.CgroupRoot+"/batch.slice/job.scope/cgroup.procs", "4242\n")
	write(t, o.Root+"/4242/cgroup", "0::/batch.slice/job.scope\n")
	got, warnings := readAllSamples(t, s)
	if got[sampler.CgroupCurrent] != 1000 {
		t.Errorf("cgroup current %v, want 1000", got[sampler.CgroupCurrent])
	}
	if v, ok := got[sampler.CgroupLimit]; ok {
		t.Errorf("limit %v, want none", v)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "batch.slice/memory.peak") {
		t.Errorf("warnings: %q, want one about memory.peak", warnings)
	}
}

func TestOpenRefusals(t *testing.T) {
	o := fixture(t, "docker-v2.txtar")
	write(t, o.Root+"/77/stat", "77 (thread) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 100 0 5\n")
	write(t, o.Root+"/77/status", "Name:\tthread\nTgid:\t70\nPid:\t77\n")
	write(t, o.Root+"/78/stat", "78 (dead) Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n")
	write(t, o.Root+"/79/stat", "79 garbage\n")
	for _, c := range []struct {
		target sampler.Target
		is     error
		text   string
	}{
		{sampler.Target{Kind: sampler.KindProcess, PID: 4243}, sampler.ErrNotFound, "no process 4243"},
		{sampler.Target{Kind: sampler.KindProcess, PID: 77}, sampler.ErrNotFound, "77 is a thread of process 70"},
		{sampler.Target{Kind: sampler.KindProcess, PID: 78}, sampler.ErrNotFound, "process 78 has ended"},
		{sampler.Target{Kind: sampler.KindProcess, PID: 79}, errFormat, "79/stat"},
		{sampler.Target{Kind: sampler.KindProcess}, sampler.ErrUnsupported, ""},
		{sampler.Target{Kind: sampler.KindFile, Path: "x.heapsnap"}, sampler.ErrUnsupported, "x.heapsnap"},
	} {
		before := openDescriptors(t)
		s, err := Source{o}.Open(context.Background(), c.target)
		if s != nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("Open(%v): %v, %v; want %v with %q", c.target, s, err, c.is, c.text)
		}
		if after := openDescriptors(t); after != before {
			t.Errorf("Open(%v) leaves %d descriptors open", c.target, after-before)
		}
	}
}

func openDescriptors(tb testing.TB) int {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(entries)
}

func TestCloseGivesDescriptorsBack(t *testing.T) {
	o := fixture(t, "docker-v2.txtar")
	before := openDescriptors(t)
	for range 3 {
		s := openFixture(t, o, 4242)
		readAllSamples(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if err := s.Read(context.Background(), new(sampler.Snapshot)); err == nil {
			t.Error("Read after Close succeeds")
		}
	}
	if after := openDescriptors(t); after > before { // those of tests before this one may be closed meanwhile
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}
