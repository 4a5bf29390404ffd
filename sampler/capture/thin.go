package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// retention says how far apart readings of an age are kept, and profiles.
type retention struct {
	age               time.Duration // from this one on
	readings, profile time.Duration
}

// retentions thins as a Series does, and goes on behind its end. Harder is 1, or how many times as hard.
func retentions(harder int) []retention {
	list := []retention{
		{10 * time.Minute, 10 * time.Second, time.Minute},
		{70 * time.Minute, time.Minute, 5 * time.Minute},
		{25 * time.Hour, 10 * time.Minute, 30 * time.Minute},
	}
	for i := range list {
		h := time.Duration(harder)
		list[i].age, list[i].readings, list[i].profile = list[i].age/h, list[i].readings*h, list[i].profile*h
	}
	return list
}

// spans returns how far apart readings and profiles of that age are kept; 0 keeps all.
func spans(list []retention, age time.Duration) (readings, profile time.Duration) {
	for _, r := range slices.Backward(list) {
		if age >= r.age {
			return r.readings, r.profile
		}
	}
	return 0, 0
}

// thinner writes what a shelf holds, thinned by age.
type thinner struct {
	from     *shelf
	to       io.Writer
	now      time.Time
	keep     []retention
	packer   *packer
	size     int64
	members  int
	moments  []*Moment // ready, not yet packed
	open     *Moment   // the span that is growing
	span     int64     // its number: time over the width of a span
	width    time.Duration
	last     [kindCount]time.Time // of the table that was kept last
	canceled <-chan struct{}
}

var errCanceled = errors.New("canceled")

// cyclesKept is how many collections of a span are kept: those with the longest pauses.
const cyclesKept = 16

// run writes everything but the end.
func (t *thinner) run() error {
	for i, x := range t.from.slots {
		select {
		case <-t.canceled:
			return errCanceled
		default:
		}
		var err error
		switch x.kind {
		case kindSamples:
			err = t.samples(x)
		case kindHeap, kindGoroutines, kindMappings, kindProcesses:
			err = t.table(i, x)
		case kindEnd:
		default: // the header, the log, and what a later version wrote
			err = t.copy(x)
		}
		if err != nil {
			return err
		}
	}
	t.closeSpan()
	return t.pack()
}

func (t *thinner) write(m member, err error) error {
	if err != nil {
		return err
	}
	_, err = t.to.Write(m.data)
	t.size += int64(len(m.data))
	t.members++
	return err
}

func (t *thinner) copy(x *slot) error {
	if x.kind == kindLog && t.now.Sub(time.Unix(0, x.to)) > t.keep[0].age {
		return nil // old output is not kept
	}
	data := x.data
	if data == nil {
		data = make([]byte, x.size)
		if err := t.from.fetch(x, data); err != nil {
			return err
		}
	}
	return t.write(member{x.entry, data}, nil)
}

func (t *thinner) samples(x *slot) error {
	list, err := t.from.decode(x)
	if err != nil {
		return err
	}
	for _, m := range list {
		width, _ := spans(t.keep, t.now.Sub(m.at()))
		number := int64(0)
		if width > 0 {
			number = m.at().UnixNano() / int64(width)
		}
		if t.open == nil || width == 0 || width != t.width || number != t.span {
			t.closeSpan()
			t.open, t.span, t.width = m, number, width
			continue
		}
		t.open = merge(t.open, m)
	}
	if len(t.moments) >= momentsAtOnce/10 {
		return t.pack()
	}
	return nil
}

func (t *thinner) closeSpan() {
	if t.open != nil {
		t.moments = append(t.moments, t.open)
		t.open = nil
	}
}

// pack writes the moments that are ready.
func (t *thinner) pack() error {
	list := t.moments
	t.moments = nil
	if len(list) == 0 {
		return nil
	}
	m, err := t.packer.samples(list)
	if err != nil && len(list) > 1 {
		t.moments = list[:len(list)/2]
		if err := t.pack(); err != nil {
			return err
		}
		t.moments = list[len(list)/2:]
		return t.pack()
	}
	return t.write(m, err)
}

