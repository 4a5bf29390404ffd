package samplertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// broken is a source whose sessions are Fakes that break one rule each.
type broken struct {
	name  string
	open  func(sampler.Target) (sampler.Session, error)
	spoil func(n int, s *sampler.Snapshot)
	close func(n int) error
	heap  func() (sampler.Profile, error)
}

func (b broken) Name() string {
	if b.name != "" {
		return b.name
	}
	return "broken"
}

func (b broken) Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	if b.open != nil {
		return b.open(t)
	}
	s, err := Source{}.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	return &brokenSession{Session: s, b: b}, nil
}

type brokenSession struct {
	sampler.Session
	b             broken
	reads, closed int
}

func (s *brokenSession) Read(ctx context.Context, into *sampler.Snapshot) error {
	err := s.Session.Read(ctx, into)
	if err == nil && s.b.spoil != nil {
		s.b.spoil(s.reads, into)
	}
	s.reads++
	return err
}

func (s *brokenSession) Close() error {
	s.closed++
	if s.b.close != nil {
		return s.b.close(s.closed)
	}
	return s.Session.Close()
}

func (s *brokenSession) HeapProfile(ctx context.Context) (sampler.Profile, error) {
	if s.b.heap != nil {
		return s.b.heap()
	}
	return s.Session.(*Fake).HeapProfile(ctx)
}

// TestCheckFindsWhatIsBroken proves for each rule that breaking it is found, and named.
func TestCheckFindsWhatIsBroken(t *testing.T) {
	shared := []float64{0, 1, 2}
	counts := []uint64{1, 1}
	for says, b := range map[string]broken{
		"in lower case":       {name: "Broken One"},
		"no error":            {open: func(sampler.Target) (sampler.Session, error) { return New(Options{}), nil }},
		"want ErrUnsupported": {open: func(sampler.Target) (sampler.Session, error) { return nil, errors.New("no") }},
		"want both filled in": {spoil: func(_ int, s *sampler.Snapshot) { s.Took = 0 }},
		"has no sample":       {spoil: func(_ int, s *sampler.Snapshot) { s.Samples = nil }},
		"finite number":       {spoil: func(_ int, s *sampler.Snapshot) { s.Set(sampler.ProcessRSS, math.NaN()) }},
		"read twice":          {spoil: func(_ int, s *sampler.Snapshot) { s.Add(sampler.ProcessRSS, 1) }},
		"want /path:unit":     {spoil: func(_ int, s *sampler.Snapshot) { s.Add("/no/unit", 1) }},
		"Read left a sample":  {spoil: func(_ int, s *sampler.Snapshot) { s.Add("/left/over:bytes", 1) }},
		"of this reading":     {spoil: func(_ int, s *sampler.Snapshot) { s.Warn(errors.New("")) }},
		"fell from":           {spoil: func(n int, s *sampler.Snapshot) { s.Set(sampler.ProcessMinorFaults, float64(100-n)) }},
		"follows one at":      {spoil: func(n int, s *sampler.Snapshot) { s.Time = s.Time.Add(-time.Duration(n) * time.Hour) }},
		"one more, in order": {spoil: func(_ int, s *sampler.Snapshot) {
			s.Histograms = append(s.Histograms, sampler.Histogram{Metric: "/h:seconds", Buckets: shared, Counts: []uint64{1}})
		}},
		"count 0 fell": {spoil: func(n int, s *sampler.Snapshot) {
			s.Histograms = append(s.Histograms, sampler.Histogram{Metric: "/h:seconds", Buckets: shared, Counts: []uint64{uint64(9 - n), 1}})
		}},
		"is told twice": {spoil: func(_ int, s *sampler.Snapshot) {
			s.Cycles = append(s.Cycles[:0], sampler.GCCycle{Number: 5, End: s.Time})
		}},
		"close: ":             {close: func(int) error { return errors.New("no") }},
		"close a second time": {close: func(n int) error { return must(n == 1) }},
		"one of sampler's":    {heap: func() (sampler.Profile, error) { return sampler.Profile{}, errors.New("no") }},
		"heap profile: ":      {heap: func() (sampler.Profile, error) { return profileOf("not a profile"), nil }},
		"no sample type":      {heap: func() (sampler.Profile, error) { return New(Options{}).GoroutineProfile(context.Background()) }},
	} {
		err := errors.Join(Check(t.Context(), b, sampler.Target{Kind: sampler.KindProcess, PID: DefaultPID})...)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want a report that says %q, got: %v", says, err)
		}
	}
	// A session that shares its histogram's memory with later readings is no fault of Read: Clone copies it.
	sharing := broken{spoil: func(_ int, s *sampler.Snapshot) {
		counts[0]++
		s.Histograms = append(s.Histograms, sampler.Histogram{Metric: "/h:seconds", Buckets: shared, Counts: counts})
	}}
	if err := errors.Join(Check(t.Context(), sharing, sampler.Target{Kind: sampler.KindProcess, PID: DefaultPID})...); err != nil {
		t.Errorf("sharing memory between readings is allowed, got: %v", err)
	}
}

func must(ok bool) error {
	if !ok {
		panic(fmt.Sprintf("closed %s", "twice"))
	}
	return nil
}

func profileOf(s string) sampler.Profile {
	return sampler.Profile{Time: DefaultStart(), Source: "broken", Data: []byte(s)}
}
