package analysis

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// trackPoints is how many points a track keeps: more than any verdict needs, and even, so that pairs leave none over.
const trackPoints = 2048

// track keeps one series in bounded memory. Once it is full neighbours are merged in pairs, with their least and their
// largest value, so that the points stay evenly spaced however long the watch is. It takes 0.13 MB at the most, and a watch
// has 17: a smaller point would save 1 MB, and have to be made into one that is judged at every look, without the clock that
// only runs forward.
type track struct {
	points []sampler.Point
	each   int // readings in a point, but for the last one
	last   int // readings in the last one
}

// add appends a reading. One that is no number to reckon with, or not after the last, is left out.
func (k *track) add(t time.Time, v float64) {
	if !usable(v) {
		return
	}
	n := len(k.points)
	if n > 0 && !t.After(k.points[n-1].Time) {
		return
	}
	if n > 0 && k.last < k.each {
		p := &k.points[n-1]
		p.Time, p.Last = t, v
		p.Min, p.Max = math.Min(p.Min, v), math.Max(p.Max, v)
		k.last++
		return
	}
	if n == trackPoints {
		k.merge()
	}
	k.points = append(k.points, sampler.Point{Time: t, Min: v, Max: v, Last: v})
	k.each, k.last = max(k.each, 1), 1
}

func (k *track) merge() {
	for i := range trackPoints / 2 {
		a, b := k.points[2*i], k.points[2*i+1]
		b.Min, b.Max = math.Min(a.Min, b.Min), math.Max(a.Max, b.Max)
		k.points[i] = b
	}
	k.points = k.points[:trackPoints/2]
	k.each *= 2
}

// rates returns how fast a counter rises, per second. Where it fell it began anew.
func (k *track) rates() []sampler.Point {
	var out []sampler.Point
	for i := 1; i < len(k.points); i++ {
		a, b := k.points[i-1], k.points[i]
		if d := b.Last - a.Last; d >= 0 {
			v := d / b.Time.Sub(a.Time).Seconds()
			out = append(out, sampler.Point{Time: b.Time, Min: v, Max: v, Last: v})
		}
	}
	return out
}

// counted is by how much a counter rose in all. Where it fell it began anew.
func (k *track) counted() float64 {
	sum := 0.0
	for i := range k.points {
		p, before := &k.points[i], 0.0
		switch {
		case i == 0:
			before = p.Min // the first reading of those in the point, for it rises
		case k.points[i-1].Last <= p.Last:
			before = k.points[i-1].Last
		}
		sum += p.Last - before
	}
	return sum
}

// The bounds of a panel.
const (
	panelTimes = 256  // then every second one is left out
	panelRows  = 4096 // of those with the largest values
)

// panel is many series with their times in common: what each allocation site, group of goroutines or mapping had at each
// reading. One that a reading does not have, had nothing. Its memory is bounded.
type panel struct {
	times []time.Time
	rows  map[string][]float64 // may be shorter than times: what is missing is 0
	total []float64
}

// add appends a reading; it must be later than those before.
func (p *panel) add(t time.Time, values map[string]float64, total float64) {
	if n := len(p.times); n > 0 && !t.After(p.times[n-1]) {
		return
	}
	if p.rows == nil {
		p.rows = map[string][]float64{}
	}
	if len(p.times) == panelTimes {
		p.thin()
	}
	n := len(p.times)
	p.times, p.total = append(p.times, t), append(p.total, total)
	for key, v := range values {
		row := p.rows[key]
		for len(row) < n {
			row = append(row, 0)
		}
		p.rows[key] = append(row, v)
	}
	if len(p.rows) > panelRows {
		p.evict()
	}
}

// thin keeps every second reading, the last one among them.
func (p *panel) thin() {
	for key, row := range p.rows {
		for len(row) < panelTimes {
			row = append(row, 0)
		}
		p.rows[key] = everySecond(row)
	}
	p.times, p.total = everySecond(p.times), everySecond(p.total)
}

func everySecond[T any](list []T) []T {
	n := len(list) / 2
	for i := range n {
		list[i] = list[2*i+1]
	}
	return list[:n]
}

// evict forgets the rows that never had much: should one grow later, its past counts as nothing, which is nearly true.
func (p *panel) evict() {
	largest := func(row []float64) float64 { return slices.Max(row) }
	all := make([]float64, 0, len(p.rows))
	for _, row := range p.rows {
		all = append(all, largest(row))
	}
	slices.Sort(all)
	bound := all[len(all)-panelRows*3/4]
	for key, row := range p.rows {
		if largest(row) < bound {
			delete(p.rows, key)
		}
	}
	for key := range p.rows { // of many equal ones any
		if len(p.rows) <= panelRows {
			break
		}
		delete(p.rows, key)
	}
}

// same reports whether the values are those of the last reading.
func (p *panel) same(values map[string]float64, total float64) bool {
	n := len(p.times)
	if n == 0 || p.total[n-1] != total {
		return false
	}
	found := 0
	for key, row := range p.rows {
		if len(row) == n && row[n-1] != 0 {
			if values[key] != row[n-1] {
				return false
			}
			found++
		}
	}
	return found > 0 || len(values) == 0
}

// suspect is a row of a panel that grows.
type suspect struct {
	key      string
	z        float64     // how sure the growth is: a standard score
	slope    stats.Slope // per hour
	last     float64     // of the readings
	grown    float64     // by the slope, over the time of the readings
	share    float64     // of the growth of all, 0 to 1
	doubtful bool        // the last third carries on only if its noise is allowed for
}

const (
	leastProfiles = 8     // profiles that a cause among the sites needs
	leastExact    = 4     // the same of goroutines and mappings, which are counted and not sampled
	suspectScore  = 1.645 // below it a rise is often chance
	// surely is the score beyond which two rows that grow are not told apart by it: beyond it what matters is how fast.
	surely = 3.0
)

