package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// html writes the file as a page. Nothing is written before all of it was read.
func (o replay) html(ctx context.Context, f *file, out io.Writer) error {
	var p *page.Page
	var err error
	if past, ok := f.past.(*snapshotPast); ok {
		p, err = snapshotPage(f, past)
	} else {
		p, err = recordingPage(ctx, f, newProgress(o.env.Err))
	}
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Write(&b, p); err != nil {
		return err
	}
	if _, err := out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// scene is everything that a file tells of one moment, and what it does not.
type scene struct {
	sight   analysis.Sight
	missing []string // parts that are not there, and why
}

// sceneAt reads what a past tells of a moment.
func sceneAt(past capture.Past, snap *sampler.Snapshot, info sampler.Info) (*scene, error) {
	s := &scene{sight: analysis.Sight{Info: info, Snapshot: snap}}
	at := snap.Time
	golang := goTarget(info, snap)
	heap, err := past.HeapAt(at)
	switch {
	case err == nil:
		parsed, err := profile.ParseHeap(*heap)
		if err != nil {
			return nil, &usageError{fmt.Errorf("read the heap profile: %w", err), ""}
		}
		s.sight.Heap = &parsed
	case !errors.Is(err, capture.ErrNotRecorded):
		return nil, &usageError{err, ""}
	case golang:
		s.missing = append(s.missing, "There is no heap profile in it: allocation sites and flame graphs are missing.")
	}
	routines, err := past.GoroutinesAt(at)
	switch {
	case err == nil:
		s.sight.Goroutines = routines
	case !errors.Is(err, capture.ErrNotRecorded):
		return nil, &usageError{err, ""}
	case golang:
		s.missing = append(s.missing, "There are no goroutines in it.")
	}
	maps, err := past.MappingsAt(at)
	switch {
	case err == nil:
		s.sight.Mappings = maps
	case !errors.Is(err, capture.ErrNotRecorded):
		return nil, &usageError{err, ""}
	default:
		s.missing = append(s.missing, "There are no mappings in it: files are not told apart in the ledger.")
	}
	return s, nil
}

// goTarget reports whether the target is known to be a Go program.
func goTarget(info sampler.Info, snap *sampler.Snapshot) bool {
	_, tells := snap.Get(sampler.GoClassObjects)
	return tells || info.GoVersion != ""
}

// parts are what analysis finds in the scene, with flame graphs behind the allocation sites.
func (s *scene) parts() ([]page.Part, []string, error) {
	found, warnings := analysis.Picture(&s.sight)
	var parts []page.Part
	for i := range found {
		f := &found[i]
		if f.Analyzer == "goroutines" {
			f.Rows = nil // those of the groups with their stacks say more
		}
		part := picturePart(f)
		switch f.Analyzer {
		case "ledger":
			part.Note += " The parts sum to it; what cannot be explained is one of them."
		case "goroutines":
			part.Blocks = append(part.Blocks, goroutineStacks(s.sight.Goroutines))
		}
		parts = append(parts, part)
		if f.Analyzer == "hotspots" && s.sight.Heap != nil && s.sight.Heap.Empty == "" {
			flames, err := heapFlames(s.sight.Heap)
			if err != nil {
				return nil, nil, fmt.Errorf("draw the heap profile: %w", err)
			}
			parts = append(parts, flames...)
		}
	}
	if h := s.sight.Heap; h != nil {
		warnings = append(warnings, h.Warnings...)
		if h.Empty != "" {
			warnings = append(warnings, "no allocation sites: "+h.Empty)
		}
	}
	return parts, warnings, nil
}

// fileFacts say what a file is of.
func fileFacts(path string, info *sampler.Info) []page.Fact {
	facts := []page.Fact{{Name: "file", Value: filepath.Base(path), Code: true}}
	for _, f := range []page.Fact{
		{Name: "target", Value: info.Target.String(), Code: true},
		{Name: "program", Value: info.Name, Code: true}, {Name: "process", Value: pidWords(info.PID)}, {Name: "command", Value: info.Command, Code: true},
		{Name: "user", Value: info.User}, {Name: "container", Value: info.Container, Code: true}, {Name: "Go", Value: info.GoVersion},
		{Name: "started", Value: moment(info.Started)}, {Name: "read from", Value: info.Source},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	for _, f := range info.Facts {
		facts = append(facts, page.Fact{Name: f.Name, Value: f.Value})
	}
	return facts
}

// snapshotPage is a snapshot as a page.
func snapshotPage(f *file, past *snapshotPast) (*page.Page, error) {
	snap, info := past.s.Sample, past.s.Info
	s, err := sceneAt(past, snap, info)
	if err != nil {
		return nil, err
	}
	parts, warnings, err := s.parts()
	if err != nil {
		return nil, err
	}
	p := &page.Page{Title: "Snapshot of " + subjectName(&info), Facts: fileFacts(f.path, &info), Parts: parts}
	p.Facts = append(p.Facts,
		page.Fact{Name: "read at", Value: moment(snap.Time)}, page.Fact{Name: "the reading took", Value: unit.Duration(snap.Took)})
	if past.s.Note != "" {
		p.Facts = append(p.Facts, page.Fact{Name: "note", Value: past.s.Note})
	}
	if past.s.Meta.Version != "" {
		p.Facts = append(p.Facts, page.Fact{Name: "made by", Value: "heaptop " + past.s.Meta.Version})
	}
	for _, w := range snap.Warnings {
		p.Notes = append(p.Notes, plainly(w))
	}
	p.Notes = distinct(append(append(p.Notes, warnings...), s.missing...))
	p.Parts = append(p.Parts, pauseParts(snap)...)
	p.Parts = append(p.Parts, cycleParts(snap.Cycles)...)
	p.Parts = append(p.Parts, metricsPart(snap))
	return p, nil
}

// subjectName names the target in a heading.
func subjectName(info *sampler.Info) string {
	name := info.Name
	if name == "" {
		name = info.Target.String()
	}
	if info.PID != 0 {
		name += fmt.Sprintf(" %d", info.PID)
	}
	return name
}

func distinct(list []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}
