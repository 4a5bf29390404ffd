package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler/unit"
)

func duration(ns float64) string { return unit.Duration(time.Duration(ns)) }

// target measures the latencies of a program that maps and unmaps memory all the time, beside a gigabyte of small pages,
// while nobody watches it and while this and that does: in turns, so that what else the machine does meets all alike.
func (b *bench) target(ctx context.Context) (*table, error) {
	size := 1 << 30
	if b.quick {
		size = 64 << 20
	}
	looping, err := own(ctx, "loop", strconv.Itoa(size))
	if err != nil {
		return nil, err
	}
	defer looping.close()
	pid := strconv.Itoa(looping.cmd.Process.Pid)
	watchers := []viewer{
		{"nobody", nil, ""},
		{"heaptop --format json, 1 Hz", []string{b.heaptop, "--format", "json", pid}, ""},
		{"heaptop --format json, 10 Hz", []string{b.heaptop, "--format", "json", "--interval", "100ms", pid}, ""},
		{"heaptop, the dashboard", []string{b.heaptop, pid}, ""},
		{"a loop over /proc/PID/smaps_rollup, 1 Hz", []string{"sh", "-c", "while cat /proc/" + pid + "/smaps_rollup; do sleep 1; done"}, ""},
	}
	type figures struct{ p50, p999, worst []float64 }
	seen := make([]figures, len(watchers))
	for turn := range b.turns {
		for i, w := range watchers {
			b.say("turn %d of %d: %s", turn+1, b.turns, w.name)
			count, p50, p999, worst, err := b.latencies(ctx, looping, w)
			if err != nil {
				return nil, err
			}
			if count < 1000 {
				return nil, fmt.Errorf("%s: only %d turns of the loop", w.name, count)
			}
			f := &seen[i]
			f.p50, f.p999, f.worst = append(f.p50, p50), append(f.p999, p999), append(f.worst, worst)
		}
	}
	t := &table{columns: []string{"watched by", "p50", "p99.9", "against nobody", "largest"}}
	alone, _, _ := median(seen[0].p999)
	for i, w := range watchers {
		mid, _, _ := median(seen[i].p999)
		t.add(w.name, spread(seen[i].p50, duration), spread(seen[i].p999, duration), fmt.Sprintf("%.2f", mid/alone), spread(seen[i].worst, duration))
	}
	t.notes = append(t.notes, fmt.Sprintf("mmap, touch a page, munmap; %s resident in pages of 4 kB; %d turns of %v each, median (smallest to largest). "+
		"The watchers share the target's CPUs.", unit.Bytes(float64(size)), b.turns, b.watch/2))
	return t, nil
}

// latencies lets one watcher watch for a time and returns how the loop went meanwhile, in ns.
func (b *bench) latencies(ctx context.Context, looping *kin, w viewer) (count int, p50, p999, worst float64, err error) {
	if len(w.command) > 0 {
		s, err := b.onScreen(ctx, "", w.command...)
		if err != nil {
			return 0, 0, 0, 0, err
		}
		defer s.close()
	}
	if err := pause(ctx, b.watch/10); err != nil { // past the watcher's own start
		return 0, 0, 0, 0, err
	}
	if _, err := looping.period(); err != nil { // what was before
		return 0, 0, 0, 0, err
	}
	if err := pause(ctx, b.watch/2); err != nil {
		return 0, 0, 0, 0, err
	}
	line, err := looping.period()
	if err != nil {
		return 0, 0, 0, 0, err
	}
	_, err = fmt.Sscanf(line, "%d %g %g %g", &count, &p50, &p999, &worst)
	return count, p50, p999, worst, err
}

// period ends a period of the loop and returns what it says of it.
func (k *kin) period() (string, error) {
	if _, err := k.in.Write([]byte{'.'}); err != nil {
		return "", fmt.Errorf("ask the loop: %w", err)
	}
	return k.line()
}

// heapOf is a Go program to attach to.
type heapOf struct{ bytes, goroutines int }

