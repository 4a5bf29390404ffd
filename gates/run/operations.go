package run

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/alloc-dev/heaptop/gates/policy"
)

// What a program allocates besides its operations, from run to run: within that, per operation, a fraction is not told
// from none.
const (
	strayObjects = 64
	strayBytes   = 16 << 10
)

// counted is a benchmark with the number of operations that a run makes.
type counted struct {
	name  string // "Parse/small"; with the package in front where there are several
	full  string // as the benchmark calls itself, for -test.bench
	suite suite
	ops   int
}

func inOrder(known map[string]counted) []counted {
	return slices.SortedFunc(maps.Values(known), func(a, b counted) int { return strings.Compare(a.name, b.name) })
}

// count runs all benchmarks of a side briefly, and learns their names and how many operations fit into a run.
func (r *runner) count(ctx context.Context, s *policy.Scenario, at *side, suites []suite) (map[string]counted, error) {
	out := map[string]counted{}
	for _, b := range suites {
		results, _, err := r.runSuite(ctx, s, at, b, ".", "-test.benchtime="+benchTime.String(), false)
		if err != nil {
			return nil, fmt.Errorf("benchmarks of %s (%s): %w", b.pkg, at.describe(), err)
		}
		for _, res := range results {
			c := counted{name: res.name, full: res.name, suite: b, ops: min(max(res.ops, leastOps), maxOps)}
			if len(suites) > 1 {
				c.name = path.Base(b.pkg) + "." + res.name
			}
			if out[c.name] = c; len(out) > maxBenchmarks {
				return nil, fmt.Errorf("benchmarks of %s: more than %d", s.Bench, maxBenchmarks)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("run benchmarks: %s (%s) has none", s.Bench, at.describe())
	}
	return out, nil
}

// operate makes one run of a benchmark: two processes, one with half as many operations as the other. What the second
// allocated more in all, by the runtime's exact totals, is what the other half of the operations allocated: per operation
// that is the figure that go test prints, but not cut off to a whole number. It is believed where it agrees with the printed
// one. Where it does not, because the benchmark stops its timer, or where processes cannot be read at their end, the
// printed one stands, and two whole steps of it are needed to call it changed; recovered then is false.
func (r *runner) operate(ctx context.Context, s *policy.Scenario, at *side, b counted, ops int, recovered, profiles bool) (*once, error) {
	pattern := exactly(b.full)
	var printed result
	var totals [2]*once
	for i, n := range []int{ops / 2, ops} {
		if i == 0 && !recovered {
			continue
		}
		results, o, err := r.runSuite(ctx, s, at, b.suite, pattern, "-test.benchtime="+strconv.Itoa(n)+"x", profiles && i == 1)
		if err != nil {
			return nil, err
		}
		if len(results) != 1 {
			return nil, fmt.Errorf("benchmark %s: %w", b.full, errNoResult)
		}
		printed, totals[i] = results[0], o
	}
	out := newOnce()
	out.took, out.notes, out.profiles = totals[1].took, totals[1].notes, totals[1].profiles
	half := float64(ops - ops/2)
	for _, m := range []struct {
		metric, total string
		printed       float64
		has           bool
		stray         float64
	}{
		{"allocs_per_op", "allocs", printed.allocs, printed.hasAllocs, strayObjects / half},
		{"bytes_per_op", "alloc_bytes", printed.bytes, printed.hasBytes, strayBytes / half},
	} {
		switch {
		case !m.has:
			out.lack(m.metric, "the benchmark printed none")
		case !recovered:
			out.set(m.metric, m.printed, "go test -benchmem, cut off to a whole number")
		default:
			small, hasSmall := totals[0].values[m.total]
			large, hasLarge := totals[1].values[m.total]
			v := (large - small) / half
			if !hasSmall || !hasLarge || v < m.printed-m.stray || v >= m.printed+1+m.stray {
				out.lack(m.metric, "the totals do not agree with the %g that is printed", m.printed)
				continue
			}
			if math.Abs(v-m.printed) <= m.stray {
				v = m.printed
			}
			out.set(m.metric, v, fmt.Sprintf("the runtime's totals of %d operations less those of %d", ops, ops/2))
		}
	}
	return out, nil
}

// result is a line that a benchmark printed.
type result struct {
	name                string // without the number of processors
	ops                 int
	allocs, bytes       float64
	hasAllocs, hasBytes bool
}

// runSuite runs a test binary once.
func (r *runner) runSuite(ctx context.Context, s *policy.Scenario, at *side, b suite, pattern, benchtime string, profiles bool) ([]result, *once, error) {
	c, err := r.newCommand(s, at)
	if err != nil {
		return nil, nil, err
	}
	var text bytes.Buffer
	c.args = []string{b.binary, "-test.run=^$", "-test.bench=" + pattern, "-test.benchmem", "-test.count=1", benchtime, "-test.timeout=0"}
	c.dir, c.stdout = b.dir, &limited{w: &text, left: maxBenchText}
	var env []string
	if profiles {
		env = finer(c.env)
	}
	o, err := c.measure(ctx, profiles, env...)
	if err != nil {
		return nil, nil, err
	}
	return readResults(text.Bytes()), o, nil
}

// readResults reads what benchmarks printed. Lines that are none are theirs.
func readResults(text []byte) []result {
	var out []result
	in := benchfmt.NewReader(bytes.NewReader(text), "benchmarks")
	for in.Scan() {
		res, ok := in.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		r := result{name: plainName(res.Name), ops: res.Iters}
		r.allocs, r.hasAllocs = res.Value("allocs/op")
		r.bytes, r.hasBytes = res.Value("B/op")
		out = append(out, r)
	}
	return out
}

// plainName is a benchmark's name without the number of processors at its end.
func plainName(n benchfmt.Name) string {
	base, parts := n.Parts()
	name := string(base)
	for i, p := range parts {
		if i == len(parts)-1 && bytes.HasPrefix(p, []byte("-")) {
			break
		}
		name += string(p)
	}
	return name
}

// exactly makes the pattern of -test.bench that matches one benchmark, level by level.
func exactly(name string) string {
	levels := strings.Split("Benchmark"+name, "/")
	for i, l := range levels {
		levels[i] = "^" + regexp.QuoteMeta(l) + "$"
	}
	return strings.Join(levels, "/")
}
