package report_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/DataDog/agent-payload/v5/gogen"
	"github.com/gogo/protobuf/jsonpb"
	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/perf/benchfmt"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
)

// checkValid reads what a format wrote with a reader that is not ours, where there is one.
func checkValid(t testing.TB, format, text string, r *gates.Report) {
	t.Helper()
	var err error
	switch format {
	case "json":
		_, err = gates.ReadReport("the report", []byte(text))
	case "junit":
		err = checkJUnit(text)
	case "metrics":
		err = checkMetricLines(text)
	case "benchfmt":
		_, err = readBench(text)
	case "openmetrics":
		_, err = readProm(text)
	case "influx":
		_, err = readInflux(text)
	case "datadog":
		_, err = readDatadog(text)
	case "github":
		err = checkAnnotations(text)
	case "markdown":
		err = checkMarkdown(text)
	case "html":
		_, err = pagetest.Values([]byte(text))
	}
	if err != nil {
		t.Errorf("%s: %v\n%.3000s", format, err, text)
	}
	checkPlain(t, format, text)
}

func TestOtherReadersAgree(t *testing.T) {
	all := reports(t)
	all["hostile"] = hostile(t)
	for kind, r := range all {
		t.Run(kind, func(t *testing.T) {
			for _, format := range []string{"junit", "metrics", "benchfmt", "openmetrics", "influx", "datadog", "github", "markdown", "html"} {
				checkValid(t, format, render(t, format, r), r)
			}
		})
	}
}

// TestNumbersArriveAtTheirReaders follows one number through every format.
func TestNumbersArriveAtTheirReaders(t *testing.T) {
	r := reports(t)["failed"]
	const want = 72e6 // the median peak_rss of import
	bench, _ := readBench(render(t, "benchfmt", r))
	if got := bench["Heaptop/scenario=import peak_rss-bytes"]; !slices.Equal(got, []float64{72e6, 72.5e6, 71e6}) {
		t.Errorf("benchfmt has %v, want a value of each run", got)
	}
	prom, _ := readProm(render(t, "openmetrics", r))
	if got := prom[`heaptop_peak_rss_bytes{scenario="import"}`]; got != want {
		t.Errorf("openmetrics has %v", got)
	}
	influx, _ := readInflux(render(t, "influx", r))
	if got := influx["heaptop scenario=import metric=peak_rss value"]; got != want {
		t.Errorf("influx has %v of %v", got, influx)
	}
	datadog, _ := readDatadog(render(t, "datadog", r))
	if got := datadog["heaptop.peak_rss scenario:import"]; got != want {
		t.Errorf("datadog has %v of %v", got, datadog)
	}
	if got := render(t, "metrics", r); !strings.Contains(got, "METRIC:import.peak_rss:72000000\n") {
		t.Errorf("metrics has %s", got)
	}
	for format, list := range map[string][]string{"openmetrics": keys(prom), "influx": keys(influx), "datadog": keys(datadog), "benchfmt": keys(bench)} {
		if i := slices.IndexFunc(list, func(k string) bool { return strings.Contains(k, "growth") && !strings.Contains(k, "limit") }); i >= 0 {
			t.Errorf("%s has a value %s that was not measured", format, list[i])
		}
	}
}

// TestHostileNamesStayApart counts series: names that differ may not fall together.
func TestHostileNamesStayApart(t *testing.T) {
	r := hostile(t)
	prom, err := readProm(render(t, "openmetrics", r))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for k := range prom {
		if strings.HasPrefix(k, "heaptop_runs{") {
			n++
		}
	}
	if n != len(r.Scenarios) {
		t.Errorf("%d scenarios in openmetrics, want %d", n, len(r.Scenarios))
	}
	influx, _ := readInflux(render(t, "influx", r))
	n = 0
	for k := range influx {
		if strings.HasPrefix(k, "heaptop_scenario ") {
			n++
		}
	}
	if n != len(r.Scenarios) {
		t.Errorf("%d scenarios in influx, want %d", n, len(r.Scenarios))
	}
}

func keys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

func checkMetricLines(text string) error {
	one := regexp.MustCompile(`^METRIC:[^:\s]+\.[^:\s]+:-?[0-9.]+(e[-+][0-9]+)?$`)
	for l := range strings.Lines(text) {
		if !one.MatchString(strings.TrimSuffix(l, "\n")) {
			return fmt.Errorf("%q is no line METRIC:<scenario>.<metric>:<value>", l)
		}
	}
	return nil
}

