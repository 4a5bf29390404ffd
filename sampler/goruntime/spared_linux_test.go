package goruntime

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc"
)

// Where memory is read an endpoint is only recognised: what would stop the program is not asked unasked, and the
// program's files and goroutines are its own.
func TestEndpointBesideMemoryIsLeftAlone(t *testing.T) {
	c := start(t, nil)
	alone := c.do("pprof 127.0.0.1:0").Goroutines
	files := openFiles(t, c.pid)
	s := open(t, quick(Options{Memory: goproc.Source{}}), c.target())
	if i := describe(s); i.Source != "memory" {
		t.Skipf("memory cannot be read here: %q", i.Hints)
	}
	for deadline := time.Now().Add(30 * time.Second); s.(sampler.Collector).CanCollect() != nil; time.Sleep(5 * time.Millisecond) {
		if i := describe(s); !s.(*session).scan.ended && strings.Contains(strings.Join(i.Hints, "\n"), "to force a collection") || time.Now().After(deadline) {
			t.Fatalf("before its endpoint is found it describes %+v", i)
		}
	}
	is := c.do("")
	for deadline := time.Now().Add(30 * time.Second); is.Goroutines > alone || openFiles(t, c.pid) > files; is = c.do("") {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d files, %d and %d before it was watched", is.Goroutines, openFiles(t, c.pid), alone, files)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if want := []string{"GET /debug/pprof/"}; !slices.Equal(is.Asked, want) {
		t.Errorf("it was asked for %q, not %q", is.Asked, want)
	}
	if err := s.(sampler.Collector).Collect(t.Context()); err != nil || c.do("").MemStats.NumForcedGC != is.MemStats.NumForcedGC+1 {
		t.Errorf("forced a collection: %v", err)
	}
}

// Neither stays a connection to an endpoint that the user named.
func TestNoConnectionStaysWhereMemoryIsRead(t *testing.T) {
	c := start(t, nil)
	is := c.do("pprof 127.0.0.1:0")
	alone, files := is.Goroutines, openFiles(t, c.pid)
	s := open(t, quick(Options{Memory: goproc.Source{}}), sampler.Target{Kind: sampler.KindEndpoint, URL: "http://" + is.Addr})
	if i := describe(s); i.Source != "memory" {
		t.Skipf("memory cannot be read here: %q", i.Hints)
	}
	for deadline := time.Now().Add(30 * time.Second); c.do("").Goroutines > alone || openFiles(t, c.pid) > files; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d files, %d and %d before it was watched", c.do("").Goroutines, openFiles(t, c.pid), alone, files)
		}
	}
	if err := s.(sampler.Collector).Collect(t.Context()); err != nil {
		t.Errorf("forced a collection: %v", err)
	}
}

func openFiles(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
