package capture

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// heapProfile writes the table out as a profile in pprof's format, not gzipped.
func (t *table) heapProfile() (*sampler.Profile, error) {
	out := &sampler.Profile{Time: t.now.Time, Took: t.now.Took, Source: t.now.Source, Data: t.now.Whole}
	if out.Data != nil {
		return out, nil
	}
	b := heapBuilder{t: t, functions: make(map[int64]*profile.Function), locations: make(map[int64]*profile.Location)}
	if err := b.build(); err != nil {
		return nil, fmt.Errorf("heap profile: %w", err)
	}
	if err := b.p.CheckValid(); err != nil {
		return nil, fmt.Errorf("heap profile: %s", clip(err.Error()))
	}
	var data bytes.Buffer
	if err := b.p.WriteUncompressed(&data); err != nil {
		return nil, fmt.Errorf("heap profile: %w", err)
	}
	out.Data = data.Bytes()
	return out, nil
}

// heapBuilder makes a profile of a table.
type heapBuilder struct {
	t         *table
	p         profile.Profile
	functions map[int64]*profile.Function
	locations map[int64]*profile.Location
	expanded  int
}

func (b *heapBuilder) build() error {
	var head heapHead
	if err := decodeLine(b.t.head, &head); err != nil {
		return err
	}
	if len(head.Types) != b.t.width || len(head.Mappings) > maxPprofMs {
		return fmt.Errorf("%d sorts of values for %d columns, %d mappings", len(head.Types), b.t.width, len(head.Mappings))
	}
	b.p = profile.Profile{
		DefaultSampleType: head.Default, Period: head.Period, Comments: head.Comments, DropFrames: head.Drop, KeepFrames: head.Keep,
		DocURL: head.Doc, TimeNanos: b.t.now.Clock, DurationNanos: b.t.now.Duration,
	}
	for _, x := range head.Types {
		b.p.SampleType = append(b.p.SampleType, &profile.ValueType{Type: x.Type, Unit: x.Unit})
	}
	if head.Of != nil {
		b.p.PeriodType = &profile.ValueType{Type: head.Of.Type, Unit: head.Of.Unit}
	}
	for i, m := range head.Mappings {
		b.p.Mapping = append(b.p.Mapping, &profile.Mapping{
			ID: uint64(i + 1), Start: m.Start, Limit: m.Limit, Offset: m.Offset, File: m.File, BuildID: m.BuildID,
			HasFunctions: m.HasFunctions, HasFilenames: m.HasFilenames, HasLineNumbers: m.HasLineNumbers, HasInlineFrames: m.HasInlineFrames,
		})
	}
	for i, node := range b.t.rows {
		if err := b.sample(b.t.nodes[node], b.t.row(i)); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}

func (b *heapBuilder) sample(node ints, values []float64) error {
	if b.expanded += len(node); b.expanded > maxExpanded {
		return fmt.Errorf("more than %d references", maxExpanded)
	}
	if len(node) == 0 || node[0] < 0 || node[0] > int64(len(node)-1) {
		return errors.New("a stack with no end")
	}
	s := &profile.Sample{Value: make([]int64, len(values))}
	for i, v := range values {
		if math.IsNaN(v) || !exact(v) {
			return fmt.Errorf("the value %v", v)
		}
		s.Value[i] = int64(v)
	}
	for _, n := range node[1 : 1+node[0]] {
		l, err := b.location(n)
		if err != nil {
			return err
		}
		s.Location = append(s.Location, l)
	}
	b.p.Sample = append(b.p.Sample, s)
	return b.labels(s, node[1+node[0]:])
}

func (b *heapBuilder) labels(s *profile.Sample, list ints) error {
	for ; len(list) >= 4; list = list[4:] {
		key, err := b.t.text(list[1])
		if err != nil {
			return err
		}
		if list[0] == 0 {
			value, err := b.t.text(list[2])
			if err != nil {
				return err
			}
			if s.Label == nil {
				s.Label = make(map[string][]string)
			}
			s.Label[key] = append(s.Label[key], value)
			continue
		}
		unit, err := b.t.text(list[3])
		if err != nil {
			return err
		}
		if s.NumLabel == nil {
			s.NumLabel, s.NumUnit = make(map[string][]int64), make(map[string][]string)
		}
		s.NumLabel[key] = append(s.NumLabel[key], list[2])
		s.NumUnit[key] = append(s.NumUnit[key], unit)
	}
	return nil
}

func (b *heapBuilder) location(n int64) (*profile.Location, error) {
	if l := b.locations[n]; l != nil {
		return l, nil
	}
	node, err := b.t.node(n, 3)
	if err != nil {
		return nil, err
	}
	l := &profile.Location{ID: uint64(len(b.p.Location) + 1), Address: uint64(node[1]), IsFolded: node[2] != 0}
	if m := node[0]; m < 0 || m > int64(len(b.p.Mapping)) {
		return nil, fmt.Errorf("mapping %d of %d", m, len(b.p.Mapping))
	} else if m > 0 {
		l.Mapping = b.p.Mapping[m-1]
	}
	for node = node[3:]; len(node) >= 3; node = node[3:] {
		f, err := b.function(node[0])
		if err != nil {
			return nil, err
		}
		l.Line = append(l.Line, profile.Line{Function: f, Line: node[1], Column: node[2]})
	}
	b.locations[n] = l
	b.p.Location = append(b.p.Location, l)
	return l, nil
}

func (b *heapBuilder) function(n int64) (*profile.Function, error) {
	if f := b.functions[n]; f != nil {
		return f, nil
	}
	node, err := b.t.node(n, 4)
	if err != nil {
		return nil, err
	}
	f := &profile.Function{ID: uint64(len(b.p.Function) + 1), StartLine: node[3]}
	for i, into := range []*string{&f.Name, &f.SystemName, &f.Filename} {
		if *into, err = b.t.text(node[i]); err != nil {
			return nil, err
		}
	}
	b.functions[n] = f
	b.p.Function = append(b.p.Function, f)
	return f, nil
}

// text returns the text of that number.
func (t *table) text(n int64) (string, error) {
	if n < 0 || n >= int64(len(t.texts)) {
		return "", fmt.Errorf("text %d of %d", n, len(t.texts))
	}
	return t.texts[n], nil
}

// node returns the node of that number, which has least numbers at least.
func (t *table) node(n int64, least int) (ints, error) {
	if n < 0 || n >= int64(len(t.nodes)) || len(t.nodes[n]) < least {
		return nil, fmt.Errorf("node %d of %d, or one of less than %d numbers", n, len(t.nodes), least)
	}
	return t.nodes[n], nil
}
