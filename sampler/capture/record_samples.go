package capture

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Moment is one recorded reading, or, where older readings have been thinned, a span of them.
type Moment struct {
	// Snapshot is the reading; of a span the last one, with the last value of each metric. It is nil when Err tells why
	// there is none.
	Snapshot *sampler.Snapshot
	Info     sampler.Info
	Err      error
	// From is when the first reading of the span was made, and Count how many there were. Min and Max are the extremes of
	// each of the snapshot's samples, in their order; nil for a single reading.
	From     time.Time
	Count    int
	Min, Max []float64
}

// at returns when the moment was.
func (m *Moment) at() time.Time {
	if m.Snapshot != nil {
		return m.Snapshot.Time
	}
	return m.From
}

// values returns the snapshot's values, in their order.
func (m *Moment) values() []float64 {
	list := make([]float64, len(m.Snapshot.Samples))
	for i, s := range m.Snapshot.Samples {
		list[i] = s.Value
	}
	return list
}

// clone returns a copy of the moment whose snapshot and lists are the caller's own.
func (m *Moment) clone() *Moment {
	c := *m
	if m.Snapshot != nil {
		c.Snapshot = m.Snapshot.Clone()
	}
	c.Min, c.Max = slices.Clone(m.Min), slices.Clone(m.Max)
	return &c
}

// What a moment may hold. More collections or warnings than that are cut when they are written.
const (
	maxCycles    = 4096
	maxWarnings  = 256
	maxWords     = 4096 // bytes of a warning
	maxMoments   = 4096 // in a member
	maxLine      = 1 << 20
	maxBuckets   = 1 << 12
	maxHistogram = 64

	maxMemberCounts = 8 << 20 // of the histograms of a member's moments
)

// lineJSON is a line of a recording: an object with one field, which says what the line is. Lines of further sorts are
// passed over.
type lineJSON struct {
	Header    *headerJSON    `json:"header,omitempty"`
	Info      *infoJSON      `json:"info,omitempty"`
	Columns   *columnsJSON   `json:"columns,omitempty"`
	Histogram *histogramJSON `json:"histogram,omitempty"`
	Sample    *sampleJSON    `json:"sample,omitempty"`
	Log       *logJSON       `json:"log,omitempty"`
	End       *endJSON       `json:"end,omitempty"`
}

// headerJSON is the first line of a recording.
type headerJSON struct {
	Schema  string    `json:"schema"`
	Tool    toolJSON  `json:"tool"`
	Started time.Time `json:"started_at"`
	Target  infoJSON  `json:"target"`
}

// columnsJSON names the values of the samples that follow in the same member.
type columnsJSON []sampler.Metric

// sampleJSON is a reading. Values go with the columns; null is what was not read.
type sampleJSON struct {
	Time       time.Time     `json:"time"`
	Took       time.Duration `json:"took_ns,omitempty"`
	Runtime    time.Time     `json:"runtime_time,omitzero"`
	Values     numbers       `json:"values,omitempty"`
	Histograms []countsJSON  `json:"histograms,omitempty"`
	Cycles     []cycleJSON   `json:"cycles,omitempty"`
	Warnings   []string      `json:"warnings,omitempty"`
	Error      string        `json:"error,omitempty"`
	From       *time.Time    `json:"from,omitempty"`
	Count      int           `json:"count,omitempty"`
	Min        numbers       `json:"min,omitempty"`
	Max        numbers       `json:"max,omitempty"`
}

// countsJSON is how a histogram grew since the sample before in the same member: pairs of a gap between buckets and the
// increase of that bucket's count. Of is the histogram's number, in the order of their lines.
type countsJSON struct {
	Of    int  `json:"of"`
	Grown ints `json:"grown"`
}

// samplesEncoder writes moments as the lines of one member.
type samplesEncoder struct {
	p       *packer
	info    string // the last info line
	columns []sampler.Metric
	hist    []sampler.Histogram // as last written
	counts  int                 // of all histograms
}

// samples makes a member of moments, in their order.
func (p *packer) samples(moments []*Moment) (member, error) {
	e := samplesEncoder{p: p}
	head := entry{kind: kindSamples, key: true, count: len(moments), from: math.MaxInt64}
	for _, m := range moments {
		from, ok := instant(m.From)
		to, alsoOK := instant(m.at())
		if !ok || !alsoOK {
			p.lines.Reset()
			return member{}, fmt.Errorf("a reading at %v cannot be recorded", m.at())
		}
		head.from, head.to = min(head.from, from, to), max(head.to, from, to)
		if err := e.moment(m); err != nil {
			p.lines.Reset()
			return member{}, err
		}
	}
	return p.seal(head)
}

