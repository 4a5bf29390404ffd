package run_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// tally counts verdicts.
type tally struct {
	verdicts map[string]int
	runs     int
	change   []float64
}

func (c *tally) add(x gates.Comparison) {
	if c.verdicts == nil {
		c.verdicts = map[string]int{}
	}
	c.verdicts[x.Verdict]++
	c.runs += x.Runs[0] + x.Runs[1]
	if x.ChangePercent != nil {
		c.change = append(c.change, *x.ChangePercent)
	}
}

func (c *tally) row() string {
	n := 0
	for _, v := range c.verdicts {
		n += v
	}
	slices.Sort(c.change)
	return fmt.Sprintf("%d | %d | %d | %d | %d | %.0f | %+.2f to %+.2f %%", n, c.verdicts[gates.Regressed], c.verdicts[gates.Grew],
		c.verdicts[gates.Stable]+c.verdicts[gates.Improved], c.verdicts[gates.Inconclusive], float64(c.runs)/float64(max(n, 1)),
		c.change[0], c.change[len(c.change)-1])
}

// full says whether the whole table is asked for.
func full() bool { return os.Getenv("HEAPTOP_FULL") != "" }

func comparedWorkload(t *testing.T, name string, gated []string, ballast, extra int, seed uint64) *gates.Scenario {
	t.Helper()
	s := childScenario(t)
	exe := s.Command[0]
	s.Name, s.Runs, s.Compare.Gated = name, 0, gated
	root, err := exec.Command(samplertest.Tool(t, "go"), "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	base := []string{exe, "-workload=" + name, "-root=" + strings.TrimSpace(string(root))}
	got, err := run.CompareCommands(t.Context(), s, base, append(slices.Clone(base), fmt.Sprintf("-ballast=%d", ballast), fmt.Sprintf("-extra=%d", extra)), seed)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Real programs compared with themselves never regressed, and hardly ever grew.
func TestRealProgramsAgainstThemselves(t *testing.T) {
	samplertest.NotUnderRace(t)
	repeats, names := 1, []string{"json"}
	if full() {
		repeats, names = 50, slices.Sorted(maps.Keys(workloads()))
	}
	gated := []string{"allocs", "alloc_bytes", "peak_heap", "peak_rss"}
	for _, name := range names {
		count := map[string]*tally{}
		for i := range repeats {
			for _, c := range comparedWorkload(t, name, gated, 0, 0, uint64(1000+i)).Comparisons {
				if !c.Gated {
					continue
				}
				if count[c.Metric] == nil {
					count[c.Metric] = &tally{}
				}
				count[c.Metric].add(c)
				if c.Verdict == gates.Regressed {
					t.Errorf("%s against itself, seed %d: %+v", name, 1000+i, c)
				}
			}
		}
		for _, metric := range gated {
			if count[metric] == nil {
				t.Fatalf("%s: %s was never compared", name, metric)
			}
			t.Logf("| %s | %s | nothing | %s |", name, metric, count[metric].row())
		}
	}
}

// Real programs with something planted: the larger, the surer it is found.
func TestRealProgramsThatGrew(t *testing.T) {
	samplertest.NotUnderRace(t)
	repeats, names, shares := 1, []string{"json"}, []float64{0.2}
	if full() {
		repeats, names, shares = 10, slices.Sorted(maps.Keys(workloads())), []float64{0.05, 0.10, 0.15, 0.20}
	}
	for _, name := range names {
		same := comparedWorkload(t, name, []string{"peak_rss"}, 0, 0, 1)
		peak := same.Metrics["peak_rss"].Median
		for _, share := range shares {
			var c tally
			for i := range repeats {
				got := comparedWorkload(t, name, []string{"peak_rss"}, int(math.Round(share*peak)), 0, uint64(2000+i))
				c.add(comparison(t, got, "peak_rss"))
			}
			if found := c.verdicts[gates.Regressed]; share >= 0.2 && (found*5 < repeats*4 || c.verdicts[gates.Stable] > 0) {
				t.Errorf("%s with %.0f %% more: %s, want regressed in four of five, and never stable", name, 100*share, c.row())
			}
			if share <= 0.05 && c.verdicts[gates.Regressed] > 0 {
				t.Errorf("%s with %.0f %% more: %s, want never regressed with a limit of 10 %%", name, 100*share, c.row())
			}
			t.Logf("| %s | peak_rss | %.0f %% ballast | %s |", name, 100*share, c.row())
		}
		var c tally
		for i := range repeats {
			got := comparedWorkload(t, name, []string{"allocs"}, 0, 1, uint64(3000+i))
			c.add(comparison(t, got, "allocs"))
		}
		t.Logf("| %s | allocs | one allocation more a line | %s |", name, c.row())
		if strings.Contains(c.row(), "NaN") {
			t.Errorf("%s: %s", name, c.row())
		}
	}
}
