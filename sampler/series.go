package sampler

import (
	"math"
	"time"
)

// How much a Series keeps. The tiers follow each other in time and never overlap: what leaves one enters the next.
const (
	fullPoints   = 600              // readings as they came
	middleSpan   = 10 * time.Second // then buckets of ten seconds
	middlePoints = 360
	coarseSpan   = time.Minute // then buckets of a minute
	coarsePoints = 1440
	chunkLen     = 60 // buckets allocated together
)

// gapFactor is how much longer than both its neighbours the time between two points must be for a gap.
const gapFactor = 2.5

// Point is a bucket of readings: at full rate of one, where Min, Max and Last are the same.
type Point struct {
	Time           time.Time // of the last reading in the bucket
	Min, Max, Last float64
	// Gap says that readings are missing between the point before and this one: nothing may be drawn between them.
	Gap bool
}

// Series keeps the readings of one metric in fixed memory: 600 of them at full rate, then 360 buckets of ten seconds,
// then 1440 of a minute, each with its minimum, maximum and last reading. At one reading a second that is ten minutes
// in full and a day and an hour in buckets. A maximum is never lost by thinning. It takes at most 70 KiB and is not safe for
// concurrent use.
type Series struct {
	full    []reading // ring, allocated whole
	at, n   int       // of the oldest reading in full, and how many there are
	middle  tier
	coarse  tier
	max     reading
	loc     *time.Location
	refused int
}

// reading is a value at a time in nanoseconds since 1970.
type reading struct {
	ns int64
	v  float64
}

// NewSeries returns an empty series. What an hour needs is allocated at once, so that who is watched for hours is not seen to
// grow for the first of them; the minutes of a day follow as they are needed.
func NewSeries() *Series {
	s := &Series{
		full:   make([]reading, fullPoints),
		middle: tier{span: int64(middleSpan), capacity: middlePoints},
		coarse: tier{span: int64(coarseSpan), capacity: coarsePoints},
	}
	for range middlePoints / chunkLen {
		s.middle.chunks = append(s.middle.chunks, new([chunkLen]bucket))
	}
	return s
}

// Add appends the reading v made at t. A value that is not finite, a time that is not after the last one, and a time
// that nanoseconds since 1970 cannot tell are refused: see Refused.
func (s *Series) Add(t time.Time, v float64) {
	ns, ok := nanoseconds(t)
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) || (s.n > 0 && ns <= s.newest().ns) {
		s.refused++
		return
	}
	r := reading{ns, v}
	if s.n == 0 {
		s.loc, s.max = t.Location(), r
	}
	if v > s.max.v {
		s.max = r
	}
	if s.n == len(s.full) {
		old := s.full[s.at]
		if b, overflow := s.middle.add(bucket{ns: old.ns, min: old.v, max: old.v, last: old.v}); overflow {
			s.coarse.add(b)
		}
		s.full[s.at] = r
		s.at = (s.at + 1) % len(s.full)
		return
	}
	s.full[(s.at+s.n)%len(s.full)] = r
	s.n++
}

// Refused returns how many readings Add did not take.
func (s *Series) Refused() int { return s.refused }

// Len returns how many points the series keeps, buckets included.
func (s *Series) Len() int { return s.coarse.n + s.middle.n + s.n }

// First returns the oldest point that is kept; ok is false for an empty series.
func (s *Series) First() (p Point, ok bool) {
	if s.n == 0 {
		return Point{}, false
	}
	return s.point(s.bucket(0)), true
}

// Last returns the newest reading; ok is false for an empty series.
func (s *Series) Last() (p Point, ok bool) {
	if s.n == 0 {
		return Point{}, false
	}
	return s.point(s.bucket(s.Len() - 1)), true
}

// Max returns the largest reading there ever was, thinned or forgotten since, with the time it was made at first.
func (s *Series) Max() (p Point, ok bool) {
	if s.n == 0 {
		return Point{}, false
	}
	return s.point(bucket{ns: s.max.ns, min: s.max.v, max: s.max.v, last: s.max.v}), true
}

// At returns the last reading at or before t. Where readings have been thinned, that is the last one of a bucket.
func (s *Series) At(t time.Time) (p Point, ok bool) {
	ns, representable := nanoseconds(t)
	if !representable {
		return Point{}, false
	}
	i := s.search(ns + 1) // the first one after t
	if i == 0 {
		return Point{}, false
	}
	return s.point(s.bucket(i - 1)), true
}

