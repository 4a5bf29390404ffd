package analysis

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// Side is one of two moments that are compared. What was not read is nil.
type Side struct {
	Name       string // what the user calls it: a file, "mark", "now"; as it came, control characters included
	Note       string // the user's words in the snapshot
	Time       time.Time
	Info       sampler.Info // empty for a profile alone, which does not tell its program
	Sample     *sampler.Snapshot
	Ledger     *Ledger
	Heap       *profile.Heap // as ParseHeap returned it
	Goroutines *sampler.Goroutines
	Mappings   *sampler.Mappings
	Spans      *sampler.Spans
}

// Diff is what changed from one moment to another. Where a part was missing on one side its rows are empty, and a warning
// says so. Rows come in descending order of change: what grew most first, what shrank most last.
type Diff struct {
	From, To *Side
	Filter   profile.Filter // which stacks of sites and goroutines are in it
	Warnings []string
	SameRun  bool // both are of one run of one program, as far as can be told

	Ledger     []Change             // of bytes; the last row is the resident memory as a whole
	Joined     *profile.Joined      // the heap profiles stack by stack, for flame graphs; nil without both
	Heap       profile.Delta        // of all stacks the filter takes; means nothing without Joined
	Sites      []profile.SiteChange // of the stacks the filter takes
	Sizes      []SizeClassChange    // exact where both sides read the heap's spans, else estimates of the profile
	Mappings   []Change             // of resident bytes, by name
	Goroutines []GoroutineChange
	Runtime    []Change // what the runtime and the system counted, by metric
}

// Change is a number before and after. Either may be unknown.
type Change struct {
	Key      string // stable: of a ledger row, a mapping's name, a metric
	Name     string // as a person reads it; names of mappings are as the kernel has them
	Unit     string // as in a metric's name: "bytes", "gc-cycles"
	From, To sampler.Reading
}

// Value is the change itself, unknown where a side is.
func (c *Change) Value() sampler.Reading {
	if !c.From.OK || !c.To.OK {
		return sampler.Reading{}
	}
	return finite(sampler.Known(c.To.Value - c.From.Value))
}

// Share is the change as a part of what was before, 1 for twice as much; unknown where that was nothing.
func (c *Change) Share() sampler.Reading { return Share(c.From.Value, c.Value()) }

// Share returns a change as a part of what was before, 1 for twice as much; unknown where that was nothing or the change is.
func Share(from float64, change sampler.Reading) sampler.Reading {
	if !change.OK || from <= 0 {
		return sampler.Reading{}
	}
	return finite(sampler.Known(change.Value / from))
}

// ShareWords prints a relative change in at most 6 cells: "+12%", "×120", "new", "gone", and "" where nothing changed or
// that is not known.
func ShareWords(from float64, change sampler.Reading) string {
	share := Share(from, change)
	switch {
	case !change.OK || change.Value == 0:
		return ""
	case !share.OK && change.Value > 0:
		return "new"
	case !share.OK:
		return ""
	case share.Value == -1:
		return "gone"
	case share.Value >= 9999.5:
		return ">9999×"
	case share.Value >= 99.95:
		return "×" + strconv.FormatFloat(share.Value+1, 'f', 0, 64)
	case share.Value > 0:
		return "+" + unit.Percent(share.Value)
	}
	return unit.Percent(share.Value)
}

// SizeClassChange is the objects of one size, before and after.
type SizeClassChange struct {
	Size        float64 // bytes of an object; 0 for those too large for any class
	NoScan      bool    // the objects hold no pointers; false where that is not known
	Bytes       Change  // in use
	Objects     Change
	Uncertainty float64 // of the change of Bytes; 0 where it was counted
}

// GoroutineChange is a group of goroutines with one stack, before and after.
type GoroutineChange struct {
	Function string
	Stack    []sampler.Frame // innermost first
	From, To int
}

// Change is how many more there are.
func (g *GoroutineChange) Change() int { return g.To - g.From }

// Compare tells what changed from one moment to the other. Neither side is altered. Snapshots of different programs or
// Go versions are compared all the same, with a warning. It reads both heap profiles again, stack by stack, which takes
// some ten milliseconds for a program with thousands of stacks.
func Compare(from, to *Side, f profile.Filter) Diff {
	d := Diff{From: from, To: to, Filter: f}
	otherRun := d.programs()
	d.heap(f, otherRun)
	d.Ledger = d.ledger()
	d.Mappings = d.mappings()
	d.Sizes = d.sizes()
	d.Goroutines = d.goroutines(f)
	d.Runtime = d.runtime()
	d.sideWarnings(from)
	d.sideWarnings(to)
	return d
}

