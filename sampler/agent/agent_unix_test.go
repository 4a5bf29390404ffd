//go:build unix

package agent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFolderAndSocketAreTheUsersOwn(t *testing.T) {
	a, _ := open(t)
	for path, want := range map[string]os.FileMode{filepath.Dir(Addr(a)): 0o700 | os.ModeDir, Addr(a): 0o600 | os.ModeSocket} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s is %s, want %s", path, info.Mode(), want)
		}
	}
	if Addr(a) != SocketPath(os.Getpid()) {
		t.Errorf("listens on %s, found by %s", Addr(a), SocketPath(os.Getpid()))
	}
	if _, err := Listen(Options{}); err == nil || !strings.Contains(err.Error(), "already listening") {
		t.Errorf("a second agent: %v", err)
	}
}

func TestForeignFolderIsRefused(t *testing.T) {
	for name, plant := range map[string]func(dir string) error{
		"open to others": func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770))
		},
		"symlink": func(dir string) error {
			return errors.Join(os.Mkdir(dir+"x", 0o700), os.Symlink(dir+"x", dir))
		},
		"file": func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"of another user": func(dir string) error {
			if os.Getuid() != 0 {
				return errors.ErrUnsupported
			}
			return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 12345, 12345))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_RUNTIME_DIR", shortDir(t))
			if err := plant(filepath.Dir(SocketPath(1))); errors.Is(err, errors.ErrUnsupported) {
				t.Skip("needs root")
			} else if err != nil {
				t.Fatal(err)
			}
			if a, err := Listen(Options{}); err == nil {
				a.Close()
				t.Error("listens there")
			}
		})
	}
}

func TestPathTooLong(t *testing.T) {
	dir := filepath.Join(shortDir(t), strings.Repeat("x", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if _, err := Listen(Options{}); err == nil || !strings.Contains(err.Error(), "XDG_RUNTIME_DIR") {
		t.Error(err)
	}
}

func TestStaleSocketsAreRemoved(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", shortDir(t))
	done := exec.Command("true")
	if err := done.Run(); err != nil {
		t.Fatal(err)
	}
	dead, own, other := SocketPath(done.Process.Pid), SocketPath(os.Getpid()), SocketPath(os.Getppid())
	if err := os.Mkdir(filepath.Dir(dead), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dead, own, other} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
	}
	a, err := Listen(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := os.Lstat(dead); err == nil {
		t.Error("the dead process's socket is still there")
	}
	if _, err := os.Lstat(other); err != nil {
		t.Error("the living process's socket is gone")
	}
}

// A program that imports the agent pays less than 0.1 % of a core for being read once a second.
func TestCostAtOneHertz(t *testing.T) {
	dir := shortDir(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HEAPTOP_AGENT_CHILD=1", "XDG_RUNTIME_DIR="+dir)
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
	defer cmd.Wait()
	defer in.Close()
	lines := bufio.NewScanner(out)
	usage := func() (cpu time.Duration) {
		fmt.Fprintln(in)
		if !lines.Scan() {
			t.Fatal("the child has ended")
		}
		if _, err := fmt.Sscan(lines.Text(), &cpu); err != nil {
			t.Fatal(err)
		}
		return cpu
	}
	usage() // it listens from now on
	t.Setenv("XDG_RUNTIME_DIR", dir)
	c := clientOf(t, SocketPath(cmd.Process.Pid))
	r := readReply(t, c, "?since=0&buckets")
	const reads = 150
	before := usage()
	for range reads {
		r = readReply(t, c, fmt.Sprintf("?since=%d", r.NumGC))
		time.Sleep(10 * time.Millisecond)
	}
	each := (usage() - before) / reads
	t.Logf("%v of CPU for a reading: %.4f %% of a core at 1 Hz", each, 100*each.Seconds())
	if each > time.Millisecond {
		t.Errorf("a reading costs %v, more than 0.1 %% at 1 Hz", each)
	}
}

// child is the program that imports the agent: it answers each line with the CPU time it has used.
func child() {
	a, err := Listen(Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer a.Close()
	for in := bufio.NewReader(os.Stdin); ; {
		if _, err := in.ReadString('\n'); errors.Is(err, io.EOF) {
			return
		}
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		fmt.Println(u.Utime.Nano() + u.Stime.Nano())
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("HEAPTOP_AGENT_CHILD") != "" {
		child()
		return
	}
	os.Exit(m.Run())
}
