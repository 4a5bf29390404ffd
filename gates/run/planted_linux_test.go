package run_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	builtin "github.com/alloc-dev/heaptop/sampler/scenario"
)

// planted are the workloads by which the harness of the built-in ones is tested. This binary runs them itself.
func planted() []builtin.Scenario {
	planted := func(name string, step func(p *plant) error) builtin.Scenario {
		return builtin.Scenario{Name: name, Summary: "Planted.", Sessions: 4, Warmup: 100, Steps: 4000,
			New: func(seed uint64) (builtin.Workload, error) { return &plant{step: step, seed: seed}, nil }}
	}
	return []builtin.Scenario{
		planted("idle", func(*plant) error { return nil }),
		planted("busy", func(p *plant) error { p.churn(); return nil }),
		planted("leaky", func(p *plant) error { p.churn(); p.leak(); return nil }),
		planted("broken", func(p *plant) error {
			if p.churn(); p.steps == 180 {
				return errors.New("the disk is full")
			}
			return nil
		}),
		planted("steady", func(p *plant) error { p.pace(0); return nil }),
		planted("slowing", func(p *plant) error { p.pace(time.Minute); return nil }),
		planted("leaking", func(p *plant) error { p.pace(0); p.forget(); return nil }),
		planted("absent", func(p *plant) error {
			if p.churn(); p.steps == 180 {
				os.Exit(0)
			}
			return nil
		}),
	}
}

func findPlanted(name string) (builtin.Scenario, bool) {
	for _, s := range planted() {
		if s.Name == name {
			return s, true
		}
	}
	return builtin.Scenario{}, false
}

// plant holds a megabyte for each of four sessions, and the leaky one more with every step.
type plant struct {
	step  func(*plant) error
	seed  uint64
	steps uint64
	held  [64][]byte
	lost  [][]byte
	began time.Time
}

func (p *plant) Step() error        { p.steps++; return p.step(p) }
func (p *plant) Operations() uint64 { return 3 * p.steps }

func (p *plant) Close() error {
	p.held, p.lost = [64][]byte{}, nil
	return nil
}

func (p *plant) churn() {
	p.held[p.steps%64] = make([]byte, 64<<10+int(p.seed))
	for i := range 50 {
		last = make([]byte, 1000+i)
	}
}

//go:noinline
func (p *plant) leak() {
	for range 8 {
		p.lost = append(p.lost, make([]byte, 4<<10))
	}
}

// pace makes some garbage and rests for 5 ms, the longer the more it has worked: after each time of doubling by twice as much.
// 0 is never. What it holds is there from the first step on.
func (p *plant) pace(doubling time.Duration) {
	if p.steps == 1 {
		p.began = time.Now()
		for i := range p.held {
			p.held[i] = make([]byte, 64<<10)
		}
	}
	rest := 5 * time.Millisecond
	if doubling > 0 {
		rest = time.Duration(float64(rest) * math.Exp2(time.Since(p.began).Seconds()/doubling.Seconds()))
	}
	for i := range 50 {
		last = make([]byte, 1000+i)
	}
	time.Sleep(rest)
}

// forget keeps 4 KiB for ever.
//
//go:noinline
func (p *plant) forget() { p.lost = append(p.lost, make([]byte, 4<<10)) }

