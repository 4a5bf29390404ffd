package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// readings returns what reads heaptop's JSON lines one by one: what each reading took, in ns.
func readings(r io.Reader) func() (float64, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	return func() (float64, error) {
		if !lines.Scan() {
			return 0, fmt.Errorf("heaptop ended: %w", cmp.Or(lines.Err(), io.ErrUnexpectedEOF))
		}
		var line struct {
			Took float64 `json:"took_ns"`
		}
		err := json.Unmarshal(lines.Bytes(), &line)
		return line.Took, err
	}
}

// drained reads all of an answer, of which the first kilobyte is kept.
func drained(r io.Reader) ([]byte, error) {
	head, err := io.ReadAll(io.LimitReader(r, 1<<10))
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return head, err
}

// start measures the program's size, how long it takes to begin, and its frames.
func (b *bench) start(ctx context.Context) (*table, error) {
	t := &table{columns: []string{"what", "program", "figure"}}
	stripped := filepath.Join(b.dir, "stripped")
	if err := compile(ctx, stripped, "-trimpath", "-ldflags", "-s -w"); err != nil {
		return nil, err
	}
	for _, p := range []struct{ name, path string }{{"heaptop", b.heaptop}, {"heaptop as released (stripped)", stripped}} {
		info, err := os.Stat(p.path)
		if err != nil {
			return nil, err
		}
		t.add("size", p.name, unit.Bytes(float64(info.Size())))
	}
	if err := b.commands(ctx, t); err != nil {
		return nil, err
	}
	if err := b.firstFrames(ctx, t); err != nil {
		return nil, err
	}
	return t, b.frames(ctx, t)
}

// commands measures whole commands that only start and end.
func (b *bench) commands(ctx context.Context, t *table) error {
	for _, c := range [][]string{{b.heaptop, "version"}, {b.heaptop, "--help"}, {"go", "version"}, {"htop", "--version"}} {
		if _, err := exec.LookPath(c[0]); err != nil {
			continue
		}
		var took []float64
		for range 5 * b.turns {
			one, err := timed(exec.CommandContext(ctx, c[0], c[1:]...))
			if err != nil {
				return err
			}
			took = append(took, one)
		}
		t.add("a command that starts and ends", filepath.Base(c[0])+" "+c[1], spread(took, duration))
	}
	return nil
}

// firstFrames measures how long it takes until a screen shows its figures.
func (b *bench) firstFrames(ctx context.Context, t *table) error {
	for _, v := range []struct {
		name, shows string
		command     []string
	}{
		{"heaptop, its processes", "RSS", []string{b.heaptop}},
		{"top", "PID", []string{"top"}},
		{"htop", "PID", []string{"htop"}},
		{"glances", "PID", []string{"glances", "--disable-check-update"}},
	} {
		if _, err := exec.LookPath(v.command[0]); err != nil {
			continue
		}
		var took []float64
		for range 2*b.turns + 1 {
			one, err := b.firstFrame(ctx, v.shows, v.command)
			if err != nil {
				return err
			}
			took = append(took, one)
		}
		t.add("from start to the first table on a terminal", v.name, spread(took, duration))
	}
	return nil
}

func (b *bench) firstFrame(ctx context.Context, shows string, command []string) (float64, error) {
	s, err := b.onScreen(ctx, shows, command...)
	if err != nil {
		return 0, err
	}
	defer s.close()
	select {
	case took := <-s.first:
		return float64(took), nil
	case <-time.After(20 * time.Second):
		return 0, fmt.Errorf("%s does not show %q", strings.Join(command, " "), shows)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// frames runs the benchmarks of drawing, which the repository has.
func (b *bench) frames(ctx context.Context, t *table) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "Frame", "-benchtime", "50x", "github.com/alloc-dev/heaptop/tui/...")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test -bench Frame: %w\n%s", err, out)
	}
	for line := range bytes.Lines(out) {
		fields := bytes.Fields(line)
		if len(fields) < 4 || !bytes.HasPrefix(fields[0], []byte("Benchmark")) {
			continue
		}
		if ns, err := strconv.ParseFloat(string(fields[2]), 64); err == nil {
			t.add("one frame", strings.TrimPrefix(string(fields[0]), "Benchmark"), duration(ns))
		}
	}
	return nil
}

// recording writes a recording of a day, a reading a second, and opens it.
func (b *bench) recording(ctx context.Context) (*table, error) {
	count := 86_400
	if b.quick {
		count = 3600
	}
	path := filepath.Join(b.dir, "day.heaprec")
	b.say("writing %d readings", count)
	if err := b.write(ctx, path, count); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	t := &table{columns: []string{"what", "figure"}}
	t.add(fmt.Sprintf("size, %s readings of a Go process", unit.Count(float64(count))), unit.Bytes(float64(info.Size())))
	var took []float64
	for range b.turns {
		one, err := b.firstFrame(ctx, "recording", []string{b.heaptop, path})
		if err != nil {
			return nil, err
		}
		took = append(took, one)
	}
	t.add("from start to the first frame of `heaptop day.heaprec`", spread(took, duration))
	s, err := b.onScreen(ctx, "recording", b.heaptop, path)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := pause(ctx, 3*time.Second); err != nil {
		return nil, err
	}
	rss, err := resident(s.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	t.add("RSS of the dashboard that shows it", unit.Bytes(rss))
	for _, args := range [][]string{{"debug", "leaks", path}, {"replay", path, "--format", "json"}} {
		cmd := exec.CommandContext(ctx, b.heaptop, args...)
		began := time.Now()
		_ = cmd.Run() // a leak in made-up figures would be exit code 1
		if cmd.ProcessState == nil {
			return nil, fmt.Errorf("heaptop %s did not run", args[0])
		}
		t.add("`heaptop "+strings.Replace(strings.Join(args, " "), path, "day.heaprec", 1)+"`", duration(float64(time.Since(began))))
	}
	return t, nil
}

// write makes a recording out of one real reading, whose figures then wander.
func (b *bench) write(ctx context.Context, path string, count int) error {
	out, err := exec.CommandContext(ctx, b.heaptop, "--format", "json", "--interval", "1s", "--duration", "1s", strconv.Itoa(os.Getpid())).Output()
	if err != nil {
		return fmt.Errorf("read this process with heaptop: %w", err)
	}
	var line struct {
		Metrics map[sampler.Metric]float64 `json:"metrics"`
	}
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&line); err != nil {
		return fmt.Errorf("read heaptop's JSON: %w", err)
	}
	at := time.Now().Add(-time.Duration(count) * time.Second)
	r, err := capture.Create(path, capture.RecorderOptions{Now: func() time.Time { return at }})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	metrics := slices.Sorted(maps.Keys(line.Metrics)) // a source has them in the same order each time
	for i := range count {
		at = at.Add(time.Second)
		s := &sampler.Snapshot{Time: at, Took: 30 * time.Microsecond}
		for _, m := range metrics {
			s.Add(m, float64(int64(line.Metrics[m]*(1+0.1*random.Float64()))))
		}
		r.Event(sampler.Event{Snapshot: s, Info: sampler.Info{Name: "day"}})
		if i%4 == 0 { // what comes faster than it is packed is dropped
			time.Sleep(time.Millisecond)
		}
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if s := r.Status(); s.Dropped > 0 {
		return fmt.Errorf("write %s: %d of %d readings came too fast", path, s.Dropped, count)
	}
	return nil
}
