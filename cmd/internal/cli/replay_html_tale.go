package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// The bounds of what a page tells of a recording besides its lines.
const (
	mostMarks        = 60
	mostTaleWarnings = 20
)

// total is what a metric was over a recording.
type total struct {
	first, last, low, high float64
	readings               int
}

// tale is what a recording tells while it is read from its beginning to its end, in memory that does not grow with it. It
// is a past that listens: who reads all of it, reads for the tale too.
type tale struct {
	capture.Past
	ctx      context.Context
	from, to time.Time
	progress *progress
	path     string

	drawn     *drawn
	totals    map[sampler.Metric]*total
	readings  int           // thinned ones counted
	failed    int           // moments at which nothing could be read
	most      int           // how many readings a moment stands for at most
	took      time.Duration // by all readings that were kept, and how many those were
	kept      int
	warnings  []string
	warned    map[string]bool
	marks     []page.Mark
	unmarked  int // moments that were worth a mark, beyond mostMarks
	presence  *trace
	info      sampler.Info
	first     *sampler.Snapshot // the first and the last reading that tell the resident memory, if any does
	last      *sampler.Snapshot
	beginning beginning
}

// beginning is the costlier readings that came first.
type beginning struct {
	heap       *sampler.Profile
	goroutines *sampler.Goroutines
	maps       *sampler.Mappings
	open       [3]bool // which are still to be found
}

func newTale(ctx context.Context, path string, past capture.Past, p *progress) *tale {
	from, to := past.Span()
	t := &tale{
		Past: past, ctx: ctx, from: from, to: to, progress: p, path: path,
		drawn: newDrawn(from, to), totals: map[sampler.Metric]*total{}, warned: map[string]bool{}, presence: newTrace(from, to),
	}
	_, heap := past.HeapAt(to)
	_, routines := past.GoroutinesAt(to)
	_, maps := past.MappingsAt(to)
	t.beginning.open = [3]bool{heap == nil, routines == nil, maps == nil}
	return t
}

