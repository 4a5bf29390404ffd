package capture

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

// samplesDecoder reads what samplesEncoder wrote.
type samplesDecoder struct {
	moments []*Moment
	info    sampler.Info
	columns []sampler.Metric
	hist    []sampler.Histogram
}

// decodeSamples reads the lines of a member.
func decodeSamples(raw []byte) ([]*Moment, error) {
	var d samplesDecoder
	err := eachLine(raw, d.line)
	return d.moments, err
}

func (d *samplesDecoder) line(text []byte) error {
	if len(text) > maxLine {
		return fmt.Errorf("%d bytes are more than %d", len(text), maxLine)
	}
	var l lineJSON
	if err := decodeLine(text, &l); err != nil {
		return err
	}
	switch {
	case l.Info != nil:
		d.info = l.Info.info()
	case l.Columns != nil:
		return d.setColumns(*l.Columns)
	case l.Histogram != nil:
		return d.addHistogram(*l.Histogram)
	case l.Sample != nil:
		if len(d.moments) >= maxMoments {
			return fmt.Errorf("more than %d samples", maxMoments)
		}
		m, err := d.moment(l.Sample)
		if err != nil {
			return err
		}
		d.moments = append(d.moments, m)
	}
	return nil
}

func (d *samplesDecoder) setColumns(list columnsJSON) error {
	if len(list) > maxMetrics {
		return fmt.Errorf("%d columns are more than %d", len(list), maxMetrics)
	}
	seen := make(map[sampler.Metric]bool, len(list))
	for _, m := range list {
		if seen[m] {
			return fmt.Errorf("column %s twice", clip(string(m)))
		}
		seen[m] = true
	}
	d.columns = list
	return nil
}

func (d *samplesDecoder) addHistogram(j histogramJSON) error {
	n := len(j.Buckets) - 1
	if n < 1 || n > maxBuckets || len(d.hist) >= maxHistogram || !slices.IsSorted(j.Buckets) {
		return fmt.Errorf("histogram %s, the %dth: %d boundaries, or out of order", clip(string(j.Metric)), len(d.hist), n+1)
	}
	h := sampler.Histogram{Metric: j.Metric, Buckets: make([]float64, n+1), Counts: make([]uint64, n)}
	for i, b := range j.Buckets {
		h.Buckets[i] = float64(b)
	}
	d.hist = append(d.hist, h)
	return nil
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
	rest, err := metricsJSON{Cycles: j.Cycles, Warnings: j.Warnings}.sample()
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
		s.Histograms = append(s.Histograms, sampler.Histogram{Metric: h.Metric, Buckets: h.Buckets, Counts: slices.Clone(h.Counts)})
	}
	return nil
}
