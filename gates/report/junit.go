package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// The elements of JUnit's XML, with what the schemas of Jenkins and of Ant both allow and either requires: the attributes
// id, package, hostname and time, the empty properties, and both outputs are there for Ant's.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	ID         int             `xml:"id,attr"`
	Name       string          `xml:"name,attr"`
	Package    string          `xml:"package,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Hostname   string          `xml:"hostname,attr"`
	Properties junitProperties `xml:"properties"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
	Err        string          `xml:"system-err"`
}

type junitProperties struct {
	List []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"` // the schemas want it; judging takes none
	Error   *junitProblem `xml:"error"`
	Failure *junitProblem `xml:"failure"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes JUnit's XML: a test suite of each scenario, a test case of each limit and each gated comparison, under names
// that stay the same from run to run. What failed is a failure, what could not be measured an error. Warnings, which fail
// nothing, are in the suite's output, with the numbers of the metrics among its properties. It fits the schemas of Jenkins
// and of Ant.
func JUnit(w io.Writer, r *gates.Report) error {
	out := junitSuites{}
	stamp := ""
	if y := r.StartedAt.UTC().Year(); !r.StartedAt.IsZero() && y > 0 && y < 10000 {
		stamp = r.StartedAt.UTC().Format("2006-01-02T15:04:05")
	}
	for i, s := range scenarios(r, strings.TrimSpace) {
		out.Suites = append(out.Suites, suite(i, s, stamp))
	}
	if len(r.Scenarios) == 0 {
		empty := named{"heaptop", &gates.Scenario{Verdict: gates.Unmeasured, Error: "no scenario was measured"}}
		out.Suites = append(out.Suites, suite(0, empty, stamp))
	}
	data, err := xml.MarshalIndent(out, "", " ")
	if err != nil {
		return fmt.Errorf("write JUnit's XML: %w", err)
	}
	_, err = io.WriteString(w, xml.Header+string(data)+"\n")
	return err
}

func suite(id int, s named, stamp string) junitSuite {
	out := junitSuite{ID: id, Name: s.label, Package: "heaptop", Timestamp: stamp, Hostname: "localhost", Time: "0"}
	if finite(s.DurationS) && s.DurationS > 0 {
		out.Time = strconv.FormatFloat(min(s.DurationS, 1e9), 'f', 3, 64)
	}
	for _, metric := range order(s.Scenario) {
		if m := s.Metrics[metric]; measured(m) {
			id := cmp.Or(strings.TrimSpace(name(metric)+" "+name(m.Unit)), "unnamed")
			out.Properties.List = append(out.Properties.List, junitProperty{id, number(m.Median)})
		}
	}
	details := blameText(s.Scenario)
	add := func(what string, v gates.Verdict, words string) {
		c := junitCase{Name: what, Class: "heaptop." + s.label, Time: "0"}
		switch v {
		case gates.Passed, gates.Warned:
		case gates.Failed:
			c.Failure = &junitProblem{words, "failed", words + details}
			out.Failures++
		default:
			c.Error = &junitProblem{words, "unmeasured", words}
			out.Errors++
		}
		out.Cases = append(out.Cases, c)
		out.Tests++
	}
	for _, g := range s.Gates {
		add("limit of "+name(g.Metric)+from(g.From), g.Verdict, gateWords(g))
	}
	for _, c := range s.Comparisons {
		if c.Gated {
			add("growth of "+name(c.Metric)+against(c.Against), c.Means(), comparisonWords(c))
		}
	}
	switch {
	case s.Error != "":
		add("measurement", gates.Unmeasured, line(s.Error))
	case severity(s.Verdict) > severity(gates.Warned) && out.Failures+out.Errors == 0:
		add("measurement", s.Verdict, findings(s.Scenario)[0].text)
	}
	var said []string
	for _, f := range findings(s.Scenario) {
		if f.verdict == gates.Warned {
			said = append(said, f.text)
		}
	}
	out.Out = strings.Join(append(said, notes(s.Scenario)...), "\n")
	return out
}

// from tells two limits of one metric apart.
func from(of string) string {
	if of == "" || of == gates.FromConfig {
		return ""
	}
	return " (" + name(of) + ")"
}

// against is the kind of the other side, without its commit, which would make every run's test another one.
func against(of string) string {
	if strings.HasPrefix(of, "anchor") {
		return " since the anchor"
	}
	return ""
}

// blameText lists the sites behind a failure, a line each.
func blameText(s *gates.Scenario) string {
	var b strings.Builder
	if len(s.Blame) > 0 {
		b.WriteString("\n" + blameTitle(s))
	}
	for _, site := range s.Blame[:min(len(s.Blame), maxSites)] {
		share, change, at := blameWords(site)
		fmt.Fprintf(&b, "\n%5s %10s  %s", share, change, at)
	}
	if s.BlameNote != "" {
		b.WriteString("\n" + line(s.BlameNote))
	}
	return b.String()
}