// since returns the readings from from on: the index of the first, and when each was, in hours after that one.
func (p *panel) since(from time.Time) (start int, hours []float64) {
	for start < len(p.times) && p.times[start].Before(from) {
		start++
	}
	for _, t := range p.times[start:] {
		hours = append(hours, t.Sub(p.times[start]).Hours())
	}
	return start, hours
}

// suspects returns the rows that grow and whose last third carries on, the surest first, and of equally sure ones the
// fastest. from is when the readings begin that count; there must be least of them. rate is that of the profile which the
// values were sampled with, 0 for values that are counted.
func (p *panel) suspects(from time.Time, least int, rate float64) []suspect {
	start, x := p.since(from)
	if len(x) < least {
		return nil
	}
	var out []suspect
	all := 0.0
	for key, row := range p.rows {
		y := make([]float64, len(x))
		if start < len(row) {
			copy(y, row[start:])
		}
		if s, ok := suspectOf(x, y, rate); ok {
			s.key = key
			all += s.slope.Slope
			out = append(out, s)
		}
	}
	all = math.Max(all, stats.SenSlope(x, p.total[start:]))
	for i := range out {
		out[i].share = out[i].slope.Slope / all
	}
	slices.SortFunc(out, compareSuspects)
	return out
}

// rank is how sure the growth is, as far as that tells suspects apart.
func (s *suspect) rank() float64 {
	rank := math.Min(s.z, surely)
	if s.doubtful {
		rank /= 1.2
	}
	return rank
}

func compareSuspects(a, b suspect) int {
	return cmp.Or(cmp.Compare(b.rank(), a.rank()), cmp.Compare(b.slope.Slope, a.slope.Slope), cmp.Compare(a.key, b.key))
}

// suspectOf judges a row. A site whose objects come and go rises and falls by sampling alone, and slowly where they live
// long, which the trend test takes for a trend: the growth must stand out of the error of both its ends too, were no
// object at the end one of the beginning.
func suspectOf(x, y []float64, rate float64) (s suspect, ok bool) {
	n := len(y)
	s.z = stats.MannKendall(y)
	if s.z < suspectScore {
		return s, false
	}
	if s.slope, ok = stats.TheilSen(x, y); !ok || s.slope.Slope <= 0 {
		return s, false
	}
	s.grown = s.slope.Slope * (x[n-1] - x[0])
	if rate > 0 {
		quarter := max(n/4, 1)
		level := stats.Mean(y[:quarter]) + stats.Mean(y[n-quarter:])
		s.z = math.Min(s.z, s.grown/math.Sqrt(level*rate))
	}
	if s.z < suspectScore {
		return s, false
	}
	tail := n - max(n/3, 3)
	left := stats.SenSlope(x[tail:], y[tail:])
	if stats.MannKendall(y[tail:]) <= 0 || left < growthTail*s.slope.Slope {
		if s.z < surely || left+suspectScore*slopeError(x[tail:], y[tail:]) < growthTail*s.slope.Slope {
			return s, false
		}
		s.doubtful = true
	}
	s.last = y[n-1]
	return s, true
}

// slopeError is the standard error of the slope of a straight line through the points, for errors that do not depend on
// each other: a profile is a sample, and a few of them tell little.
func slopeError(x, y []float64) float64 {
	line, ok := stats.Fit(x, y)
	if !ok {
		return 0
	}
	mx := stats.Mean(x)
	var squares, sxx float64
	for i := range x {
		e := y[i] - line.Intercept - line.Slope*x[i]
		squares += e * e
		sxx += (x[i] - mx) * (x[i] - mx)
	}
	return math.Sqrt(squares / float64(len(x)-2) / sxx)
}

// grown returns by how much the sum grew since from, by its slope; ok is false for too few readings, and for those that are
// of less than half of the time until to.
func (p *panel) grown(from, to time.Time) (grown float64, ok bool) {
	var x, y []float64
	for i, t := range p.times {
		if !t.Before(from) {
			x, y = append(x, t.Sub(from).Hours()), append(y, p.total[i])
		}
	}
	if len(x) < 2 || 2*(x[len(x)-1]-x[0]) < to.Sub(from).Hours() {
		return 0, false
	}
	return stats.SenSlope(x, y) * (x[len(x)-1] - x[0]), true
}

// counted returns how many readings there are from from on.
func (p *panel) counted(from time.Time) int {
	start, _ := p.since(from)
	return len(p.times) - start
}

// grow returns the rows of what is counted, and not sampled, that grow: the suspects from from on, or where there are too
// few readings for a trend, those that have risen since the first.
func (p *panel) grow(from time.Time) []suspect {
	if p.counted(from) < leastExact {
		return p.risen()
	}
	return p.suspects(from, leastExact, 0)
}

// risen returns the rows that are larger at the end than at the beginning.
func (p *panel) risen() []suspect {
	n := len(p.times)
	if n < 2 {
		return nil
	}
	hours := p.times[n-1].Sub(p.times[0]).Hours()
	all := p.total[n-1] - p.total[0]
	if all <= 0 {
		return nil
	}
	var out []suspect
	for key, row := range p.rows {
		if len(row) < n || row[n-1]-row[0] < 0.1*all || row[n-1] <= row[0] {
			continue
		}
		grown := row[n-1] - row[0]
		s := suspect{key: key, last: row[n-1], grown: grown, share: grown / all}
		s.slope = stats.Slope{Slope: grown / hours, Low: grown / hours, High: grown / hours, N: 2}
		out = append(out, s)
	}
	slices.SortFunc(out, compareSuspects)
	return out
}