// search returns the index of the first bucket whose last reading is at or after ns.
func (s *Series) search(ns int64) int {
	low, high := 0, s.Len()
	for low < high {
		mid := int(uint(low+high) / 2)
		if s.bucket(mid).ns < ns {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// Points returns the readings from from to to, both included, in at most n buckets that divide that time evenly. Each
// has the minimum, maximum and last of its readings. Where nothing was read there is no bucket, and the one that
// follows readings that are missing is marked as a Gap; a bucket may also be absent because readings are rarer than
// buckets. A bucket thinned earlier that lies across from or to is taken whole.
func (s *Series) Points(from, to time.Time, n int) []Point {
	a, okA := nanoseconds(from)
	b, okB := nanoseconds(to)
	if n <= 0 || s.n == 0 || !okA || !okB || b < a {
		return nil
	}
	first := s.search(a)
	points := make([]Point, 0, min(n, s.Len()-first))
	gap, cell := false, -1
	for i := first; i < s.Len(); i++ {
		k := s.bucket(i)
		if s.begin(i, k) > b {
			break
		}
		c := cellOf(k.ns, a, b, n)
		gap = gap || s.gapBefore(i)
		if c != cell {
			p := s.point(k)
			p.Gap = gap && len(points) > 0
			points, cell, gap = append(points, p), c, false
			continue
		}
		gap = false
		p := &points[len(points)-1]
		p.Time, p.Last = s.time(k.ns), k.last
		p.Min, p.Max = min(p.Min, k.min), max(p.Max, k.max)
	}
	if len(points) == 0 {
		return nil
	}
	return points
}

// cellOf returns in which of n equal parts of [a, b] ns lies, the nearest one for what lies outside.
func cellOf(ns, a, b int64, n int) int {
	if b == a {
		return 0
	}
	c := int(float64(ns-a) / (float64(b) - float64(a)) * float64(n))
	return min(max(c, 0), n-1)
}

// gapBefore tells whether readings are missing between bucket i-1 and bucket i: the time between them is much longer
// than before and after. An interval that was changed is not a gap, for it stays.
func (s *Series) gapBefore(i int) bool {
	if i < 1 {
		return false
	}
	step := s.bucket(i).ns - s.bucket(i-1).ns
	usual := int64(0)
	if i >= 2 {
		usual = s.bucket(i-1).ns - s.bucket(i-2).ns
	}
	if i+1 < s.Len() {
		usual = max(usual, s.bucket(i+1).ns-s.bucket(i).ns)
	}
	// Two buckets that follow each other may hold readings almost two spans apart.
	usual = max(usual, s.spanOf(i-1), s.spanOf(i))
	return usual > 0 && float64(step) > gapFactor*float64(usual)
}

// bucket returns the i-th oldest one of all tiers.
func (s *Series) bucket(i int) bucket {
	if i < s.coarse.n {
		return *s.coarse.get(i)
	}
	if i -= s.coarse.n; i < s.middle.n {
		return *s.middle.get(i)
	}
	r := s.full[(s.at+i-s.middle.n)%len(s.full)]
	return bucket{ns: r.ns, min: r.v, max: r.v, last: r.v}
}

// spanOf returns how much time bucket i may cover, 0 for a reading.
func (s *Series) spanOf(i int) int64 {
	switch {
	case i < s.coarse.n:
		return s.coarse.span
	case i < s.coarse.n+s.middle.n:
		return s.middle.span
	}
	return 0
}

// begin returns when bucket i, which is b, begins at the earliest.
func (s *Series) begin(i int, b bucket) int64 {
	if span := s.spanOf(i); span > 0 {
		return b.ns - b.ns%span
	}
	return b.ns
}

func (s *Series) newest() reading { return s.full[(s.at+s.n-1)%len(s.full)] }

func (s *Series) time(ns int64) time.Time { return time.Unix(0, ns).In(s.loc) }

func (s *Series) point(b bucket) Point {
	return Point{Time: s.time(b.ns), Min: b.min, Max: b.max, Last: b.last}
}

// nanoseconds returns t as nanoseconds since 1970; ok is false before 1970 and where they overflow, in 2262.
func nanoseconds(t time.Time) (ns int64, ok bool) {
	sec := t.Unix()
	return t.UnixNano(), sec >= 0 && sec < math.MaxInt64/int64(time.Second)
}
