package capture

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

// samplesDecoder reads what samplesEncoder wrote, one member after the other. What it returns is the caller's own, but
// the boundaries of histograms, which moments share, as they share their Info.
type samplesDecoder struct {
	lean bool // leaves out what a history does not keep: histograms and warnings

	moments []*Moment
	info    sampler.Info
	columns []sampler.Metric
	hist    []sampler.Histogram
	counts  int // of all histograms of the member

	// What is the same in one member after the other is not read again: the heads by their lines, and memory.
	heads  map[string]sampleHead
	sample sampleJSON
}

// sampleHead is what a line says of the samples behind it: one of its fields.
type sampleHead struct {
	info    *sampler.Info
	columns []sampler.Metric
	hist    *sampler.Histogram // its counts are 0 and not to be changed
}

// What a samplesDecoder keeps of lines it has read.
const (
	maxHeads = 32
	maxHead  = 32 << 10 // bytes of a line
)

// decodeSamples reads the lines of a member.
func decodeSamples(raw []byte) ([]*Moment, error) { return new(samplesDecoder).decode(raw) }

// decode reads the lines of a member. It keeps nothing of raw.
func (d *samplesDecoder) decode(raw []byte) ([]*Moment, error) {
	d.moments, d.info, d.columns, d.hist, d.counts = nil, sampler.Info{}, nil, nil, 0
	err := eachLine(raw, d.line)
	return d.moments, err
}

