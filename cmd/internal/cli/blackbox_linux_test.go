package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// smallCgroup makes a cgroup that may use 64 MiB and returns its folder; the test is skipped where that cannot be done.
func smallCgroup(t *testing.T) string {
	t.Helper()
	top, limit := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(filepath.Join(top, limit)); err != nil {
		top, limit = "/sys/fs/cgroup", "memory.max"
	}
	dir := filepath.Join(top, fmt.Sprintf("heaptop-cli-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("no cgroup of our own: %v", err)
	}
	t.Cleanup(func() { until(t, "the cgroup is empty", func() bool { return os.Remove(dir) == nil }) })
	_ = os.WriteFile(filepath.Join(dir, "memory.swap.max"), []byte("0"), 0o644) // where there is swap
	if err := os.WriteFile(filepath.Join(dir, limit), []byte("67108864"), 0o644); err != nil {
		t.Skipf("no cgroup of our own: %v", err)
	}
	return dir
}

// hog is a shell command that goes into a cgroup, waits, and then takes memory until it is killed.
func hog(cgroup string) []string {
	return []string{"sh", "-c", "echo $$ >" + filepath.Join(cgroup, "cgroup.procs") + "; sleep 1; exec tail /dev/zero"}
}

// boxes returns the files of the only black box in a folder.
func boxes(t *testing.T, dir string) (recording, snapshot string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(list) != 2 || !strings.HasSuffix(list[0], ".heaprec") || !strings.HasSuffix(list[1], ".heapsnap") {
		t.Fatalf("want one recording and one snapshot, got %q, %v", list, err)
	}
	return list[0], list[1]
}

// TestKilledForMemory: a child that its cgroup's limit kills leaves what was read of it, named for that.
func TestKilledForMemory(t *testing.T) {
	samplertest.Tool(t, "tail")
	bin, cgroup, dir := heaptop(t), smallCgroup(t), t.TempDir()
	args := append([]string{"--format", "json", "--interval", "50ms", "--snapshot-dir", dir, "--"}, hog(cgroup)...)
	var out, stderr bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Fatalf("exit %d, %v:\n%s", code, err, stderr.String())
	}
	recording, snapshot := boxes(t, dir)
	for _, want := range []string{"killed by the kernel for memory", recording, snapshot} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("stderr does not say %q:\n%s", want, stderr.String())
		}
	}
	if !strings.HasSuffix(recording, "-oom.heaprec") || !strings.HasSuffix(snapshot, "-oom.heapsnap") {
		t.Errorf("named %q and %q, want -oom", recording, snapshot)
	}
	checkBox(t, recording, snapshot, strings.Count(out.String(), "\n"))
}

// checkBox reads both files of a black box of a target that was killed for memory.
func checkBox(t *testing.T, recording, snapshot string, readings int) {
	t.Helper()
	r, err := capture.Open(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if gone := r.Gone(); gone == nil || !gone.OOM {
		t.Errorf("the recording's end: %v", gone)
	}
	n, most, whole := 0, 0.0, time.Time{}
	for m, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if m.Snapshot != nil {
			n++
			if rss, ok := m.Snapshot.Get(sampler.ProcessRSS); ok {
				most, whole = max(most, rss), m.Snapshot.Time
			}
		}
	}
	if n != readings || n < 5 {
		t.Errorf("%d readings are in the recording, %d were printed", n, readings)
	}
	s, err := capture.Read(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if s.Sample == nil || !s.Sample.Time.Equal(whole) || !strings.Contains(s.Note, "killed by the kernel for memory") || s.Ledger == nil {
		t.Errorf("the snapshot is of %v with the note %q, want the last reading with a resident memory, of %v", s.Meta.Time, s.Note, whole)
	}
	if s.Info.Target.Kind != sampler.KindCommand || most <= 0 {
		t.Errorf("target %+v, RSS %v at most", s.Info.Target, most)
	}
}

// TestDashboardOutlivesItsTarget: after the target was killed for memory the dashboard shows what was in memory before,
// and at its end says where that was written.
func TestDashboardOutlivesItsTarget(t *testing.T) {
	samplertest.Tool(t, "tail")
	bin, cgroup, dir := heaptop(t), smallCgroup(t), t.TempDir()
	screen := on(t, nil, bin, append([]string{"--interval", "100ms", "--snapshot-dir", dir, "--"}, hog(cgroup)...)...)
	screen.shows(enterScreen)
	screen.shows("killed by the kernel for memory")
	recording, _ := boxes(t, dir)
	time.Sleep(time.Second)
	if _, err := os.Stat(recording); err != nil {
		t.Fatal(err)
	}
	screen.press("q")
	if code := screen.exits(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if !strings.Contains(screen.text(), recording) {
		t.Errorf("the path %s was not said:\n%q", recording, screen.text()[max(0, len(screen.text())-500):])
	}
}
