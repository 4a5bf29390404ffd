package tab

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// compareTrends orders rows by how fast they grow, what is not known with what does not.
func compareTrends(trends map[string]analysis.RowTrend, a, b string) int {
	return cmp.Compare(trends[a].PerHour, trends[b].PerHour)
}

// compareAges orders rows by how long they have been seen; what is not known is the youngest.
func compareAges(trends map[string]analysis.RowTrend, a, b string) int {
	x, y := trends[a].Since, trends[b].Since
	switch {
	case x.IsZero() && y.IsZero():
		return 0
	case x.IsZero():
		return -1
	case y.IsZero():
		return 1
	}
	return y.Compare(x)
}

func bytesAnHour(perHour float64) string { return unit.Change(perHour) }

// countAMinute prints goroutines an hour as goroutines a minute.
func countAMinute(perHour float64) string {
	v := perHour / 60
	switch {
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%+.0f", v)
	case math.Abs(v) < 0.05:
		return fmt.Sprintf("%+.2g", v)
	}
	return fmt.Sprintf("%+.1f", v)
}

// growthCell tells how fast a row grew while it was watched. Growth that chance does not explain has a sign.
func growthCell(t *theme.Theme, trends map[string]analysis.RowTrend, key string, format func(float64) string) Cell {
	r, ok := trends[key]
	switch {
	case !ok:
		return unknownCell(t)
	case r.Grows && !r.Hint:
		return Cell{theme.SignUp + " " + format(r.PerHour), t.Warn}
	case r.PerHour == 0:
		return Cell{"0", t.Faint}
	}
	return Cell{format(r.PerHour), t.Label}
}

// verdictCell says what the rate is worth.
func verdictCell(t *theme.Theme, trends map[string]analysis.RowTrend, key string) Cell {
	r, ok := trends[key]
	switch {
	case !ok:
		return unknownCell(t)
	case r.Hint:
		return Cell{"a hint", t.Label}
	case r.Grows:
		return Cell{"growing", t.Warn}
	case r.PerHour > 0:
		return Cell{"unproven", t.Label}
	case r.PerHour < 0:
		return Cell{"falls", t.Label}
	}
	return Cell{"flat", t.Faint}
}

// ageCell tells for how long the row has been seen.
func ageCell(t *theme.Theme, trends map[string]analysis.RowTrend, key string, now time.Time) Cell {
	r, ok := trends[key]
	if !ok || r.Since.IsZero() {
		return unknownCell(t)
	}
	return Cell{wholeSeconds(now.Sub(r.Since)), t.Label}
}

// wholeSeconds prints a time without fractions: "4s", "12m04s".
func wholeSeconds(d time.Duration) string {
	if d = d.Round(time.Second); d < time.Minute {
		return d.String()
	}
	return unit.Duration(d)
}
