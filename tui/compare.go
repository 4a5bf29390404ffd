package tui

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// markSlack is how long after the mark a reading still counts as one of the mark.
const markSlack = 15 * time.Second

// profileSlack is how long before a moment its heap profile may have been read without a word about it.
const profileSlack = 10 * time.Second

// compare opens a comparison, or reads the sides of the one on top anew.
func (m *model) compare() tea.Cmd {
	if c, ok := m.top().(*tab.Compare); ok {
		return c.Again()
	}
	return m.push(tab.NewCompare(m.pairs()))
}

// pairs are what can be compared now, what a person most likely means first.
func (m *model) pairs() []tab.Pair {
	moment := func(k tab.MomentKind) tab.Moment { return tab.Moment{Kind: k} }
	mark, shown, now := moment(tab.MomentMark), moment(tab.MomentShown), moment(tab.MomentNow)
	var pairs []tab.Pair
	if l, ok := m.top().(*tab.Snapshots); ok {
		if pair, ok := l.Pair(); ok {
			pairs = append(pairs, pair)
		}
	}
	if m.elsewhere() {
		pairs = append(pairs, tab.Pair{From: shown, To: now})
		switch at, was := m.st.Data().At, m.st.Data().Mark.At; {
		case was.IsZero() || was.Equal(at):
		case was.After(at):
			pairs = append(pairs, tab.Pair{From: shown, To: mark})
		default:
			pairs = append(pairs, tab.Pair{From: mark, To: shown})
		}
	}
	return append(pairs, tab.Pair{From: mark, To: now})
}

// elsewhere reports whether the moment that is shown is another than the last.
func (m *model) elsewhere() bool {
	if _, paused := m.st.Paused(); !paused {
		return false
	}
	if v := m.st.Visiting(); v != nil && v.File != "" && m.recording() {
		return v.Data.At.Before(v.Last)
	}
	return m.st.Live().Snapshot != nil && !m.st.Data().At.Equal(m.st.Live().At)
}

// whyNotCompare is the reason for which nothing can be compared.
func (m *model) whyNotCompare() string {
	if l, ok := m.top().(*tab.Snapshots); ok {
		if pair, ok := l.Pair(); ok && (pair.To.Kind == tab.MomentFile || m.st.Live().Snapshot != nil) {
			return ""
		}
		if m.st.Live().Snapshot == nil {
			return "choose two files with Space"
		}
	}
	switch {
	case !m.st.Watching:
		return "no program is watched: choose one with Enter, or two snapshots in the list of S"
	case m.st.Data().Snapshot == nil:
		return "nothing was read yet"
	}
	return ""
}

// reader reads one side of a comparison, in a command.
type reader func() (*analysis.Side, error)

// readSides reads both sides of a comparison.
func (m *model) readSides(req tab.ReadSides) tea.Cmd {
	from, to := m.side(req.Pair.From), m.side(req.Pair.To)
	return func() tea.Msg {
		answer := tab.Sides{For: req.For, Number: req.Number}
		if answer.From, answer.Err = from(); answer.Err == nil {
			answer.To, answer.Err = to()
		}
		return answer
	}
}

// side returns what reads a moment. What it needs of the State is taken now.
func (m *model) side(at tab.Moment) reader {
	st := m.st
	switch shown := *st.Data(); at.Kind {
	case tab.MomentFile:
		return func() (*analysis.Side, error) { return sideOfFile(at.Path) }
	case tab.MomentMark:
		mark, info, past := shown.Mark, st.Info, m.pastShown()
		return func() (*analysis.Side, error) { return sideOfMark(mark, info, past), nil }
	case tab.MomentShown:
		info, past := st.Info, m.pastShown()
		return func() (*analysis.Side, error) {
			return sideOfData(shown.At.Format(time.TimeOnly), withPast(shown, past), info), nil
		}
	}
	if m.recording() {
		past := pastOf(m.watch)
		return func() (*analysis.Side, error) { return sideOfEnd("the end", past) }
	}
	live, info, watch := *st.Live(), st.Target().Info, m.watch
	if live.Gone != nil {
		return func() (*analysis.Side, error) { return sideOfData("the end", withPast(live, pastOf(watch)), info), nil }
	}
	ctx := m.ctx
	return func() (*analysis.Side, error) { return sideOfData("now", fresh(ctx, watch, live), info), nil }
}

