package tab

import (
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// Judged is what the full analysis found out about the target by an instant. It never changes once it is in Data.
type Judged struct {
	At       time.Time
	RSS      analysis.Leak // of resident memory
	RSSOK    bool
	Findings []analysis.Finding // verdicts on each series, and advice
	Sites    map[string]analysis.RowTrend
	Groups   map[string]analysis.RowTrend
}

// SetJudged takes what the full analysis found out.
func (s *State) SetJudged(j *Judged) {
	s.live.Judged = j
	s.reach(&s.live)
	s.Version++
}

// SetPastJudged takes what the recording that is shown tells as a whole. It is the same at each of its moments.
func (s *State) SetPastJudged(j *Judged) {
	if s.visit == nil || s.visit.File == "" || s.frozen == nil {
		return
	}
	s.frozen.Judged = j
	s.Version++
}

// Trend says whether resident memory grows.
type Trend struct {
	Verdict analysis.LeakVerdict
	PerHour float64 // bytes; below 0 where it shrinks for sure
	Reason  string  // what is missing, of LeakInsufficient
}

// Trend joins the cheap verdict, which follows each reading, and the full one, which is made each minute and has the last
// word: growth that it does not confirm is only possible.
func (d *Data) Trend() Trend {
	g := d.Growth
	if d.Judged == nil || !d.Judged.RSSOK || !d.Judged.RSS.Judged {
		switch {
		case !g.OK:
			return Trend{Verdict: analysis.LeakInsufficient, Reason: g.Reason}
		case g.Growing:
			return Trend{Verdict: analysis.LeakGrowing, PerHour: g.PerHour}
		}
		return Trend{Verdict: analysis.LeakFlat, PerHour: min(g.High, 0)}
	}
	switch full := &d.Judged.RSS; {
	case full.Verdict == analysis.LeakGrowing && g.Growing:
		return Trend{Verdict: analysis.LeakGrowing, PerHour: g.PerHour}
	case full.Verdict == analysis.LeakFlat && g.Growing:
		return Trend{Verdict: analysis.LeakInconclusive}
	case full.Verdict == analysis.LeakFlat:
		return Trend{Verdict: analysis.LeakFlat, PerHour: min(g.High, 0)}
	default:
		return Trend{Verdict: full.Verdict, PerHour: full.PerHour}
	}
}

// reach projects growth to the nearest limit: by the cheap verdict where both agree, and by the full one where it alone
// tells of growth.
func (s *State) reach(d *Data) {
	d.Reach = analysis.Reach{}
	if !d.LimitOK || d.Trend().Verdict != analysis.LeakGrowing {
		return
	}
	if d.Counted.OK {
		d.Reach = analysis.TimeToLimit(d.Counted, d.Limit)
		return
	}
	if d.Growth.Growing {
		d.Reach = analysis.TimeToLimit(d.Growth, d.Limit)
		return
	}
	l := d.Judged.RSS
	d.Reach = analysis.TimeToLimit(analysis.Growth{PerHour: l.PerHour, Low: l.Low, High: l.High, OK: true, Growing: true}, d.Limit)
}

// The shares of a limit from which on it is near.
const (
	limitNear = 0.9
	limitFull = 0.97
)

// Findings returns what was found, what matters most first.
func (d *Data) Findings() []analysis.Finding {
	var out []analysis.Finding
	if f, ok := nearLimit(d); ok {
		out = append(out, f)
	}
	if d.Judged != nil {
		out = append(out, d.Judged.Findings...)
	}
	slices.SortStableFunc(out, func(a, b analysis.Finding) int { return weight(&b) - weight(&a) })
	return out
}

// IsUrgent reports whether Urgent returns any.
func (d *Data) IsUrgent() bool {
	if f, ok := nearLimit(d); ok && weight(&f) >= 2 {
		return true
	}
	return d.Judged != nil && slices.ContainsFunc(d.Judged.Findings, func(f analysis.Finding) bool { return weight(&f) >= 2 })
}

// Urgent returns the findings that a person should hear of unasked.
func (d *Data) Urgent() []analysis.Finding {
	out := d.Findings()
	for i := range out {
		if weight(&out[i]) < 2 {
			return out[:i]
		}
	}
	return out
}

// weight orders findings: from 2 on they are told unasked. Growth that is possible only is not, nor a handful of threads
// or files that settled.
func weight(f *analysis.Finding) int {
	switch {
	case f.Severity == analysis.Critical:
		return 4
	case f.Severity != analysis.Warning:
		return 0
	case f.Verdict == "":
		return 3
	case f.Verdict == analysis.LeakSettling && f.Series != string(sampler.ProcessThreads) && f.Series != string(sampler.ProcessFDs):
		return 2
	}
	return 1
}

func nearLimit(d *Data) (f analysis.Finding, ok bool) {
	l := d.Limit
	if !d.LimitOK || l.Bytes <= 0 || l.Used < limitNear*l.Bytes || d.Gone != nil {
		return f, false
	}
	f = analysis.Finding{Analyzer: "limit", Severity: analysis.Warning, Evidence: map[string]float64{
		"limit_bytes": l.Bytes, "limit_used_bytes": l.Used, "used_percent": l.Used / l.Bytes * 100,
	}}
	if l.Used >= limitFull*l.Bytes {
		f.Severity = analysis.Critical
	}
	f.Title = unit.Percent(l.Used/l.Bytes) + " of the limit of " + unit.Bytes(l.Bytes) + " (" + l.Name + ") is used"
	switch l.Name {
	case "cgroup":
		f.Details = []string{"At the limit the kernel first takes page cache back, and then kills a process of the group."}
	case "GOMEMLIMIT":
		f.Details = []string{"Beyond it nothing dies, but the collector runs more often, up to half of the CPU."}
	case "machine":
		f.Details = []string{"What counts is the memory that is not available to new programs, whoever uses it."}
	}
	return f, true
}
