package page

import (
	"math"
	"time"
)

// axis is the vertical scale of a chart: from low to high, with ticks in several degrees of fineness, so that the
// script never has to print a number.
type axis struct {
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Levels []level `json:"levels"`
}

// level is one degree of fineness: a tick every Step from the axis' low end on.
type level struct {
	Step  float64  `json:"step"`
	Texts []string `json:"texts"`
}

// Bounds of the levels of an axis.
const (
	coarseTicks = 6
	finestTicks = 160
)

// newAxis returns an axis that low and high lie on. It begins at zero if that costs less than half of the height.
func newAxis(low, high float64, format func(float64) string) axis {
	if low > high {
		low, high = 0, 1
	}
	if low >= 0 && low <= high/2 {
		low = 0
	}
	if high-low <= math.Abs(high)*1e-9 {
		low, high = low-math.Abs(low)/10, high+math.Abs(high)/10
	}
	if low == high {
		high = low + 1
	}
	a, step := coarsest(low, high, format)
	for {
		step = finer(step)
		ticks := a.ticks(step)
		if ticks > finestTicks {
			return a
		}
		l, distinct := a.level(step, ticks, format)
		if !distinct {
			return a
		}
		a.Levels = append(a.Levels, l)
	}
}

// coarsest returns an axis with its first level, and the level's step: few ticks, of which no two neighbours read alike
// unless values as far apart as the ends do.
func coarsest(low, high float64, format func(float64) string) (axis, float64) {
	for step := niceStep((high - low) / coarseTicks); ; step = niceStep(step * 1.01) {
		a := axis{Low: math.Floor(low/step+1e-9) * step, High: math.Ceil(high/step-1e-9) * step}
		if !(a.High > a.Low) {
			a.High = a.Low + step
		}
		ticks := a.ticks(step)
		l, distinct := a.level(step, ticks, format)
		if distinct || step >= high-low {
			a.Levels = []level{l}
			return a, step
		}
	}
}

// ticks is how many ticks there are with a step.
func (a axis) ticks(step float64) int { return int(math.Round((a.High-a.Low)/step)) + 1 }

// level prints the ticks of a step, and returns whether neighbours differ.
func (a axis) level(step float64, ticks int, format func(float64) string) (level, bool) {
	l, distinct := level{Step: step}, true
	for i := range ticks {
		v := a.Low + float64(i)*step
		if math.Abs(v) < step/1e6 {
			v = 0
		}
		text := format(v)
		distinct = distinct && (i == 0 || text != l.Texts[i-1])
		l.Texts = append(l.Texts, text)
	}
	return l, distinct
}

// niceStep returns 1, 2 or 5 times a power of ten, not below v.
func niceStep(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= v*(1-1e-9) {
			return n * power
		}
	}
	return 10 * power
}

// finer returns the next smaller step that divides the given one.
func finer(step float64) float64 {
	if lead := step / math.Pow(10, math.Floor(math.Log10(step)+1e-9)); lead > 4.5 {
		return step / 5
	}
	return step / 2
}

// timeSteps are the distances of ticks on an axis of time. Longer ones are whole numbers of days.
func timeSteps() []time.Duration {
	return []time.Duration{time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
		20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute,
		2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
		3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}
}

const day = 24 * time.Hour

// timeStep returns the distance of at most most ticks over a span.
func timeStep(span time.Duration, most int) time.Duration {
	for _, s := range timeSteps() {
		if span <= s*time.Duration(most) {
			return s
		}
	}
	for days := time.Duration(2); ; days *= 2 {
		if span/(days*day) <= time.Duration(most) {
			return days * day
		}
	}
}

// tickTime prints a tick: the date where steps are days and at midnight, else the time of day as fine as the steps are.
func tickTime(t time.Time, step time.Duration) string {
	switch {
	case step >= day:
		return t.Format("2006-01-02")
	case t.Equal(t.Truncate(day)):
		return t.Format("Jan 2")
	case step >= time.Minute:
		return t.Format("15:04")
	case step >= time.Second:
		return t.Format("15:04:05")
	}
	return t.Format("05.000")
}
