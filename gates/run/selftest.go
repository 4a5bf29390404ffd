package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

const (
	selftestRuns = 4
	planted      = 1.5      // times the increase that a policy allows
	overLimit    = 1.1      // times a limit
	leastBallast = 32 << 20 // bytes: so that the program around it is little beside it
	mostBallast  = 2 << 30
)

// Proof is a growth that was planted, and what became of it. A configuration is good when all of its proofs are red.
type Proof struct {
	Scenario string
	Metric   string
	What     string // what was planted: "recorded samples, scaled by 1.15 against themselves"
	Red      bool   // it was found
	Why      string // what the judge said
}

// Selftest plants growth into every scenario of a policy and judges it by the policy's own settings: samples that are
// recorded now are raised above each limit, and scaled against themselves; and real programs that carry ballast are
// started, measured and judged. Nothing is compared with another commit, and nothing is kept. The error is that of Run.
func Selftest(ctx context.Context, o Options) ([]Proof, error) {
	plain := *o.Policy
	plain.Scenarios = slices.Clone(o.Policy.Scenarios)
	compared := map[string]bool{}
	for i := range plain.Scenarios {
		s := &plain.Scenarios[i]
		compared[s.Name] = !s.Helper && s.Kind != gates.KindOverhead && (s.Against != "" || s.Anchor != "" || o.Baseline != "")
		s.Against, s.Anchor = "", ""
		if compared[s.Name] && s.Runs < selftestRuns && s.Kind != gates.KindTarget {
			s.Runs = selftestRuns
		}
	}
	recording := o
	recording.Policy, recording.Baseline, recording.dry = &plain, "", true
	report, err := Run(ctx, recording)
	if err != nil {
		return nil, err
	}
	var out []Proof
	for i := range report.Scenarios {
		got := &report.Scenarios[i]
		s := find(o.Policy, base(got.Name))
		if s == nil || s.Helper {
			continue
		}
		out = append(out, overLimits(got, s)...)
		if compared[s.Name] {
			out = append(out, againstThemselves(got, s, report.Seed)...)
		}
	}
	ballast, err := o.carry(ctx, compared)
	return append(out, ballast...), err
}

func find(p *policy.Policy, name string) *policy.Scenario {
	for i := range p.Scenarios {
		if p.Scenarios[i].Name == name {
			return &p.Scenarios[i]
		}
	}
	return nil
}

// overLimits raises recorded samples above each limit.
func overLimits(got *gates.Scenario, s *policy.Scenario) []Proof {
	var out []Proof
	for _, l := range s.Limits {
		p := Proof{Scenario: got.Name, Metric: l.Metric, What: "recorded samples, raised above the limit"}
		m, found := got.Metrics[l.Metric]
		metric, _ := gates.MetricOf(l.Metric)
		if !found || len(m.Values) == 0 {
			p.Why = "it was not measured, so it cannot turn red: " + m.Missing
			if got.Error != "" {
				p.Why += got.Error
			}
			out = append(out, p)
			continue
		}
		raised := slices.Clone(m.Values)
		for i := range raised {
			raised[i] += max(l.Max*overLimit-m.Median, 0) + max(l.Max, 1)/100
		}
		g := gates.Evaluate([]gates.Limit{l}, map[string]gates.Measured{l.Metric: gates.Measure(metric, m.Source, raised)})
		p.Red, p.Why = g[0].Verdict == gates.Failed, string(g[0].Verdict)
		out = append(out, p)
	}
	return out
}

