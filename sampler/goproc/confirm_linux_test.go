package goproc

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestRecordSites switches the recording of allocation sites on where it is off, once, and only where writing is permitted.
func TestRecordSites(t *testing.T) {
	c := startTarget(t, variant{name: "without pprof, stripped", args: []string{"-tags=nopprof", "-ldflags=-s -w"}})
	ctx := context.Background()
	reader := c.open(Options{})
	if err := reader.RecordSites(ctx); !errors.Is(err, sampler.ErrPermission) {
		t.Errorf("without the permission to write: %v", err)
	}
	s := c.open(Options{AllowWrite: true})
	if err := s.CanRecordSites(); err != nil {
		t.Fatal(err)
	}
	if q := s.ConfirmRecordSites(); !strings.Contains(q, "8 bytes") || !strings.Contains(q, "record allocation sites") {
		t.Errorf("the question is %q", q)
	}
	if err := s.RecordSites(ctx); err != nil {
		t.Fatal(err)
	}
	rate, err := readU64(s.p.mem, "runtime.MemProfileRate", s.p.vars["runtime.MemProfileRate"].addr)
	if err != nil || rate != 512<<10 {
		t.Errorf("the program samples one in %d bytes: %v", rate, err)
	}
	if err := s.RecordSites(ctx); !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("where they are recorded already: %v", err)
	}
}

func TestAProgramThatRecordsItsSitesIsLeftAlone(t *testing.T) {
	c := startTarget(t, stripped())
	s := c.open(Options{AllowWrite: true})
	if err := s.CanRecordSites(); !errors.Is(err, sampler.ErrUnsupported) || !strings.HasSuffix(err.Error(), ": it records them already") {
		t.Errorf("CanRecordSites: %v", err)
	}
	if err := s.CanWalk(); err != nil {
		t.Error(err)
	}
}
