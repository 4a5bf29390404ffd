package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// mounted mounts a file system of that many bytes in a folder of the test.
func mounted(t testing.TB, size int, flags uintptr) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("heaptop-test", dir, "tmpfs", flags, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// full returns a folder in which not one byte more can be written.
func full(t testing.TB) (dir string) {
	t.Helper()
	dir = mounted(t, 64<<10, 0)
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for page := make([]byte, 4096); ; {
		if _, err := filler.Write(page); err != nil {
			return dir
		}
	}
}

// onlyFiller checks that nothing is left of what could not be written.
func onlyFiller(t testing.TB, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("the full folder holds %v, %v", left, err)
	}
}

func TestFaultDiskIsFull(t *testing.T) {
	bin, dir := heaptop(t), full(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	pidFile := filepath.Join(t.TempDir(), "pid")
	run(t, nil, bin, "--format", "json", "--record", at("a.heaprec"), "--", "sh", "-c", "echo $$ >"+pidFile+"; sleep 60").
		ends(2, at("a.heaprec"), "no space left on device", "exit 2: could not measure")
	if _, err := os.Stat(pidFile); err == nil && !dead(readPID(t, pidFile)) {
		t.Error("nothing is recorded, and the command runs on")
	}
	onlyFiller(t, dir)
	cmd := victim(t, "sleep", "60")
	pid := fmt.Sprint(cmd.Process.Pid)
	o := run(t, nil, bin, "snapshot", "-o", at("a.heapsnap"), pid)
	o.ends(2, at("a.heapsnap"), "no space left on device", "what was read is not lost: it is in ")
	if _, err := os.Stat(strings.TrimSpace(o.out)); err != nil {
		t.Errorf("it is not there: %v", err)
	}
	onlyFiller(t, dir)
	run(t, nil, bin, append(watchFor(pid), "--output", at("a.json"))...).ends(2, at("a.json"), "no space left on device")
	onlyFiller(t, dir)

	// A report that cannot be kept in one place is in the others, and the exit code does not say passed.
	other := filepath.Join(t.TempDir(), "report.md")
	o = run(t, nil, bin, "--headless", "--runs", "1", "--limit", "peak_rss=1GB", "--output", at("report.json"), "--format", "markdown="+other, "--format", "text", "--", "true")
	o.ends(2, at("report.json"), "no space left on device")
	if text, err := os.ReadFile(other); err != nil || !strings.Contains(string(text), "peak_rss") || !strings.Contains(o.out, "peak_rss") {
		t.Errorf("the other reports: %v, %q and %q", err, text, o.out)
	}
	onlyFiller(t, dir)

	// A target that dies: what was read of it cannot be kept, which is said; the lines are printed all the same.
	o = run(t, nil, bin, "--format", "json", "--interval", "50ms", "--snapshot-dir", dir, "--", "sh", "-c", "sleep 0.3; kill -KILL $$")
	o.ends(2, "killed by SIGKILL", "no space left on device")
	if len(o.readings()) < 2 {
		t.Errorf("%d readings", len(o.readings()))
	}
	onlyFiller(t, dir)
}

// A disk that becomes full during a recording: what is written stays whole, and the end says what is missing.
func TestFaultDiskBecomesFull(t *testing.T) {
	bin, dir := heaptop(t), mounted(t, 24<<10, 0)
	recording := filepath.Join(dir, "a.heaprec")
	o := run(t, nil, bin, "--format", "json", "--interval", "50ms", "--record", recording, "--", "sh", "-c",
		"sleep 6; cat /dev/zero >"+filepath.Join(dir, "filler")+" 2>/dev/null; sleep 1.5; exit 0")
	o.ends(2, "no space left on device", recording)
	again := run(t, nil, bin, "replay", "--format", "json", recording)
	again.ends(0)
	if again.out == "" || !strings.HasPrefix(o.out, again.out) || again.out == o.out {
		t.Errorf("%d lines were printed; %d are in the recording, and are not their beginning",
			strings.Count(o.out, "\n"), strings.Count(again.out, "\n"))
	}
}

func TestFaultHomeCannotBeWrittenTo(t *testing.T) {
	bin, dir := heaptop(t), mounted(t, 64<<10, syscall.MS_RDONLY)
	home := []string{"HOME=" + dir, "XDG_STATE_HOME="}
	cmd := victim(t, "sleep", "60")
	pid := fmt.Sprint(cmd.Process.Pid)
	run(t, home, bin, watchFor(pid)...).ends(0)
	run(t, home, bin, "snapshot", pid).ends(2, dir, "read-only file system", "exit 2")
	o := run(t, home, bin, "--format", "json", "--interval", "50ms", "--", "sh", "-c", "sleep 0.3; kill -KILL $$")
	o.ends(2, "killed by SIGKILL", dir, "read-only file system")
	if len(o.readings()) < 2 {
		t.Errorf("%d readings", len(o.readings()))
	}
	screen := on(t, home, bin, pid)
	screen.shows("1 Memory")
	screen.shows("sleep")
	screen.press("s")
	screen.shows("! make the folder for snapshots: mkdir ")
	screen.press("q")
	if code := screen.exits(); code != 0 {
		t.Errorf("the dashboard: exit %d", code)
	}
	screen.restored()
}

func TestFaultNoHome(t *testing.T) {
	bin := heaptop(t)
	home := []string{"HOME=", "XDG_STATE_HOME="}
	cmd := victim(t, "sleep", "60")
	pid := fmt.Sprint(cmd.Process.Pid)
	run(t, home, bin, watchFor(pid)...).ends(0)
	run(t, home, bin, "snapshot", pid).ends(2, "find the folder for snapshots: $HOME is not defined")
	file := filepath.Join(t.TempDir(), "a.heapsnap")
	run(t, home, bin, "snapshot", "-o", file, pid).ends(0)
	run(t, home, bin, "--format", "json", "--interval", "50ms", "--", "sh", "-c", "sleep 0.3; kill -KILL $$").
		ends(2, "killed by SIGKILL", "$HOME is not defined; --snapshot-dir names a folder")
	screen := on(t, home, bin, pid)
	screen.shows("1 Memory")
	screen.press("s")
	screen.shows("$HOME is not defined")
	screen.press("q")
	if code := screen.exits(); code != 0 {
		t.Errorf("the dashboard: exit %d", code)
	}
}

func TestFaultNoDescriptors(t *testing.T) {
	bin := heaptop(t)
	limited := func(n int, args ...string) outcome {
		t.Helper()
		return run(t, nil, "sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, n), bin}, args...)...)
	}
	cmd := victim(t, "sleep", "60")
	pid := fmt.Sprint(cmd.Process.Pid)
	o := limited(20, watchFor(pid)...)
	o.ends(0, "too many open files")
	if l := o.last(); l.Metrics["/process/rss:bytes"] <= 0 || len(l.Warnings) == 0 {
		t.Errorf("with 20 descriptors: %v, %q", l.Metrics, l.Warnings)
	} else if v, ok := l.Metrics["/cgroup/limit:bytes"]; ok && v == 0 {
		t.Error("a limit that could not be read is 0")
	}
	for _, n := range []int{7, 9, 12, 16} { // wherever it fails, it says so and ends; the runtime itself needs six
		o := limited(n, watchFor(pid)...)
		if o.code != 0 && (o.code != 2 || !strings.Contains(o.stderr, "too many open files")) {
			t.Errorf("with %d descriptors: exit %d\n%s", n, o.code, o.stderr)
		}
	}
	o = limited(20, "--headless", "--runs", "1", "--limit", "peak_rss=1GB", "--", "true")
	if o.code != 0 && (o.code != 2 || !strings.Contains(o.stderr+o.out, "too many open files")) {
		t.Errorf("headless with 20 descriptors: exit %d\n%s%s", o.code, o.out, o.stderr)
	}
}

// inNamespaces runs a shell script in a mount and a process namespace of its own.
func inNamespaces(t testing.TB, script string, args ...string) outcome {
	t.Helper()
	asRoot(t)
	samplertest.Tool(t, "unshare")
	samplertest.Tool(t, "setpriv")
	if out, err := exec.Command("unshare", "--mount", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("no namespaces of our own: %v: %s", err, out)
	}
	return run(t, nil, "unshare", append([]string{"--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh"}, args...)...)
}

func TestFaultProcessesAreHidden(t *testing.T) {
	const script = `mount -t proc -o hidepid=2 proc /proc || exit 99
sleep 60 & pid=$!
as="setpriv --reuid 65534 --regid 65534 --clear-groups"
$as "$1" --format text --duration 200ms --interval 100ms $pid; echo "code $?"
$as "$1" --format text --duration 200ms --interval 100ms sleep; echo "code $?"
$as "$1" --format json --duration 200ms --interval 100ms -- sleep 0.5; echo "code $?"
kill $pid`
	o := inNamespaces(t, script, reachable(t, heaptop(t)))
	if o.code == 99 {
		t.Skip("hidepid cannot be mounted here")
	}
	if got := strings.Count(o.out, "code 2\n"); got != 2 || strings.Count(o.out, "code 0\n") != 1 {
		t.Errorf("want the codes 2, 2, 0:\n%s%s", o.out, o.stderr)
	}
	for _, want := range []string{"belongs to another user and /proc hides it (hidepid); run as that user or as root", `no process named "sleep" is shown to this user: processes of other users are missing: /proc is mounted with hidepid`} {
		if !strings.Contains(o.stderr, want) {
			t.Errorf("it does not say %q:\n%s", want, o.stderr)
		}
	}
	if !strings.Contains(o.out, `"/process/rss:bytes"`) {
		t.Errorf("its own child is hidden too:\n%s", o.out)
	}
}

// A process in another process namespace has another id inside: it is watched by the one that is seen from here.
func TestFaultTargetIsInAnotherNamespace(t *testing.T) {
	asRoot(t)
	samplertest.Tool(t, "unshare")
	bin := heaptop(t)
	if out, err := exec.Command("unshare", "--mount", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("no namespaces of our own: %v: %s", err, out)
	}
	cmd := victim(t, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", bin, "run-scenario", "demo")
	inner := 0
	until(t, "the demo runs", func() bool {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid))
		fmt.Sscan(string(text), &inner)
		name, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", inner))
		return name == bin
	})
	var o outcome
	until(t, "its heap is read", func() bool {
		o = run(t, nil, bin, watchFor(fmt.Sprint(inner))...)
		return o.code == 0 && o.last().Metrics["/gc/heap/live:bytes"] > 0
	})
	if l := o.last(); l.Metrics["/process/rss:bytes"] <= 0 {
		t.Errorf("read from %s: %v", l.Target.Source, l.Metrics)
	}
	syscall.Kill(inner, syscall.SIGKILL)
	until(t, "it is dead", func() bool { return dead(inner) })
	run(t, nil, bin, watchFor(fmt.Sprint(inner))...).ends(2, fmt.Sprintf("no process %d", inner))
}

// A program whose file was removed, as after an update, is read as before: by the name that it had.
func TestFaultTargetsBinaryIsGone(t *testing.T) {
	bin := heaptop(t)
	path := filepath.Join(t.TempDir(), "removed")
	data, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := goVictim(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var o outcome
	until(t, "its heap is read", func() bool {
		o = run(t, nil, bin, watchFor(fmt.Sprint(cmd.Process.Pid))...)
		return o.code == 0 && o.last().Metrics["/gc/heap/live:bytes"] > 0
	})
	if l := o.last(); l.Target.Name != "removed" {
		t.Errorf("it is called %q", l.Target.Name)
	}
	o = run(t, nil, bin, "debug", "hotspots", "--monitoring-duration", "1s", fmt.Sprint(cmd.Process.Pid))
	o.ends(0)
	if !strings.Contains(o.out, "demo.") || !bytes.Contains([]byte(o.out), []byte(".go:")) {
		t.Errorf("no function and no line of a program whose file is removed:\n%s", o.out)
	}
}
