package analysis

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

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
	Time     time.Time     `json:"time,omitzero"` // when the target was read, or its last reading was
	Target   FindingTarget `json:"target"`
	Verdict  string        `json:"verdict,omitempty"` // of a command that judges
	Reason   string        `json:"reason,omitempty"`  // of the verdict, in words
	Findings []Finding     `json:"findings"`
	Warnings []string      `json:"warnings"` // what weakens the numbers
}

// FindingTarget is what was looked at.
type FindingTarget struct {
	Kind   string `json:"kind"`
	PID    int    `json:"pid,omitempty"`
	Name   string `json:"name"`
	Source string `json:"source"`
	Go     string `json:"go,omitempty"`   // the Go version
	File   string `json:"file,omitempty"` // the recording or snapshot that was read in place of the target
}

// Finding is one thing that an analyzer found, with the numbers it rests on.
type Finding struct {
	Analyzer string             `json:"analyzer"`
	Severity Severity           `json:"severity"`
	Title    string             `json:"title"`             // a sentence without its full stop
	Details  []string           `json:"details,omitempty"` // further sentences: how it was found, and what it does not tell
	Evidence map[string]float64 `json:"evidence"`          // finite; each name ends with its unit, as in FoundColumn
	RowsOf   string             `json:"rows_of,omitempty"` // what the names of Rows are, in the singular: "mapping"
	Columns  []FoundColumn      `json:"columns,omitempty"` // of Rows, from left to right
	Rows     []FoundRow         `json:"rows,omitempty"`    // a table of what is no allocation site
	Series   string             `json:"series,omitempty"`  // what was judged: a metric, or a column of a file
	Verdict  LeakVerdict        `json:"verdict,omitempty"` // on the series
	Sites    []FoundSite        `json:"sites"`
	Holders  []FoundRoot        `json:"holders,omitempty"` // what each alone keeps alive, the largest first
	Advice   string             `json:"advice"`
}

// FoundSite is an allocation site. Bytes, objects and samples are of what is in use. The pointers are nil where the number
// is not known, or not what the finding is about.
type FoundSite struct {
	Site         string   `json:"site"` // "pkg.Func file.go:88"
	Stack        []string `json:"stack"`
	Bytes        float64  `json:"bytes"`
	Uncertainty  float64  `json:"uncertainty_bytes,omitempty"` // one standard deviation of Bytes by sampling; absent where nothing was sampled
	SharePercent float64  `json:"share_percent"`
	Objects      float64  `json:"objects,omitempty"`
	Samples      int64    `json:"samples,omitempty"`
	AllocBytes   float64  `json:"alloc_bytes,omitempty"` // since the program began

	BytesPerHour *float64 `json:"bytes_per_hour,omitempty"` // growth of what is in use
	Low          *float64 `json:"low,omitempty"`            // the interval of BytesPerHour
	High         *float64 `json:"high,omitempty"`
	GrownBytes   *float64 `json:"grown_bytes,omitempty"` // over the time of the profiles

	AllocPerSecond   *float64 `json:"alloc_bytes_per_second,omitempty"`
	GarbagePerSecond *float64 `json:"garbage_bytes_per_second,omitempty"` // of AllocPerSecond, what dies again
	LifetimeSeconds  *float64 `json:"lifetime_seconds,omitempty"`         // on average; see Lifetime
	Lifetime         string   `json:"lifetime,omitempty"`                 // LifetimeSeconds in words, which say whether it is a bound
	KeptPercent      *float64 `json:"kept_percent,omitempty"`             // of AllocBytes, what is in use

	Verdict string        `json:"verdict,omitempty"` // of an analyzer that judges sites: "growing"
	Holders []FoundHolder `json:"holders"`
}

// FoundColumn is a column of numbers in the table of a finding. Key ends with the numbers' unit, as the names of evidence do:
// "bytes" or "..._bytes", "percent" (0 to 100), "count", "seconds", "per_second" after another unit, "per_hour" likewise,
// "ratio".
type FoundColumn struct {
	Key   string `json:"key"`
	Title string `json:"title"` // as tables print it, a word or two in lower case
}

// FoundRow is a line of a finding's table. In JSON it is one object with the numbers beside the name.
type FoundRow struct {
	Name    string
	Key     string             // does not change when the words do, as "heap_live" in the ledger; "" where Name is that
	Numbers map[string]float64 // by the keys of columns, and others; what is not known is absent
	Note    string             // what the numbers mean here, or how sure they are
}

// rowJSON is the part of a row that is not its numbers.
type rowJSON struct {
	Name string `json:"name"`
	Key  string `json:"key,omitempty"`
	Note string `json:"note,omitempty"`
}

// MarshalJSON writes the name first, then the numbers in alphabetical order.
func (r FoundRow) MarshalJSON() ([]byte, error) {
	words, err := json.Marshal(rowJSON{r.Name, r.Key, r.Note})
	if err != nil || len(r.Numbers) == 0 {
		return words, err
	}
	numbers, err := json.Marshal(r.Numbers)
	if err != nil {
		return nil, fmt.Errorf("row %q: %w", r.Name, err)
	}
	return slices.Concat(words[:len(words)-1], []byte{','}, numbers[1:]), nil
}

// UnmarshalJSON reads what MarshalJSON writes: every field that holds a number is one of Numbers.
func (r *FoundRow) UnmarshalJSON(data []byte) error {
	var words rowJSON
	if err := json.Unmarshal(data, &words); err != nil {
		return err
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	*r = FoundRow{Name: words.Name, Key: words.Key, Note: words.Note, Numbers: map[string]float64{}}
	for key, value := range fields {
		if number, ok := value.(float64); ok {
			r.Numbers[key] = number
		}
	}
	return nil
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
