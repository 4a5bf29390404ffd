package analysis

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// DiffSchema is what the JSON of a comparison says it is.
const DiffSchema = "heaptop.diff/v1"

// diffJSON is a Diff as JSON. A number that is not known is absent.
type diffJSON struct {
	Schema     string          `json:"schema"`
	From       sideJSON        `json:"from"`
	To         sideJSON        `json:"to"`
	Filter     *filterJSON     `json:"filter,omitempty"`
	SameRun    bool            `json:"same_run"`
	Warnings   []string        `json:"warnings"`
	Heap       *deltaJSON      `json:"heap,omitempty"`
	Ledger     []changeJSON    `json:"ledger"`
	Sites      []siteJSON      `json:"sites"`
	Sizes      []sizeJSON      `json:"size_classes"`
	Mappings   []changeJSON    `json:"mappings"`
	Goroutines []goroutineJSON `json:"goroutines"`
	Runtime    []changeJSON    `json:"runtime"`
}

type sideJSON struct {
	Name      string     `json:"name"`
	Note      string     `json:"note,omitempty"`
	Time      *time.Time `json:"time,omitempty"`
	Program   string     `json:"program,omitempty"`
	PID       int        `json:"pid,omitempty"`
	Source    string     `json:"source,omitempty"`
	GoVersion string     `json:"go_version,omitempty"`
}

type filterJSON struct {
	Focus  string `json:"focus,omitempty"`
	Ignore string `json:"ignore,omitempty"`
	Mine   bool   `json:"mine,omitempty"`
}

type changeJSON struct {
	Key     string   `json:"key,omitempty"`
	Name    string   `json:"name"`
	Unit    string   `json:"unit,omitempty"`
	From    *float64 `json:"from,omitempty"`
	To      *float64 `json:"to,omitempty"`
	Change  *float64 `json:"change,omitempty"`
	Percent *float64 `json:"change_percent,omitempty"`
}

// deltaJSON is what stacks hold and allocated, before and after.
type deltaJSON struct {
	FromBytes        float64  `json:"from_bytes"`
	ToBytes          float64  `json:"to_bytes"`
	ChangeBytes      float64  `json:"change_bytes"`
	Percent          *float64 `json:"change_percent,omitempty"`
	FromObjects      float64  `json:"from_objects"`
	ToObjects        float64  `json:"to_objects"`
	ChangeObjects    float64  `json:"change_objects"`
	Uncertainty      float64  `json:"uncertainty_bytes"`
	Certain          bool     `json:"exceeds_uncertainty"`
	FromAlloc        float64  `json:"from_alloc_bytes"`
	ToAlloc          float64  `json:"to_alloc_bytes"`
	ChangeAlloc      float64  `json:"change_alloc_bytes"`
	FromAllocObjects float64  `json:"from_alloc_objects"`
	ToAllocObjects   float64  `json:"to_alloc_objects"`
	ChangeAllocCount float64  `json:"change_alloc_objects"`
	AllocUncertainty float64  `json:"alloc_uncertainty_bytes"`
}

type siteJSON struct {
	Site  string   `json:"site"`
	Stack []string `json:"stack"` // innermost first, of the stack that changed most
	deltaJSON
	StackCount int         `json:"stack_count"`
	Stacks     []stackJSON `json:"stacks,omitempty"` // when there are several: those that changed most
}

type stackJSON struct {
	Stack []string `json:"stack"`
	deltaJSON
}

type sizeJSON struct {
	Size        float64  `json:"size_bytes"`
	NoScan      bool     `json:"no_pointers,omitempty"`
	From        float64  `json:"from_bytes"`
	To          float64  `json:"to_bytes"`
	Change      float64  `json:"change_bytes"`
	FromObjects float64  `json:"from_objects"`
	ToObjects   float64  `json:"to_objects"`
	Objects     float64  `json:"change_objects"`
	Uncertainty *float64 `json:"uncertainty_bytes,omitempty"`
}

type goroutineJSON struct {
	Function string   `json:"function"`
	Stack    []string `json:"stack"`
	From     int      `json:"from"`
	To       int      `json:"to"`
	Change   int      `json:"change"`
}

