package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

const (
	fineRate   = 16 << 10 // bytes per sample in the runs that look for the cause: 32 times finer than usual
	maxBlamed  = 5        // sites that are named
	leastShare = 0.05     // of the change, for a site to be named
	longBlame  = 2 * time.Minute
)

// How a change is looked at.
const (
	ofAllocated = "allocated"
	ofInUse     = "in_use"
)

// finer is the environment of a run whose allocations are sampled finely.
func finer(env []string) []string {
	now := os.Getenv("GODEBUG")
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "GODEBUG="); ok {
			now = v
		}
	}
	settings := slices.DeleteFunc(strings.Split(now, ","), func(s string) bool { return s == "" || strings.HasPrefix(s, "memprofilerate=") })
	return []string{"GODEBUG=" + strings.Join(append(settings, fmt.Sprintf("memprofilerate=%d", fineRate)), ",")}
}

// blame names the allocation sites that carry what regressed or broke a limit: one more run a side, which samples
// allocations finely and is not judged.
func (r *runner) blame(ctx context.Context, j *job, out *gates.Scenario) error {
	metric, against := accused(out)
	if metric == "" || !ofGo(metric, out) {
		return nil
	}
	if j.runs > 0 && j.took/time.Duration(j.runs) > longBlame {
		out.BlameNote = "a run takes too long to be repeated for its cause: heaptop debug leaks names the sites that grow"
		return nil
	}
	now, err := r.look(ctx, j, j.at)
	if err != nil || now == nil {
		out.BlameNote = why(err)
		return context.Cause(ctx)
	}
	var then *siteReading
	for _, v := range j.rivals {
		if against == "" || v.identical || j.settings(v.at).Against != against {
			continue
		}
		if then, err = r.look(ctx, j, v.at); err != nil || then == nil {
			out.BlameNote = why(err)
			return context.Cause(ctx)
		}
	}
	out.Blame, out.BlameNote = culprits(metric, then, now, j.at.module())
	if then == nil && len(out.Blame) > 0 {
		out.BlameNote = strings.TrimPrefix(out.BlameNote+"; there is no other side to compare with: these hold or allocate the most", "; ")
	}
	return nil
}

// ofGo reports whether allocation sites could explain a metric: the scenario runs a Go program, and sites are about it.
func ofGo(metric string, out *gates.Scenario) bool {
	about := slices.Contains([]string{"peak_rss", "sustained_rss", "growth", "growth_rate", "allocs_per_op", "bytes_per_op"}, metric)
	isGo := slices.ContainsFunc([]string{"alloc_bytes", "peak_heap", "bytes_per_op"}, func(m string) bool { return len(out.Metrics[m].Values) > 0 })
	return isGo && (about || slices.Contains(goMetrics(), metric)) && metric != "goroutines"
}

func why(err error) string {
	if err == nil {
		return "no process of the run could be looked into"
	}
	return "the run that looks for the cause failed: " + err.Error()
}

// accused is the metric to be explained: the gated regression with the largest change, else the first limit that is
// broken; and what it was compared with.
func accused(out *gates.Scenario) (metric, against string) {
	worst := math.Inf(-1)
	for _, c := range out.Comparisons {
		if c.Gated && c.Verdict == gates.Regressed && c.Accepted == "" && c.ChangePercent != nil && *c.ChangePercent > worst {
			metric, against, worst = c.Metric, c.Against, *c.ChangePercent
		}
	}
	if metric != "" {
		return metric, against
	}
	for _, g := range out.Gates {
		if g.Verdict == gates.Failed {
			return g.Metric, ""
		}
	}
	return "", ""
}

// look makes the run that is not judged.
func (r *runner) look(ctx context.Context, j *job, at *side) (*siteReading, error) {
	r.say(Progress{Scenario: j.name, Stage: "look for the cause, " + at.label})
	got, err := j.run(ctx, at, true)
	if err != nil {
		return nil, err
	}
	return got.profiles, nil
}

// siteReading is the allocation sites of a process.
type siteReading struct {
	end, peak *profile.Heap     // nil where there are none
	note      string            // why not
	sizes     map[uint32]uint64 // allocated objects by the size of their class
	large     uint64            // bytes that were allocated in objects beyond the classes
}

// readSites takes what was read of a process at its end and at its peak.
func readSites(p *process) *siteReading {
	s := &siteReading{}
	if t := p.total; t != nil && t.stats != nil {
		s.sizes, s.large = map[uint32]uint64{}, t.stats.TotalAlloc
		for _, c := range t.stats.BySize {
			if c.Size > 0 && c.Mallocs > 0 {
				s.sizes[c.Size] = c.Mallocs
				s.large -= min(s.large, uint64(c.Size)*c.Mallocs)
			}
		}
		s.end = s.parse(t.heap, t.heapErr)
	}
	if s.note == "" {
		s.peak = s.parse(p.peak, p.peakErr)
	}
	return s
}

