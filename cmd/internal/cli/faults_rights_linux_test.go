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
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestFaultUndumpableChild is the program of a test below: when it is told to, it asks the kernel that nobody may look into it.
func TestFaultUndumpableChild(t *testing.T) {
	if os.Getenv("HEAPTOP_TEST_UNDUMPABLE") == "" {
		t.Skip("part of TestFaultTargetTakesTheRightAway")
	}
	fmt.Println("ready")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Minute)
}

// nobody is a command of a user who may look into his own processes alone.
func nobody(t testing.TB, path string, args ...string) *exec.Cmd {
	t.Helper()
	asRoot(t)
	samplertest.Tool(t, "setpriv")
	cmd := exec.Command("setpriv", append([]string{"--reuid", "65534", "--regid", "65534", "--clear-groups", path}, args...)...)
	cmd.Env = append(os.Environ(), "HOME=/nonexistent", "XDG_STATE_HOME=/nonexistent", "XDG_RUNTIME_DIR=/nonexistent", "HEAPTOP_TEST_UNDUMPABLE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	t.Cleanup(func() {
		if cmd.Process != nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd
}

// watchedBy is a watch of somebody who is not root, with what it has printed so far.
type watchedBy struct {
	t   testing.TB
	cmd *exec.Cmd
	out *os.File
}

func watchAsNobody(t testing.TB, bin, pid string) *watchedBy {
	t.Helper()
	w := &watchedBy{t: t, cmd: nobody(t, bin, "--format", "json", "--interval", "50ms", pid)}
	var err error
	if w.out, err = os.Create(filepath.Join(t.TempDir(), "out.json")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.out.Close() })
	w.cmd.Stdout = w.out
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// readings are the whole lines that were printed.
func (w *watchedBy) readings() []reading {
	text, err := os.ReadFile(w.out.Name())
	if err != nil {
		w.t.Fatal(err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	if len(text) == 0 {
		return nil
	}
	return outcome{t: w.t, args: w.cmd.Args, out: string(text)}.readings()
}

// has waits for a reading after those that there are which is as it should be.
func (w *watchedBy) has(what string, good func(reading) bool) {
	w.t.Helper()
	from := len(w.readings())
	until(w.t, what, func() bool {
		for _, r := range w.readings()[from:] {
			if good(r) {
				return true
			}
		}
		return false
	})
}

// TestFaultTargetTakesTheRightAway: the right to look into a process is lost under the watch. What is open goes on being
// read where the kernel lets it; what is not is absent, with the reason, from then on.
func TestFaultTargetTakesTheRightAway(t *testing.T) {
	asRoot(t)
	bin := heaptop(t)
	stranger := reachable(t, bin)
	t.Run("runs a program with more rights", func(t *testing.T) {
		elevated := filepath.Join(filepath.Dir(stranger), "elevated")
		sleep, err := os.ReadFile("/bin/sleep")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(elevated, sleep, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(elevated, 0o755|os.ModeSetuid); err != nil {
			t.Fatal(err)
		}
		target := nobody(t, "sh", "-c", `trap 'exec "$0" 300' USR1; while :; do sleep 0.1; done`, elevated)
		if err := target.Start(); err != nil {
			t.Fatal(err)
		}
		w := watchAsNobody(t, stranger, fmt.Sprint(target.Process.Pid))
		w.has("PSS is read", func(r reading) bool { return r.Target.Name == "sh" && r.Metrics["/process/pss:bytes"] > 0 })
		target.Process.Signal(syscall.SIGUSR1)
		w.has("it is said what is not read any more", func(r reading) bool {
			return r.Target.Name == "elevated" && strings.Contains(strings.Join(r.Warnings, "\n"), "smaps_rollup: permission denied")
		})
		for _, r := range w.readings() {
			if _, ok := r.Metrics["/process/pss:bytes"]; ok && r.Target.Name == "elevated" {
				t.Errorf("what only its owner may see is read: %v", r)
			}
			if r.Target.Name == "elevated" && r.Metrics["/process/rss:bytes"] <= 0 {
				t.Errorf("what everybody may see is not read: %v", r)
			}
		}
	})
	t.Run("asks the kernel for it", func(t *testing.T) {
		copied := reachable(t, os.Args[0])
		if err := os.Rename(copied, copied+"-child"); err != nil { // under the name heaptop it would be heaptop
			t.Fatal(err)
		}
		target := nobody(t, copied+"-child", "-test.run=^TestFaultUndumpableChild$")
		out, err := target.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		tell, err := target.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		pid := fmt.Sprint(target.Process.Pid)
		w := watchAsNobody(t, stranger, pid)
		w.has("its heap is read", func(r reading) bool { return r.Metrics["/gc/heap/goal:bytes"] > 0 })
		if _, err := tell.Write([]byte("now\n")); err != nil {
			t.Fatal(err)
		}
		until(t, "nobody may look into it", func() bool {
			info, err := os.Stat("/proc/" + pid + "/environ")
			return err == nil && info.Sys().(*syscall.Stat_t).Uid == 0
		})
		w.has("what is open is read on", func(r reading) bool {
			return r.Metrics["/process/rss:bytes"] > 0 && r.Metrics["/gc/heap/goal:bytes"] > 0
		})
		o := as(t, append([]string{stranger}, watchFor(pid)...)...)
		o.ends(0, "permission denied: it is not dumpable")
		if l := o.last(); l.Metrics["/gc/heap/goal:bytes"] != 0 || l.Metrics["/process/rss:bytes"] <= 0 {
			t.Errorf("a new watch reads %v", l.Metrics)
		}
	})
}

// TestFaultStabilityOfAStoppedTarget: that a process which stands still does not grow is no proof that it is stable.
func TestFaultStabilityOfAStoppedTarget(t *testing.T) {
	bin := heaptop(t)
	cmd := victim(t, "sleep", "600")
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	o := run(t, nil, bin, "stability", "--duration", "2s", "--interval", "1s", fmt.Sprint(cmd.Process.Pid))
	o.ends(2, "exit 2: could not measure")
	if text := strings.Join(strings.Fields(o.out), " "); !strings.Contains(text, "UNMEASURED") || !strings.Contains(text, "until somebody continues it; so it was all the time") {
		t.Errorf("it does not say why:\n%s", o.out)
	}
}