// WriteJSON writes the comparison as one JSON object of the schema heaptop.diff/v1, indented. Lists are complete, in the
// order of Diff, and empty where a part was not compared. What is not known is absent, never 0. Uncertainties are
// profile.Deviations standard deviations of the change by sampling.
func (d *Diff) WriteJSON(w io.Writer) error {
	j := diffJSON{
		Schema: DiffSchema, From: sideOf(d.From), To: sideOf(d.To), SameRun: d.SameRun, Warnings: append([]string{}, d.Warnings...),
		Filter: filterOf(d.Filter), Ledger: changesOf(d.Ledger), Mappings: changesOf(d.Mappings), Runtime: changesOf(d.Runtime),
		Sites: make([]siteJSON, len(d.Sites)), Sizes: make([]sizeJSON, len(d.Sizes)), Goroutines: make([]goroutineJSON, len(d.Goroutines)),
	}
	if d.Joined != nil {
		heap := deltaOf(&d.Heap)
		j.Heap = &heap
	}
	for i := range d.Sites {
		j.Sites[i] = siteOf(&d.Sites[i])
	}
	for i := range d.Sizes {
		j.Sizes[i] = sizeOf(&d.Sizes[i])
	}
	for i, g := range d.Goroutines {
		j.Goroutines[i] = goroutineJSON{g.Function, FrameTexts(g.Stack), g.From, g.To, g.Change()}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	if err := e.Encode(j); err != nil {
		return fmt.Errorf("write the comparison as JSON: %w", err)
	}
	return nil
}

func sideOf(s *Side) sideJSON {
	j := sideJSON{Name: s.Name, Note: s.Note, Program: s.Info.Name, PID: s.Info.PID, Source: s.Info.Source, GoVersion: s.Info.GoVersion}
	if !s.Time.IsZero() {
		j.Time = &s.Time
	}
	return j
}

func filterOf(f profile.Filter) *filterJSON {
	if f == (profile.Filter{}) {
		return nil
	}
	j := &filterJSON{Mine: f.Mine}
	if f.Focus != nil {
		j.Focus = f.Focus.String()
	}
	if f.Ignore != nil {
		j.Ignore = f.Ignore.String()
	}
	return j
}

func changesOf(list []Change) []changeJSON {
	out := make([]changeJSON, len(list))
	for i := range list {
		c := &list[i]
		out[i] = changeJSON{c.Key, c.Name, c.Unit, c.From.Pointer(), c.To.Pointer(), c.Value().Pointer(), percent(c.Share())}
	}
	return out
}

func percent(r sampler.Reading) *float64 {
	r.Value *= 100
	return finite(r).Pointer()
}

func deltaOf(d *profile.Delta) deltaJSON {
	return deltaJSON{
		FromBytes: d.From.InUseBytes, ToBytes: d.To.InUseBytes, ChangeBytes: d.Change(),
		Percent:     percent(Share(d.From.InUseBytes, sampler.Known(d.Change()))),
		FromObjects: d.From.InUseObjects, ToObjects: d.To.InUseObjects, ChangeObjects: d.To.InUseObjects - d.From.InUseObjects,
		Uncertainty: d.Uncertainty, Certain: d.Certain(),
		FromAlloc: d.From.AllocBytes, ToAlloc: d.To.AllocBytes, ChangeAlloc: d.AllocChange(),
		FromAllocObjects: d.From.AllocObjects, ToAllocObjects: d.To.AllocObjects, ChangeAllocCount: d.To.AllocObjects - d.From.AllocObjects,
		AllocUncertainty: d.AllocUncertainty,
	}
}

func siteOf(s *profile.SiteChange) siteJSON {
	j := siteJSON{Site: FrameText(s.Frame), Stack: []string{}, deltaJSON: deltaOf(&s.Delta), StackCount: s.StackCount}
	if len(s.Stacks) > 0 {
		j.Stack = FrameTexts(s.Stacks[0].Frames)
	}
	if len(s.Stacks) > 1 {
		for i := range s.Stacks {
			j.Stacks = append(j.Stacks, stackJSON{FrameTexts(s.Stacks[i].Frames), deltaOf(&s.Stacks[i].Delta)})
		}
	}
	return j
}

func sizeOf(s *SizeClassChange) sizeJSON {
	j := sizeJSON{
		Size: s.Size, NoScan: s.NoScan, From: s.Bytes.From.Value, To: s.Bytes.To.Value, Change: s.Bytes.Value().Value,
		FromObjects: s.Objects.From.Value, ToObjects: s.Objects.To.Value, Objects: s.Objects.Value().Value,
	}
	if s.Uncertainty > 0 {
		j.Uncertainty = &s.Uncertainty
	}
	return j
}

// FrameText writes a frame on one line: "main.leak /src/app/main.go:12". It holds what the profile holds, control
// characters included.
func FrameText(f sampler.Frame) string {
	var b strings.Builder
	b.WriteString(f.Function)
	if f.File != "" {
		b.WriteByte(' ')
		b.WriteString(f.File)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(f.Line))
	}
	return b.String()
}

// FrameTexts writes each frame of a stack; it never returns nil.
func FrameTexts(stack []sampler.Frame) []string {
	out := make([]string, len(stack))
	for i, f := range stack {
		out[i] = FrameText(f)
	}
	return out
}
