package policy_test

import (
	"errors"
	"math"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

// FuzzParse checks that whatever the file, it is read into a policy that holds what is promised, or refused with a place.
func FuzzParse(f *testing.F) {
	f.Add([]byte(documented))
	archive, err := txtar.ParseFile("testdata/problems.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for i := 0; i < len(archive.Files); i += 2 {
		f.Add(archive.Files[i].Data)
	}
	own, err := os.ReadFile("testdata/full.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse("p", data, policy.Options{Now: time.Unix(1.8e9, 0)})
		if err != nil {
			var problems policy.Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("refused with %T %v", err, err)
			}
			return
		}
		if len(p.Scenarios) == 0 {
			t.Fatal("no scenario")
		}
		for _, s := range p.Scenarios {
			checkScenario(t, s)
		}
	})
}

func checkScenario(t *testing.T, s policy.Scenario) {
	t.Helper()
	what := 0
	for _, is := range []bool{s.Run != "", s.Bench != "", s.Builtin != "", s.Target != "", s.Overhead != nil} {
		if is {
			what++
		}
	}
	if what != 1 || s.Name == "" || s.Sessions < 1 || s.Duration < 0 || s.Timeout < 0 || s.Runs < 0 {
		t.Fatalf("%+v", s)
	}
	inServer := s.Overhead != nil && s.Overhead.Redis != nil // which has built-in budgets
	if len(s.Limits) == 0 && s.Against == "" && s.Anchor == "" && !s.Helper && !inServer {
		t.Fatalf("nothing judges %+v", s)
	}
	for _, l := range s.Limits {
		if _, known := gates.MetricOf(l.Metric); !known || math.IsNaN(l.Max) || math.IsInf(l.Max, 0) || l.Max < 0 || !policy.Measures(s.Kind, l.Metric) {
			t.Fatalf("limit %+v", l)
		}
	}
}

// FuzzParseLimit checks that a limit that is read is a number that something can break.
func FuzzParseLimit(f *testing.F) {
	for _, s := range []string{"256 MB", "10%", "0.8", "5 %/h", "10 MB/h", "10ms", "2.7x", "-1", "NaN", "1e3", "0x10", "1_000", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, m := range gates.Metrics() {
			v, err := policy.ParseLimit(m, s)
			if err == nil && (math.IsNaN(v) || math.IsInf(v, 0) || v < 0) {
				t.Fatalf("%s %q is read as %v", m.Name, s, v)
			}
		}
	})
}
