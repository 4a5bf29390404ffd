package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// MetricLines writes one line METRIC:<scenario>.<metric>:<value> for each metric that was measured. The value is the
// median of the runs in the metric's own unit. A colon or a space within a name is written as an underscore, so that the
// line can be split at its colons. The figures of documents in a database have names of their own, without the scenario's:
// METRIC:overall_overhead_ratio:2.4943.
func MetricLines(w io.Writer, r *gates.Report) error {
	b := &strings.Builder{}
	list := scenarios(r, inMetricLine)
	for _, s := range list {
		if o := overheadOf(s.Scenario); o != nil {
			b.WriteString(overheadLines(overheadLabel(list, s), o))
			continue
		}
		for _, metric := range order(s.Scenario) {
			if m := s.Metrics[metric]; measured(m) {
				fmt.Fprintf(b, "METRIC:%s.%s:%s\n", s.label, inMetricLine(name(metric)), number(m.Median))
			}
		}
	}
	return write(w, b)
}

func inMetricLine(s string) string {
	return cmp.Or(strings.NewReplacer(":", "_", " ", "_").Replace(s), "unnamed")
}

// measured reports whether a metric has a value.
func measured(m gates.Measured) bool { return len(m.Values) > 0 && finite(m.Median) }
