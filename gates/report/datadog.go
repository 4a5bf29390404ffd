package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/alloc-dev/heaptop/gates"
)

// ddGauge is the number of the type gauge in Datadog's API v2.
const ddGauge = 3

type ddPayload struct {
	Series []ddSeries `json:"series"`
}

type ddSeries struct {
	Metric string    `json:"metric"`
	Type   int       `json:"type"`
	Points []ddPoint `json:"points"`
	Unit   string    `json:"unit,omitempty"`
	Tags   []string  `json:"tags,omitempty"`
}

type ddPoint struct {
	Timestamp int64   `json:"timestamp"` // seconds since 1970
	Value     float64 `json:"value"`
}

// Datadog writes the body of a request to Datadog's API v2, /api/v2/series: a gauge heaptop.<metric> of each metric with
// the scenario among its tags, the medians of the runs; heaptop.<metric>.limit and heaptop.<metric>.change_percent where
// there is a limit or a baseline; and heaptop.exit_code. It fails on a report that does not say when it was made, as each
// point must carry its time.
func Datadog(w io.Writer, r *gates.Report) error {
	if r.FinishedAt.Unix() <= 0 {
		return errors.New("the report does not say when it was finished, and each point of Datadog has a time")
	}
	d := ddWriter{at: r.FinishedAt.Unix(), out: ddPayload{Series: []ddSeries{}}}
	e := r.Environment
	common := ddTags("os", e.OS, "arch", e.Arch, "branch", e.Branch, "commit", e.Commit, "environment", e.Name)
	d.add("exit_code", "", float64(r.ExitCode), common)
	for _, s := range scenarios(r, func(s string) string { return s }) {
		tags := append(ddTags("scenario", s.label, "kind", string(s.Kind), "verdict", string(s.Verdict)), common...)
		for _, metric := range order(s.Scenario) {
			if m := s.Metrics[metric]; measured(m) {
				d.add(identifier(metric), m.Unit, m.Median, tags)
			}
		}
		for _, g := range s.Gates {
			d.add(identifier(g.Metric)+".limit", g.Unit, g.Limit, tags)
		}
		for _, c := range s.Comparisons {
			if there(c.ChangePercent) {
				d.add(identifier(c.Metric)+".change_percent", "percent", *c.ChangePercent, append(ddTags("against", c.Against), tags...))
			}
		}
	}
	data, err := json.MarshalIndent(d.out, "", " ")
	if err != nil {
		return fmt.Errorf("write Datadog's series: %w", err)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

type ddWriter struct {
	at  int64
	out ddPayload
}

func (d *ddWriter) add(metric, unit string, v float64, tags []string) {
	if !finite(v) {
		return
	}
	metric = "heaptop." + metric
	d.out.Series = append(d.out.Series, ddSeries{Metric: metric, Type: ddGauge, Unit: ddUnit(unit), Tags: tags,
		Points: []ddPoint{{Timestamp: d.at, Value: v}}})
}

// ddUnit names a unit as Datadog's list of units does; what the list does not have has no unit.
func ddUnit(unit string) string {
	switch unit {
	case "bytes", "bytes per session":
		return "byte"
	case "seconds":
		return "second"
	case "percent":
		return "percent"
	}
	return ""
}

// ddTags makes tags of keys and values in turn; empty values have none. A tag has at most 200 characters.
func ddTags(pairs ...string) []string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := name(pairs[i+1]); v != "" {
			tag := []rune(pairs[i] + ":" + v)
			out = append(out, string(tag[:min(len(tag), 200)]))
		}
	}
	return out
}
