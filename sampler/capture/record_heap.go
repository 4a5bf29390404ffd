package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// What of a profile is taken apart. A parser builds some twenty times the bytes it reads.
const (
	maxTaken   = 16 << 20
	maxFields  = 1 << 20
	maxWhole   = 8 << 20 // of a profile kept as it came
	maxPprofMs = 4096    // mappings
)

// heapHead is the head of a heap profile's table.
type heapHead struct {
	Types    []typeJSON    `json:"types"`
	Default  string        `json:"default,omitempty"`
	Period   int64         `json:"period,omitempty"`
	Of       *typeJSON     `json:"period_type,omitempty"`
	Mappings []pprofMapped `json:"mappings,omitempty"`
	Comments []string      `json:"comments,omitempty"`
	Drop     string        `json:"drop_frames,omitempty"`
	Keep     string        `json:"keep_frames,omitempty"`
	Doc      string        `json:"doc_url,omitempty"`
}

type typeJSON struct {
	Type string `json:"type"`
	Unit string `json:"unit"`
}

type pprofMapped struct {
	Start, Limit, Offset                                        uint64
	File, BuildID                                               string
	HasFunctions, HasFilenames, HasLineNumbers, HasInlineFrames bool
}

// heap makes a member of a heap profile.
func (p *packer) heap(in sampler.Profile) (member, error) {
	now := nowJSON{Time: in.Time, Took: in.Took, Source: in.Source}
	pr, err := takeApart(in.Data)
	if err != nil { // keep it for whoever understands it
		if len(in.Data) > maxWhole {
			return member{}, fmt.Errorf("heap profile of %d bytes: %w", len(in.Data), err)
		}
		now.Whole = in.Data
		p.chains[kindHeap] = nil
		return p.tableOf(kindHeap, 0, now, func(*chain, *table) error { return nil })
	}
	now.Clock, now.Duration = pr.TimeNanos, pr.DurationNanos
	return p.tableOf(kindHeap, len(pr.SampleType), now, func(c *chain, t *table) error { return fillHeap(c, t, pr) })
}

// takeApart parses a profile that is not too large and whose numbers a table can hold.
func takeApart(data []byte) (*profile.Profile, error) {
	if isGzip(data) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if data, err = io.ReadAll(io.LimitReader(z, maxTaken+1)); err != nil {
			return nil, err
		}
	}
	if len(data) > maxTaken || topFields(data) > maxFields {
		return nil, fmt.Errorf("more than %d bytes unpacked, or %d fields", maxTaken, maxFields)
	}
	pr, err := profile.ParseUncompressed(data)
	if err != nil {
		return nil, err
	}
	if err := pr.CheckValid(); err != nil {
		return nil, err
	}
	if len(pr.SampleType) > maxWidth || len(pr.Mapping) > maxPprofMs {
		return nil, fmt.Errorf("%d sorts of values, %d mappings", len(pr.SampleType), len(pr.Mapping))
	}
	for _, s := range pr.Sample {
		for _, v := range s.Value {
			if !exact(float64(v)) {
				return nil, fmt.Errorf("the value %d is too large", v)
			}
		}
	}
	return pr, nil
}

// topFields counts the outer fields of a protobuf message, as far as it is one.
func topFields(b []byte) (n int) {
	for ; len(b) > 0; n++ {
		tag, size := binary.Uvarint(b)
		if size <= 0 {
			return n
		}
		b = b[size:]
		skip := 0
		switch tag & 7 {
		case 0:
			_, skip = binary.Uvarint(b)
		case 1:
			skip = 8
		case 2:
			length, prefix := binary.Uvarint(b)
			if prefix <= 0 || length > uint64(len(b)) {
				return n
			}
			skip = prefix + int(length)
		case 5:
			skip = 4
		}
		if skip <= 0 || skip > len(b) {
			return n
		}
		b = b[skip:]
	}
	return n
}

func fillHeap(c *chain, t *table, pr *profile.Profile) error {
	head := heapHead{
		Default: pr.DefaultSampleType, Period: pr.Period, Comments: pr.Comments, Drop: pr.DropFrames, Keep: pr.KeepFrames, Doc: pr.DocURL,
	}
	for _, v := range pr.SampleType {
		head.Types = append(head.Types, typeJSON{v.Type, v.Unit})
	}
	if pr.PeriodType != nil {
		head.Of = &typeJSON{pr.PeriodType.Type, pr.PeriodType.Unit}
	}
	place := make(map[*profile.Mapping]int64, len(pr.Mapping))
	for i, m := range pr.Mapping {
		place[m] = int64(i + 1)
		head.Mappings = append(head.Mappings, pprofMapped{
			m.Start, m.Limit, m.Offset, m.File, m.BuildID, m.HasFunctions, m.HasFilenames, m.HasLineNumbers, m.HasInlineFrames,
		})
	}
	var err error
	if t.head, err = json.Marshal(head); err != nil {
		return err
	}
	known := make(map[*profile.Location]int64, len(pr.Location))
	for _, s := range pr.Sample {
		node := []int64{int64(len(s.Location))}
		for _, l := range s.Location {
			n, ok := known[l]
			if !ok {
				n = locationNode(c, l, place[l.Mapping])
				known[l] = n
			}
			node = append(node, n)
		}
		t.rows = append(t.rows, int(c.node(labelNode(c, node, s)...)))
		for _, v := range s.Value {
			t.values = append(t.values, float64(v))
		}
	}
	return nil
}

func locationNode(c *chain, l *profile.Location, mapping int64) int64 {
	node := []int64{mapping, int64(l.Address), 0}
	if l.IsFolded {
		node[2] = 1
	}
	for _, line := range l.Line {
		f := line.Function
		if f == nil {
			f = new(profile.Function)
		}
		node = append(node, c.node(c.text(f.Name), c.text(f.SystemName), c.text(f.Filename), f.StartLine), line.Line, line.Column)
	}
	return c.node(node...)
}

// labelNode appends the labels of a sample: a sort, a key, a value and a unit each.
func labelNode(c *chain, node []int64, s *profile.Sample) []int64 {
	for _, key := range slices.Sorted(maps.Keys(s.Label)) {
		for _, v := range s.Label[key] {
			node = append(node, 0, c.text(key), c.text(v), 0)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.NumLabel)) {
		units := s.NumUnit[key]
		for i, v := range s.NumLabel[key] {
			unit := int64(0)
			if i < len(units) {
				unit = c.text(units[i])
			}
			node = append(node, 1, c.text(key), v, unit)
		}
	}
	return node
}
