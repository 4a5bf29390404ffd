package analysis

import "time"

// FindingsSchema is what the JSON of the debug commands says of itself.
const FindingsSchema = "heaptop.findings/v1"

// Severity says how much a finding matters.
type Severity string

// The severities, in ascending order.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Findings is what a debug command found out about one target: its JSON is the command's report. What is not known is
// absent from it, never 0.
type Findings struct {
	Schema   string        `json:"schema"` // FindingsSchema
	Command  string        `json:"command"`
	Time     time.Time     `json:"time"` // when the target was read
	Target   FindingTarget `json:"target"`
	Verdict  string        `json:"verdict,omitempty"` // of a command that judges
	Findings []Finding     `json:"findings"`
	Warnings []string      `json:"warnings"` // what weakens the numbers
}

// FindingTarget is what was looked at.
type FindingTarget struct {
	Kind   string `json:"kind"`
	PID    int    `json:"pid,omitempty"`
	Name   string `json:"name"`
	Source string `json:"source"`
	Go     string `json:"go,omitempty"` // the Go version
}

// Finding is one thing that an analyzer found, with the numbers it rests on.
type Finding struct {
	Analyzer string             `json:"analyzer"`
	Severity Severity           `json:"severity"`
	Title    string             `json:"title"`
	Evidence map[string]float64 `json:"evidence"` // finite; each name ends with its unit
	Sites    []FoundSite        `json:"sites"`
	Holders  []FoundRoot        `json:"holders,omitempty"` // what each alone keeps alive, the largest first
	Advice   string             `json:"advice"`
}

// FoundSite is an allocation site. Bytes, objects and samples are of what is in use.
type FoundSite struct {
	Site         string        `json:"site"` // "pkg.Func file.go:88"
	Stack        []string      `json:"stack"`
	Bytes        float64       `json:"bytes"`
	Uncertainty  float64       `json:"uncertainty_bytes"` // one standard deviation of Bytes by sampling
	SharePercent float64       `json:"share_percent"`
	Objects      float64       `json:"objects"`
	Samples      int64         `json:"samples"`
	AllocBytes   float64       `json:"alloc_bytes"` // since the program began
	Holders      []FoundHolder `json:"holders"`
}

// FoundHolder is who holds objects of a site in one way.
type FoundHolder struct {
	Roots        []string `json:"roots"`      // all hold the objects: none of several alone
	MoreRoots    bool     `json:"more_roots"` // there are more than Roots names
	Function     string   `json:"function,omitempty"`
	Path         []string `json:"path"` // from the root's side to the object itself
	Bytes        int64    `json:"bytes"`
	SharePercent float64  `json:"share_percent"` // of the site's bytes that the walk reached
	Objects      int      `json:"objects"`
	Samples      int      `json:"samples"`
	Text         string   `json:"text"` // Roots and Function in words
}

// FoundRoot is a variable, the goroutines of one function, or the finalizers.
type FoundRoot struct {
	Root          string  `json:"root"`
	RetainedBytes int64   `json:"retained_bytes"` // would be free without it
	SharePercent  float64 `json:"share_percent"`  // of the bytes that were reached
}
