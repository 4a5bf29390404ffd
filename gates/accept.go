package gates

import (
	"fmt"
	"time"
)

// ApplyAccepts marks the growth of a scenario that the policy accepts: a comparison that grew or regressed by no more
// than the ceiling fails nothing any more, keeps its verdict, and carries the reason. It returns what is to be said about
// the entries: those that are over, were exceeded, or accept nothing.
func ApplyAccepts(scenario string, comparisons []Comparison, accepts []Accept, now time.Time) (warnings []string) {
	for _, a := range accepts {
		if a.Scenario != scenario {
			continue
		}
		if w := a.apply(comparisons, now); w != "" {
			warnings = append(warnings, w)
		}
	}
	return warnings
}

func (a Accept) apply(comparisons []Comparison, now time.Time) (warning string) {
	expired := !a.Until.IsZero() && !now.Before(a.Until)
	used := false
	for i := range comparisons {
		c := &comparisons[i]
		if c.Metric != a.Metric || c.Verdict != Regressed && c.Verdict != Grew {
			continue
		}
		used = true
		switch {
		case expired:
			c.Reason = fmt.Sprintf("accepting it ended on %s", a.Until.Format(time.DateOnly))
		case c.ChangePercent == nil || *c.ChangePercent > 100*(a.UpTo+rounding):
			c.Reason = fmt.Sprintf("more than the %s that are accepted (%s)", percent(a.UpTo), a.Because)
		default:
			c.Accepted = a.Because
			if c.Accepted == "" {
				c.Accepted = fmt.Sprintf("accepted up to %s", percent(a.UpTo))
			}
		}
		c.Severity = c.severity(false)
	}
	switch {
	case expired:
		return fmt.Sprintf("accepting %s of %s (%s) ended on %s: remove the entry, or the growth", a.Metric, a.Scenario, a.Because, a.Until.Format(time.DateOnly))
	case !used && len(comparisons) > 0:
		return fmt.Sprintf("accepting %s of %s (%s) was not needed", a.Metric, a.Scenario, a.Because)
	}
	return ""
}
