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
	text   int // bytes of a text
	parts  int // sections of a page, and blocks of a section
}

// full is what a page holds as long as it is small enough.
func full() limits {
	return limits{points: MaxPoints, rows: 20_000, frames: 6000, text: 2010, parts: 2000}
}

// tighter returns the limits for a page that used so much, and has become too large by the factor of over, which is above
// 1.
func (l limits) tighter(used limits, over float64) limits {
	shrink := func(n, used, least int) int { return max(least, int(float64(min(n, used))/over*0.95)) }
	return limits{
		points: shrink(l.points, used.points, 60),
		rows:   shrink(l.rows, used.rows, 20),
		frames: shrink(l.frames, used.frames, 100),
		text:   shrink(l.text, l.text, 80),
		parts:  shrink(l.parts, used.parts, 20),
	}
}
