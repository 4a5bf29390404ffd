package gates

import (
	"slices"
	"time"
)

// What CompareSettings mean where they are zero.
const (
	DefaultMaxIncrease  = 0.10
	DefaultWarnIncrease = 0.02
	// MaxGated metrics share a false alarm rate of 1 % at 0.2 % each; with more of them, Holm's procedure shares it out.
	MaxGated = 5
)

// What becomes of a comparison that these runs could not decide.
const (
	InconclusivePass = "pass"
	InconclusiveWarn = "warn" // the default
	InconclusiveFail = "fail"
)

// CompareSettings say what growth against a baseline is too much. Increases are fractions: 0.1 is 10 %.
type CompareSettings struct {
	MaxIncrease    float64            // from here on a proven growth fails; 0 means DefaultMaxIncrease
	WarnIncrease   float64            // above it a proven growth warns; 0 means DefaultWarnIncrease, at most a fifth of MaxIncrease
	PerMetric      map[string]float64 // MaxIncrease of single metrics
	OnInconclusive string             // InconclusivePass, InconclusiveWarn or InconclusiveFail; "" means warn
	Gated          []string           // what may fail; nil means the metrics that are Gated in the table
	Runs           int                // runs a side; 0 means as many as the verdict needs
	Against        string             // what the baseline is, for the report: "merge-base 1a2b3c", "anchor v1.2.0"
	// Quanta are the steps in which values come, where they are not those of the table: 0 for operations per
	// allocation whose fractions were recovered.
	Quanta map[string]float64
}

// Accept is a growth that is known and wanted.
type Accept struct {
	Scenario, Metric string
	UpTo             float64   // the ceiling, as a fraction of the baseline
	Until            time.Time // the first instant at which it no longer holds; zero means always
	Because          string
}

// Increases returns from where on a metric's growth fails and warns, as fractions of the baseline; of the name "" those of
// the metrics that have none of their own.
func (s CompareSettings) Increases(metric string) (maximum, warn float64) {
	maximum = s.MaxIncrease
	if own := s.PerMetric[metric]; own > 0 {
		maximum = own
	}
	if maximum <= 0 {
		maximum = DefaultMaxIncrease
	}
	warn = s.WarnIncrease
	if warn <= 0 {
		warn = min(DefaultWarnIncrease, maximum/5)
	}
	return maximum, min(warn, maximum)
}

// GatedMetrics are the names of the metrics whose growth may fail, in the order of the table.
func (s CompareSettings) GatedMetrics() []string {
	var names []string
	for _, m := range Metrics() {
		if s.gates(m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// gates says whether a growth of the metric may fail.
func (s CompareSettings) gates(m Metric) bool {
	if s.Gated != nil {
		return slices.Contains(s.Gated, m.Name)
	}
	return m.Gated
}

// Compares says whether a metric is compared with a baseline: all but those that are a change themselves, of which a
// percentage says nothing, unless they are gated by name.
func (s CompareSettings) Compares(metric string) bool {
	change := metric == "growth" || metric == "growth_rate"
	return !change || slices.Contains(s.Gated, metric)
}

func (s CompareSettings) onInconclusive() string {
	if s.OnInconclusive == "" {
		return InconclusiveWarn
	}
	return s.OnInconclusive
}

// quantum returns the step in which the values come: the one that was set, else the table's when all are multiples of it.
func (s CompareSettings) quantum(m Metric, sides ...[]float64) float64 {
	if q, ok := s.Quanta[m.Name]; ok {
		return q
	}
	for _, values := range sides {
		for _, v := range values {
			if m.Quantum <= 0 || v/m.Quantum != float64(int64(v/m.Quantum)) {
				return 0
			}
		}
	}
	return m.Quantum
}
