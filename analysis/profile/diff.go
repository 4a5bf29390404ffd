package profile

import (
	"fmt"
	"math"
	"regexp"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Amounts is what stacks hold and allocated, by a profile's estimate for the whole program.
type Amounts struct {
	InUseBytes   float64
	InUseObjects float64
	AllocBytes   float64
	AllocObjects float64
	Samples      int64 // sampled objects in use: what InUseBytes rests on
	AllocSamples int64 // sampled allocations: what AllocBytes rests on

	variance      float64 // of InUseBytes, bytes squared
	allocVariance float64
}

func (a *Amounts) add(b *Amounts) {
	a.InUseBytes += b.InUseBytes
	a.InUseObjects += b.InUseObjects
	a.AllocBytes += b.AllocBytes
	a.AllocObjects += b.AllocObjects
	a.Samples += b.Samples
	a.AllocSamples += b.AllocSamples
	a.variance += b.variance
	a.allocVariance += b.allocVariance
}

// Deviations is how many standard deviations an uncertainty that is shown has: of 100 changes that are nothing but the
// luck of sampling, about 5 exceed it.
const Deviations = 2

// Delta is amounts before and after, and how sure the change is.
type Delta struct {
	From, To Amounts
	// Uncertainty and AllocUncertainty are Deviations standard deviations of the change of bytes in use, and of bytes
	// allocated, by sampling alone. A change that does not exceed its uncertainty is not told from chance.
	Uncertainty      float64
	AllocUncertainty float64
}

// Change is the bytes in use after, less those before.
func (d *Delta) Change() float64 { return d.To.InUseBytes - d.From.InUseBytes }

// AllocChange is the bytes allocated after, less those before: for one run of a program what it allocated in between.
func (d *Delta) AllocChange() float64 { return d.To.AllocBytes - d.From.AllocBytes }

// Certain reports whether the change of bytes in use exceeds what sampling alone explains.
func (d *Delta) Certain() bool { return math.Abs(d.Change()) > d.Uncertainty }

// Filter chooses stacks. The zero Filter takes all.
type Filter struct {
	// Focus keeps stacks with a frame whose function or file matches, Ignore drops those with such a frame, as the
	// options of these names of go tool pprof do. nil chooses nothing.
	Focus, Ignore *regexp.Regexp
	// Mine keeps stacks that pass through the program's own code, and counts what they hold for the innermost line of it:
	// what bytes.Buffer allocates then stands at the line that wrote to the buffer. See isOwn for what is own.
	Mine bool
}

// Joined is two heap profiles stack by stack. It does not change once it is made; any number of goroutines may use it.
type Joined struct {
	From, To *Heap
	// SameRun says that both are of one run of one program: what was there both times was sampled once.
	SameRun bool
	// Cut says that the profiles have more frames than are kept: some stacks are known by their innermost line alone.
	Cut bool

	frames []sampler.Frame
	own    []bool // by frame
	stacks []pair
	sizes  map[float64]*Delta // by size of the objects, where the profile labels it
}

// pair is one stack in both profiles.
type pair struct {
	frames []int32 // innermost first, inlined ones included, without the runtime's own leading ones; at least one
	Delta
	change variances
}

// variances are those of the two changes.
type variances struct{ inUse, alloc float64 }

// Join reads all stacks of two profiles that ParseHeap returned, and matches them by function, file and line. from may be
// nil: every stack then held nothing before. otherRun says that the profiles are known to be of two processes; where it is
// false the profiles decide: a stack that allocated less than before means another run. It takes as long as ParseHeap,
// so a screen calls it from a command.
func Join(from, to *Heap, otherRun bool) (*Joined, error) {
	r := newStackReader()
	for side, h := range []*Heap{from, to} {
		if h == nil {
			continue
		}
		if err := r.read(h, side); err != nil {
			return nil, fmt.Errorf("read the stacks of the heap profile of %s: %w", h.Time.Format(time.TimeOnly), err)
		}
	}
	j := r.j
	j.From, j.To = from, to
	j.SameRun = !otherRun && j.neverFell()
	for i := range j.stacks {
		p := &j.stacks[i]
		p.change = p.variances(j.SameRun)
	}
	for _, d := range j.sizes {
		v := d.variances(j.SameRun)
		d.setUncertainty(v)
	}
	j.own = ownFrames(j.frames)
	return j, nil
}

// neverFell reports whether every stack allocated at least as much as before. Totals of a run only grow.
func (j *Joined) neverFell() bool {
	allocated := false
	for i := range j.stacks {
		p := &j.stacks[i]
		if p.To.AllocBytes < p.From.AllocBytes {
			return false
		}
		allocated = allocated || p.To.AllocBytes > 0
	}
	return allocated
}

// variances returns those of the changes. In one run, objects that were there both times are the same samples and add
// nothing, and what was allocated before is part of what is allocated after. Two runs are independent.
func (d *Delta) variances(sameRun bool) variances {
	if !sameRun {
		return variances{d.From.variance + d.To.variance, d.From.allocVariance + d.To.allocVariance}
	}
	e := changeError(d.To.site(), d.From.site())
	return variances{e * e, math.Max(d.To.allocVariance-d.From.allocVariance, 0)}
}

func (d *Delta) setUncertainty(v variances) {
	d.Uncertainty = Deviations * math.Sqrt(v.inUse)
	d.AllocUncertainty = Deviations * math.Sqrt(v.alloc)
}

func (a *Amounts) site() *Site {
	return &Site{InUseBytes: a.InUseBytes, AllocBytes: a.AllocBytes, Uncertainty: math.Sqrt(a.variance)}
}

// Total sums the stacks that the filter takes.
func (j *Joined) Total(f Filter) Delta {
	var total Delta
	var v variances
	j.each(f, func(p *pair, _ int32) {
		total.From.add(&p.From)
		total.To.add(&p.To)
		v.inUse += p.change.inUse
		v.alloc += p.change.alloc
	})
	total.setUncertainty(v)
	return total
}

// each calls take with every stack the filter takes and the frame it counts for.
func (j *Joined) each(f Filter, take func(p *pair, site int32)) {
	focus, ignore := j.matching(f.Focus), j.matching(f.Ignore)
	for i := range j.stacks {
		p := &j.stacks[i]
		if f.Focus != nil && !anyOf(p.frames, focus) || f.Ignore != nil && anyOf(p.frames, ignore) {
			continue
		}
		site := p.frames[0]
		if f.Mine {
			at := firstOf(p.frames, j.own)
			if at < 0 {
				continue
			}
			site = p.frames[at]
		}
		take(p, site)
	}
}

// matching tells for each frame whether it matches, so that a frame of many stacks is looked at once.
func (j *Joined) matching(re *regexp.Regexp) []bool {
	if re == nil {
		return nil
	}
	out := make([]bool, len(j.frames))
	for i, f := range j.frames {
		out[i] = re.MatchString(f.Function) || re.MatchString(f.File)
	}
	return out
}

func anyOf(frames []int32, set []bool) bool { return firstOf(frames, set) >= 0 }

func firstOf(frames []int32, set []bool) int {
	for i, f := range frames {
		if set[f] {
			return i
		}
	}
	return -1
}
