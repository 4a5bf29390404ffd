package history

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
)

// Series is one metric of one scenario over time.
type Series struct {
	Scenario string  `json:"scenario"`
	Metric   string  `json:"metric"`
	Unit     string  `json:"unit"`  // as in gates.Metric
	Gated    bool    `json:"gated"` // a gate or a comparison that can fail is on it, in one of the reports
	Points   []Point `json:"points"`
	// Epochs are the environments in the order in which they appeared first; the points of each are judged by themselves.
	Epochs []Epoch `json:"epochs"`
	// Changes are the places where the level changed, in the order of time.
	Changes []Change `json:"changes,omitempty"`
	// Creep is the way from the anchor to the latest reports; nil where there are too few, which NoCreep tells.
	Creep   *Creep `json:"creep,omitempty"`
	NoCreep string `json:"no_creep,omitempty"`
}

// Point is what one report says of the metric. Where Missing is not empty, nothing was measured, and Median, Low and High are
// without meaning.
type Point struct {
	Time    time.Time     `json:"time"`
	Commit  string        `json:"commit,omitempty"` // "" where it is not known
	Branch  string        `json:"branch,omitempty"`
	Path    string        `json:"path"`
	Median  float64       `json:"median"` // of the runs
	Low     float64       `json:"low"`    // of its interval
	High    float64       `json:"high"`
	Runs    int           `json:"runs"`
	Verdict gates.Verdict `json:"verdict,omitempty"` // the worst of the gates and comparisons on the metric, "" where none is
	Limit   *float64      `json:"limit,omitempty"`   // of the gate, nil where none is
	Missing string        `json:"missing,omitempty"`
	Epoch   int           `json:"epoch"` // index in Series.Epochs
}

// MarshalJSON leaves out the median and its interval where nothing was measured.
func (p Point) MarshalJSON() ([]byte, error) {
	type plain Point // without this method
	if p.Missing == "" {
		return json.Marshal(plain(p))
	}
	return json.Marshal(struct {
		plain
		Median *float64 `json:"median,omitempty"` // these hide those of the point
		Low    *float64 `json:"low,omitempty"`
		High   *float64 `json:"high,omitempty"`
	}{plain: plain(p)})
}

// Epoch is an environment, and when it was first and last seen.
type Epoch struct {
	Environment string    `json:"environment"` // in words: "linux/amd64, AMD EPYC 7763, 4 CPUs, kernel 6, go1.26.1"
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Points      int       `json:"points"` // that were measured
}

// Last returns the latest point that was measured; ok is false where none was.
func (s *Series) Last() (p Point, ok bool) {
	for i := len(s.Points) - 1; i >= 0; i-- {
		if s.Points[i].Missing == "" {
			return s.Points[i], true
		}
	}
	return Point{}, false
}

// environmentOf is what must be the same for two figures to be compared.
func environmentOf(e gates.Environment) string {
	kernel, _, _ := strings.Cut(e.Kernel, ".")
	parts := []string{e.OS + "/" + e.Arch}
	add := func(prefix, value, suffix string) {
		if value != "" && value != "0" {
			parts = append(parts, prefix+value+suffix)
		}
	}
	add("", e.Name, "")
	add("", e.CPU, "")
	add("", strconv.Itoa(e.CPUs), " CPUs")
	add("kernel ", kernel, "")
	add("", e.Go, "")
	add("GOGC=", e.GOGC, "")
	add("GOMEMLIMIT=", e.GOMEMLIMIT, "")
	return strings.Join(parts, ", ")
}

// Series returns each metric of each scenario over time, sorted by scenario and then as the metrics are in the table of gates,
// with its changes and its creep. A scenario without a metric that it had in other reports has a gap there.
func (h *History) Series() []Series {
	list := h.collect()
	for i := range list {
		s := &list[i]
		s.judge()
		s.creep(h.anchor)
	}
	return list
}

type key struct{ scenario, metric string }

// collect makes the series without judging them.
func (h *History) collect() []Series {
	of := map[key]*Series{}
	for _, e := range h.Reports {
		for i := range e.Report.Scenarios {
			addScenario(of, e, &e.Report.Scenarios[i])
		}
		for k, s := range of { // of a scenario that has failed before it measured anything
			if s.Points[len(s.Points)-1].Path != e.Path {
				s.gap(e, k)
			}
		}
	}
	out := make([]Series, 0, len(of))
	for _, s := range of {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Series) int {
		return cmp.Or(cmp.Compare(a.Scenario, b.Scenario), cmp.Compare(rankOf(a.Metric), rankOf(b.Metric)), cmp.Compare(a.Metric, b.Metric))
	})
	return out
}

