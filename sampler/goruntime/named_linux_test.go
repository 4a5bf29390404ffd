package goruntime

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// freeAddress returns a loopback address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func hints(s sampler.Session) string { return strings.Join(describe(s).Hints, "\n") }

// A server that was just started does not listen yet when its session is opened.
func TestNamedEndpointOfACommandMayComeLater(t *testing.T) {
	c, addr := start(t, nil), freeAddress(t)
	target := c.target()
	target.Kind = sampler.KindCommand
	s := open(t, quick(Options{Endpoint: "http://" + addr}), target)
	if !strings.Contains(hints(s), "not yet: nobody listens at http://"+addr) {
		t.Errorf("hints %q", hints(s))
	}
	c.do("pprof " + addr)
	snap := until(t, s, "endpoint", func(*sampler.Snapshot) bool { return describe(s).Source == "pprof" })
	if strings.Contains(hints(s), "not yet") {
		t.Errorf("the endpoint answers, but the hints are %q", hints(s))
	}
	if _, err := s.(sampler.HeapProfiler).HeapProfile(t.Context()); err != nil {
		t.Error(err)
	}
	if _, ok := snap.Get(sampler.ProcessRSS); !ok {
		t.Error("no RSS")
	}
}

func TestNamedEndpointOfAProcessMustAnswer(t *testing.T) {
	c, addr := start(t, nil), freeAddress(t)
	if s, err := quick(Options{Endpoint: "http://" + addr}).Open(t.Context(), c.target()); !errors.Is(err, sampler.ErrNotFound) {
		t.Errorf("%v, %v", s, err)
	}
}

// The heap of one program and the RSS of another make no ledger.
func TestNamedEndpointBelongsToAGoProgram(t *testing.T) {
	c, sleep := start(t, nil), startSleep(t)
	addr := c.do("pprof 127.0.0.1:0").Addr
	src := quick(Options{Endpoint: "http://" + addr})
	_, err := src.Open(t.Context(), sampler.Target{Kind: sampler.KindProcess, PID: sleep})
	if !errors.Is(err, sampler.ErrUnsupported) || !strings.Contains(err.Error(), "not a Go program") {
		t.Error(err)
	}
	s := open(t, src, sampler.Target{Kind: sampler.KindCommand, PID: sleep})
	var snap sampler.Snapshot
	if err := s.Read(t.Context(), &snap); err != nil {
		t.Fatal(err)
	}
	if _, ok := snap.Get(sampler.GoHeapLive); ok || !strings.Contains(hints(s), addr+"/debug/pprof/ is not asked") {
		t.Errorf("live heap read: %t; hints %q", ok, hints(s))
	}
}

func TestOnlyWhatCannotBeLookedIntoIsOpaque(t *testing.T) {
	for _, x := range []struct {
		program executable
		want    bool
	}{{executable{}, true}, {executable{known: true}, false}, {executable{known: true, version: "go1.26.1"}, false}} {
		j := newSession(quick(Options{}), sampler.Target{Kind: sampler.KindProcess, PID: 7})
		j.pid, j.program = 7, x.program
		if got := j.Describe().Opaque; got != x.want {
			t.Errorf("%+v is opaque: %t", x.program, got)
		}
	}
}
