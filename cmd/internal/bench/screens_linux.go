package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler/unit"
)

func percent(v float64) string { return fmt.Sprintf("%.2f %%", v) }

// viewer is a program that shows processes, once a second.
type viewer struct {
	name    string
	command []string
	keys    string // pressed when it is up
}

// viewers are heaptop's screens and the others that are installed, with the names of those that are not.
func (b *bench) viewers(watched int) (there []viewer, missing []string) {
	pid := strconv.Itoa(watched)
	there = []viewer{
		{"heaptop, Memory tab", []string{b.heaptop, pid}, "1"},
		{"heaptop, Processes tab", []string{b.heaptop, pid}, "2"},
	}
	for _, v := range []viewer{
		{"top", []string{"top", "-d", "1"}, ""},
		{"htop", []string{"htop", "-d", "10"}, ""},
		{"btop", []string{"btop", "--utf-force"}, ""}, // two readings in four seconds is its own default; it has no flag
		{"glances", []string{"glances", "-t", "1", "--disable-check-update"}, ""},
	} {
		if _, err := exec.LookPath(v.command[0]); err != nil {
			missing = append(missing, v.name)
			continue
		}
		there = append(there, v)
	}
	return there, missing
}

// screens watches each viewer while so many processes sleep.
func (b *bench) screens(ctx context.Context) (*table, error) {
	t := &table{columns: []string{"processes in all", "program", "CPU, of one core", "RSS"}}
	sizes := []int{400, 2000, 10000}
	if b.quick {
		sizes = []int{100}
	}
	for _, n := range sizes {
		if err := b.screensAt(ctx, t, n); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (b *bench) screensAt(ctx context.Context, t *table, n int) error {
	end, err := crowd(ctx, n)
	if err != nil {
		t.notes = append(t.notes, err.Error()+".")
		return nil
	}
	defer end()
	watched := exec.CommandContext(ctx, "sleep", "10000")
	if err := watched.Start(); err != nil {
		return fmt.Errorf("start what is watched: %w", err)
	}
	defer func() {
		_ = watched.Process.Kill() // sleeping
		_ = watched.Wait()         // killed: the error says so
	}()
	there, missing := b.viewers(watched.Process.Pid)
	if len(t.rows) == 0 && len(missing) > 0 {
		t.notes = append(t.notes, "Not installed here: "+strings.Join(missing, ", ")+".")
	}
	for _, v := range there {
		u, err := b.view(ctx, v)
		if err != nil {
			return err
		}
		b.say("%d processes, %s: %s, %s", n, v.name, percent(u.percent), unit.Bytes(u.rss))
		t.add(strconv.Itoa(n), v.name, percent(u.percent), unit.Bytes(u.rss))
	}
	return nil
}

// view watches one viewer, past its start.
func (b *bench) view(ctx context.Context, v viewer) (usage, error) {
	s, err := b.onScreen(ctx, "", v.command...)
	if err != nil {
		return usage{}, err
	}
	defer s.close()
	if err := pause(ctx, 2*time.Second); err != nil {
		return usage{}, err
	}
	if _, err := s.tty.WriteString(v.keys); err != nil {
		return usage{}, fmt.Errorf("press a key in %s: %w", v.name, err)
	}
	settle := 6 * time.Second
	if b.quick {
		settle = time.Second
	}
	if err := pause(ctx, settle); err != nil {
		return usage{}, err
	}
	u, err := b.use(ctx, s.cmd.Process.Pid, b.watch)
	if err != nil {
		return usage{}, fmt.Errorf("watch %s: %w", v.name, err)
	}
	return u, nil
}

// rates watches one Go process at several intervals, without a screen, beside a shell that reads the same files.
func (b *bench) rates(ctx context.Context) (*table, error) {
	t := &table{columns: []string{"readings a second", "program", "CPU, of one core", "RSS"}}
	target, err := own(ctx, "heap", "20000000", "100")
	if err != nil {
		return nil, err
	}
	defer target.close()
	pid := strconv.Itoa(target.cmd.Process.Pid)
	for _, r := range []struct {
		rate     int
		interval string
	}{{1, "1s"}, {10, "100ms"}, {100, "10ms"}} {
		for _, c := range []struct {
			name    string
			command []string
		}{
			{"heaptop --format json: everything of a Go process", []string{b.heaptop, "--format", "json", "--interval", r.interval, pid}},
			{"cat /proc/PID/status in a shell", []string{"sh", "-c", "while cat /proc/" + pid + "/status; do sleep " + strconv.FormatFloat(1/float64(r.rate), 'f', -1, 64) + "; done"}},
		} {
			u, err := b.quietly(ctx, c.command)
			if err != nil {
				return nil, err
			}
			b.say("%d Hz, %s: %s, %s", r.rate, c.name, percent(u.percent), unit.Bytes(u.rss))
			t.add(strconv.Itoa(r.rate), c.name, percent(u.percent), unit.Bytes(u.rss))
		}
	}
	t.notes = append(t.notes, "The shell's figure is of the shell and the commands that it waited for, which are new processes each time. "+
		"The readers themselves are compared in one process, with gopsutil beside them, by `go test -run '^$' -bench 'ReadOne|Table' ./sampler/proc`.")
	return t, nil
}

// quietly runs a command for a time, its output thrown away, and returns what it and those it waited for took.
func (b *bench) quietly(ctx context.Context, command []string) (usage, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+b.dir)
	if err := cmd.Start(); err != nil {
		return usage{}, fmt.Errorf("start %s: %w", command[0], err)
	}
	began := time.Now()
	err := pause(ctx, b.watch)
	rss, err2 := resident(cmd.Process.Pid)
	took := time.Since(began)
	_ = cmd.Process.Kill() // it runs until it is told
	_ = cmd.Wait()         // killed: the error says so
	if err != nil {
		return usage{}, err
	}
	if err2 != nil {
		return usage{}, fmt.Errorf("%s: %w", strings.Join(command, " "), err2)
	}
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return usage{percent: 100 * spent.Seconds() / took.Seconds(), rss: rss}, nil
}