// addScenario takes the metrics of one scenario of a report. A series begins when something is measured.
func addScenario(of map[key]*Series, e Entry, sc *gates.Scenario) {
	for name, m := range sc.Metrics {
		k := key{sc.Name, name}
		s := of[k]
		if s == nil {
			if len(m.Values) == 0 {
				continue
			}
			s = &Series{Scenario: sc.Name, Metric: name, Unit: m.Unit}
			of[k] = s
		}
		s.add(e, sc, m)
	}
}

// rankOf is the place of a metric in the table of gates.
func rankOf(metric string) int {
	list := gates.Metrics()
	if i := slices.IndexFunc(list, func(m gates.Metric) bool { return m.Name == metric }); i >= 0 {
		return i
	}
	return len(list)
}

func pointOf(e Entry) Point {
	r := e.Report
	return Point{Time: r.StartedAt, Commit: r.Environment.Commit, Branch: r.Environment.Branch, Path: e.Path}
}

// add takes what one report says of the metric.
func (s *Series) add(e Entry, sc *gates.Scenario, m gates.Measured) {
	p := pointOf(e)
	p.Median, p.Low, p.High, p.Runs, p.Missing = m.Median, m.Low, m.High, len(m.Values), m.Missing
	if p.Runs == 0 && p.Missing == "" {
		p.Missing = "not measured"
	}
	if m.Unit != s.Unit {
		p.Missing = "its unit was " + m.Unit
	}
	s.verdict(&p, sc)
	s.epoch(&p, e.Report.Environment)
	s.Points = append(s.Points, p)
}

// gap marks a report that has the scenario, or should have it, and not the metric. A report of other scenarios says nothing.
func (s *Series) gap(e Entry, k key) {
	i := slices.IndexFunc(e.Report.Scenarios, func(sc gates.Scenario) bool { return sc.Name == k.scenario })
	if i < 0 {
		return
	}
	p := pointOf(e)
	if p.Missing = e.Report.Scenarios[i].Error; p.Missing == "" {
		p.Missing = "not measured"
	}
	s.verdict(&p, &e.Report.Scenarios[i])
	s.epoch(&p, e.Report.Environment)
	s.Points = append(s.Points, p)
}

// verdict takes the worst verdict on the metric.
func (s *Series) verdict(p *Point, sc *gates.Scenario) {
	for _, g := range sc.Gates {
		if g.Metric == s.Metric {
			limit := g.Limit
			p.Limit, s.Gated = &limit, true
			p.worse(g.Verdict)
		}
	}
	for _, c := range sc.Comparisons {
		if c.Metric != s.Metric || !c.Gated {
			continue
		}
		s.Gated = true
		switch {
		case c.Verdict == string(gates.Unmeasured):
			p.worse(gates.Unmeasured)
		case c.Verdict == gates.Regressed && c.Accepted == "":
			p.worse(gates.Failed)
		case c.Verdict == gates.Grew || c.Verdict == gates.Inconclusive:
			p.worse(gates.Warned)
		default:
			p.worse(gates.Passed)
		}
	}
}

func (p *Point) worse(v gates.Verdict) {
	order := []gates.Verdict{"", gates.Passed, gates.Warned, gates.Failed, gates.Unmeasured}
	if slices.Index(order, v) > slices.Index(order, p.Verdict) {
		p.Verdict = v
	}
}

// epoch finds the environment of a point.
func (s *Series) epoch(p *Point, e gates.Environment) {
	name := environmentOf(e)
	p.Epoch = slices.IndexFunc(s.Epochs, func(x Epoch) bool { return x.Environment == name })
	if p.Epoch < 0 {
		p.Epoch = len(s.Epochs)
		s.Epochs = append(s.Epochs, Epoch{Environment: name, First: p.Time})
	}
	s.Epochs[p.Epoch].Last = p.Time
	if p.Missing == "" {
		s.Epochs[p.Epoch].Points++
	}
}

// measured returns the indices in Points of what was measured in an epoch.
func (s *Series) measured(epoch int) []int {
	var list []int
	for i, p := range s.Points {
		if p.Epoch == epoch && p.Missing == "" {
			list = append(list, i)
		}
	}
	return list
}
