package profile

import (
	"cmp"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

// SiteRow is a site and how it changed.
type SiteRow struct {
	Site
	Change      sampler.Reading // bytes in use now, less those at the mark
	AllocChange sampler.Reading // bytes allocated since the mark
	AllocPerSec sampler.Reading // bytes allocated per second since the profile before
	// ChangeError is one standard deviation of Change by sampling alone, in bytes. Below about twice that, a change is
	// not told from chance.
	ChangeError float64
}

// Rows joins a profile with the one at the mark and the one before it, either of which may be nil: what they are needed
// for is then unknown. A site that an earlier profile lacks held nothing then; one that only the mark has holds nothing
// now, and has a row. The rate is unknown where time did not pass, and where fewer bytes were allocated than before, which
// means that the program was started anew. Rows come in descending order of bytes in use, equal ones by function and line.
func Rows(now Heap, mark, before *Heap) []SiteRow {
	atMark, atBefore := byKey(mark), byKey(before)
	rows := make([]SiteRow, 0, len(now.Sites))
	for i := range now.Sites {
		s := &now.Sites[i]
		key := s.key()
		row := SiteRow{Site: *s}
		row.since(mark != nil, atMark[key])
		if before != nil {
			row.AllocPerSec = allocRate(s, atBefore[key], now.Time.Sub(before.Time).Seconds())
		}
		delete(atMark, key)
		rows = append(rows, row)
	}
	for _, s := range atMark {
		if s.InUseBytes == 0 {
			continue
		}
		row := SiteRow{Site: Site{Function: s.Function, File: s.File, Line: s.Line, Stack: s.Stack, Stacks: s.Stacks, StackCount: s.StackCount}}
		row.since(true, s)
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b SiteRow) int {
		return cmp.Or(cmp.Compare(b.InUseBytes, a.InUseBytes), cmp.Compare(b.AllocBytes, a.AllocBytes), compareKeys(&a.Site, &b.Site))
	})
	return rows
}

func (r *SiteRow) since(known bool, mark *Site) {
	if !known {
		return
	}
	if mark == nil {
		mark = &Site{}
	}
	r.Change = sampler.Known(r.InUseBytes - mark.InUseBytes)
	r.ChangeError = changeError(&r.Site, mark)
	if r.AllocBytes >= mark.AllocBytes {
		r.AllocChange = sampler.Known(r.AllocBytes - mark.AllocBytes)
	}
}

// key is what Key says, comparable without building a text.
func (s *Site) key() sampler.Frame {
	return sampler.Frame{Function: s.Function, File: s.File, Line: s.Line}
}

func byKey(h *Heap) map[sampler.Frame]*Site {
	if h == nil {
		return nil
	}
	m := make(map[sampler.Frame]*Site, len(h.Sites))
	for i := range h.Sites {
		m[h.Sites[i].key()] = &h.Sites[i]
	}
	return m
}

func allocRate(s, before *Site, seconds float64) sampler.Reading {
	allocated := s.AllocBytes
	if before != nil {
		allocated -= before.AllocBytes
	}
	if seconds <= 0 || allocated < 0 {
		return sampler.Reading{}
	}
	return sampler.Known(allocated / seconds)
}

// changeError is the sampling error of a change. Objects that were there both times are the same samples and add nothing;
// those that came and those that went add theirs. How many came is at most what was allocated since.
func changeError(now, mark *Site) float64 {
	came := math.Min(math.Max(now.AllocBytes-mark.AllocBytes, now.InUseBytes-mark.InUseBytes), now.InUseBytes)
	if now.AllocBytes < mark.AllocBytes {
		came = now.InUseBytes // another run of the program
	}
	came = math.Max(came, 0)
	went := math.Max(mark.InUseBytes-(now.InUseBytes-came), 0)
	return math.Sqrt(variancePart(now, came) + variancePart(mark, went))
}

func variancePart(s *Site, bytes float64) float64 {
	if s.InUseBytes <= 0 {
		return 0
	}
	return s.Uncertainty * s.Uncertainty * math.Min(bytes/s.InUseBytes, 1)
}