// table keeps a table when the last one kept is old enough.
func (t *thinner) table(i int, x *slot) error {
	at := time.Unix(0, x.from)
	_, every := spans(t.keep, t.now.Sub(at))
	if last := t.last[x.kind]; every > 0 && !last.IsZero() && !at.Before(last) && at.Sub(last) < every {
		return nil
	}
	t.last[x.kind] = at
	found, err := t.from.tableIn(i)
	if err != nil {
		return err
	}
	switch x.kind {
	case kindHeap:
		return rewrite(t, found.heapProfile, func(p *sampler.Profile) (member, error) { return t.packer.heap(*p) })
	case kindGoroutines:
		return rewrite(t, found.goroutines, func(g *sampler.Goroutines) (member, error) { return t.packer.goroutines(*g) })
	case kindMappings:
		return rewrite(t, found.mappings, func(m *sampler.Mappings) (member, error) { return t.packer.mappings(*m) })
	default:
		return rewrite(t, found.processes, func(p *sampler.ProcessTable) (member, error) {
			return t.packer.processes(p, len(p.Processes))
		})
	}
}

func rewrite[T any](t *thinner, read func() (*T, error), pack func(*T) (member, error)) error {
	v, err := read()
	if err != nil {
		return err
	}
	return t.write(pack(v))
}

// merge returns the span of a and b, of which b is the later. A metric that the later reading lacks is still in the span.
func merge(a, b *Moment) *Moment {
	if b.Snapshot == nil {
		return a
	}
	if a.Snapshot == nil {
		return b
	}
	before := a.Snapshot.Samples
	low, high := extremes(a)
	out := &Moment{Snapshot: b.Snapshot, Info: b.Info, From: a.From, Count: a.Count + b.Count}
	out.Min, out.Max = extremes(b)
	found, next := make([]bool, len(before)), 0
	for n, s := range b.Snapshot.Samples {
		at := position(before, s.Metric, next)
		if at < 0 {
			continue
		}
		found[at], next = true, at+1
		out.Min[n] = min(out.Min[n], low[at])
		out.Max[n] = max(out.Max[n], high[at])
	}
	for at, s := range before {
		if !found[at] && len(b.Snapshot.Samples) < maxMetrics {
			b.Snapshot.Samples = append(b.Snapshot.Samples, s)
			out.Min, out.Max = append(out.Min, low[at]), append(out.Max, high[at])
		}
	}
	b.Snapshot.Cycles = worst(append(slices.Clone(a.Snapshot.Cycles), b.Snapshot.Cycles...))
	return out
}

// extremes returns the smallest and the largest values of the moment, in lists that may be changed.
func extremes(m *Moment) (low, high []float64) {
	if m.Min != nil {
		return m.Min, m.Max
	}
	return m.values(), m.values()
}

// position returns where the metric is, which is most likely at guess; -1 when it is not there.
func position(list []sampler.Sample, m sampler.Metric, guess int) int {
	if guess < len(list) && list[guess].Metric == m {
		return guess
	}
	return slices.IndexFunc(list, func(s sampler.Sample) bool { return s.Metric == m })
}

// worst returns the collections with the longest pauses, in the order they came in.
func worst(list []sampler.GCCycle) []sampler.GCCycle {
	for len(list) > cyclesKept {
		least := 0
		for i, c := range list[:len(list)-1] { // the last one tells the state
			if c.Pause.Value < list[least].Pause.Value {
				least = i
			}
		}
		list = slices.Delete(list, least, least+1)
	}
	return list
}

// thinning is the result of a rewriting.
type thinning struct {
	file    *os.File // in the recording's folder, under another name
	size    int64
	members int
	upTo    int64 // what of the old file it stands for
	err     error
}

// thin rewrites the first upTo bytes of the recording in into a new file beside path.
func thin(in io.ReaderAt, path string, upTo int64, now time.Time, harder int, canceled <-chan struct{}) thinning {
	out := thinning{upTo: upTo}
	from, _, cut, err := index(path, in, upTo)
	if err == nil && cut > 0 {
		err = fmt.Errorf("%d bytes of it are no whole member", cut)
	}
	if err != nil {
		out.err = err
		return out
	}
	if out.file, err = os.CreateTemp(filepath.Dir(path), ".heaprec-*"); err != nil {
		out.err = err
		return out
	}
	t := thinner{from: from, to: out.file, now: now, keep: retentions(harder), packer: newPacker(), canceled: canceled}
	if err = t.run(); err == nil {
		err = out.file.Sync()
	}
	out.size, out.members = t.size, t.members
	if err != nil {
		out.err = err
		out.discard()
	}
	return out
}

// discard removes the new file.
func (t *thinning) discard() {
	if t.file != nil {
		_, _ = t.file.Close(), os.Remove(t.file.Name()) // nothing can be done about it
		t.file = nil
	}
}