// All yields every moment and takes it in.
func (t *tale) All() iter.Seq2[*capture.Moment, error] {
	return func(yield func(*capture.Moment, error) bool) {
		defer t.progress.clear()
		n := 0
		for m, err := range t.Past.All() {
			if err == nil {
				t.moment(m)
				if n++; n%1000 == 0 {
					t.say()
				}
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func (t *tale) say() {
	if t.last == nil || !t.to.After(t.from) {
		return
	}
	part := float64(t.presence.last.Time.Sub(t.from)) / float64(t.to.Sub(t.from))
	t.progress.say(time.Now(), "reading "+t.path+": "+unit.Percent(part))
}

// moment takes a reading, or the reason why there is none.
func (t *tale) moment(m *capture.Moment) {
	if m.Snapshot == nil {
		if m.Err != nil && !errors.Is(m.Err, sampler.ErrGone) {
			t.failed++
			t.warn(plainly(m.Err))
		}
		return
	}
	s := m.Snapshot
	t.readings += m.Count
	t.most = max(t.most, m.Count)
	t.took += s.Took
	t.kept++
	for _, w := range s.Warnings {
		t.warn(plainly(w))
	}
	t.change(m)
	begin := m.From
	if begin.IsZero() || begin.After(s.Time) {
		begin = s.Time
	}
	t.presence.add(begin, s.Time, 0, 0, 0)
	for i, sample := range s.Samples {
		low, high := sample.Value, sample.Value
		if i < len(m.Min) && i < len(m.Max) {
			low, high = m.Min[i], m.Max[i]
		}
		t.sum(sample.Metric, low, high, sample.Value)
		t.drawn.metric(sample.Metric, begin, s.Time, low, high, sample.Value)
	}
	t.drawn.rates(s)
	for i := range s.Cycles {
		c := &s.Cycles[i]
		if c.End.Before(t.from) {
			continue // the source told of the last ones when it was opened
		}
		if c.Kind == "forced" {
			t.mark(c.End, "collection forced", page.Plain)
		}
		if v := c.Pause; v.OK {
			t.drawn.metric(cyclePause, c.End, c.End, v.Value, v.Value, v.Value)
		}
	}
	t.ends(s)
	t.begins(s.Time)
}

func (t *tale) sum(m sampler.Metric, low, high, last float64) {
	v := t.totals[m]
	if v == nil {
		if len(t.totals) >= sampler.MaxMetrics {
			return
		}
		v = &total{first: last, low: low, high: high}
		t.totals[m] = v
	}
	v.last, v.low, v.high = last, min(v.low, low), max(v.high, high)
	v.readings++
}

// ends keeps the first and the last reading. A process that is just ending tells no resident memory: what it had before is
// what is asked about.
func (t *tale) ends(s *sampler.Snapshot) {
	_, whole := s.Get(sampler.ProcessRSS)
	if t.first == nil {
		t.first = s
	}
	if t.last == nil || whole {
		t.last = s
		return
	}
	if _, had := t.last.Get(sampler.ProcessRSS); !had {
		t.last = s
	}
}

// begins looks for the costlier readings that came first.
func (t *tale) begins(at time.Time) {
	b := &t.beginning
	if b.open[0] {
		if p, err := t.HeapAt(at); err == nil {
			b.heap, b.open[0] = p, false
		}
	}
	if b.open[1] {
		if g, err := t.GoroutinesAt(at); err == nil {
			b.goroutines, b.open[1] = g, false
		}
	}
	if b.open[2] {
		if m, err := t.MappingsAt(at); err == nil {
			b.maps, b.open[2] = m, false
		}
	}
}

// change marks that another process is watched, or that it is read in another way.
func (t *tale) change(m *capture.Moment) {
	before := t.info
	t.info = m.Info
	switch {
	case t.kept == 1:
	case before.PID != m.Info.PID && m.Info.PID != 0 && before.PID != 0:
		t.mark(m.Snapshot.Time, fmt.Sprintf("another process: %d", m.Info.PID), page.Warn)
	case before.Source != m.Info.Source:
		t.mark(m.Snapshot.Time, "read from "+m.Info.Source, page.Faint)
	}
}

func (t *tale) mark(at time.Time, label string, tone page.Tone) {
	if len(t.marks) >= mostMarks {
		t.unmarked++
		return
	}
	t.marks = append(t.marks, page.Mark{Time: at, Label: label, Tone: tone})
}

func (t *tale) warn(text string) {
	if !t.warned[text] && len(t.warned) < mostTaleWarnings {
		t.warned[text] = true
		t.warnings = append(t.warnings, text)
	}
}

// end takes the end of the target, once everything was read, and the times without readings.
func (t *tale) end() {
	t.presence.points() // a gap before the last reading is known only now
	for _, at := range t.presence.breaks {
		t.mark(at, "no readings", page.Faint)
	}
	if gone := t.Gone(); gone != nil {
		at := gone.At
		if at.IsZero() || at.Before(t.from) {
			at = t.to
		}
		t.marks = append(t.marks, page.Mark{Time: at, Label: gone.Error(), Tone: page.Warn})
	}
}

// notes is what weakens or thins what the page shows.
func (t *tale) notes() []string {
	var out []string
	if t.most > 1 {
		out = append(out, fmt.Sprintf("Older readings were thinned as the recording grew: a moment stands for up to %s of them. The smallest and the largest values are kept.", unit.Count(float64(t.most))))
	}
	if t.failed > 0 {
		out = append(out, fmt.Sprintf("At %s nothing could be read.", unit.Things(t.failed, "moment")))
	}
	if t.unmarked > 0 {
		out = append(out, fmt.Sprintf("%s are not marked on the charts.", unit.Things(t.unmarked, "further moment")))
	}
	return append(out, t.warnings...)
}
