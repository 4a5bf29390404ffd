package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// Creep is judged by the medians of a few reports at each end: one night alone is noise.
const (
	creepReports = 7
	creepLeast   = 4 // with fewer at each end there is no interval of 95 %
	// LeastReports is how many reports of one environment growth is judged by at the least.
	LeastReports = 2 * creepLeast
)

// Judged says whether growth of the series could have been found: there are reports enough for its creep, or for a change.
func (s *Series) Judged() bool {
	return s.Creep != nil || slices.ContainsFunc(s.Epochs, func(e Epoch) bool { return e.Points >= 2*MinSegment })
}

// Creep is the way from the anchor to the latest reports of the same environment.
type Creep struct {
	Since  time.Time `json:"since"` // of the anchor
	Commit string    `json:"commit,omitempty"`
	Size
}

// Proven says that the growth is not noise: the whole interval is above 0.
func (c *Creep) Proven() bool { return c.LowPercent != nil && *c.LowPercent > 0 }

// creep compares the reports from the anchor on with the latest ones.
func (s *Series) creep(anchor *Entry) {
	last, ok := s.Last()
	if !ok {
		s.NoCreep = "nothing was measured"
		return
	}
	at := s.measured(last.Epoch)
	values := s.values(at)
	c := Creep{Since: s.Points[at[0]].Time, Commit: s.Points[at[0]].Commit}
	first := values
	if anchor != nil {
		c.Since, c.Commit = anchor.Report.StartedAt, anchor.Report.Environment.Commit
		if environmentOf(anchor.Report.Environment) != s.Epochs[last.Epoch].Environment {
			s.NoCreep = "the anchor was measured in another environment: " + environmentOf(anchor.Report.Environment)
			return
		}
		from := slices.IndexFunc(at, func(i int) bool { return !s.Points[i].Time.Before(c.Since) })
		if from < 0 {
			s.NoCreep = "nothing was measured since the anchor"
			return
		}
		first = values[from:]
		if s.Points[at[from]].Path != anchor.Path && !s.Points[at[from]].Time.Equal(c.Since) {
			v, ok := medianOf(anchor.Report, s)
			if !ok {
				s.NoCreep = "the anchor did not measure it"
				return
			}
			first = append([]float64{v}, first...)
		}
	}
	n := min(creepReports, len(first)/2)
	if n < creepLeast {
		s.NoCreep = fmt.Sprintf("%s since the anchor, %d are needed", unit.Things(len(first), "report"), LeastReports)
		return
	}
	c.Size = sizeOf(first[:n], first[len(first)-n:])
	s.Creep = &c
}

func medianOf(r *gates.Report, s *Series) (float64, bool) {
	for _, sc := range r.Scenarios {
		if m, ok := sc.Metrics[s.Metric]; ok && sc.Name == s.Scenario && len(m.Values) > 0 && m.Unit == s.Unit {
			return m.Median, true
		}
	}
	return 0, false
}

// The kinds of drift.
const (
	DriftChange = "change" // the level rose at one place
	DriftCreep  = "creep"  // it has risen since the anchor, in steps too small for each
)

// Material is the growth in percent below which a rise is true, perhaps, and no news.
const Material = 2.0

// Drift is a growth that somebody should know of, in the environment that was measured last.
type Drift struct {
	Kind     string    `json:"kind"` // DriftChange or DriftCreep
	Scenario string    `json:"scenario"`
	Metric   string    `json:"metric"`
	Unit     string    `json:"unit"`
	Gated    bool      `json:"gated"`
	Time     time.Time `json:"time"`               // of the change, or of the anchor
	Commit   string    `json:"commit,omitempty"`   // of the first report of the new level, or of the anchor
	Previous string    `json:"previous,omitempty"` // of a change: the commit of the last report before it
	Size
}

// Drift returns the growths that are proven and not gone again, the largest first: of each series its latest rise, where the
// level has not come back below since, or else its creep. Growths below Material are left out, as is what became smaller. Drift
// of a metric that no gate is on comes last.
func (h *History) Drift() []Drift { return DriftOf(h.Series()) }

// DriftOf is Drift for series that are known already.
func DriftOf(list []Series) []Drift {
	var out []Drift
	for i := range list {
		if d, ok := list[i].drift(); ok {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b Drift) int {
		if a.Gated != b.Gated {
			if a.Gated {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.sorting(), a.sorting())
	})
	return out
}

// sorting is the size in percent; what has none comes first, as it came from nothing.
func (d *Drift) sorting() float64 {
	if d.Percent == nil {
		return math.Inf(1)
	}
	return *d.Percent
}

func (s *Series) drift() (Drift, bool) {
	last, ok := s.Last()
	if !ok {
		return Drift{}, false
	}
	d := Drift{Scenario: s.Scenario, Metric: s.Metric, Unit: s.Unit, Gated: s.Gated}
	for i := len(s.Changes) - 1; i >= 0; i-- {
		c := s.Changes[i]
		if c.Epoch != last.Epoch {
			continue
		}
		if c.After <= c.Before {
			break // it fell last: whatever rose before is judged by the creep
		}
		if c.Percent != nil && *c.Percent < Material {
			continue
		}
		d.Kind, d.Size, d.Time, d.Commit = DriftChange, c.Size, s.Points[c.At].Time, s.Points[c.At].Commit
		if at := s.before(c); at >= 0 {
			d.Previous = s.Points[at].Commit
		}
		return d, true
	}
	if c := s.Creep; c != nil && c.Proven() && *c.Percent >= Material {
		d.Kind, d.Size, d.Time, d.Commit = DriftCreep, c.Size, c.Since, c.Commit
		return d, true
	}
	return Drift{}, false
}

// before is the index of the last point before a change in its epoch, -1 for none.
func (s *Series) before(c Change) int {
	for i := c.At - 1; i >= 0; i-- {
		if p := s.Points[i]; p.Epoch == c.Epoch && p.Missing == "" {
			return i
		}
	}
	return -1
}

// String says it in one line. Names in it are those of the reports: whoever prints it cleans it.
func (d Drift) String() string {
	size := gates.FormatValue(d.Unit, d.Before) + " to " + gates.FormatValue(d.Unit, d.After)
	if d.Percent != nil {
		size = fmt.Sprintf("by %.3g%%", *d.Percent)
		if d.LowPercent != nil && d.HighPercent != nil {
			size += fmt.Sprintf(" (%.3g%% to %.3g%%)", *d.LowPercent, *d.HighPercent)
		}
		size += ", " + gates.FormatValue(d.Unit, d.Before) + " to " + gates.FormatValue(d.Unit, d.After)
	}
	when := d.Time.UTC().Format(time.DateOnly)
	commit := ""
	if d.Commit != "" {
		commit = " (" + short(d.Commit) + ")"
	}
	if d.Kind == DriftCreep {
		return fmt.Sprintf("%s.%s crept up since %s%s: %s", d.Scenario, d.Metric, when, commit, size)
	}
	return fmt.Sprintf("%s.%s rose on %s%s: %s", d.Scenario, d.Metric, when, commit, size)
}
