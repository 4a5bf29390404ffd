package gates

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// coverage is what the interval of a median holds at least, where there are runs enough.
const coverage = 0.95

// Measure makes a metric's report entry of the values that the runs gave, in their order: the median, and the exact
// interval for the median between two order statistics, which holds whatever the noise is like. Below six runs no such
// interval reaches 95 %, and the smallest and the largest value take its place. Values that are no numbers are never
// left out: one among them makes the whole missing, and says which.
func Measure(metric Metric, source string, values []float64) Measured {
	m := Measured{Unit: metric.Unit, Definition: metric.Definition, Source: source}
	for i, v := range values {
		if !finite(v) {
			m.Missing = fmt.Sprintf("run %d of %d gave no number", i+1, len(values))
			return m
		}
	}
	if len(values) == 0 {
		m.Missing = "no run gave a value"
		return m
	}
	m.Values = slices.Clone(values)
	m.summarize()
	return m
}

// NotMeasured makes the entry of a metric without a value. Short says that longer runs would have one.
func NotMeasured(metric Metric, why string, short bool) Measured {
	return Measured{Unit: metric.Unit, Definition: metric.Definition, Missing: why, Short: short}
}

// summarize sets the median and its interval from the values.
func (m *Measured) summarize() {
	m.Median = stats.Median(m.Values)
	m.Low, m.High = stats.MedianInterval(m.Values, coverage)
}

// MarshalJSON leaves out the median and its interval where there is no value.
func (m Measured) MarshalJSON() ([]byte, error) {
	type plain Measured // without this method
	if len(m.Values) > 0 {
		return json.Marshal(plain(m))
	}
	return json.Marshal(struct {
		Unit       string    `json:"unit"`
		Definition string    `json:"definition"`
		Source     string    `json:"source,omitempty"`
		Values     []float64 `json:"values"`
		Missing    string    `json:"missing,omitempty"`
		Short      bool      `json:"short,omitempty"`
	}{m.Unit, m.Definition, m.Source, []float64{}, m.Missing, m.Short})
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
