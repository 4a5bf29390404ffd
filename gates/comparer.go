package gates

import (
	"fmt"
	"math/rand/v2"
)

// Side says which of the two programs a run is of.
type Side int

// The sides of a comparison.
const (
	Baseline Side = iota
	Current
)

// String returns "baseline" or "current".
func (s Side) String() string {
	if s == Baseline {
		return "baseline"
	}
	return "current"
}

// Run is what one run gave, by the names of metrics. A metric that it did not give is absent.
type Run map[string]float64

// Comparer plans the runs of two programs and decides, metric by metric, whether memory has grown. The order of the runs
// is drawn by lot inside small blocks, so that drift of the machine meets both sides alike, and it is what the test of
// noisy metrics rests on. A metric is decided once; runs that others need later do not change its verdict.
//
// It is used by one goroutine:
//
//	for sides := c.Next(); len(sides) > 0; sides = c.Next() {
//		for _, side := range sides { c.Add(side, run(side)) }
//	}
type Comparer struct {
	settings CompareSettings
	metrics  []*compared
	plan     []stage
	at       int    // the stage that is running
	order    []Side // of all runs so far planned
	blocks   []int  // the sizes of those blocks, a side
	runs     []Run
	lot      *rand.Rand
	over     bool
}

// stage is a number of blocks, and a look at all runs so far behind them.
type stage struct {
	blocks      []int // runs a side
	alpha, beta float64
	opening     bool // for exact metrics: noisy ones wait
	last        bool
}

// compared is what is known about a metric.
type compared struct {
	Metric
	gated         bool
	asked         bool // by name: then it must exist
	maximum, warn float64
	verdict       string // "" while undecided
	outcome       outcome
}

// NewComparer plans the comparison of the metrics that the runs are expected to give. The same seed gives the same order.
// Metrics that Metrics does not know are left out.
func NewComparer(s CompareSettings, metrics []string, seed uint64) *Comparer {
	c := &Comparer{settings: s, lot: rand.New(rand.NewPCG(seed, 0x6865617074_6f70))}
	exact := false
	for _, name := range metrics {
		m := s.compared(name)
		if m == nil || c.metric(name) != nil {
			continue
		}
		c.metrics = append(c.metrics, m)
		exact = exact || m.Exact && m.gated
	}
	c.plan = stages(s.Runs, exact)
	if len(c.metrics) == 0 {
		c.over = true
		return c
	}
	c.draw()
	return c
}

func (s CompareSettings) compared(name string) *compared {
	m, known := MetricOf(name)
	if !known {
		return nil
	}
	out := &compared{Metric: m, gated: s.gates(m), asked: s.Gated != nil && s.gates(m)}
	out.maximum, out.warn = s.Increases(name)
	return out
}

// stages plans the blocks and the looks between them. Each look may spend so much of the error rates: alpha of calling
// noise a growth (0.2 % in all), beta of calling a growth at the limit stable (5 % in all).
func stages(runs int, exact bool) []stage {
	if runs > 0 {
		return []stage{{blocks: fixed(runs, exact), alpha: totalAlpha, beta: totalBeta, last: true}}
	}
	first, second := []stage{{blocks: []int{2, 2}, beta: .03}}, []int{2, 2}
	if exact { // the same numbers of runs, but two more at the first look
		first, second = []stage{{blocks: []int{3}, opening: true}, {blocks: []int{2}, beta: .03}}, []int{3}
	}
	return append(first,
		stage{blocks: second, alpha: .0010, beta: .01},
		stage{blocks: []int{2, 2}, alpha: .0005, beta: .005},
		stage{blocks: []int{2, 2, 2, 2}, alpha: .0005, beta: .005, last: true})
}

// What the looks of stages spend together: the levels of a single look.
const (
	totalAlpha = .002
	totalBeta  = .05
)

// fixed cuts so many runs a side into blocks.
func fixed(runs int, exact bool) []int {
	var blocks []int
	if exact && runs >= 3 {
		blocks, runs = append(blocks, 3), runs-3
	}
	for ; runs >= 2; runs -= 2 {
		blocks = append(blocks, 2)
	}
	if runs == 1 {
		blocks = append(blocks, 1)
	}
	return blocks
}

// draw plans the runs of the stage that begins.
func (c *Comparer) draw() {
	for _, size := range c.plan[c.at].blocks {
		block := make([]Side, 2*size)
		for i := range size {
			block[i] = Current
		}
		c.lot.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
		c.order = append(c.order, block...)
		c.blocks = append(c.blocks, size)
	}
}

// Next returns the sides to run now, in this order. It is empty when all gated metrics are decided or the last look is
// over. What has been returned and not yet added is returned again.
func (c *Comparer) Next() []Side {
	if c.over {
		return nil
	}
	if len(c.runs) == len(c.order) {
		c.look()
	}
	if c.over {
		return nil
	}
	return append([]Side(nil), c.order[len(c.runs):]...)
}

// Most returns how many runs the comparison takes at most, both sides together.
func (c *Comparer) Most() int {
	n := 0
	for _, s := range c.plan {
		for _, size := range s.blocks {
			n += 2 * size
		}
	}
	return n
}

// Add takes what a run gave. Runs come in the order of Next; another one, or a value that is no number, is an error, and
// the run is not taken.
func (c *Comparer) Add(side Side, r Run) error {
	n := len(c.runs)
	if n >= len(c.order) {
		return fmt.Errorf("add run %d: none was asked for", n+1)
	}
	if c.order[n] != side {
		return fmt.Errorf("add run %d: it should be of the %v side, and is of the %v side", n+1, c.order[n], side)
	}
	kept := make(Run, len(c.metrics))
	for _, m := range c.metrics {
		v, ok := r[m.Name]
		if !ok {
			continue
		}
		if !finite(v) {
			return fmt.Errorf("add run %d: %s is not a number", n+1, m.Name)
		}
		kept[m.Name] = v
	}
	c.runs = append(c.runs, kept)
	return nil
}

// Verdict returns what has been decided about a metric so far, "" when nothing has.
func (c *Comparer) Verdict(metric string) string {
	if m := c.metric(metric); m != nil {
		return m.verdict
	}
	return ""
}

func (c *Comparer) metric(name string) *compared {
	for _, m := range c.metrics {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// look judges what can be judged after a stage, and begins the next one where a gated metric needs it.
func (c *Comparer) look() {
	s := c.plan[c.at]
	c.judge(s)
	if s.last || !c.undecided() {
		c.over = true
		return
	}
	c.at++
	c.draw()
}

// undecided says whether a gated metric is; without any gated metric, the first look with a level decides.
func (c *Comparer) undecided() bool {
	gated := false
	for _, m := range c.metrics {
		if m.gated && m.verdict == "" {
			return true
		}
		gated = gated || m.gated
	}
	return !gated && c.plan[c.at].opening
}

// Result returns what became of each metric, in the order in which they were named; of runs that were cut short too.
// Metrics that no run gave are left out, unless the settings gate them by name.
func (c *Comparer) Result() []Comparison {
	complete := c.complete()
	var out []Comparison
	for _, m := range c.metrics {
		o := m.outcome
		if m.verdict == "" {
			o = c.unfinished(m, complete)
		}
		if o.verdict != absent {
			out = append(out, o.comparison(m, c.settings))
		}
	}
	return out
}
