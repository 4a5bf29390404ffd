package goproc

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestWatchingDoesNotHurt reads an idle process without pause for a second: it must get no processor time and no memory
// for that.
func TestWatchingDoesNotHurt(t *testing.T) {
	c := startTarget(t, stripped(), "TARGET_GOROUTINES=2000", "TARGET_SESSIONS=20000")
	s := c.open(Options{})
	readAll(t, s) // the first reading brings in pages of the executable
	cpu, rss := usage(t, c.pid())
	n := 0
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); n++ {
		readAll(t, s)
	}
	cpu2, rss2 := usage(t, c.pid())
	if cpu2 > cpu+1 {
		t.Errorf("%d readings cost the idle target %d ticks of processor time, want none", n, cpu2-cpu)
	}
	if rss2 > rss+64 {
		t.Errorf("%d readings cost the target %d pages, want none", n, rss2-rss)
	}
}

func readAll(t *testing.T, s *Session) {
	t.Helper()
	var snap sampler.Snapshot
	if err := s.Read(context.Background(), &snap); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sites(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Goroutines(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Spans(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// usage returns a process's processor time in ticks and its resident pages, as the kernel counts them.
func usage(t *testing.T, pid int) (ticks, pages int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	for _, i := range []int{11, 12} {
		n, err := strconv.Atoi(f[i])
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	pages, err = strconv.Atoi(f[21])
	if err != nil {
		t.Fatal(err)
	}
	return ticks, pages
}

// TestReadingIsCheaperThanAsking holds our reading of the sites against what the same costs inside the target. The true
// factor is about sixty, and other work on the machine hits both sides.
func TestReadingIsCheaperThanAsking(t *testing.T) {
	c := startTarget(t, stripped())
	s := c.open(Options{})
	readAll(t, s)
	var took []time.Duration
	for range 30 {
		start := time.Now()
		if err := s.sites.read(context.Background()); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	if asked := own(c, "heap"); float64(took[len(took)/2]) > asked {
		t.Errorf("reading the sites takes %v, the target makes its profile in %.0f ns", took[len(took)/2], asked)
	}
}
