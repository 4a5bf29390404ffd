// Package report writes what a headless run found out in the formats that people and other tools read: one file a format,
// one table of all. To add a format is to write a file with a function of the type of Format.Write and to add a row to
// Formats.
//
// It only renders. It judges nothing anew, so a stored report says the same in every format and at any later time, and it
// sends nothing anywhere. It prints no colour and no escape code, as most of what it writes is read by machines or in the
// logs of a CI. Names and messages come from strangers: control characters are shown as pictures, each format's own signs
// are escaped, and a name longer than 180 bytes is cut and marked with a hash, so that two long names stay two. A number
// that does not exist is left out, in every format; none is written as 0.
package report

import (
	"io"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// Format is one way to write a report.
type Format struct {
	Name string // what --format calls it
	What string // a few words for help and completions

	// Write writes the whole report. It reads r and keeps nothing of it. It fails where w does, and where the format cannot
	// hold what r says, having written nothing then.
	Write func(w io.Writer, r *gates.Report) error
}

// Formats returns the table of the formats, what people read first.
func Formats() []Format {
	return []Format{
		{"text", "for people: what failed, where, what to do next, and a table of 80 columns", Text},
		{"json", "the report itself, which can be a baseline", JSON},
		{"markdown", "GitHub flavoured Markdown, short enough for a comment", Markdown},
		{"html", "a page of its own for a browser, offline, which sorts and explains", HTML},
		{"junit", "JUnit XML, as CI systems show test results", JUnit},
		{"metrics", "a line METRIC:<scenario>.<metric>:<value> for each number", MetricLines},
		{"benchfmt", "Go benchmark lines, one a run, for benchstat", Benchfmt},
		{"openmetrics", "OpenMetrics text, for Prometheus and its textfile collector", OpenMetrics},
		{"influx", "InfluxDB line protocol", Influx},
		{"datadog", "the series that Datadog's API v2 takes, as JSON", Datadog},
		{"github", "annotations of GitHub Actions", GitHub},
	}
}

// write writes what a format has put together, all at once.
func write(w io.Writer, b *strings.Builder) error {
	_, err := io.WriteString(w, b.String())
	return err
}
