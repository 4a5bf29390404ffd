package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// Influx writes InfluxDB's line protocol: heaptop,scenario=...,metric=...,unit=... with the fields value, low and high of
// the median, limit, baseline and change_percent, as far as they exist; and a line heaptop_scenario for each scenario with
// its verdict. The time is the end of the measurement, in nanoseconds; without one there is none, and the server sets it.
// The commit is a field, as a tag with ever new values makes a database slow.
func Influx(w io.Writer, r *gates.Report) error {
	b := &strings.Builder{}
	at := ""
	if t := r.FinishedAt; t.Year() >= 1970 && t.Year() < 2262 {
		at = " " + strconv.FormatInt(t.UnixNano(), 10)
	}
	for _, s := range scenarios(r, inInflux) {
		var f influxFields
		f.text("verdict", string(s.Verdict))
		f.text("error", s.Error)
		f.text("commit", r.Environment.Commit)
		f = append(f, fmt.Sprintf("runs=%di", s.Runs))
		b.WriteString("heaptop_scenario" + influxTags(r, s, "", "") + " " + strings.Join(f, ",") + at + "\n")
		for _, metric := range order(s.Scenario) {
			if f := influxOf(s.Scenario, metric); len(f) > 0 {
				b.WriteString("heaptop" + influxTags(r, s, metric, s.Metrics[metric].Unit) + " " + strings.Join(f, ",") + at + "\n")
			}
		}
	}
	return write(w, b)
}

// influxOf returns the fields of a metric.
func influxOf(s *gates.Scenario, metric string) influxFields {
	var f influxFields
	m := s.Metrics[metric]
	if !measured(m) {
		return nil
	}
	f.number("value", &m.Median)
	f.number("low", &m.Low)
	f.number("high", &m.High)
	if i := slices.IndexFunc(s.Gates, func(g gates.Gate) bool { return g.Metric == metric }); i >= 0 {
		f.number("limit", &s.Gates[i].Limit)
		f.text("limit_verdict", string(s.Gates[i].Verdict))
	}
	if i := slices.IndexFunc(s.Comparisons, func(c gates.Comparison) bool { return c.Metric == metric }); i >= 0 {
		f.number("baseline", s.Comparisons[i].Baseline)
		f.number("change_percent", s.Comparisons[i].ChangePercent)
		f.text("comparison", s.Comparisons[i].Verdict)
	}
	return f
}

type influxFields []string

func (f *influxFields) number(key string, v *float64) {
	if there(v) {
		*f = append(*f, key+"="+number(*v))
	}
}

func (f *influxFields) text(key, v string) {
	if v != "" {
		*f = append(*f, key+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(line(v))+`"`)
	}
}

// influxTags returns the tags of a line in the order of their keys, as the database likes them best.
func influxTags(r *gates.Report, s named, metric, unit string) string {
	var b strings.Builder
	for _, t := range [][2]string{
		{"arch", r.Environment.Arch}, {"branch", r.Environment.Branch}, {"environment", r.Environment.Name}, {"kind", string(s.Kind)},
		{"metric", metric}, {"os", r.Environment.OS}, {"scenario", s.label}, {"unit", unit},
	} {
		value := t[1]
		if t[0] != "scenario" {
			value = inInflux(name(value))
		}
		if value != "" {
			b.WriteString("," + t[0] + "=" + strings.NewReplacer(",", `\,`, "=", `\=`, " ", `\ `).Replace(value))
		}
	}
	return b.String()
}

// inInflux replaces the backslash, of which a tag cannot tell whether it stands for itself.
func inInflux(s string) string { return strings.ReplaceAll(s, `\`, "/") }