func (e *samplesEncoder) moment(m *Moment) error {
	if err := e.describe(m.Info); err != nil {
		return err
	}
	if m.Snapshot == nil {
		return e.p.line(lineJSON{Sample: &sampleJSON{Time: m.at(), Error: words(m.Err)}})
	}
	s := m.Snapshot
	rest, err := fromSample(&sampler.Snapshot{Cycles: tail(s.Cycles, maxCycles), Warnings: tail(s.Warnings, maxWarnings)})
	if err != nil {
		return err
	}
	for i, w := range rest.Warnings {
		rest.Warnings[i] = w[:min(len(w), maxWords)]
	}
	j := &sampleJSON{Time: s.Time, Took: s.Took, Runtime: s.Runtime, Cycles: rest.Cycles, Warnings: rest.Warnings}
	if err := e.layOut(s); err != nil {
		return err
	}
	j.Values = e.values(s.Samples, func(i int) float64 { return s.Samples[i].Value })
	if m.Count > 1 {
		j.From, j.Count = &m.From, m.Count
		if len(m.Min) == len(s.Samples) && len(m.Max) == len(s.Samples) {
			j.Min = e.values(s.Samples, func(i int) float64 { return m.Min[i] })
			j.Max = e.values(s.Samples, func(i int) float64 { return m.Max[i] })
		}
	}
	if j.Histograms, err = e.histograms(s.Histograms); err != nil {
		return err
	}
	return e.p.line(lineJSON{Sample: j})
}

func words(err error) string {
	if err == nil {
		return "no reading"
	}
	text := err.Error()
	return text[:min(len(text), maxWords)]
}

func tail[T any](list []T, most int) []T { return list[max(0, len(list)-most):] }

// describe writes an info line when the info is not that of the moment before.
func (e *samplesEncoder) describe(i sampler.Info) error {
	j := fromInfo(i)
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if string(text) == e.info {
		return nil
	}
	e.info = string(text)
	return e.p.line(lineJSON{Info: &j})
}

// layOut writes a line of columns when the last one does not have the snapshot's metrics, in their order.
func (e *samplesEncoder) layOut(s *sampler.Snapshot) error {
	i := 0
	for _, c := range e.columns {
		if i < len(s.Samples) && s.Samples[i].Metric == c {
			i++
		}
	}
	if i == len(s.Samples) {
		return nil
	}
	columns := make(columnsJSON, 0, len(s.Samples))
	seen := make(map[sampler.Metric]bool, len(s.Samples))
	for _, x := range s.Samples {
		if seen[x.Metric] {
			return fmt.Errorf("metric %s: read twice", x.Metric)
		}
		seen[x.Metric] = true
		columns = append(columns, x.Metric)
	}
	if len(columns) > maxMetrics {
		return fmt.Errorf("%d metrics are more than %d", len(columns), maxMetrics)
	}
	e.columns = columns
	return e.p.line(lineJSON{Columns: &columns})
}

// values puts numbers under their columns. layOut has made sure that they fit.
func (e *samplesEncoder) values(samples []sampler.Sample, of func(int) float64) numbers {
	list := make(numbers, len(e.columns))
	i := 0
	for c, column := range e.columns {
		list[c] = math.NaN()
		if i < len(samples) && samples[i].Metric == column {
			if v := of(i); !math.IsInf(v, 0) {
				list[c] = v
			}
			i++
		}
	}
	return list
}

func (e *samplesEncoder) histograms(list []sampler.Histogram) ([]countsJSON, error) {
	if len(list) > maxHistogram {
		return nil, fmt.Errorf("%d histograms are more than %d", len(list), maxHistogram)
	}
	grown := make([]countsJSON, 0, len(list))
	for _, h := range list {
		if e.counts += len(h.Counts); e.counts > maxMemberCounts {
			return nil, fmt.Errorf("histograms with more than %d counts", maxMemberCounts)
		}
		at := slices.IndexFunc(e.hist, func(x sampler.Histogram) bool {
			return x.Metric == h.Metric && len(x.Counts) == len(h.Counts) && slices.Equal(x.Buckets, h.Buckets)
		})
		if at < 0 {
			at = len(e.hist)
			if at >= maxHistogram || len(h.Counts) > maxBuckets {
				return nil, fmt.Errorf("histogram %s: %d counts, the %dth of its member, are more than fit", h.Metric, len(h.Counts), at)
			}
			line := histogramJSON{Metric: h.Metric, Buckets: make([]boundary, len(h.Buckets))}
			for i, b := range h.Buckets {
				line.Buckets[i] = boundary(b)
			}
			if err := e.p.line(lineJSON{Histogram: &line}); err != nil {
				return nil, err
			}
			e.hist = append(e.hist, sampler.Histogram{Metric: h.Metric, Buckets: h.Buckets, Counts: make([]uint64, len(h.Counts))})
		}
		grown = append(grown, countsJSON{at, growth(e.hist[at].Counts, h.Counts)})
	}
	return grown, nil
}

// growth returns where counts differ from before, and by how much, and makes before the same.
func growth(before, counts []uint64) ints {
	var list ints
	last := -1
	for i, n := range counts {
		if n != before[i] {
			list = append(list, int64(i-last-1), int64(n-before[i])) // wraps, and wraps back when it is added
			last, before[i] = i, n
		}
	}
	return list
}
