package tab_test

import (
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// The full verdict has the last word; the cheap one alone counts until there is one.
func TestTrendJoinsTheCheapAndTheFullVerdict(t *testing.T) {
	growing := analysis.Growth{OK: true, Growing: true, PerHour: 100, Low: 90, High: 110}
	flat := analysis.Growth{OK: true, PerHour: 1, Low: -5, High: 6}
	falling := analysis.Growth{OK: true, PerHour: -8, Low: -9, High: -7}
	short := analysis.Growth{Reason: "12s watched, 1m04s needed"}
	full := func(v analysis.LeakVerdict) *analysis.Leak {
		return &analysis.Leak{Verdict: v, Judged: v != analysis.LeakInsufficient, PerHour: 50, Low: 40, High: 60}
	}
	for name, c := range map[string]struct {
		cheap analysis.Growth
		full  *analysis.Leak
		want  tab.Trend
	}{
		"nothing yet":          {short, nil, tab.Trend{Verdict: analysis.LeakInsufficient, Reason: short.Reason}},
		"cheap alone grows":    {growing, nil, tab.Trend{Verdict: analysis.LeakGrowing, PerHour: 100}},
		"cheap alone is flat":  {flat, nil, tab.Trend{Verdict: analysis.LeakFlat}},
		"cheap alone falls":    {falling, nil, tab.Trend{Verdict: analysis.LeakFlat, PerHour: -7}},
		"too short for full":   {growing, full(analysis.LeakInsufficient), tab.Trend{Verdict: analysis.LeakGrowing, PerHour: 100}},
		"both grow":            {growing, full(analysis.LeakGrowing), tab.Trend{Verdict: analysis.LeakGrowing, PerHour: 100}},
		"full alone grows":     {flat, full(analysis.LeakGrowing), tab.Trend{Verdict: analysis.LeakGrowing, PerHour: 50}},
		"too sparse for cheap": {short, full(analysis.LeakGrowing), tab.Trend{Verdict: analysis.LeakGrowing, PerHour: 50}},
		"not confirmed":        {growing, full(analysis.LeakFlat), tab.Trend{Verdict: analysis.LeakInconclusive}},
		"settling":             {growing, full(analysis.LeakSettling), tab.Trend{Verdict: analysis.LeakSettling, PerHour: 50}},
		"may grow":             {flat, full(analysis.LeakInconclusive), tab.Trend{Verdict: analysis.LeakInconclusive, PerHour: 50}},
	} {
		d := &tab.Data{Growth: c.cheap}
		if c.full != nil {
			d.Judged = &tab.Judged{RSS: *c.full, RSSOK: true}
		}
		if got := d.Trend(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// What is told unasked: growth, warnings, what settles; not what is possible only, nor information.
func TestUrgentFindingsComeFirst(t *testing.T) {
	find := func(name string, s analysis.Severity, v analysis.LeakVerdict, series sampler.Metric) analysis.Finding {
		return analysis.Finding{Analyzer: name, Severity: s, Verdict: v, Series: string(series)}
	}
	d := &tab.Data{
		Limit: analysis.Limit{Name: "cgroup", Bytes: 100, Used: 98}, LimitOK: true,
		Judged: &tab.Judged{Findings: []analysis.Finding{
			find("info", analysis.Info, "", ""),
			find("possible", analysis.Warning, analysis.LeakInconclusive, sampler.GoHeapLive),
			find("threads", analysis.Warning, analysis.LeakSettling, sampler.ProcessThreads),
			find("settling", analysis.Warning, analysis.LeakSettling, sampler.GoHeapLive),
			find("advice", analysis.Warning, "", ""),
			find("leak", analysis.Critical, analysis.LeakGrowing, sampler.GoHeapLive),
		}},
	}
	var got []string
	for _, f := range d.Urgent() {
		got = append(got, f.Analyzer)
	}
	want := []string{"limit", "leak", "advice", "settling"}
	if len(got) != len(want) {
		t.Fatalf("told unasked: %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("told unasked: %q, want %q", got, want)
			break
		}
	}
	if len(d.Findings()) != 7 || !d.IsUrgent() {
		t.Errorf("%d findings, urgent %v", len(d.Findings()), d.IsUrgent())
	}
	d.Limit.Used, d.Judged.Findings = 10, d.Judged.Findings[:3]
	if d.IsUrgent() || len(d.Urgent()) != 0 {
		t.Errorf("told unasked: %+v", d.Urgent())
	}
}

// The time to a limit is projected from the full verdict where it alone tells of growth, and not at all where it denies it.
func TestReachFollowsTheFullVerdict(t *testing.T) {
	st := tab.NewState(nil, time.Second, nil)
	d := st.Live()
	d.Limit, d.LimitOK = analysis.Limit{Name: "cgroup", Bytes: 200, Used: 100}, true
	st.SetJudged(&tab.Judged{RSSOK: true, RSS: analysis.Leak{Verdict: analysis.LeakGrowing, Judged: true, PerHour: 50, Low: 25, High: 100}})
	if want := (analysis.Reach{OK: true, At: 2 * time.Hour, Earliest: time.Hour, Latest: 4 * time.Hour}); d.Reach != want {
		t.Errorf("%+v, want %+v", d.Reach, want)
	}
	d.Growth = analysis.Growth{OK: true, Growing: true, PerHour: 50, Low: 25, High: 100}
	st.SetJudged(&tab.Judged{RSSOK: true, RSS: analysis.Leak{Verdict: analysis.LeakFlat, Judged: true}})
	if d.Reach.OK {
		t.Errorf("full in %v although the full analysis finds no growth", d.Reach.At)
	}
}