func (s *siteReading) parse(p sampler.Profile, err error) *profile.Heap {
	if err == nil && len(p.Data) == 0 {
		err = errors.New("no profile was read")
	}
	if err == nil {
		var h profile.Heap
		if h, err = profile.ParseHeap(p); err == nil {
			return &h
		}
	}
	s.note = strings.TrimSuffix(err.Error(), ": "+sampler.ErrUnsupported.Error())
	return nil
}

// culprits finds the sites that carry a metric's change. then may be nil: the whole is the change.
func culprits(metric string, then, now *siteReading, module string) ([]gates.Blame, string) {
	of := ofInUse
	if strings.HasPrefix(metric, "alloc") || strings.HasPrefix(metric, "bytes_per") || strings.HasPrefix(metric, "gc_") {
		of = ofAllocated
	}
	pick := func(s *siteReading) *profile.Heap {
		if of == ofInUse && s.peak != nil {
			return s.peak
		}
		return s.end
	}
	to := pick(now)
	var from *profile.Heap
	if then != nil {
		from = pick(then)
	}
	if to == nil || then != nil && from == nil {
		note := now.note
		if to != nil {
			note = "on the other side, " + then.note
		}
		return classes(then, now), note + ": the sizes of objects are named in place of sites"
	}
	joined, err := profile.Join(from, to, true)
	if err != nil {
		return nil, "the profiles of both sides could not be compared: " + err.Error()
	}
	for _, mine := range []bool{true, false} {
		if out := sites(joined.Sites(profile.Filter{Mine: mine}), metric, of, module); len(out) > 0 {
			return out, ""
		}
	}
	return nil, "no site changed by more than what sampling explains"
}

// sites turns changes into blame, the largest growth first.
func sites(changes []profile.SiteChange, metric, of, module string) []gates.Blame {
	amount := func(d *profile.Delta) float64 {
		switch {
		case strings.HasPrefix(metric, "allocs"):
			return d.To.AllocObjects - d.From.AllocObjects
		case of == ofAllocated:
			return d.AllocChange()
		}
		return d.Change()
	}
	total := 0.0
	for i := range changes {
		total += max(amount(&changes[i].Delta), 0)
	}
	slices.SortStableFunc(changes, func(a, b profile.SiteChange) int { return cmp.Compare(amount(&b.Delta), amount(&a.Delta)) })
	var out []gates.Blame
	for i := range changes {
		c := &changes[i]
		grown := amount(&c.Delta)
		bytes, doubt := c.Change(), c.Uncertainty
		if of == ofAllocated {
			bytes, doubt = c.AllocChange(), c.AllocUncertainty
		}
		if len(out) >= maxBlamed || grown <= 0 || grown < leastShare*total {
			break
		}
		if bytes > doubt {
			out = append(out, gates.Blame{Site: siteName(c.Frame, module), ChangeBytes: bytes, SharePercent: grown / total * 100, Of: of})
		}
	}
	return out
}

// siteName is "pkg.Func dir/file.go:88", the file within the program's own module where it is of it.
func siteName(f sampler.Frame, module string) string {
	file := filepath.ToSlash(f.File)
	if rest, ok := strings.CutPrefix(file, module+"/"); ok && module != "" {
		file = rest
	} else {
		file = filepath.Base(file)
	}
	return fmt.Sprintf("%s %s:%d", profile.ShortName(f.Function), file, f.Line)
}

// classes names the sizes of objects of which more were allocated.
func classes(then, now *siteReading) []gates.Blame {
	type class struct {
		name  string
		bytes float64
	}
	var all []class
	before := &siteReading{}
	if then != nil {
		before = then
	}
	for size, n := range now.sizes {
		all = append(all, class{fmt.Sprintf("objects of %d B", size), float64(size) * (float64(n) - float64(before.sizes[size]))})
	}
	all = append(all, class{"objects above 32 KiB", float64(now.large) - float64(before.large)})
	total := 0.0
	for _, c := range all {
		total += max(c.bytes, 0)
	}
	slices.SortFunc(all, func(a, b class) int { return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.name, b.name)) })
	var out []gates.Blame
	for _, c := range all {
		if len(out) < maxBlamed && c.bytes > 0 && c.bytes >= leastShare*total {
			out = append(out, gates.Blame{Site: c.name, ChangeBytes: c.bytes, SharePercent: c.bytes / total * 100, Of: ofAllocated})
		}
	}
	return out
}

// targetSites reads the sites of a running target.
func targetSites(ctx context.Context, session sampler.Session) *siteReading {
	s := &siteReading{}
	p, ok := session.(sampler.HeapProfiler)
	if !ok {
		s.note = "the target tells no allocation sites"
		return s
	}
	got, err := p.HeapProfile(ctx)
	s.end = s.parse(got, err)
	s.peak = s.end
	return s
}

// module is where the files of the program's own module begin: their folder, or in a reproducible build the module's name.
func (s *side) module() string {
	for dir := s.base; ; dir = filepath.Dir(dir) {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			if s.tree.Dir == "" {
				return filepath.ToSlash(dir)
			}
			for line := range strings.Lines(string(data)) {
				if name, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
					return strings.Trim(strings.TrimSpace(name), `"`)
				}
			}
			return ""
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}
