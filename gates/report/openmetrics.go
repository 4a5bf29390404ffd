package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// OpenMetrics writes gauges in the OpenMetrics text format, which Prometheus, its textfile collector and a Pushgateway read.
// A metric is heaptop_<metric>_<unit>{scenario="..."}, the median of the runs. The limits, the changes against the
// baseline in percent, the verdicts and the time are there besides. Samples carry no time of their own, as the textfile
// collector refuses those.
func OpenMetrics(w io.Writer, r *gates.Report) error {
	var f families
	list := scenarios(r, func(s string) string { return s })
	e := r.Environment
	f.add("heaptop_report", "", "What was measured where, 1.", 1, "version", name(r.Tool.Version), "os", name(e.OS), "arch", name(e.Arch),
		"go", name(e.Go), "commit", name(e.Commit), "branch", name(e.Branch))
	if !r.FinishedAt.IsZero() {
		f.add("heaptop_finished_timestamp_seconds", "seconds", "When the measurement ended, since 1970.", float64(r.FinishedAt.UnixMilli())/1000)
	}
	f.add("heaptop_exit_code", "", "What heaptop exited with: 0 passed, 1 failed, 2 could not measure, 130 interrupted.", float64(r.ExitCode))
	for _, s := range list {
		f.add("heaptop_verdict", "", "1 for the verdict of the scenario: passed, warned, failed or unmeasured.", 1,
			"scenario", s.label, "verdict", name(string(s.Verdict)))
		f.add("heaptop_runs", "", "Runs of the scenario.", float64(s.Runs), "scenario", s.label)
	}
	for _, s := range list {
		for _, metric := range order(s.Scenario) {
			if m := s.Metrics[metric]; measured(m) {
				id, unit := family(metric, m.Unit)
				f.add(id, unit, help(m, metric), m.Median, "scenario", s.label)
			}
		}
		for _, g := range s.Gates {
			f.add("heaptop_limit", "", "The limit of a metric, in the metric's unit.", g.Limit, "scenario", s.label, "metric", name(g.Metric))
		}
		for _, c := range s.Comparisons {
			if there(c.ChangePercent) {
				f.add("heaptop_change_percent", "percent", "Change of a metric against its baseline.", *c.ChangePercent,
					"scenario", s.label, "metric", name(c.Metric), "against", name(c.Against))
			}
		}
	}
	return f.write(w)
}

func help(m gates.Measured, metric string) string {
	if known, ok := gates.MetricOf(metric); ok {
		return known.Definition // one text for all scenarios
	}
	return line(m.Definition)
}

// family returns the name of a metric's family, and its unit, in which the name ends then.
func family(metric, unit string) (id, suffix string) {
	id = "heaptop_" + identifier(metric)
	if unit == "" || unit == "count" || unit == "score" {
		return id, ""
	}
	suffix = strings.Trim(identifier(unit), "_")
	if base, _, _ := strings.Cut(suffix, "_"); suffix == "" || base == suffix && strings.Contains(id, "_"+base+"_") {
		return id, "" // bytes_per_op says it
	}
	if !strings.HasSuffix(id, "_"+suffix) {
		id += "_" + suffix
	}
	return id, suffix
}

// families are metric families in the order in which they were met; the format wants the samples of one beside each other.
type families struct {
	list []*metricFamily
	of   map[string]*metricFamily
}

type metricFamily struct {
	id, unit, help string
	lines          []string
	seen           map[string]bool
}

// add adds a sample. labels are names and values in turn; an empty value leaves the label out. A second sample of the same
// labels, which only a file of a stranger can bring, is dropped, as one such would make the whole unreadable.
func (f *families) add(id, unit, help string, v float64, labels ...string) {
	if !finite(v) {
		return
	}
	if f.of == nil {
		f.of = map[string]*metricFamily{}
	}
	m := f.of[id]
	if m == nil {
		m = &metricFamily{id: id, unit: unit, help: help, seen: map[string]bool{}}
		f.of[id] = m
		f.list = append(f.list, m)
	}
	var b strings.Builder
	for pair := range slices.Chunk(labels, 2) {
		if pair[1] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(pair[0] + `="` + openMetricsEscape(pair[1]) + `"`)
	}
	set := b.String()
	if set != "" {
		set = "{" + set + "}"
	}
	if !m.seen[set] {
		m.seen[set] = true
		m.lines = append(m.lines, id+set+" "+number(v))
	}
}

func (f *families) write(w io.Writer) error {
	b := &strings.Builder{}
	for _, m := range f.list {
		fmt.Fprintf(b, "# TYPE %s gauge\n", m.id)
		if m.unit != "" {
			fmt.Fprintf(b, "# UNIT %s %s\n", m.id, m.unit)
		}
		if m.help != "" {
			fmt.Fprintf(b, "# HELP %s %s\n", m.id, strings.ReplaceAll(openMetricsEscape(m.help), `\"`, "'"))
		}
		for _, l := range m.lines {
			b.WriteString(l + "\n")
		}
	}
	b.WriteString("# EOF\n")
	return write(w, b)
}

func openMetricsEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s)
}
