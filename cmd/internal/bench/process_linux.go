package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// tick is the unit of CPU time in /proc/PID/stat: USER_HZ is 100 on every Linux.
const tick = 10 * time.Millisecond

// cpuTime is what a process has taken, user and system, all threads (/proc/PID/stat, fields 14 and 15).
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat of %d: %q", pid, data)
	}
	user, err1 := strconv.Atoi(string(fields[11]))
	system, err2 := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// resident is the RSS of a process in bytes (/proc/PID/statm).
func resident(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm of %d: %q", pid, data)
	}
	pages, err := strconv.Atoi(string(fields[1]))
	return float64(pages * os.Getpagesize()), err
}

// screen is a program on a terminal of its own, 120 columns by 36 rows, whose output is thrown away.
type screen struct {
	cmd   *exec.Cmd
	tty   *os.File
	first chan time.Duration // when the text looked for was there, from the start
}

// onScreen starts a program on a terminal. Its folder for settings is empty, so that nobody's configuration counts.
func (b *bench) onScreen(ctx context.Context, until string, command ...string) (*screen, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "HOME="+b.dir, "XDG_CONFIG_HOME="+b.dir, "LC_ALL=C.UTF-8")
	began := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 120, Rows: 36})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	s := &screen{cmd: cmd, tty: tty, first: make(chan time.Duration, 1)}
	go s.drain(began, []byte(until))
	return s, nil
}

// drain reads what the program draws, and says when a text was first there.
func (s *screen) drain(began time.Time, until []byte) {
	buf, tail := make([]byte, 64<<10), []byte(nil)
	for {
		n, err := s.tty.Read(buf)
		if tail = append(tail, buf[:n]...); until != nil && bytes.Contains(tail, until) {
			s.first <- time.Since(began)
			until = nil
		}
		tail = tail[max(0, len(tail)-64):]
		if err != nil {
			return
		}
	}
}

func (s *screen) close() {
	_ = s.cmd.Process.Kill() // it may have ended
	_ = s.cmd.Wait()         // killed: the error says so
	s.tty.Close()
}

// usage is what a process took while it was watched.
type usage struct {
	percent float64 // of one CPU
	rss     float64 // bytes, at the end
}

// use watches a running process for a time.
func (b *bench) use(ctx context.Context, pid int, during time.Duration) (usage, error) {
	before, err := cpuTime(pid)
	if err != nil {
		return usage{}, err
	}
	began := time.Now()
	if err := pause(ctx, during); err != nil {
		return usage{}, err
	}
	after, err := cpuTime(pid)
	if err != nil {
		return usage{}, err
	}
	took := time.Since(began)
	rss, err := resident(pid)
	return usage{percent: 100 * (after - before).Seconds() / took.Seconds(), rss: rss}, err
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// running is how many processes there are, kernel threads included.
func running() int {
	all, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	return len(all)
}

// crowd starts processes that sleep until there are about n in all, kernel threads included, and returns what ends them.
func crowd(ctx context.Context, n int) (end func(), err error) {
	before := running()
	sh := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do sleep 10000 & i=$((i+1)); done; wait", n-before))
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := sh.Start(); err != nil {
		return nil, fmt.Errorf("start %d processes: %w", n, err)
	}
	end = func() {
		_ = syscall.Kill(-sh.Process.Pid, syscall.SIGKILL) // all of them; none may be left
		_ = sh.Wait()                                      // killed: the error says so
		// Whoever counts next must not count these.
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			if running() < before+n/20 {
				return
			}
		}
	}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		// Some of those that were there may have ended meanwhile.
		if running() >= n-n/20 {
			return end, nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			end()
			return nil, err
		}
	}
	end()
	return nil, fmt.Errorf("this machine does not run %d processes", n)
}

// kin is this program, started again as a target. It ends when its input is closed.
type kin struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	first string // the line that it printed when it was ready
}

// own starts this program again as a child of the kind named, and waits until it is ready.
func own(ctx context.Context, args ...string) (*kin, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"child"}, args...)...)
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("make pipes: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a child: %w", err)
	}
	k := &kin{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
	if k.first, err = k.line(); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// line is the next one that it prints.
func (k *kin) line() (string, error) {
	if !k.lines.Scan() {
		return "", fmt.Errorf("the child ended: %w", errors.Join(io.ErrUnexpectedEOF, k.lines.Err()))
	}
	return k.lines.Text(), nil
}

func (k *kin) close() {
	_ = k.in.Close()         // asks it to end
	_ = k.cmd.Process.Kill() // it may have
	_ = k.cmd.Wait()         // killed: the error says so
}

// median of some values, with the smallest and the largest.
func median(values []float64) (mid, low, high float64) {
	v := slices.Sorted(slices.Values(values))
	return v[len(v)/2], v[0], v[len(v)-1]
}

// spread prints a median with its range, where there is one.
func spread(values []float64, print func(float64) string) string {
	mid, low, high := median(values)
	if print(low) == print(high) {
		return print(mid)
	}
	return fmt.Sprintf("%s (%s to %s)", print(mid), print(low), print(high))
}
