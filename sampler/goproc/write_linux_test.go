package goproc

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

func TestWritesNeedPermission(t *testing.T) {
	c := startTarget(t, stripped())
	s := c.open(Options{})
	before := c.ask("stats").MemStats.NumGC
	for name, err := range map[string]error{
		"CanCollect":        s.CanCollect(),
		"Collect":           s.Collect(context.Background()),
		"SetMemProfileRate": s.SetMemProfileRate(context.Background(), 512<<10),
	} {
		if !errors.Is(err, sampler.ErrPermission) || !strings.Contains(err.Error(), "--allow-write") {
			t.Errorf("%s: %v, want a refusal that names --allow-write", name, err)
		}
	}
	if after := c.ask("stats").MemStats.NumGC; after != before {
		t.Errorf("%d collections, want none", after-before)
	}
}

// TestCollect forces a collection in a busy process that would not collect by itself, and finds it healthy after.
func TestCollect(t *testing.T) {
	c := startTarget(t, stripped())
	s := c.open(Options{AllowWrite: true})
	c.ask("gogc 100000")
	c.ask("churn 1")
	before := c.ask("stats").MemStats
	for range 5 {
		if err := s.Collect(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	after := c.ask("stats").MemStats
	if n := after.NumGC - before.NumGC; n < 5 || n > 6 {
		t.Errorf("%d collections, want 5", n)
	}
	if after.LastGC <= before.LastGC {
		t.Errorf("the last collection was at %d, before it at %d", after.LastGC, before.LastGC)
	}
	c.ask("gogc -1")
	if err := s.Collect(context.Background()); !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("Collect with GOGC=off: %v", err)
	}
}

// TestSetMemProfileRate makes a program without runtime/pprof record its sites.
func TestSetMemProfileRate(t *testing.T) {
	c := startTarget(t, variant{name: "without pprof, stripped", args: []string{"-tags=nopprof", "-ldflags=-s -w"}})
	s := c.open(Options{AllowWrite: true})
	if err := s.SetMemProfileRate(context.Background(), 0); err == nil {
		t.Error("a rate of 0 was accepted")
	}
	if err := s.SetMemProfileRate(context.Background(), 4096); err != nil {
		t.Fatal(err)
	}
	c.ask("leak 4000") // the runtime samples with the old rate until each P has allocated 512 KiB
	c.ask("leak 4000")
	c.ask("gc")
	p, err := s.Sites(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var leaked int64
	for stack, v := range stacks(p) {
		if strings.Contains(stack, "main.leakSession ") {
			leaked += v[3]
		}
	}
	if leaked < 4<<20 || leaked > 100<<20 {
		t.Errorf("main.leakSession holds %d bytes, want about 25 MB", leaked)
	}
}