// readBench reads with the package of benchstat: the values by benchmark and unit.
func readBench(text string) (map[string][]float64, error) {
	out := map[string][]float64{}
	reader := benchfmt.NewReader(strings.NewReader(text), "report")
	lines := 0
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, rec
		case *benchfmt.Result:
			lines++
			for _, v := range rec.Values {
				value, unit := v.Value, v.Unit
				if v.OrigUnit != "" {
					value, unit = v.OrigValue, v.OrigUnit
				}
				key := string(rec.Name) + " " + unit
				out[key] = append(out[key], value)
			}
		}
	}
	if want := strings.Count(text, "\nBenchmark"); lines < want {
		return nil, fmt.Errorf("benchstat reads %d of %d lines", lines, want)
	}
	return out, reader.Err()
}

// readProm reads with the parser of Prometheus, and holds what OpenMetrics asks for besides.
func readProm(text string) (map[string]float64, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for name, f := range all {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+strconv.Quote(l.GetValue()))
			}
			key := name + "{" + strings.Join(labels, ",") + "}"
			if _, twice := out[key]; twice {
				return nil, fmt.Errorf("%s twice", key)
			}
			out[key] = m.GetGauge().GetValue()
		}
	}
	if !strings.HasSuffix(text, "# EOF\n") || strings.Count(text, "# EOF") != 1 || strings.Contains(text, "\n\n") {
		return nil, errors.New("it does not end in one # EOF, or has an empty line")
	}
	seen := map[string]bool{}
	for l := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(l, "# TYPE "); ok {
			name, _, _ = strings.Cut(name, " ")
			if seen[name] {
				return nil, fmt.Errorf("family %s begins twice", name)
			}
			seen[name] = true
		}
		if unit, ok := strings.CutPrefix(l, "# UNIT "); ok {
			words := strings.Fields(unit)
			if len(words) != 2 || !strings.HasSuffix(words[0], "_"+words[1]) {
				return nil, fmt.Errorf("%q: the name does not end in the unit", l)
			}
		}
	}
	return out, nil
}

// readInflux reads with the decoder of InfluxDB.
func readInflux(text string) (map[string]float64, error) {
	out := map[string]float64{}
	d := lineprotocol.NewDecoderWithBytes([]byte(text))
	for d.Next() {
		measurement, err := d.Measurement()
		if err != nil {
			return nil, err
		}
		key := string(measurement)
		tags := map[string]string{}
		for {
			k, v, err := d.NextTag()
			if err != nil {
				return nil, err
			}
			if k == nil {
				break
			}
			tags[string(k)] = string(v)
		}
		key += " scenario=" + tags["scenario"]
		if tags["metric"] != "" {
			key += " metric=" + tags["metric"]
		}
		for {
			k, v, err := d.NextField()
			if err != nil {
				return nil, err
			}
			if k == nil {
				break
			}
			switch v.Kind() {
			case lineprotocol.Float:
				out[key+" "+string(k)] = v.FloatV()
			case lineprotocol.Int:
				out[key+" "+string(k)] = float64(v.IntV())
			}
		}
		if _, err := d.TimeBytes(); err != nil {
			return nil, err
		}
	}
	if want := strings.Count(text, "\n"); len(out) == 0 && want > 0 {
		return nil, errors.New("nothing was read")
	}
	return out, nil
}

// readDatadog reads with the types that Datadog's own agent sends, whose JSON is the body of /api/v2/series; unknown fields
// are errors.
func readDatadog(text string) (map[string]float64, error) {
	var p gogen.MetricPayload
	if err := jsonpb.UnmarshalString(text, &p); err != nil {
		return nil, err
	}
	name := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{0,199}$`)
	out := map[string]float64{}
	for _, s := range p.Series {
		if !name.MatchString(s.Metric) || s.Type != gogen.MetricPayload_GAUGE || len(s.Points) != 1 || s.Points[0].Timestamp <= 0 {
			return nil, fmt.Errorf("series %+v", s)
		}
		key := s.Metric
		for _, tag := range s.Tags {
			if len([]rune(tag)) > 200 {
				return nil, fmt.Errorf("tag of %d characters", len(tag))
			}
			if strings.HasPrefix(tag, "scenario:") {
				key += " " + tag
			}
		}
		out[key] = s.Points[0].Value
	}
	return out, nil
}

// checkAnnotations holds the form of workflow commands: one a line, ten at most, no raw separator in a property.
func checkAnnotations(text string) error {
	one := regexp.MustCompile(`^::(error|warning|notice) (file=[^,:]+,line=[0-9]+,)?title=[^,:]+::.+$`)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > 10 {
		return fmt.Errorf("%d annotations", len(lines))
	}
	for _, l := range lines {
		if !one.MatchString(l) {
			return fmt.Errorf("%q is no annotation", l)
		}
	}
	return nil
}

// checkMarkdown holds that nothing from outside is markup: only the tags that we write, tables with even rows, folds closed.
func checkMarkdown(text string) error {
	plain := regexp.MustCompile("(?s)\n  ```yaml\n.*?\n  ```\n").ReplaceAllString(text, "\n")
	plain = regexp.MustCompile("(?s)\n```\n.*?\n?```\n").ReplaceAllString(plain, "\n")
	for _, tag := range regexp.MustCompile(`<[^>]*>?`).FindAllString(plain, -1) {
		if !slices.Contains([]string{"<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>"}, tag) {
			return fmt.Errorf("tag %q", tag)
		}
	}
	if strings.Count(text, "<details>") != strings.Count(text, "</details>") {
		return errors.New("a fold is not closed")
	}
	plain = regexp.MustCompile("`[^`\n]*`|<code>[^\n]*?</code>").ReplaceAllString(plain, "")
	for _, bad := range []string{"@", "://", "www.", "](", "`"} {
		if strings.Contains(plain, bad) {
			return fmt.Errorf("%q outside of code", bad)
		}
	}
	cells := 0
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "|") {
			cells = 0
			continue
		}
		if n := strings.Count(l, "|"); cells != 0 && n != cells {
			return fmt.Errorf("a row of %d cells below one of %d: %q", n-1, cells-1, l)
		} else if cells == 0 {
			cells = n
		}
	}
	return nil
}

