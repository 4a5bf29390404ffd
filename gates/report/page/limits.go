package page

// MaxBytes is how large a page becomes at most. Write leaves out rows, frames and points to stay below it, and says so.
const MaxBytes = 1_000_000

// MaxPoints is how many points of a line a page keeps at most; longer lines are thinned as Thin does.
const MaxPoints = 2000

// limits bound what a page holds.
type limits struct {
	points int // of a line
	rows   int // of a table
	frames int // of a flame graph
	parts  int // sections, and blocks of one
}

// full is what a page holds as long as it is small enough.
func full() limits { return limits{points: MaxPoints, rows: 20_000, frames: 6000, parts: 2000} }

// tighter returns the limits for a page that has become too large by the factor of over, which is above 1.
func (l limits) tighter(over float64) limits {
	shrink := func(n, least int) int { return max(least, int(float64(n)/over*0.9)) }
	return limits{points: shrink(l.points, 60), rows: shrink(l.rows, 20), frames: shrink(l.frames, 100), parts: shrink(l.parts, 20)}
}
