package proc

import "github.com/alloc-dev/heaptop/sampler"

// peaks keeps a peak of RSS that can be started anew without touching the target. Before the first reset it is the
// kernel's own mark.
type peaks struct {
	reset bool
	mark  sampler.Reading // the kernel's mark at the reset, or at the first reading after it
	own   float64         // the largest RSS sampled since
	last  sampler.Reading
}

// markSlack is how much the kernel's mark may fall without a new program behind it, in bytes: the kernel takes the larger of
// what it noted and of counters that each processor adds to by the page.
const markSlack = 4 << 20

// next takes one reading, of RSS and of the kernel's mark, and returns the peak. Without a mark there is none before
// the first reset: the largest sample would pass for the true peak.
func (p *peaks) next(rss float64, mark sampler.Reading) sampler.Reading {
	if fell := p.last.Value - mark.Value; mark.OK && p.last.OK && fell > 0 && fell <= markSlack {
		mark = p.last
	}
	p.last = mark
	if !p.reset {
		return mark
	}
	if !p.mark.OK {
		p.mark = mark
	}
	p.own = max(p.own, rss)
	if mark.OK && mark.Value > p.mark.Value {
		return mark
	}
	return sampler.Known(p.own)
}

// start forgets the peak.
func (p *peaks) start() { *p = peaks{reset: true, mark: p.last, last: p.last} }
