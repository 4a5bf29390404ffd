package gates

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// CompareStored compares runs with those of an earlier report, metric by metric. There are no common blocks: one block of
// theirs stands against one of ours, so the test excludes chance, and not that the machine has drifted between them. A
// metric that only one side has is unmeasured when it is gated, and left out otherwise.
func CompareStored(s CompareSettings, baseline, current map[string][]float64) []Comparison {
	var metrics []*compared
	var all []*evidence
	for _, name := range storedMetrics(s, baseline, current) {
		m := s.compared(name)
		base, now := baseline[name], current[name]
		if m == nil || !m.gated && (len(base) == 0 || len(now) == 0) {
			continue
		}
		metrics = append(metrics, m)
		if e := settleStored(m, s, base, now); e != nil {
			all = append(all, e)
		}
	}
	gated := 0
	for _, e := range all {
		if e.metric.gated {
			gated++
		}
	}
	look := stage{alpha: totalAlpha, beta: totalBeta, last: true}
	prove(all, look.alpha, gated, 0)
	for _, e := range all {
		verdict, p := e.judge(look)
		e.metric.decide(e.outcome(verdict, p, share(look.alpha, gated)))
	}
	out := make([]Comparison, 0, len(metrics))
	for _, m := range metrics {
		c := m.outcome.comparison(m, s)
		if c.Method == methodBlocks {
			c.Method = methodStored
		}
		out = append(out, c)
	}
	return out
}

// settleStored decides what needs no test, and weighs what does.
func settleStored(m *compared, s CompareSettings, base, now []float64) *evidence {
	p := newPair([]stats.Block{{A: base, B: now}})
	unmeasured := outcome{verdict: string(Unmeasured), method: methodStored, pair: p}
	notFinite := func(v float64) bool { return !finite(v) }
	switch {
	case len(base) == 0 && len(now) == 0:
		unmeasured.reason = "neither the baseline nor these runs have it"
	case len(base) == 0:
		unmeasured.reason = "the baseline does not have it"
	case len(now) == 0:
		unmeasured.reason = "only the baseline has it"
	case slices.ContainsFunc(base, notFinite) || slices.ContainsFunc(now, notFinite):
		unmeasured.pair, unmeasured.reason = pair{}, "a value is not a number"
	case p.exact(m.Metric):
		m.decide(judgeExact(m, p, s.quantum(m.Metric, base, now)))
		return nil
	default:
		e, settled := weigh(m, p)
		if settled != nil {
			m.decide(*settled)
		}
		return e
	}
	m.decide(unmeasured)
	return nil
}

// storedMetrics returns the names that either side has or that are gated by name, in the order of the table.
func storedMetrics(s CompareSettings, baseline, current map[string][]float64) []string {
	names := map[string]bool{}
	for _, list := range [][]string{slices.Collect(maps.Keys(baseline)), slices.Collect(maps.Keys(current)), s.Gated} {
		for _, name := range list {
			names[name] = true
		}
	}
	var out []string
	for _, m := range Metrics() {
		if names[m.Name] {
			out = append(out, m.Name)
		}
	}
	return out
}

// StoredRuns returns how many runs to make against a stored baseline of so many, so that a growth can be proven without
// every run of ours lying above every run of theirs. It is 0 when no number up to 20 would do.
func StoredRuns(baseline int) int {
	const spare = 3 // arrangements that may be as extreme
	for n := 3; n <= 20; n++ {
		if arrangements := binomial(baseline+n, min(baseline, n)); spare/arrangements <= totalAlpha {
			return max(n, min(baseline, 6))
		}
	}
	return 0
}

func binomial(n, k int) float64 {
	out := 1.0
	for i := range k {
		out = out * float64(n-i) / float64(i+1)
	}
	return out
}

// Identical is the comparison when both sides were built to the same bytes and nothing else differs: no metric can have
// changed, and nothing is run.
func Identical(metrics []string) []Comparison {
	s := CompareSettings{}
	out := make([]Comparison, 0, len(metrics))
	for _, name := range metrics {
		m := s.compared(name)
		if m == nil {
			continue
		}
		zero := 0.0
		out = append(out, Comparison{Metric: name, Verdict: Stable, Method: methodIdentical, Gated: m.gated, ChangePercent: &zero,
			MaxIncrease: 100 * m.maximum, WarnIncrease: 100 * m.warn, OnInconclusive: s.onInconclusive(),
			Reason: "both sides are the same program: nothing was run"})
	}
	return out
}

// EnvironmentWarnings says in which ways the baseline was measured elsewhere. The last warning, that drift is not
// excluded, is always there: two reports are of two times.
func EnvironmentWarnings(baseline, current Environment) []string {
	var out []string
	differs := func(what, then, now string) {
		if then != now && then != "" && now != "" {
			out = append(out, fmt.Sprintf("the baseline was measured with another %s: %s, now %s", what, then, now))
		}
	}
	differs("CPU", baseline.CPU, current.CPU)
	differs("kernel", baseline.Kernel, current.Kernel)
	differs("Go", baseline.Go, current.Go)
	differs("GOGC", cmp.Or(baseline.GOGC, "100"), cmp.Or(current.GOGC, "100"))
	differs("GOMEMLIMIT", cmp.Or(baseline.GOMEMLIMIT, "off"), cmp.Or(current.GOMEMLIMIT, "off"))
	differs("operating system", baseline.OS+"/"+baseline.Arch, current.OS+"/"+current.Arch)
	if baseline.CPUs != current.CPUs && baseline.CPUs > 0 && current.CPUs > 0 {
		differs("number of CPUs", fmt.Sprint(baseline.CPUs), fmt.Sprint(current.CPUs))
	}
	return append(out, "the baseline is from another time: drift of the machine is not excluded; comparing with a commit (--against) excludes it")
}
