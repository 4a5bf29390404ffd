package goproc

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

func TestDiagnose(t *testing.T) {
	same := credentials{uids: [3]int{7, 7, 7}, gids: [3]int{7, 7, 7}, uid: 7, gid: 7, known: true, scope: -1}
	with := func(f func(*credentials)) credentials {
		c := same
		f(&c)
		return c
	}
	for _, test := range []struct {
		name, reason, step string
		c                  credentials
	}{
		{"another user", "user 8 and heaptop as user 7", "sudo heaptop 42", with(func(c *credentials) { c.uids = [3]int{8, 8, 8} })},
		{"set user id", "user 7 (effective 0, saved 0)", "sudo heaptop 42", with(func(c *credentials) { c.uids = [3]int{7, 0, 0} })},
		{"another group", "group 9 and heaptop with group 7", "sudo heaptop 42", with(func(c *credentials) { c.gids = [3]int{9, 9, 9} })},
		{"file capabilities", "not dumpable", "sudo heaptop 42", with(func(c *credentials) { c.undumpable = true })},
		{"more capabilities", "holds capabilities", "sudo heaptop 42", with(func(c *credentials) { c.targetCaps = 1 << 10 })},
		{"Ubuntu", "ptrace_scope is 1", "start it with `heaptop -- COMMAND`", with(func(c *credentials) { c.scope = 1 })},
		{"hardened", "ptrace_scope is 2", "sudo heaptop 42", with(func(c *credentials) { c.scope = 2 })},
		{"locked", "ptrace_scope is 3", "--pprof URL", with(func(c *credentials) { c.scope = 3 })},
		{"a capability does not help", "security module", "outside the container", with(func(c *credentials) { c.caps = capSysPtrace })},
		{"root without the right", "root lacks the right CAP_SYS_PTRACE", "--cap-add SYS_PTRACE", with(func(c *credentials) { c.uid, c.uids = 0, [3]int{8, 8, 8} })},
		{"in a container", "kernel refused", "--cap-add SYS_PTRACE", with(func(c *credentials) { c.container = true })},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.c.diagnose(42, os.ErrPermission)
			if !errors.Is(err, sampler.ErrPermission) || !strings.Contains(err.Error(), test.reason) || !strings.Contains(err.Error(), test.step) {
				t.Errorf("%v, want %q and %q", err, test.reason, test.step)
			}
			if test.c.uid == 0 && strings.Contains(err.Error(), "sudo") {
				t.Errorf("root is advised to become root: %v", err)
			}
		})
	}
}

// TestDenied has nobody read a process of root's.
func TestDenied(t *testing.T) {
	if pid := os.Getenv("GOPROC_OPEN"); pid != "" {
		n, _ := strconv.Atoi(pid)
		_, err := Source{}.Open(context.Background(), sampler.Target{Kind: sampler.KindProcess, PID: n})
		if err != nil {
			_, _ = io.WriteString(os.Stdout, err.Error())
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	c := startTarget(t, normal())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "goproc-denied")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	copied := filepath.Join(dir, "test")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(copied, b, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied, "-test.run=^TestDenied$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROC_OPEN="+strconv.Itoa(c.pid()))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"permission denied: it runs as user 0 and heaptop as user 65534", "sudo heaptop " + strconv.Itoa(c.pid())} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nobody who opens root's process reads %q, want %q", out, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	shell := exec.Command("sleep", "60")
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shell.Process.Kill(); _ = shell.Wait() })
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		target sampler.Target
		want   error
		text   string
	}{
		{"not a Go program", sampler.Target{Kind: sampler.KindProcess, PID: shell.Process.Pid}, sampler.ErrUnsupported, "not a Go program"},
		{"no such process", sampler.Target{Kind: sampler.KindProcess, PID: dead.Process.Pid}, sampler.ErrNotFound, "no such process"},
		{"a kernel thread", sampler.Target{Kind: sampler.KindProcess, PID: 2}, sampler.ErrUnsupported, ""},
		{"an endpoint", sampler.Target{Kind: sampler.KindEndpoint, URL: "http://localhost:1"}, sampler.ErrUnsupported, "only a process"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.target.PID == 2 {
				if b, err := os.ReadFile("/proc/2/comm"); err != nil || strings.TrimSpace(string(b)) != "kthreadd" {
					t.Skip("process 2 is no thread of the kernel here")
				}
			}
			s, err := Source{}.Open(context.Background(), test.target)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v, want %v, %q", err, test.want, test.text)
			}
		})
	}
}

// TestGone sees the target end, and sees it become another program, between two readings.
func TestGone(t *testing.T) {
	for _, how := range []string{"exit 3", "exec"} {
		t.Run(how, func(t *testing.T) {
			c := startTarget(t, stripped())
			s := c.open(Options{})
			var snap sampler.Snapshot
			if err := s.Read(context.Background(), &snap); err != nil {
				t.Fatal(err)
			}
			c.tell("%s", how)
			if how == "exec" {
				c.read() // the new program is ready, at the same addresses, under the same process id
			} else {
				_ = c.cmd.Wait()
			}
			for name, read := range map[string]func() error{
				"Read":       func() error { return s.Read(context.Background(), &snap) },
				"MemStats":   func() error { _, err := s.MemStats(context.Background()); return err },
				"Sites":      func() error { _, err := s.Sites(context.Background()); return err },
				"Goroutines": func() error { _, err := s.Goroutines(context.Background()); return err },
				"Spans":      func() error { _, err := s.Spans(context.Background()); return err },
			} {
				if err := read(); !errors.Is(err, sampler.ErrGone) {
					t.Errorf("%s: %v, want that the target has ended", name, err)
				}
			}
		})
	}
}