func (d *samplesDecoder) line(text []byte) error {
	if len(text) > maxLine {
		return fmt.Errorf("%d bytes are more than %d", len(text), maxLine)
	}
	if scanSample(text, &d.sample) {
		return d.add(&d.sample)
	}
	if known, ok := d.heads[string(text)]; ok {
		return d.head(known)
	}
	var l lineJSON
	if err := decodeLine(text, &l); err != nil {
		return err
	}
	var head sampleHead
	var err error
	switch {
	case l.Info != nil:
		info := l.Info.info()
		head.info = &info
	case l.Columns != nil:
		head.columns, err = columnsOf(*l.Columns)
	case l.Histogram != nil:
		head.hist, err = histogramOf(*l.Histogram)
	case l.Sample != nil:
		return d.add(l.Sample)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	d.keep(text, head)
	return d.head(head)
}

// keep remembers what a line says. A file whose lines are all different costs no more than some of them.
func (d *samplesDecoder) keep(text []byte, head sampleHead) {
	if len(text) > maxHead {
		return
	}
	if d.heads == nil || len(d.heads) >= maxHeads {
		d.heads = make(map[string]sampleHead, maxHeads)
	}
	d.heads[string(text)] = head
}

func (d *samplesDecoder) head(h sampleHead) error {
	switch {
	case h.info != nil:
		d.info = *h.info
	case h.hist != nil:
		if len(d.hist) >= maxHistogram {
			return fmt.Errorf("histogram %s is the %dth", clip(string(h.hist.Metric)), len(d.hist)+1)
		}
		known := *h.hist
		known.Counts = make([]uint64, len(known.Counts))
		d.hist = append(d.hist, known)
	default:
		d.columns = h.columns
	}
	return nil
}

func (d *samplesDecoder) add(j *sampleJSON) error {
	if len(d.moments) >= maxMoments {
		return fmt.Errorf("more than %d samples", maxMoments)
	}
	m, err := d.moment(j)
	if err != nil {
		return err
	}
	d.moments = append(d.moments, m)
	return nil
}

func columnsOf(list columnsJSON) ([]sampler.Metric, error) {
	if len(list) > maxMetrics {
		return nil, fmt.Errorf("%d columns are more than %d", len(list), maxMetrics)
	}
	seen := make(map[sampler.Metric]bool, len(list))
	for _, m := range list {
		if seen[m] {
			return nil, fmt.Errorf("column %s twice", clip(string(m)))
		}
		seen[m] = true
	}
	return list, nil
}

func histogramOf(j histogramJSON) (*sampler.Histogram, error) {
	n := len(j.Buckets) - 1
	if n < 1 || n > maxBuckets || !slices.IsSorted(j.Buckets) {
		return nil, fmt.Errorf("histogram %s: %d boundaries, or out of order", clip(string(j.Metric)), n+1)
	}
	h := &sampler.Histogram{Metric: j.Metric, Buckets: make([]float64, n+1), Counts: make([]uint64, n)}
	for i, b := range j.Buckets {
		h.Buckets[i] = float64(b)
	}
	return h, nil
}

func (d *samplesDecoder) moment(j *sampleJSON) (*Moment, error) {
	m := &Moment{Info: d.info, From: j.Time, Count: 1}
	if j.Error != "" {
		m.Err = errors.New(j.Error)
		return m, nil
	}
	if len(j.Cycles) > maxCycles || len(j.Warnings) > maxWarnings || len(j.Values) > len(d.columns) {
		return nil, fmt.Errorf("%d collections, %d warnings or %d values for %d columns are too many",
			len(j.Cycles), len(j.Warnings), len(j.Values), len(d.columns))
	}
	said := metricsJSON{Cycles: j.Cycles, Warnings: j.Warnings}
	if d.lean {
		said.Warnings = nil
	}
	rest, err := said.sample()
	if err != nil {
		return nil, err
	}
	s := rest
	s.Time, s.Took, s.Runtime = j.Time, j.Took, j.Runtime
	s.Samples = make([]sampler.Sample, 0, len(j.Values))
	spread := j.Count > 1 && len(j.Min) == len(j.Values) && len(j.Max) == len(j.Values)
	for i, v := range j.Values {
		if math.IsNaN(v) {
			continue
		}
		s.Add(d.columns[i], v)
		if spread && m.Min == nil {
			m.Min, m.Max = make([]float64, 0, len(j.Values)), make([]float64, 0, len(j.Values))
		}
		if spread {
			m.Min, m.Max = append(m.Min, low(j.Min[i], v)), append(m.Max, high(j.Max[i], v))
		}
	}
	if err := d.histograms(s, j.Histograms); err != nil {
		return nil, err
	}
	m.Snapshot = s
	if j.Count > 1 {
		m.Count = j.Count
		if j.From != nil {
			m.From = *j.From
		}
	}
	return m, nil
}

// low returns the smaller of two numbers, the second when the first is unknown.
func low(a, b float64) float64 {
	if a < b {
		return a
	}
	return b
}

// high returns the larger of two numbers, the second when the first is unknown.
func high(a, b float64) float64 {
	if a > b {
		return a
	}
	return b
}

func (d *samplesDecoder) histograms(s *sampler.Snapshot, list []countsJSON) error {
	if len(list) > len(d.hist) {
		return fmt.Errorf("%d histograms, but %d are known", len(list), len(d.hist))
	}
	for _, c := range list {
		if c.Of < 0 || c.Of >= len(d.hist) || len(c.Grown)%2 != 0 {
			return fmt.Errorf("histogram %d of %d, or half a pair", c.Of, len(d.hist))
		}
		h := d.hist[c.Of]
		at := int64(-1)
		for i := 0; i < len(c.Grown); i += 2 {
			if at += c.Grown[i] + 1; c.Grown[i] < 0 || c.Grown[i] > maxBuckets || at >= int64(len(h.Counts)) {
				return fmt.Errorf("histogram %d has no count %d", c.Of, at)
			}
			h.Counts[at] += uint64(c.Grown[i+1])
		}
		if d.lean {
			continue
		}
		if d.counts += len(h.Counts); d.counts > maxMemberCounts {
			return fmt.Errorf("histograms with more than %d counts", maxMemberCounts)
		}
		s.Histograms = append(s.Histograms, sampler.Histogram{Metric: h.Metric, Buckets: h.Buckets, Counts: slices.Clone(h.Counts)})
	}
	return nil
}
