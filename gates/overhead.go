package gates

import (
	"fmt"
	"math"
	"slices"
)

// OverheadReport is how much memory documents take in a database in several representations. Sizes are in bytes; a number
// that could not be measured is absent, and the reason stands beside it.
type OverheadReport struct {
	Formula   string             `json:"formula"` // of the overall ratio
	Server    OverheadServer     `json:"server"`
	Documents []OverheadDocument `json:"documents"`
	Summary   []OverheadSummary  `json:"summary"`           // of each representation besides string
	Against   string             `json:"against,omitempty"` // the earlier report that Trend is against
	Trend     []OverheadTrend    `json:"trend,omitempty"`
}

// OverheadServer is the database that was asked.
type OverheadServer struct {
	Name      string `json:"name"` // redis, valkey, ...
	Version   string `json:"version"`
	Allocator string `json:"allocator,omitempty"`
	Mode      string `json:"mode,omitempty"`
	JSON      string `json:"json_module,omitempty"` // the module and its version; empty when there is none
	KeyBytes  int    `json:"key_bytes"`             // the length of every key's name
}

// OverheadDocument is one document and what it takes.
type OverheadDocument struct {
	Name        string           `json:"name"`
	Category    string           `json:"category"`
	Description string           `json:"description"`
	TextBytes   int              `json:"text_bytes"` // of its compact JSON
	Stored      []OverheadStored `json:"stored"`
}

// OverheadStored is a document in one representation.
type OverheadStored struct {
	As             string    `json:"as"` // string, json or hash
	Encoding       string    `json:"encoding,omitempty"`
	Values         []float64 `json:"values,omitempty"` // MEMORY USAGE of each run
	Memory         *float64  `json:"memory,omitempty"` // their median
	Low            *float64  `json:"low,omitempty"`
	High           *float64  `json:"high,omitempty"`
	OverheadText   *float64  `json:"overhead_text,omitempty"`   // memory / text bytes
	OverheadString *float64  `json:"overhead_string,omitempty"` // memory / memory of the string
	Missing        string    `json:"missing,omitempty"`

	Budget *OverheadBudget `json:"budget,omitempty"`

	// The second figure: the change of used_memory for a copy.
	Copies      int       `json:"copies,omitempty"`
	CopyValues  []float64 `json:"copy_values,omitempty"`
	Copy        *float64  `json:"copy,omitempty"` // the median
	CopyLow     *float64  `json:"copy_low,omitempty"`
	CopyHigh    *float64  `json:"copy_high,omitempty"`
	CopySlack   float64   `json:"copy_slack,omitempty"` // what the allocator may round up beyond MEMORY USAGE
	CopyMissing string    `json:"copy_missing,omitempty"`
}

// OverheadBudget is what a document may take, and what it took when that was set. 0 is not said.
type OverheadBudget struct {
	Max      float64 `json:"max,omitempty"` // of overhead_text
	Bytes    float64 `json:"bytes,omitempty"`
	Measured float64 `json:"measured,omitempty"` // overhead_text
	Date     string  `json:"date,omitempty"`     // of that measurement
}

// Agree says whether the two figures agree: their intervals meet once what the allocator may round up is allowed for. ok is
// false when one of them is not there.
func (s OverheadStored) Agree() (agree, ok bool) {
	if s.Low == nil || s.High == nil || s.CopyLow == nil || s.CopyHigh == nil {
		return false, false
	}
	return *s.CopyHigh >= *s.Low-s.CopySlack && *s.CopyLow <= *s.High+s.CopySlack, true
}

// OverheadSummary is one representation over all documents. Ratios are overhead_string.
type OverheadSummary struct {
	As         string             `json:"as"`
	Overall    *float64           `json:"overall,omitempty"`
	Small      *float64           `json:"small,omitempty"`
	Medium     *float64           `json:"medium,omitempty"`
	Large      *float64           `json:"large,omitempty"`
	Categories []OverheadCategory `json:"categories,omitempty"`
	Best       *OverheadCase      `json:"best,omitempty"`
	Worst      *OverheadCase      `json:"worst,omitempty"`
	Missing    string             `json:"missing,omitempty"`
}

// OverheadCategory is the mean of the documents of a category.
type OverheadCategory struct {
	Name      string  `json:"name"`
	Mean      float64 `json:"mean"`
	Documents int     `json:"documents"`
}

// OverheadCase is the document with the least or the greatest overhead.
type OverheadCase struct {
	Document string  `json:"document"`
	Ratio    float64 `json:"ratio"`
}

// The words of trends.
const (
	TrendStable     = "stable"
	TrendBetter     = "better"
	TrendHigher     = "higher"
	TrendNew        = "new"
	TrendUnmeasured = "unmeasured"
)

// OverheadTrend is a ratio against that of an earlier report.
type OverheadTrend struct {
	As            string   `json:"as"`
	Document      string   `json:"document"` // or overall
	Current       *float64 `json:"current,omitempty"`
	Baseline      *float64 `json:"baseline,omitempty"`
	ChangePercent *float64 `json:"change_percent,omitempty"`
	Status        string   `json:"status"`
}

// check refuses what no run could have written.
func (o *OverheadReport) check() error {
	if max(len(o.Documents), len(o.Summary), len(o.Trend)) > maxEntries {
		return fmt.Errorf("more than %d of something", maxEntries)
	}
	for _, d := range o.Documents {
		if d.Name == "" || d.TextBytes <= 0 || len(d.Stored) > maxEntries {
			return fmt.Errorf("document %.60q: it has no name, no text or too much", d.Name)
		}
		for _, s := range d.Stored {
			for _, v := range []*float64{s.Memory, s.OverheadText, s.OverheadString, s.Copy} {
				if v != nil && (math.IsNaN(*v) || *v < 0) {
					return fmt.Errorf("document %.60q as %.20q: a size below 0", d.Name, s.As)
				}
			}
		}
	}
	for _, t := range o.Trend {
		if !slices.Contains([]string{TrendStable, TrendBetter, TrendHigher, TrendNew, TrendUnmeasured}, t.Status) {
			return fmt.Errorf("trend of %.60q: %.40q is none", t.Document, t.Status)
		}
	}
	return nil
}
