package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/history"
	"github.com/alloc-dev/heaptop/gates/report"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// nights writes the reports of so many nights, in which the peak RSS of one scenario rises once, a scenario is not measured
// twice, and every seventh night is measured on another machine.
func nights(t testing.TB, count int) (dir string, last *gates.Report) {
	t.Helper()
	dir = t.TempDir()
	lot := rand.New(rand.NewPCG(1, 2))
	for n := range count {
		start := time.Date(2026, 9, 22, 20, 20, 0, 0, time.UTC).AddDate(0, 0, n)
		r := &gates.Report{Schema: gates.ReportSchema, StartedAt: start, FinishedAt: start.Add(9 * time.Minute),
			Environment: gates.Environment{OS: "linux", Arch: "amd64", CPU: "Example CPU 1", CPUs: 4, Go: "go1.26.8", Commit: fmt.Sprintf("%040x", lot.Uint64()), Branch: "main"}}
		if n%7 == 3 {
			r.Environment.CPU = "Example CPU 2"
		}
		for _, name := range []string{"import", "a server with <b>a long name</b>"} {
			s := gates.Scenario{Name: name, Kind: gates.KindCommand, Runs: 3, DurationS: 9, Metrics: map[string]gates.Measured{}}
			var limits []gates.Limit
			for _, l := range []gates.Limit{{Metric: "peak_rss", Max: 96e6, From: gates.FromConfig}, {Metric: "live_heap", Max: 2e6, From: gates.FromConfig}, {Metric: "allocs", Max: 15e4, From: gates.FromConfig}} {
				m, _ := gates.MetricOf(l.Metric)
				level := l.Max * 2 / 3
				if name == "import" && l.Metric == "peak_rss" && n >= count*2/3 {
					level *= 1.15
				}
				var values []float64
				for range s.Runs {
					values = append(values, level*(1+0.01*lot.NormFloat64()))
				}
				s.Metrics[l.Metric], limits = gates.Measure(m, "test", values), append(limits, l)
			}
			if name != "import" && (n == 10 || n == 11) {
				s.Metrics, s.Error = map[string]gates.Measured{}, "the server did not start"
			}
			s.Gates = gates.Evaluate(limits, s.Metrics)
			r.Scenarios = append(r.Scenarios, s)
		}
		r.Judge()
		data, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.json", n)), data, 0o644); err != nil {
			t.Fatal(err)
		}
		last = r
	}
	return dir, last
}

// pictureOf is the history of a folder, as heaptop report --history shows it.
func pictureOf(t testing.TB, dir string) *picture {
	t.Helper()
	o := onPage{history: []string{dir}}
	if err := o.read(&environment{Streams: Streams{Err: io.Discard}}); err != nil {
		t.Fatal(err)
	}
	return o.picture
}

// addNumbers collects the numbers of a JSON value.
func addNumbers(v any, into map[float64]bool) {
	switch x := v.(type) {
	case map[string]any:
		for _, e := range x {
			addNumbers(e, into)
		}
	case []any:
		for _, e := range x {
			addNumbers(e, into)
		}
	case float64:
		into[x] = true
	}
}

// TestNumbersOfHistoriesAreThoseOfTheJSON reads both: all numbers of a page are in the JSON of the same history, every measured
// point is in a chart, and every change and creep in a table.
func TestNumbersOfHistoriesAreThoseOfTheJSON(t *testing.T) {
	dir, _ := nights(t, 40)
	p := pictureOf(t, dir)
	html, err := p.html()
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.json()
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	known := map[float64]bool{}
	addNumbers(tree, known)
	list, err := pagetest.Values(html)
	if err != nil {
		t.Fatal(err)
	}
	charts := map[string]map[string]float64{} // scenario.metric, time
	cells := map[string]map[float64]bool{}
	for _, d := range list {
		if !known[d.Value] {
			t.Errorf("%s / %s / %s / %s: %q stands for %v, which is in no JSON", d.Part, d.Block, d.Row, d.Column, d.Text, d.Value)
		}
		if series, _, ok := strings.Cut(d.Block, ":"); ok && d.Column != "limit" {
			if charts[series] == nil {
				charts[series] = map[string]float64{}
			}
			charts[series][d.Row] = d.Value
		}
		if cells[d.Column] == nil {
			cells[d.Column] = map[float64]bool{}
		}
		cells[d.Column][d.Value] = true
	}
	changes := 0
	for _, s := range p.series {
		for _, point := range s.Points {
			got, ok := charts[s.Scenario+"."+s.Metric][point.Time.UTC().Format(time.RFC3339Nano)]
			if want := point.Missing == ""; ok != want || want && got != point.Median {
				t.Errorf("%s.%s at %v: the chart has %v (%v), the history %v (missing: %q)", s.Scenario, s.Metric, point.Time, got, ok, point.Median, point.Missing)
			}
		}
		sizes := []history.Size{}
		for _, c := range s.Changes {
			sizes, changes = append(sizes, c.Size), changes+1
		}
		if s.Creep != nil {
			sizes = append(sizes, s.Creep.Size)
		}
		for _, size := range sizes {
			for column, v := range map[string]float64{"before": size.Before, "after": size.After, "change": *size.Percent, "low": *size.LowPercent, "high": *size.HighPercent} {
				if !cells[column][v] {
					t.Errorf("%s.%s: %s %v is in no table", s.Scenario, s.Metric, column, v)
				}
			}
		}
	}
	if changes == 0 || len(p.drift) == 0 {
		t.Errorf("%d changes, %d growths: want one of each at least, or nothing is tested", changes, len(p.drift))
	}
}