// rule is what the JUnit schemas of Jenkins (junit-10.xsd) and of Ant (JUnit.xsd) allow of an element, both at once.
type rule struct {
	required, optional []string // attributes
	children           string   // a regular expression over the names of the children, each followed by a space
	text               bool
}

func junitRules() map[string]rule {
	return map[string]rule{
		"testsuites": {children: "(testsuite )*"},
		"testsuite": {required: []string{"id", "name", "package", "tests", "failures", "errors", "time", "hostname", "timestamp"},
			children: "properties (testcase )*system-out system-err "},
		"properties": {children: "(property )*"},
		"property":   {required: []string{"name", "value"}},
		"testcase":   {required: []string{"name", "classname", "time"}, children: "((error|failure|skipped) )?"},
		"error":      {required: []string{"type"}, optional: []string{"message"}, text: true},
		"failure":    {required: []string{"type"}, optional: []string{"message"}, text: true},
		"system-out": {text: true},
		"system-err": {text: true},
	}
}

func junitAttributes() map[string]*regexp.Regexp {
	whole := regexp.MustCompile(`^[0-9]{1,9}$`)
	return map[string]*regexp.Regexp{"id": whole, "tests": whole, "failures": whole, "errors": whole,
		"time":      regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`),
		"timestamp": regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$`),
		"name":      regexp.MustCompile(`\S`), "hostname": regexp.MustCompile(`\S`)}
}

type element struct {
	name     string
	children strings.Builder
}

func checkJUnit(text string) error {
	rules, forms := junitRules(), junitAttributes()
	d := xml.NewDecoder(strings.NewReader(text))
	open := []*element{{}}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if got := open[0].children.String(); got != "testsuites " {
				return fmt.Errorf("the root is %s", got)
			}
			return nil
		}
		if err != nil {
			return err
		}
		top := open[len(open)-1]
		switch x := token.(type) {
		case xml.StartElement:
			top.children.WriteString(x.Name.Local + " ")
			open = append(open, &element{name: x.Name.Local})
			r, ok := rules[x.Name.Local]
			if !ok {
				return fmt.Errorf("element %s", x.Name.Local)
			}
			missing := slices.Clone(r.required)
			for _, a := range x.Attr {
				if !slices.Contains(r.required, a.Name.Local) && !slices.Contains(r.optional, a.Name.Local) {
					return fmt.Errorf("attribute %s of %s", a.Name.Local, x.Name.Local)
				}
				if form := forms[a.Name.Local]; form != nil && !form.MatchString(a.Value) {
					return fmt.Errorf("%s of %s is %q", a.Name.Local, x.Name.Local, a.Value)
				}
				missing = slices.DeleteFunc(missing, func(s string) bool { return s == a.Name.Local })
			}
			if len(missing) > 0 {
				return fmt.Errorf("%s lacks %v", x.Name.Local, missing)
			}
		case xml.EndElement:
			if want := rules[top.name].children; !regexp.MustCompile("^" + want + "$").MatchString(top.children.String()) {
				return fmt.Errorf("%s has the children %s", top.name, top.children.String())
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if !rules[top.name].text && strings.TrimSpace(string(x)) != "" {
				return fmt.Errorf("text in %s: %q", top.name, x)
			}
		}
	}
}