// sideOfData makes a side of what is known of a moment.
func sideOfData(name string, d tab.Data, info sampler.Info) *analysis.Side {
	s := &analysis.Side{
		Name: name, Time: d.At, Info: info, Sample: d.Snapshot, Heap: d.Heap, Goroutines: d.Goroutines, Mappings: d.Mappings,
	}
	if d.LedgerOK {
		s.Ledger = &d.Ledger
	}
	if d.Heap != nil && d.At.Sub(d.Heap.Time) > profileSlack && !d.Heap.Time.IsZero() {
		s.Note = "allocation sites of " + d.Heap.Time.Local().Format(time.TimeOnly)
	}
	return s
}

// withPast replaces what is older in the data than in the past, as a screen that did not show it left it.
func withPast(d tab.Data, past capture.Past) tab.Data {
	if past == nil {
		return d
	}
	if g, err := past.GoroutinesAt(d.At); err == nil && (d.Goroutines == nil || g.Time.After(d.Goroutines.Time)) {
		d.Goroutines = g
	}
	if maps, err := past.MappingsAt(d.At); err == nil && (d.Mappings == nil || maps.Time.After(d.Mappings.Time)) {
		d.Mappings = maps
	}
	if raw, err := past.HeapAt(d.At); err == nil && (d.Heap == nil || raw.Time.After(d.Heap.Time)) {
		if heap, err := profile.ParseHeap(*raw); err == nil {
			d.Heap = &heap
		}
	}
	return d
}

// sideOfMark makes a side of the mark. What was first read long after it is looked for in the past, or is missing.
func sideOfMark(mark tab.Mark, info sampler.Info, past capture.Past) *analysis.Side {
	d := tab.Data{At: mark.At, Snapshot: mark.Snapshot}
	late := func(t time.Time) bool { return t.Sub(mark.At) > markSlack }
	if h := mark.Heap; h != nil && !late(h.Time) {
		d.Heap = h
	}
	if g := mark.Goroutines; g != nil && !late(g.Time) {
		d.Goroutines = g
	}
	if maps := mark.Mappings; maps != nil && !late(maps.Time) {
		d.Mappings = maps
	}
	if d.Heap == nil || d.Goroutines == nil || d.Mappings == nil {
		found := withPast(tab.Data{At: mark.At.Add(markSlack)}, past)
		d.Heap, d.Goroutines, d.Mappings = first(d.Heap, found.Heap), first(d.Goroutines, found.Goroutines), first(d.Mappings, found.Mappings)
	}
	if d.Snapshot != nil {
		d.Ledger, d.LedgerOK = analysis.NewLedger(d.Snapshot, d.Mappings)
	}
	return sideOfData("mark", d, info)
}

func first[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// fresh reads anew what a comparison wants and a screen may not have shown, because the person asked. What cannot be
// read stays as it was.
func fresh(ctx context.Context, watch Watch, d tab.Data) tab.Data {
	if watch == nil {
		return d
	}
	ctx, stop := context.WithTimeout(ctx, readTimeout)
	defer stop()
	grown := d
	err := watch.Do(ctx, func(ctx context.Context, s sampler.Session) error {
		readAnew(ctx, s, &grown)
		return nil
	})
	if err != nil { // f may still be running: leave alone what it writes to
		return d
	}
	return grown
}

// readAnew replaces what the session can tell.
func readAnew(ctx context.Context, s sampler.Session, d *tab.Data) {
	if p, ok := s.(sampler.HeapProfiler); ok {
		if raw, err := p.HeapProfile(ctx); err == nil {
			if heap, err := profile.ParseHeap(raw); err == nil {
				d.Heap = &heap
			}
		}
	}
	if p, ok := s.(sampler.GoroutineProfiler); ok {
		if g, err := p.Goroutines(ctx); err == nil {
			d.Goroutines = &g
		}
	}
	if p, ok := s.(sampler.Mapper); ok {
		if maps, err := p.Mappings(ctx); err == nil {
			d.Mappings = &maps
		}
	}
}

// sideOfFile reads a snapshot, or the end of a recording.
func sideOfFile(path string) (*analysis.Side, error) {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if filepath.Ext(path) != capture.RecordingExtension {
		snap, err := capture.Read(path)
		if err != nil {
			return nil, err
		}
		side, err := analysis.SideOf(name, snap)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", path, err)
		}
		return side, nil
	}
	r, err := capture.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	return sideOfEnd(name, r)
}

// sideOfEnd makes a side of the last moment of a past.
func sideOfEnd(name string, past capture.Past) (*analysis.Side, error) {
	_, last := past.Span()
	v, err := readMoment(past, last, nil)
	if err != nil {
		return nil, err
	}
	d := v.Data
	d.Ledger, d.LedgerOK = analysis.NewLedger(d.Snapshot, d.Mappings)
	return sideOfData(name, d, v.Info), nil
}