// attach measures the first look at Go programs of several sizes, and every look after it, beside what they answer over HTTP.
func (b *bench) attach(ctx context.Context) (*table, error) {
	t := &table{columns: []string{"live heap", "goroutines", "heaptop: whole command to its first figures", "one reading after that",
		"snapshot with sites and goroutines", "ReadMemStats inside", "pprof heap", "pprof goroutine"}}
	sizes := []heapOf{{100e6, 100}, {1e9, 100}, {4e9, 100}, {100e6, 1_000_000}}
	if b.quick {
		sizes = []heapOf{{20e6, 1000}}
	}
	for _, size := range sizes {
		if err := b.attachTo(ctx, t, size); err != nil {
			return nil, err
		}
	}
	t.notes = append(t.notes, "Median (smallest to largest). heaptop reads the program's memory from outside; ReadMemStats and pprof run inside it and stop it for a part of their time.")
	return t, nil
}

func (b *bench) attachTo(ctx context.Context, t *table, size heapOf) error {
	b.say("%s live, %d goroutines", unit.Bytes(float64(size.bytes)), size.goroutines)
	target, err := own(ctx, "heap", strconv.Itoa(size.bytes), strconv.Itoa(size.goroutines))
	if err != nil {
		return err
	}
	defer target.close()
	pid := strconv.Itoa(target.cmd.Process.Pid)
	var first, later, whole, memstats, heap, goroutines []float64
	for turn := range b.turns {
		began, took, err := b.lines(ctx, pid)
		if err != nil {
			return err
		}
		first, later = append(first, began), append(later, took...)
		file := fmt.Sprintf("%s/%s-%d.heapsnap", b.dir, pid, turn)
		shot, err := timed(exec.CommandContext(ctx, b.heaptop, "snapshot", pid, "-o", file))
		if err != nil {
			return err
		}
		whole = append(whole, shot)
		for _, c := range []struct {
			path string
			to   *[]float64
		}{{"/memstats", &memstats}, {"/debug/pprof/heap", &heap}, {"/debug/pprof/goroutine", &goroutines}} {
			took, err := ask(ctx, "http://"+target.first+c.path)
			if err != nil {
				return err
			}
			*c.to = append(*c.to, took)
		}
	}
	t.add(unit.Bytes(float64(size.bytes)), unit.Count(float64(size.goroutines)), spread(first, duration), spread(later, duration), spread(whole, duration),
		spread(memstats, duration), spread(heap, duration), spread(goroutines, duration))
	return nil
}

// lines runs heaptop until it has printed three readings: the time to the first, and what the others took, in ns.
func (b *bench) lines(ctx context.Context, pid string) (first float64, later []float64, err error) {
	cmd := exec.CommandContext(ctx, b.heaptop, "--format", "json", "--interval", "200ms", pid)
	cmd.Env = append(os.Environ(), "HOME="+b.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, fmt.Errorf("make a pipe: %w", err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, nil, fmt.Errorf("start heaptop: %w", err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it runs until it is told
		_ = cmd.Wait()         // killed: the error says so
	}()
	readings := readings(out)
	for i := range 6 {
		took, err := readings()
		if err != nil {
			return 0, nil, fmt.Errorf("reading %d of %s: %w", i+1, pid, err)
		}
		if i == 0 {
			first = float64(time.Since(began))
		} else {
			later = append(later, took)
		}
	}
	return first, later, nil
}

// timed runs a command to its end and returns the wall time in ns.
func timed(cmd *exec.Cmd) (float64, error) {
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return float64(time.Since(began)), nil
}

// ask gets an address. For /memstats the time in ns is the answer's, else that of the whole request.
func ask(ctx context.Context, url string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", url, err)
	}
	began := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", url, err)
	}
	defer answer.Body.Close()
	body, err := drained(answer.Body)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", url, err)
	}
	took := float64(time.Since(began))
	if strings.HasSuffix(url, "/memstats") {
		return strconv.ParseFloat(string(body), 64)
	}
	return took, nil
}
