package analysis

import (
	"fmt"
	"math"
	"path"
	"strconv"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// The most that a report lists.
const (
	mostHotspots = 200
	mostWays     = 16
	mostKeepers  = 20
)

// HotspotInput is what hotspots are found in. What is nil was not read.
type HotspotInput struct {
	From, To   TracePoint // To.Heap is what the program holds; From is an earlier moment of it, or has no profile
	Goroutines *sampler.Goroutines
	Spans      *sampler.Spans
	Walk       *sampler.HeapWalk
	Threshold  float64 // bytes: sites that hold less are not listed
}

// FindHotspots tells where memory is and who holds it, as Hotspots does; where garbage comes from, which takes an earlier
// moment to compare with; what stays; the largest goroutine stacks; and the most fragmented size classes.
func FindHotspots(in *HotspotInput) []Finding {
	out := Hotspots(in.To.Heap, in.Walk, in.Threshold)
	var t *Trace
	if in.From.Heap != nil && in.To.Heap != nil {
		between := TraceBetween(in.From, in.To)
		t = &between
		out = append(out, garbageFinding(t))
	}
	if in.To.Heap != nil {
		out = append(out, staysFinding(in, t)...)
	}
	if in.Goroutines != nil {
		out = append(out, stacksFinding(in.Goroutines)...)
	}
	if in.Spans != nil {
		out = append(out, classesFinding(in.Spans)...)
	}
	return out
}

// Hotspots tells where memory is: the allocation sites that hold at least threshold bytes, the largest first. With a
// walk it also tells who holds them, and what each variable and goroutine keeps alive. Either may be nil.
func Hotspots(heap *profile.Heap, walk *sampler.HeapWalk, threshold float64) []Finding {
	var out []Finding
	if heap != nil {
		out = append(out, hotSites(heap, holdingsOf(walk), threshold))
	}
	if walk != nil {
		out = append(out, keepers(walk))
	}
	return out
}

// holdingsOf returns who holds the objects of each site, by profile.Site.Key; nothing without a walk.
func holdingsOf(walk *sampler.HeapWalk) map[string]*profile.Holding {
	holdings := map[string]*profile.Holding{}
	if walk != nil {
		for _, h := range profile.Holdings(walk) {
			holdings[h.Key()] = &h
		}
	}
	return holdings
}

func hotSites(heap *profile.Heap, holdings map[string]*profile.Holding, threshold float64) Finding {
	f := Finding{Analyzer: "hotspots", Severity: Info, Sites: []FoundSite{}}
	listed, bytes := 0.0, 0.0
	for i := range heap.Sites {
		s := &heap.Sites[i]
		if s.InUseBytes <= 0 || s.InUseBytes < threshold || len(f.Sites) == mostHotspots {
			break // they come in descending order
		}
		listed++
		bytes += s.InUseBytes
		f.Sites = append(f.Sites, foundSite(s, heap.TotalInUse, holdings[s.Key()]))
	}
	f.Evidence = map[string]float64{
		"in_use_bytes": heap.TotalInUse, "listed_bytes": bytes, "sites_count": float64(len(heap.Sites)), "listed_count": listed,
		"threshold_bytes": threshold,
	}
	if heap.Rate > 0 {
		f.Evidence["sample_rate_bytes"] = float64(heap.Rate)
	}
	f.Title = unit.Bytes(heap.TotalInUse) + " in use in " + unit.Things(len(heap.Sites), "allocation site")
	return f
}

// SiteName names an allocation site as reports do: the function and its line, without the paths of package and file.
func SiteName(function, file string, line int) string {
	name := profile.ShortName(function)
	if file != "" {
		name += " " + path.Base(file) + ":" + strconv.Itoa(line)
	}
	return name
}

func foundSite(s *profile.Site, total float64, h *profile.Holding) FoundSite {
	out := FoundSite{
		Site: SiteName(s.Function, s.File, s.Line), Stack: FrameTexts(s.Stack), Bytes: s.InUseBytes,
		Uncertainty: math.Round(s.Uncertainty), SharePercent: partOf(s.InUseBytes, total), Objects: s.InUseObjects, Samples: s.Samples,
		AllocBytes: s.AllocBytes, Holders: []FoundHolder{},
	}
	if h == nil {
		return out
	}
	for i := range h.Ways[:min(len(h.Ways), mostWays)] {
		out.Holders = append(out.Holders, foundHolder(&h.Ways[i], h.Bytes))
	}
	return out
}

func foundHolder(w *sampler.HoldPath, total int64) FoundHolder {
	out := FoundHolder{
		MoreRoots: w.MoreRoots, Function: w.Function, Bytes: w.Bytes, SharePercent: partOf(float64(w.Bytes), float64(total)),
		Objects: w.Objects, Samples: w.Samples, Text: profile.HoldersText(w), Roots: []string{}, Path: []string{},
	}
	for _, r := range w.Roots {
		out.Roots = append(out.Roots, r.String())
	}
	for i := len(w.Steps) - 1; i >= 0; i-- {
		out.Path = append(out.Path, profile.StepText(&w.Steps[i]))
	}
	return out
}

// keepers is what the walk tells of the whole heap.
func keepers(w *sampler.HeapWalk) Finding {
	f := Finding{Analyzer: "holders", Severity: Info, Sites: []FoundSite{}, Evidence: map[string]float64{
		"reached_bytes": float64(w.Reached), "reached_objects": float64(w.Objects), "read_bytes": float64(w.Read),
		"shared_bytes": float64(w.Shared), "took_seconds": w.Took.Seconds(),
	}}
	f.Title = "Reached " + unit.Bytes(float64(w.Reached))
	if w.Marked.OK {
		f.Evidence["marked_bytes"] = w.Marked.Value
		if float64(w.Reached) > 1.005*w.Marked.Value {
			f.Title += ": the " + unit.Bytes(w.Marked.Value) + " that the collector marked, and newer objects"
		} else {
			f.Title += " of the " + unit.Bytes(w.Marked.Value) + " that the collector marked"
		}
	}
	f.Title += fmt.Sprintf(", in %s; %s were read in %s",
		unit.Things(w.Objects, "object"), unit.Bytes(float64(w.Read)), unit.Duration(w.Took))
	f.Holders = largestRoots(w)
	return f
}

// largestRoots are the variables and goroutines that keep most of the heap alive, the largest first.
func largestRoots(w *sampler.HeapWalk) []FoundRoot {
	var out []FoundRoot
	for _, r := range w.Roots[:min(len(w.Roots), mostKeepers)] {
		out = append(out, FoundRoot{Root: r.String(), RetainedBytes: r.Retained, SharePercent: partOf(float64(r.Retained), float64(w.Reached))})
	}
	return out
}

// partOf is a share in percent, to two decimals.
func partOf(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return min(math.Round(10000*part/whole)/100, 100)
}