// playPlanted runs one in this process, as the hidden command runs the built-in ones.
func playPlanted(args []string) int {
	s, ok := findPlanted(args[0])
	if !ok {
		return 95
	}
	var r builtin.Run
	f := flag.NewFlagSet("planted", flag.ContinueOnError)
	f.Uint64Var(&r.Seed, "seed", 0, "")
	f.DurationVar(&r.Duration, "duration", 0, "")
	if err := f.Parse(args[1:]); err != nil {
		return 96
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := r.Do(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}

// runPlanted measures one of them.
func runPlanted(t *testing.T, name string, change func(*policy.Scenario, *run.Options)) *gates.Scenario {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := policy.Scenario{Name: name, Kind: gates.KindBuiltin, Builtin: name, Env: map[string]string{childEnv: "1", "XDG_RUNTIME_DIR": t.TempDir()}, Sessions: 4, Runs: 1,
		Limits: limit("peak_heap", 100e6)}
	o := run.Options{Find: findPlanted, Self: []string{exe, plantedCommand}}
	if change != nil {
		change(&s, &o)
	}
	o.Policy = &policy.Policy{Scenarios: []policy.Scenario{s}}
	return only(t, measure(t, o))
}

func TestWorkloadThatDoesNotAllocateIsRefused(t *testing.T) {
	s := runPlanted(t, "idle", nil)
	if s.Verdict != gates.Unmeasured || !strings.Contains(s.Error, "this scenario did not allocate") {
		t.Errorf("%s, %q", s.Verdict, s.Error)
	}
}

func TestWorkloadThatDiesEarlyIsUnmeasured(t *testing.T) {
	for name, words := range map[string]string{"broken": "step 80 of scenario broken: the disk is full", "absent": "ended before its checkpoint"} {
		s := runPlanted(t, name, nil)
		if s.Verdict != gates.Unmeasured || !strings.Contains(s.Error, words) {
			t.Errorf("%s: %s, %q", name, s.Verdict, s.Error)
		}
	}
}

func TestFiguresOfABuiltinWorkload(t *testing.T) {
	s := runPlanted(t, "busy", func(s *policy.Scenario, _ *run.Options) { s.Runs = 3 })
	if s.Error != "" || s.Sessions != 4 {
		t.Fatalf("%d sessions, %q", s.Sessions, s.Error)
	}
	// 64 times 72 KiB, the size above that, are held for four sessions. Garbage comes on top where the collector is behind.
	for metric, want := range map[string][2]float64{"live_heap": {1.17e6, 1.35e6}, "sustained_heap": {1.1e6, 50e6}, "peak_heap": {1.2e6, 50e6}} {
		m := s.Metrics[metric]
		if len(m.Values) != 3 || m.Median < want[0] || m.Median > want[1] {
			t.Errorf("%s is %v %s, want %v", metric, m.Values, m.Missing, want)
		}
	}
	m := s.Metrics["allocs"]
	if len(m.Values) != 3 || m.Median < 4100*51 || m.High-m.Low > 0.005*m.Median {
		t.Errorf("allocs %v %s", m.Values, m.Missing)
	}
}

func TestSeedReachesTheWorkload(t *testing.T) {
	samplertest.NotUnderRace(t)
	live := func(seed uint64) float64 {
		return runPlanted(t, "busy", func(_ *policy.Scenario, o *run.Options) { o.Seed = seed }).Metrics["live_heap"].Median
	}
	usual, same, other := live(0), live(builtin.DefaultSeed), live(32<<10)
	if d := usual - same; d < -10e3 || d > 10e3 {
		t.Errorf("without a seed %.0f, with the default one %.0f", usual, same)
	}
	if other-usual < 0.3e6 {
		t.Errorf("another seed changes nothing: %.0f and %.0f", usual, other)
	}
	for name, c := range map[string]struct{ policy, flag, want uint64 }{
		"nobody's": {0, 0, builtin.DefaultSeed}, "the policy's": {32 << 10, 0, 32 << 10}, "the flag's": {5, 32 << 10, 32 << 10},
	} {
		s := runPlanted(t, "busy", func(s *policy.Scenario, o *run.Options) { s.Seed, o.Seed = c.policy, c.flag })
		live := s.Metrics["live_heap"].Median
		if large := live-usual > 0.3e6; s.Seed != c.want || large != (c.want != builtin.DefaultSeed) {
			t.Errorf("%s seed: the report says %d, want %d; the live heap is %.0f, with the default seed %.0f", name, s.Seed, c.want, live, usual)
		}
	}
}

// Two measurements with different seeds are of different work: they are not compared.
func TestSeedsThatDifferAreNotCompared(t *testing.T) {
	samplertest.NotUnderRace(t)
	first := filepath.Join(t.TempDir(), "first.json")
	report := func(seed uint64, baseline string) *gates.Report {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		s := policy.Scenario{Name: "busy", Kind: gates.KindBuiltin, Builtin: "busy", Seed: seed, Runs: 2, Sessions: 4, Limits: limit("peak_heap", 100e6),
			Env: map[string]string{childEnv: "1", "XDG_RUNTIME_DIR": t.TempDir()}}
		return measure(t, run.Options{Find: findPlanted, Self: []string{exe, plantedCommand}, Baseline: baseline, Policy: &policy.Policy{Scenarios: []policy.Scenario{s}}})
	}
	data, err := report(1, "").JSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(first, data, 0o600); err != nil {
		t.Fatal(err)
	}
	c := comparison(t, only(t, report(2, first)), "allocs")
	if !strings.Contains(c.Reason, "drew from the seed 1, and this one from 2") || c.Verdict == gates.Stable {
		t.Errorf("%s: %q", c.Verdict, c.Reason)
	}
	if c := comparison(t, only(t, report(1, first)), "allocs"); strings.Contains(c.Reason, "seed") {
		t.Errorf("the same seed: %s: %q", c.Verdict, c.Reason)
	}
}

func TestWorkloadEndsByItselfAfterItsDuration(t *testing.T) {
	s := runPlanted(t, "busy", func(s *policy.Scenario, _ *run.Options) { s.Duration = 300 * time.Millisecond })
	if s.Error != "" || len(s.Metrics["live_heap"].Values) != 1 || s.Metrics["live_heap"].Median < 1e6 {
		t.Errorf("%q, live heap %+v", s.Error, s.Metrics["live_heap"])
	}
}

// A planted leak against the same workload without it: the comparison fails, and the site is named.
func TestPlantedLeakIsFoundAndItsSiteNamed(t *testing.T) {
	s := runPlanted(t, "leaky", func(s *policy.Scenario, _ *run.Options) {
		s.Limits = limit("live_heap", 2e6)
	})
	var failed bool
	for _, g := range s.Gates {
		failed = failed || g.Metric == "live_heap" && g.Verdict == gates.Failed
	}
	if !failed {
		t.Fatalf("gates %+v, error %q", s.Gates, s.Error)
	}
	if len(s.Blame) == 0 || !strings.Contains(s.Blame[0].Site, "leak") {
		t.Errorf("blame %+v, %q", s.Blame, s.BlameNote)
	}
}
