package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// condition is a metric and the size it is waited for.
type condition struct {
	text   string // as typed
	name   string
	metric sampler.Metric
	bytes  float64
	equal  bool // the size itself is enough
}

// met reports whether the reading is what is waited for.
func (c *condition) met(v float64) bool { return v > c.bytes || c.equal && v == c.bytes }

// when is a flag that takes METRIC>SIZE.
type when struct{ value **condition }

func (w *when) String() string {
	if w.value == nil || *w.value == nil {
		return ""
	}
	return (*w.value).text
}

func (w *when) Type() string { return "METRIC>SIZE" }

func (w *when) Set(s string) error {
	known := slices.Sorted(maps.Keys(limitMetrics()))
	at := strings.IndexAny(s, "<>=")
	if at < 0 {
		return fmt.Errorf("want METRIC>SIZE between quotes, such as 'rss>500MB': without quotes the shell takes what follows > for a file; the metrics are %s",
			strings.Join(known, ", "))
	}
	c := condition{text: s, name: strings.TrimSpace(s[:at])}
	size := s[at:]
	switch {
	case strings.HasPrefix(size, ">="):
		size, c.equal = size[2:], true
	case size[0] == '=':
		size, c.equal = size[1:], true // reaches, as in --limit
	case size[0] == '>':
		size = size[1:]
	default:
		return errors.New("want METRIC>SIZE: memory is waited for to grow")
	}
	metric, ok := limitMetrics()[c.name]
	if !ok {
		return fmt.Errorf("the metrics are %s%s", strings.Join(known, ", "), didYouMean("", c.name, known))
	}
	bytes, err := unit.ParseBytes(strings.TrimSpace(size))
	if err != nil {
		return err
	}
	c.metric, c.bytes = metric, bytes
	*w.value = &c
	return nil
}

// levels is a flag that takes percents of the nearest limit.
type levels struct{ value *[]float64 }

// defaultLevels are those of --at-limit alone.
const defaultLevels = "80,90,95"

func (l *levels) String() string { return "" }
func (l *levels) Type() string   { return "PERCENT,..." }

func (l *levels) Set(s string) error {
	var list []float64
	for part := range strings.SplitSeq(s, ",") {
		v, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(part), "%"), 64)
		if err != nil || !(v > 0 && v <= 100) {
			return fmt.Errorf("want percents between 0 and 100, such as %s", defaultLevels)
		}
		list = append(list, v/100)
	}
	slices.Sort(list)
	*l.value = slices.Compact(list)
	return nil
}

// approach follows how near the nearest limit is, and tells each level once.
type approach struct {
	levels []float64 // still to be reached, ascending
	limits []analysis.Limit
	known  bool           // a limit was found at least once
	last   analysis.Limit // the nearest, as of the last reading
	most   float64        // the largest share of it so far
}

// words says how near it came.
func (a *approach) words() string {
	if !a.known {
		return "no limit is known; --limit rss=500MB sets one"
	}
	return fmt.Sprintf("at most %s of %s (%s) was used", unit.Percent(a.most), unit.Bytes(a.last.Bytes), a.last.Name)
}

// reached returns in words the highest level that the reading is the first to reach; ok is false when there is none.
func (a *approach) reached(s *sampler.Snapshot) (words string, ok bool) {
	limit, found := analysis.NearestLimit(s, a.limits...)
	if !found {
		return "", false
	}
	a.known, a.last = true, limit
	share := limit.Used / limit.Bytes
	a.most = max(a.most, share)
	n := 0
	for n < len(a.levels) && share >= a.levels[n] {
		n++
	}
	if n == 0 {
		return "", false
	}
	a.levels = a.levels[n:]
	return fmt.Sprintf("%s of the limit: %s of %s (%s)", unit.Percent(share), unit.Bytes(limit.Used), unit.Bytes(limit.Bytes), limit.Name), true
}
