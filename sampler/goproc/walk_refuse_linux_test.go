package goproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestWalkRefusesASwappedTarget pretends, through a proc file system of our own, that the target is swapped out.
func TestWalkRefusesASwappedTarget(t *testing.T) {
	c := startLeaky(t, stripped())
	s := c.open(Options{})
	s.options.Proc = t.TempDir()
	dir := filepath.Join(s.options.Proc, fmt.Sprint(c.pid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "status"), []byte("Name:\tleaky\nVmSwap:\t   20480 kB\nThreads:\t5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Walk(t.Context(), sampler.WalkOptions{})
	if !errors.Is(err, sampler.ErrSwapped) || !strings.Contains(err.Error(), "20480 kB") {
		t.Errorf("Walk of a target with 20 MiB swapped out: %v", err)
	}
	if h := walk(t, s, sampler.WalkOptions{Force: true}); h.Objects == 0 {
		t.Error("a forced walk reached nothing")
	}
	if err := os.Remove(filepath.Join(dir, "status")); err != nil {
		t.Fatal(err)
	}
	if h := walk(t, s, sampler.WalkOptions{}); len(h.Warnings) != 1 || !strings.Contains(h.Warnings[0].Error(), "swapped out is not known") {
		t.Errorf("warnings where swap is not known: %v", h.Warnings)
	}
}

func TestSwappedOut(t *testing.T) {
	for _, x := range []struct {
		status string
		want   int64
		ok     bool
	}{
		{"Name:\ta\nVmSwap:\t       0 kB\n", 0, true},
		{"VmSwap:\t 1048576 kB\n", 1 << 30, true},
		{"Name:\tVmSwap:\n", 0, false},
		{"VmSwap:\tmuch\n", 0, false},
		{"VmSwap:\t99999999999999999999 kB\n", 0, false},
		{"", 0, false},
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "7"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "7", "status"), []byte(x.status), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := swappedOut(dir, 7); got != x.want || (err == nil) != x.ok {
			t.Errorf("swappedOut of %q: %d, %v; want %d, %v", x.status, got, err, x.want, x.ok)
		}
	}
}

// TestWalkKeepsItsMemory refuses a heap that would take more memory than is allowed, at every stage.
func TestWalkKeepsItsMemory(t *testing.T) {
	c := startLeaky(t, stripped())
	s := c.open(Options{})
	refused := map[string]bool{}
	most := int64(0)
	for limit := int64(16 << 10); ; limit += 16 << 10 {
		_, err := s.Walk(t.Context(), sampler.WalkOptions{MaxMemory: limit})
		if err == nil {
			most = limit
			break
		}
		if !errors.Is(err, sampler.ErrWalkTooLarge) || limit > 16<<20 {
			t.Fatalf("Walk within %d bytes: %v", limit, err)
		}
		what, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), fmt.Sprintf("walk the heap: read process %d: ", c.pid())), " would take")
		refused[what] = true
	}
	if len(refused) < 4 {
		t.Errorf("refused only for %v", refused)
	}
	used := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			walk(b, s, sampler.WalkOptions{})
		}
	}).AllocedBytesPerOp()
	if used > 2*most+8<<20 {
		t.Errorf("a walk that is accounted for with %d bytes allocates %d", most, used)
	}
}

func TestWalkTellsItsProgress(t *testing.T) {
	c := startLeaky(t, stripped(), "LEAKY_SESSIONS=20000")
	var told []sampler.WalkProgress
	walk(t, c.open(Options{}), sampler.WalkOptions{Progress: func(p sampler.WalkProgress) { told = append(told, p) }})
	if len(told) == 0 {
		t.Fatal("nothing was told")
	}
	last := 0.0
	for _, p := range told {
		if p.Stage == "" || p.Part < last || p.Part > 1 {
			t.Errorf("told %v", told)
			break
		}
		last = p.Part
	}
}

// TestWalkEndsWithItsContext cancels a walk at each place where it tells its progress.
func TestWalkEndsWithItsContext(t *testing.T) {
	c := startLeaky(t, stripped())
	s := c.open(Options{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Walk(gone, sampler.WalkOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Walk with a context that has ended: %v", err)
	}
	during, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := s.Walk(during, sampler.WalkOptions{Progress: func(sampler.WalkProgress) { cancel() }}); !errors.Is(err, context.Canceled) {
		t.Errorf("Walk that is cancelled: %v", err)
	}
	if h := walk(t, s, sampler.WalkOptions{}); h.Objects == 0 {
		t.Error("the session is of no use after a cancelled walk")
	}
}

func TestWalkOfATargetThatHasEnded(t *testing.T) {
	c := startLeaky(t, stripped())
	s := c.open(Options{})
	c.stop()
	if _, err := s.Walk(t.Context(), sampler.WalkOptions{}); !errors.Is(err, sampler.ErrGone) {
		t.Errorf("Walk of a process that has ended: %v", err)
	}
	c = startLeaky(t, stripped())
	s = c.open(Options{})
	stopped := false
	_, err := s.Walk(t.Context(), sampler.WalkOptions{Progress: func(sampler.WalkProgress) {
		if !stopped {
			stopped = true
			c.stop()
		}
	}})
	if !stopped || !errors.Is(err, sampler.ErrGone) {
		t.Errorf("Walk of a process that ends meanwhile: %v", err)
	}
}
