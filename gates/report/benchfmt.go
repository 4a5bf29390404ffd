package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// Benchfmt writes Go's benchmark format: a line of each run of each scenario, so that benchstat has the spread that it
// needs to compare two reports. Benchmarks are called Heaptop/scenario=<name>, which benchstat can group by /scenario.
// It tells of the environment what go test tells and no more: benchstat does not compare what differs in it, such as a commit.
// Units are those of Go where there is one (B/op, allocs/op), else the metric's name with its unit: peak_rss-bytes.
func Benchfmt(w io.Writer, r *gates.Report) error {
	b := &strings.Builder{}
	for _, c := range [][2]string{{"goos", r.Environment.OS}, {"goarch", r.Environment.Arch}, {"cpu", r.Environment.CPU}} {
		if value := strings.TrimSpace(name(c[1])); value != "" {
			fmt.Fprintf(b, "%s: %s\n", c[0], value)
		}
	}
	told := map[string]bool{}
	list := scenarios(r, inBenchmark)
	for _, s := range list {
		for metric, m := range s.Metrics {
			told[benchUnit(metric, m.Unit)] = false
		}
	}
	for _, s := range list {
		metrics, runs := order(s.Scenario), 0
		for _, metric := range metrics {
			m := s.Metrics[metric]
			runs = max(runs, len(m.Values))
			if unit := benchUnit(metric, m.Unit); !told[unit] && measured(m) {
				told[unit] = true
				fmt.Fprintf(b, "Unit %s better=lower\n", unit)
			}
		}
		for i := range runs {
			benchLine(b, &s, metrics, i)
		}
	}
	return write(w, b)
}

// benchLine writes one run; nothing where no metric has a value of it.
func benchLine(b *strings.Builder, s *named, metrics []string, run int) {
	begun := false
	seen := map[string]bool{}
	for _, metric := range metrics {
		m := s.Metrics[metric]
		unit := benchUnit(metric, m.Unit)
		if run >= len(m.Values) || !finite(m.Values[run]) || seen[unit] {
			continue
		}
		seen[unit] = true
		if !begun {
			begun = true
			fmt.Fprintf(b, "BenchmarkHeaptop/scenario=%s 1", s.label)
		}
		fmt.Fprintf(b, " %s %s", number(m.Values[run]), unit)
	}
	if begun {
		b.WriteByte('\n')
	}
}

func inBenchmark(s string) string { return strings.ReplaceAll(s, " ", "_") }

// benchUnit names a metric as benchstat expects units: with the unit that is measured behind a hyphen, "bytes" and "sec"
// among them, which it scales.
func benchUnit(metric, unit string) string {
	switch metric {
	case "bytes_per_op":
		return "B/op"
	case "allocs_per_op":
		return "allocs/op"
	}
	base, per, _ := strings.Cut(unit, " per ")
	id := identifier(metric)
	switch base {
	case "bytes", "percent":
		id += "-" + base
	case "seconds":
		id += "-sec"
	}
	if per == "hour" || per == "session" {
		id += "/" + per
	}
	return id
}
