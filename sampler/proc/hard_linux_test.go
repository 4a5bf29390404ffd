package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// smallCgroup makes a cgroup that may use 64 MiB and moves a process there; the test is skipped where that cannot be done.
func smallCgroup(t *testing.T, pid int) {
	t.Helper()
	h, err := openHost(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	top, limit := h.mounts.memory.dir, "memory.limit_in_bytes"
	if top == "" {
		top, limit = h.mounts.unified.dir, "memory.max"
	}
	dir := filepath.Join(top, fmt.Sprintf("heaptop-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("no cgroup of our own: %v", err)
	}
	t.Cleanup(func() {
		until(t, "the cgroup is empty", func() bool { return os.Remove(dir) == nil })
	})
	_ = os.WriteFile(filepath.Join(dir, "memory.swap.max"), []byte("0"), 0o644) // where there is swap
	for name, text := range map[string]string{limit: "67108864", "cgroup.procs": fmt.Sprint(pid)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Skipf("no cgroup of our own: %v", err)
		}
	}
}

func TestKilledForMemory(t *testing.T) {
	c := start(t)
	c.do(t, "open 0")
	smallCgroup(t, c.pid)
	t.Cleanup(c.stop) // before the cgroup is removed
	s := watch(t, c.pid)
	got, warnings := readAllSamples(t, s)
	if got[sampler.CgroupLimit] != 64*mib {
		t.Errorf("limit %v, want 64 MiB; warnings %q", got[sampler.CgroupLimit], warnings)
	}
	c.do(t, "grow 32")
	got, _ = readAllSamples(t, s)
	if v := got[sampler.CgroupCurrent]; v < 32*mib || v > 64*mib || got[sampler.CgroupPeak] < v {
		t.Errorf("current %v, peak %v", v, got[sampler.CgroupPeak])
	}
	fmt.Fprintln(c.in, "grow 200")
	var gone *sampler.Gone
	until(t, "the end is noticed", func() bool {
		return errors.As(s.Read(context.Background(), new(sampler.Snapshot)), &gone)
	})
	if !gone.OOM || !strings.Contains(gone.Error(), "killed by the kernel for memory") {
		t.Errorf("end: %+v", gone)
	}
}

// Another user's process: what may be read is there, what may not is absent, with a reason and a way out.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	victim, watcher := start(t), start(t)
	victim.do(t, "open 0")
	watcher.do(t, "become 65534")
	answer := strings.Split(watcher.do(t, fmt.Sprintf("watch %d", victim.pid)), "\t")
	for _, m := range []sampler.Metric{sampler.ProcessRSS, sampler.ProcessPeakRSS, sampler.ProcessThreads, sampler.TreeRSS} {
		if !slices.Contains(answer, string(m)) {
			t.Errorf("no %s in %q", m, answer)
		}
	}
	for _, m := range []sampler.Metric{sampler.ProcessPSS, sampler.ProcessUSS} {
		if slices.Contains(answer, string(m)) {
			t.Errorf("%s can be read by another user", m)
		}
	}
	has := func(text string) bool {
		return slices.ContainsFunc(answer, func(s string) bool { return strings.Contains(s, text) })
	}
	for _, text := range []string{
		"warning: ", "smaps_rollup: permission denied", "hint: Run heaptop as root to see PSS", "mappings: permission denied",
	} {
		if !has(text) {
			t.Errorf("%q is not in %q", text, answer)
		}
	}
}

// report opens a process and tells in one line what can be read of it.
func report(pid int) string {
	s, err := Source{}.Open(context.Background(), sampler.Target{Kind: sampler.KindProcess, PID: pid})
	if err != nil {
		return err.Error()
	}
	defer func() { _ = s.Close() }()
	var snap sampler.Snapshot
	if err := s.Read(context.Background(), &snap); err != nil {
		return err.Error()
	}
	var words []string
	for _, x := range snap.Samples {
		words = append(words, string(x.Metric))
	}
	for _, w := range snap.Warnings {
		words = append(words, "warning: "+w.Error())
	}
	for _, h := range s.(sampler.Describer).Describe().Hints {
		words = append(words, "hint: "+h)
	}
	if _, err := s.(sampler.Mapper).Mappings(context.Background()); errors.Is(err, sampler.ErrPermission) {
		words = append(words, "mappings: permission denied")
	}
	return strings.Join(words, "\t")
}

// FuzzDirents: what a directory says is bounded by its bytes.
func FuzzDirents(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x18\x00\x0442\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range appendNumbers(nil, b) {
			if v < 0 || len(b) <= direntName {
				t.Errorf("%q: %d", b, v)
			}
		}
	})
}
