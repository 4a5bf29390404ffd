package profile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// Holding is who holds the live sampled objects of one allocation site: all stacks of a walk whose innermost frame
// outside the runtime is that line, as in Site.
type Holding struct {
	Function string
	File     string
	Line     int
	Samples  int   // sampled objects that something holds
	Dead     int   // sampled objects that nothing holds any more
	Objects  int   // estimated from the samples
	Bytes    int64 // estimated from the samples
	// Ways are the ways in which the objects are held, by their bytes. Those that lead through like objects to the same
	// roots are one.
	Ways []sampler.HoldPath
}

// Key identifies the site, as Site.Key does.
func (h *Holding) Key() string { return h.Function + " " + h.File + ":" + strconv.Itoa(h.Line) }

// Holdings groups the sites of a walk, by the bytes they hold. Nothing of w is changed.
func Holdings(w *sampler.HeapWalk) []Holding {
	places := map[sampler.Frame]int{}
	var out []Holding
	for i := range w.Sites {
		s := &w.Sites[i]
		top := siteFrame(s.Stack)
		at, ok := places[top]
		if !ok {
			at = len(out)
			places[top] = at
			out = append(out, Holding{Function: top.Function, File: top.File, Line: top.Line})
		}
		h := &out[at]
		h.Samples += s.Samples
		h.Dead += s.Dead
		h.Objects += s.Objects
		h.Bytes += s.Bytes
		h.Ways = append(h.Ways, s.Paths...)
	}
	for i := range out {
		out[i].settle()
	}
	slices.SortStableFunc(out, func(a, b Holding) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return out
}

// settle makes one of the ways that look alike, and the site's numbers their sums where only rounding tells them apart.
func (h *Holding) settle() {
	ways, objects := len(h.Ways), 0
	h.Ways = likeWays(h.Ways)
	for i := range h.Ways {
		objects += h.Ways[i].Objects
	}
	if d := objects - h.Objects; -ways <= d && d <= ways {
		h.Objects = objects
	}
}

// siteFrame is the frame that a stack's site is named by, as in topFrame.
func siteFrame(stack []sampler.Frame) sampler.Frame {
	if own := withoutRuntime(stack); len(own) > 0 {
		return own[0]
	}
	return sampler.Frame{Function: "(unknown)"}
}

// likeWays makes one of the paths that look alike, the largest first. Lists of different length look alike.
func likeWays(paths []sampler.HoldPath) []sampler.HoldPath {
	places := map[string]int{}
	out := make([]sampler.HoldPath, 0, len(paths))
	for _, p := range paths {
		look := lookOf(&p)
		at, ok := places[look]
		if !ok {
			places[look] = len(out)
			out = append(out, p)
			continue
		}
		sum := &out[at]
		if p.Bytes > sum.Bytes {
			sum.Steps = p.Steps
		}
		sum.Samples += p.Samples
		sum.Objects += p.Objects
		sum.Bytes += p.Bytes
	}
	slices.SortStableFunc(out, func(a, b sampler.HoldPath) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return out
}

// lookOf is what two paths have in common that look alike. The object itself may differ in size.
func lookOf(p *sampler.HoldPath) string {
	var b strings.Builder
	for i, s := range p.Steps {
		size := s.Size
		if i == 0 {
			size = 0
		}
		b.WriteString(strconv.FormatInt(size, 10) + "\x00" + s.Type + "\x00" + s.Field + "\x00")
		if s.Kind == sampler.StepOmit {
			b.WriteString("omitted\x00")
		}
	}
	for _, r := range p.Roots {
		b.WriteString(string(r.Kind) + "\x00" + r.Name + "\x00")
	}
	b.WriteString(p.Function + "\x00" + strconv.FormatBool(p.MoreRoots))
	return b.String()
}
