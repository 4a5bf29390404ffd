package scenario_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// counter is a workload that counts.
type counter struct {
	seed          uint64
	steps, closed int
	stepped       func(n int) error
	closeErr      error
}

func (c *counter) Step() error {
	c.steps++
	if c.stepped == nil {
		return nil
	}
	return c.stepped(c.steps)
}
func (c *counter) Operations() uint64 { return uint64(2 * c.steps) }
func (c *counter) Close() error       { c.closed++; return c.closeErr }

// of makes a scenario of it.
func (c *counter) of() scenario.Scenario {
	return scenario.Scenario{Name: "count", Warmup: 5, Steps: 20, Rate: 100, New: func(seed uint64) (scenario.Workload, error) {
		c.seed = seed
		return c, nil
	}}
}

func do(t *testing.T, r scenario.Run, c *counter) (string, error) {
	t.Helper()
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	var out bytes.Buffer
	err := r.Do(t.Context(), c.of(), &out)
	return out.String(), err
}

func TestRunMakesItsSteps(t *testing.T) {
	for _, c := range []struct {
		run   scenario.Run
		steps int
		seed  uint64
	}{
		{scenario.Run{}, 20, scenario.DefaultSeed},
		{scenario.Run{Steps: 7, Seed: 9}, 7, 9},
		{scenario.Run{Steps: 7, Duration: time.Hour, Rate: scenario.MaxRate}, 7, scenario.DefaultSeed},
	} {
		work := &counter{}
		out, err := do(t, c.run, work)
		if err != nil || work.steps != c.steps+5 || work.seed != c.seed || work.closed != 1 {
			t.Errorf("%+v: %d steps, seed %d, closed %d times: %v", c.run, work.steps, work.seed, work.closed, err)
		}
		if want := fmt.Sprintf("count: %d operations in %d steps\n", 2*(c.steps+5), c.steps); !strings.HasSuffix(out, want) {
			t.Errorf("it says %q", out)
		}
	}
}

func TestRunThatFailsTearsDown(t *testing.T) {
	full, stuck := errors.New("the disk is full"), errors.New("stuck")
	for n, words := range map[int]string{3: "step 3 of the warm-up of scenario count", 8: "step 3 of scenario count"} {
		work := &counter{closeErr: stuck, stepped: func(step int) error {
			if step == n {
				return full
			}
			return nil
		}}
		out, err := do(t, scenario.Run{}, work)
		if !errors.Is(err, full) || !errors.Is(err, stuck) || !strings.Contains(err.Error(), words) || work.closed != 1 || strings.Contains(out, "operations") {
			t.Errorf("%d: %v, closed %d times, said %q", n, err, work.closed, out)
		}
	}
	broken := scenario.Scenario{Name: "broken", New: func(uint64) (scenario.Workload, error) { return nil, full }}
	if err := (scenario.Run{}).Do(t.Context(), broken, &bytes.Buffer{}); !errors.Is(err, full) || !strings.Contains(err.Error(), "begin scenario broken") {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	serving, _ := scenario.Find("demo")
	stepping := (&counter{}).of()
	for _, c := range []struct {
		of  scenario.Scenario
		run scenario.Run
	}{
		{scenario.Scenario{Name: "nothing"}, scenario.Run{}},
		{stepping, scenario.Run{Steps: -1}},
		{stepping, scenario.Run{Duration: -1}},
		{stepping, scenario.Run{Rate: math.NaN()}},
		{stepping, scenario.Run{Rate: math.Inf(1)}},
		{serving, scenario.Run{Steps: 3}},
	} {
		if err := c.run.Do(t.Context(), c.of, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "run scenario "+c.of.Name) {
			t.Errorf("%s %+v: %v", c.of.Name, c.run, err)
		}
	}
}

// The schedule does not drift: a slow step is made up for, and the number of steps is that of the duration.
func TestRunKeepsItsSchedule(t *testing.T) {
	for _, c := range []struct {
		name  string
		run   scenario.Run
		sleep func(n int) time.Duration
		steps int
	}{
		{"its own rate", scenario.Run{Duration: 10 * time.Second}, func(int) time.Duration { return time.Millisecond }, 1000},
		{"another rate", scenario.Run{Duration: 10 * time.Second, Rate: 7}, func(int) time.Duration { return 0 }, 70},
		{"one slow step", scenario.Run{Duration: 10 * time.Second}, func(n int) time.Duration {
			if n == 50 {
				return 3 * time.Second
			}
			return time.Millisecond
		}, 1000},
		{"too slow", scenario.Run{Duration: 10 * time.Second}, func(int) time.Duration { return 100 * time.Millisecond }, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				work := &counter{}
				var worked time.Time
				work.stepped = func(n int) error {
					if n <= 5 {
						worked = time.Now()
						return nil
					}
					time.Sleep(c.sleep(n))
					return nil
				}
				err := scenario.Pace(t.Context(), c.run, work.of(), work)
				if took := time.Since(worked); err != nil || work.steps-5 != c.steps || took < 9*time.Second || took > 10100*time.Millisecond {
					t.Errorf("%d steps in %s, want %d in 10s: %v", work.steps-5, took, c.steps, err)
				}
			})
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	work := &counter{stepped: func(n int) error {
		if n == 10 {
			stop()
		}
		return nil
	}}
	var out bytes.Buffer
	if err := (scenario.Run{Duration: time.Hour}).Do(ctx, work.of(), &out); err != nil || work.steps != 10 || work.closed != 1 {
		t.Errorf("%d steps, closed %d times: %v", work.steps, work.closed, err)
	}
}

// Every workload of the table does what it says for a few steps, counts, and tears down.
func TestEveryWorkload(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	for _, s := range scenario.All() {
		if s.New == nil {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			if s.Suite == "" || s.Sessions < 1 || s.Steps < 1 || s.Warmup < 0 || s.Rate < 0 {
				t.Errorf("its row lacks something: %+v", s)
			}
			for _, b := range s.Budgets {
				if b.Max <= 0 || b.Because == "" || b.Metric == "" {
					t.Errorf("budget %+v", b)
				}
			}
			s.Warmup = min(s.Warmup, 2)
			var out bytes.Buffer
			if err := (scenario.Run{Steps: 3}).Do(t.Context(), s, &out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), " operations in 3 steps") || strings.Contains(out.String(), ": 0 operations") {
				t.Errorf("it says %q", out.String())
			}
		})
	}
}

// BenchmarkWorkloads makes the steps of each workload of the table: go test -bench Workloads/small_buffer ./sampler/scenario
func BenchmarkWorkloads(b *testing.B) {
	if samplertest.RaceDetector {
		b.Skip("figures under the race detector are the detector's")
	}
	for _, s := range scenario.All() {
		if s.New == nil {
			continue
		}
		b.Run(s.Name, func(b *testing.B) {
			work, err := s.New(scenario.DefaultSeed)
			if err != nil {
				b.Fatal(err)
			}
			defer work.Close()
			b.ReportAllocs()
			before := work.Operations()
			for b.Loop() {
				if err := work.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(work.Operations()-before)/float64(b.N), "operations/op")
		})
	}
}