// againstThemselves compares recorded samples with the same, scaled.
func againstThemselves(got *gates.Scenario, s *policy.Scenario, seed uint64) []Proof {
	var out []Proof
	for _, name := range s.Compare.GatedMetrics() {
		m, found := got.Metrics[name]
		metric, _ := gates.MetricOf(name)
		nothing := metric.Exact && len(m.Values) > 0 && slices.Min(m.Values) == 0 && slices.Max(m.Values) == 0
		if !found || len(m.Values) == 0 || m.Median <= 0 && !nothing {
			continue // what does not exist is not compared either
		}
		limit, _ := s.Compare.Increases(name)
		factor, more := 1+planted*limit, 0.0
		p := Proof{Scenario: got.Name, Metric: name, What: fmt.Sprintf("recorded samples, scaled by %.4g against themselves", factor)}
		if nothing { // of 0 there is no percentage: two steps are the least that is a change
			more = 2 * max(metric.Quantum, 1)
			p.What = "recorded samples, which are 0, raised to " + metric.Format(more)
		}
		n := [2]int{}
		c, err := decide(s.Compare, name, seed, func(side gates.Side) (float64, error) {
			v := m.Values[n[side]%len(m.Values)]
			n[side]++
			if side == gates.Current {
				v = v*factor + more
			}
			return v, nil
		})
		p.Red, p.Why = err == nil && c.Verdict == gates.Regressed, c.Verdict
		if c.SmallestProvable != nil && !p.Red {
			p.Why += fmt.Sprintf(": the smallest growth that these runs could prove is %.3g %%", *c.SmallestProvable)
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		out = append(out, Proof{Scenario: got.Name, Why: "no metric that is compared was measured, so the comparison cannot turn red: " + got.Error})
	}
	return out
}

// decide runs a comparison of one metric to its end.
func decide(s gates.CompareSettings, metric string, seed uint64, value func(gates.Side) (float64, error)) (gates.Comparison, error) {
	s.Gated = []string{metric}
	c := gates.NewComparer(s, []string{metric}, seed)
	for sides := c.Next(); len(sides) > 0; sides = c.Next() {
		for _, side := range sides {
			v, err := value(side)
			if err == nil {
				err = c.Add(side, gates.Run{metric: v})
			}
			if err != nil {
				return gates.Comparison{Verdict: string(gates.Unmeasured)}, err
			}
		}
	}
	if all := c.Result(); len(all) == 1 {
		return all[0], nil
	}
	return gates.Comparison{Verdict: string(gates.Unmeasured)}, errors.New("nothing was compared")
}

// carry starts real programs with ballast, for each scenario that limits or compares resident memory or the heap.
func (o *Options) carry(ctx context.Context, compared map[string]bool) ([]Proof, error) {
	var out []Proof
	for i := range o.Policy.Scenarios {
		s := &o.Policy.Scenarios[i]
		if s.Helper {
			continue
		}
		for _, l := range s.Limits {
			if l.Metric != "peak_rss" && l.Metric != "peak_heap" {
				continue
			}
			got, err := o.overBallast(ctx, s, l)
			if err != nil {
				return out, err
			}
			out = append(out, got)
		}
		if compared[s.Name] && s.Kind != gates.KindBench {
			got, err := o.compareBallast(ctx, s)
			if err != nil {
				return out, err
			}
			out = append(out, got)
		}
	}
	return out, nil
}

// overBallast measures a program that carries more than a limit.
func (o *Options) overBallast(ctx context.Context, s *policy.Scenario, l gates.Limit) (Proof, error) {
	p := Proof{Scenario: s.Name, Metric: l.Metric}
	n := l.Max * overLimit
	if l.Metric == "peak_heap" {
		n *= float64(max(s.Sessions, 1))
	}
	p.What = fmt.Sprintf("a program that carries %s", gates.FormatValue("bytes", n))
	if n > mostBallast {
		p.What, p.Red, p.Why = "no program is started for more than 2 GiB", true, "shown by the recorded samples alone"
		return p, nil
	}
	got, err := o.carryOnce(ctx, s, n)
	if err != nil {
		p.Why = err.Error()
		return p, context.Cause(ctx)
	}
	g := gates.Evaluate([]gates.Limit{l}, summarize([]*once{got}))
	p.Red, p.Why = g[0].Verdict == gates.Failed, string(g[0].Verdict)
	if g[0].Verdict == gates.Unmeasured {
		p.Why += ": " + g[0].Reason
	}
	return p, nil
}

// compareBallast compares programs that carry ballast with others that carry more, as the policy compares.
func (o *Options) compareBallast(ctx context.Context, s *policy.Scenario) (Proof, error) {
	const metric = "peak_rss"
	limit, _ := s.Compare.Increases(metric)
	factor := 1 + planted*limit
	p := Proof{Scenario: s.Name, Metric: metric, What: fmt.Sprintf("programs that carry %.4g times as much as others", factor)}
	carry := func(n float64) (float64, error) {
		got, err := o.carryOnce(ctx, s, n)
		if err != nil {
			return 0, err
		}
		v, ok := got.values[metric]
		if !ok {
			return 0, errors.New(got.missing[metric].why)
		}
		return v, nil
	}
	own, err := carry(0) // what the program itself takes grows by nothing
	if err != nil {
		p.Why = err.Error()
		return p, context.Cause(ctx)
	}
	c, err := decide(s.Compare, metric, o.seed(), func(side gates.Side) (float64, error) {
		if side == gates.Current {
			return carry(factor*(own+leastBallast) - own)
		}
		return carry(leastBallast)
	})
	p.Red, p.Why = err == nil && c.Verdict == gates.Regressed, c.Verdict
	if err != nil {
		p.Why = err.Error()
	}
	return p, context.Cause(ctx)
}

// carryOnce starts a program that holds so many bytes.
func (o *Options) carryOnce(ctx context.Context, s *policy.Scenario, n float64) (*once, error) {
	if len(o.Ballast) == 0 {
		return nil, errors.New("this program cannot start itself with ballast")
	}
	child := &policy.Scenario{Name: s.Name, Kind: gates.KindCommand, Sessions: s.Sessions}
	c := &command{scenario: child, args: append(slices.Clone(o.Ballast), strconv.FormatInt(int64(n), 10)), options: o}
	return c.measure(ctx, false)
}

// Carry holds so many bytes in memory for a moment: what a program of Options.Ballast does. It returns an error for less
// than 0 bytes and for more than 4 GiB.
func Carry(bytes int64) error {
	if bytes < 0 || bytes > 2*mostBallast {
		return fmt.Errorf("carry %d bytes: want 0 to %d", bytes, int64(2*mostBallast))
	}
	const page = 4096
	ballast := make([]byte, bytes)
	for i := 0; i < len(ballast); i += page {
		ballast[i] = 1
	}
	sum := 0
	for i := 0; i < len(ballast); i += page {
		sum += int(ballast[i])
	}
	if want := (len(ballast) + page - 1) / page; sum != want {
		return fmt.Errorf("carry %d bytes: %d pages hold what was written, of %d", bytes, sum, want)
	}
	return nil
}