func TestSignOfAChangeIsThatOfItsFigure(t *testing.T) {
	more, less := 0.2, -0.2
	for _, c := range []struct {
		size history.Size
		want page.Tone
	}{
		{history.Size{Before: 100, After: 99, Percent: &more}, page.Up}, {history.Size{Before: 99, After: 100, Percent: &less}, page.Down},
		{history.Size{Before: 100, After: 99}, page.Down}, {history.Size{Before: 0, After: 1}, page.Up},
	} {
		if got := movedTone(&c.size); got != c.want {
			t.Errorf("%+v: tone %d, want %d", c.size, got, c.want)
		}
	}
}

// TestPageOfManyNights: a page of a long history is no larger than a page may be, and says what is thinned.
func TestPageOfManyNights(t *testing.T) {
	samplertest.NotUnderRace(t)
	p := &picture{history: &history.History{Reports: []history.Entry{{Report: &gates.Report{}}}}}
	start := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range 310 {
		s := history.Series{Scenario: fmt.Sprintf("scenario %d", n/4), Metric: fmt.Sprintf("metric_%d", n%4), Unit: "bytes", NoCreep: "none", Epochs: []history.Epoch{{Environment: "one", Points: 600}}}
		for i := range 600 {
			v := float64(1e6 + i*n)
			s.Points = append(s.Points, history.Point{Time: start.AddDate(0, 0, i), Median: v, Low: v, High: v, Commit: fmt.Sprintf("%012d", i)})
		}
		p.series = append(p.series, s)
	}
	html, err := p.html()
	if err != nil {
		t.Fatal(err)
	}
	if len(html) > page.MaxBytes {
		t.Errorf("%d bytes, want at most %d", len(html), page.MaxBytes)
	}
	for _, want := range []string{"thinned to", "have no chart"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestNightInTheBrowser looks at the page of a night with 60 nights of history: what it says can be read, and its charts and
// tables work by mouse and by keyboard.
func TestNightInTheBrowser(t *testing.T) {
	dir, last := nights(t, 60)
	o := onPage{history: []string{dir}, typed: []string{"profiles=https://example.com/profiles"}}
	env := &environment{Streams: Streams{Err: io.Discard, Getenv: func(string) string { return "" }}}
	if err := o.parse(env, []string{"html"}); err != nil {
		t.Fatal(err)
	}
	if err := o.read(env); err != nil {
		t.Fatal(err)
	}
	other := *last
	other.Scenarios = []gates.Scenario{stableScenario()}
	other.Judge()
	list := []stored{{"gates.json", last}, {"stability.json", &other}}
	var b strings.Builder
	if err := report.HTMLWith(&b, merge(list), o.extras(list)); err != nil {
		t.Fatal(err)
	}
	pagetest.Browse(t, []byte(b.String()), pagetest.Visit{Name: "night", Script: `
		const chart = page.locator(".chart", { hasText: "import.peak_rss" }).first(), plot = chart.locator(".plot"), label = () => chart.locator(".reading").textContent();
		await plot.scrollIntoViewIfNeeded();
		await plot.focus();
		await page.keyboard.press("Home");
		check(/^2026-09-22 20:20:00 UTC/.test(await label()) && /MB/.test(await label()), "Home reads " + await label());
		await page.keyboard.press("End");
		check(/^2026-11-20 20:20:00 UTC/.test(await label()), "End reads " + await label());
		await shot("read");
		await page.keyboard.press("Escape");
		check(/2026-11-01/.test(await page.locator("main").innerText()), "no change on 2026-11-01");
		const link = page.getByRole("link", { name: "https://example.com/profiles" });
		check(await link.count() === 1, "the link is there " + await link.count() + " times");
		const trends = page.locator("section", { has: page.getByRole("heading", { name: "Trends", exact: true }) });
		const head = trends.locator("thead th").nth(1);
		await head.getByRole("button").press("Enter");
		check(/ending$/.test(await head.getAttribute("aria-sort")), "now is not sorted: " + await head.getAttribute("aria-sort"));
		await shot("sorted");
	`})
}

// stableScenario is a workload that was watched for half an hour.
func stableScenario() gates.Scenario {
	s := gates.Scenario{Name: "vim_session", Kind: gates.KindBuiltin, Runs: 1, DurationS: 1800, Metrics: map[string]gates.Measured{},
		Stability: &gates.Stability{Verdict: gates.Passed, Reason: "growth is excluded", PlannedS: 1800, WatchedS: 1800}}
	for i := range 181 {
		rss, live, ops := 28e6+1e5*float64(i%7), 4e6+1e6*float64(i%5), float64(i*500)
		s.Stability.Moments = append(s.Stability.Moments, gates.Moment{AtS: float64(i * 10), RSS: &rss, Live: &live, Operations: &ops})
	}
	return s
}