func (d *Diff) warn(format string, args ...any) {
	d.Warnings = append(d.Warnings, fmt.Sprintf(format, args...))
}

// programs warns where the sides are of different programs, and reports whether they are known to be two runs.
func (d *Diff) programs() (otherRun bool) {
	a, b := &d.From.Info, &d.To.Info
	if a.Name != "" && b.Name != "" && a.Name != b.Name {
		d.warn("different programs: %s and %s", a.Name, b.Name)
		otherRun = true
	}
	if a.GoVersion != "" && b.GoVersion != "" && a.GoVersion != b.GoVersion {
		d.warn("different Go versions: %s and %s: lines of the standard library differ and show as gone and new", a.GoVersion, b.GoVersion)
		otherRun = true
	}
	if !d.From.Time.IsZero() && d.To.Time.Before(d.From.Time) && !d.To.Time.IsZero() {
		d.warn("the first was taken %s after the second: what shrank is shown as growth", d.From.Time.Sub(d.To.Time).Round(time.Second))
	}
	startedApart := !a.Started.IsZero() && !b.Started.IsZero() && a.Started.Sub(b.Started).Abs() > time.Second
	if a.PID != 0 && b.PID != 0 && a.PID != b.PID || startedApart {
		otherRun = true
	}
	return otherRun
}

// heap joins the heap profiles.
func (d *Diff) heap(f profile.Filter, otherRun bool) {
	d.SameRun = !otherRun
	if d.oneMissing("heap profile", "allocation sites are", d.From.Heap != nil, d.To.Heap != nil) {
		return
	}
	for _, s := range []*Side{d.From, d.To} {
		for _, w := range s.Heap.Warnings {
			d.warn("%s: %s", s.Name, w)
		}
		if s.Heap.Empty != "" {
			d.warn("%s has no allocation sites: %s", s.Name, s.Heap.Empty)
		}
	}
	if a, b := d.From.Heap.Rate, d.To.Heap.Rate; a != b {
		d.warn("the profiles are sampled at different rates, one object in %d and in %d bytes", a, b)
	}
	j, err := profile.Join(d.From.Heap, d.To.Heap, otherRun)
	if err != nil {
		d.warn("allocation sites are not compared: %v", err)
		return
	}
	d.Joined, d.SameRun = j, j.SameRun
	d.Heap, d.Sites = j.Total(f), j.Sites(f)
	if len(d.Sites) == 0 && len(j.Sites(profile.Filter{})) > 0 {
		d.warn("no stack passes the filter")
	}
	if !j.SameRun {
		d.warn("two runs of the program: what is in use now and before are independent samples, and changes are less certain")
	}
	if j.Cut {
		d.warn("the profiles have more frames than are kept: some stacks are known by their innermost line alone")
	}
}

// oneMissing reports whether a part is not there on both sides, with a warning when one side has it.
func (d *Diff) oneMissing(part, what string, from, to bool) bool {
	if from && to {
		return false
	}
	switch {
	case from:
		d.warn("%s has no %s: %s not compared", d.To.Name, part, what)
	case to:
		d.warn("%s has no %s: %s not compared", d.From.Name, part, what)
	}
	return true
}

// maxSideWarnings is how many warnings of a side's own reading are passed on.
const maxSideWarnings = 8

// sideWarnings passes on what could not be read at a moment.
func (d *Diff) sideWarnings(s *Side) {
	var texts []string
	if s.Sample != nil {
		for _, w := range s.Sample.Warnings {
			texts = append(texts, w.Error())
		}
	}
	if s.Ledger != nil {
		texts = append(texts, s.Ledger.Warnings...)
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	for _, t := range texts[:min(len(texts), maxSideWarnings)] {
		d.warn("%s: %s", s.Name, t)
	}
	if more := len(texts) - maxSideWarnings; more > 0 {
		d.warn("%s: %d more warnings of this sort", s.Name, more)
	}
}

// matches reports whether a filter takes a stack of goroutines.
func matches(f profile.Filter, stack []sampler.Frame) bool {
	has := func(re *regexp.Regexp) bool {
		return slices.ContainsFunc(stack, func(x sampler.Frame) bool { return re.MatchString(x.Function) || re.MatchString(x.File) })
	}
	return (f.Focus == nil || has(f.Focus)) && (f.Ignore == nil || !has(f.Ignore)) && (!f.Mine || profile.PassesOwn(stack))
}
