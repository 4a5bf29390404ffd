package analysis_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// found returns the findings by analyzer, each once.
func found(t *testing.T, list []analysis.Finding) map[string]analysis.Finding {
	t.Helper()
	out := map[string]analysis.Finding{}
	for _, f := range list {
		if _, twice := out[f.Analyzer]; twice {
			t.Errorf("two findings of %s", f.Analyzer)
		}
		out[f.Analyzer] = f
		checkFinding(t, &f)
	}
	return out
}

// checkFinding asserts what all findings have in common: finite numbers under keys with units, columns that some row has,
// shares of at most the whole.
func checkFinding(t *testing.T, f *analysis.Finding) {
	t.Helper()
	units := []string{"bytes", "percent", "count", "seconds", "second", "minute", "hour", "ratio", "objects", "pid"}
	check := func(where string, numbers map[string]float64) {
		for key, v := range numbers {
			if math.IsNaN(v) || math.IsInf(v, 0) || !slices.ContainsFunc(units, func(u string) bool { return strings.HasSuffix(key, u) }) {
				t.Errorf("%s: %s: %q is %v", f.Analyzer, where, key, v)
			}
		}
	}
	check("evidence", f.Evidence)
	if f.Title == "" || strings.HasSuffix(f.Title, ".") || f.Severity == "" {
		t.Errorf("%s: title %q, severity %q", f.Analyzer, f.Title, f.Severity)
	}
	for _, r := range f.Rows {
		check("row "+r.Name, r.Numbers)
		if r.Name == "" {
			t.Errorf("%s: a row has no name", f.Analyzer)
		}
	}
	for _, d := range f.Details {
		if !strings.HasSuffix(d, ".") {
			t.Errorf("%s: %q is no sentence", f.Analyzer, d)
		}
	}
}

func sight(t *testing.T) *analysis.Sight {
	t.Helper()
	f := samplertest.New(samplertest.Options{})
	var reading sampler.Snapshot
	for range 100 {
		if err := f.Read(t.Context(), &reading); err != nil {
			t.Fatal(err)
		}
	}
	raw, err1 := f.HeapProfile(t.Context())
	heap, err2 := profile.ParseHeap(raw)
	m, err3 := f.Mappings(t.Context())
	g, err4 := f.Goroutines(t.Context())
	walk, err5 := f.Walk(t.Context(), sampler.WalkOptions{})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	return &analysis.Sight{
		Info: f.Describe(), Snapshot: &reading, Mappings: &m, Heap: &heap, Goroutines: &g, Walk: &walk,
		Spans: &sampler.Spans{Bytes: 1000, InUse: 700, Classes: []sampler.SizeClass{{Size: 16, Bytes: 400, InUse: 300}, {Size: 32, Bytes: 600, InUse: 400}}},
	}
}

func TestThePictureSums(t *testing.T) {
	s := sight(t)
	list, _ := analysis.Picture(s)
	all := found(t, list)
	rss, _ := s.Snapshot.Get(sampler.ProcessRSS)
	for analyzer, want := range map[string]struct {
		key   string
		total float64
	}{
		"ledger": {"bytes", rss}, "mappings": {"rss_bytes", rss}, "fragmentation": {"unused_bytes", 300},
		"goroutines": {"goroutines_count", float64(s.Goroutines.Total)},
	} {
		sum, shares := 0.0, 0.0
		for _, r := range all[analyzer].Rows {
			sum += r.Numbers[want.key]
			shares += r.Numbers["share_percent"]
		}
		if math.Abs(sum-want.total) > 0.01*want.total || math.Abs(shares-100) > 0.2 {
			t.Errorf("%s: rows come to %v of %v, shares to %v %%", analyzer, sum, want.total, shares)
		}
	}
	for _, analyzer := range []string{"limits", "process", "collector", "hotspots", "holders", "types"} {
		if _, ok := all[analyzer]; !ok {
			t.Errorf("nothing is said of %s", analyzer)
		}
	}
}

// What was not read is not there: no row, no number, no finding.
func TestThePictureOfLittle(t *testing.T) {
	if list, warnings := analysis.Picture(&analysis.Sight{}); len(list)+len(warnings) > 0 {
		t.Errorf("found %v in nothing", list)
	}
	s := snapshot(map[sampler.Metric]float64{sampler.ProcessRSS: 50 * mb})
	list, warnings := analysis.Picture(&analysis.Sight{Snapshot: s})
	all := found(t, list)
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, []string{"ledger"}) || len(warnings) == 0 {
		t.Errorf("found %v, warnings %q", got, warnings)
	}
	if unexplained := all["ledger"].Evidence["unexplained_bytes"]; unexplained != 50*mb {
		t.Errorf("%v bytes unexplained, want all", unexplained)
	}
}

func TestLimitsWarn(t *testing.T) {
	for name, c := range map[string]struct {
		used, kills float64
		want        analysis.Severity
	}{"far": {100 * mb, 0, analysis.Info}, "near": {460 * mb, 0, analysis.Warning}, "killed": {100 * mb, 2, analysis.Warning}} {
		t.Run(name, func(t *testing.T) {
			s := snapshot(map[sampler.Metric]float64{
				sampler.ProcessRSS: 90 * mb, sampler.CgroupCurrent: c.used, sampler.CgroupLimit: 500 * mb, sampler.CgroupOOMKills: c.kills,
				sampler.MachineMemory: 8000 * mb, sampler.MachineAvailable: 6000 * mb, sampler.PressureSome10: 1.5,
			})
			list, _ := analysis.Picture(&analysis.Sight{Snapshot: s})
			f := found(t, list)["limits"]
			if f.Severity != c.want || len(f.Rows) != 2 || f.Rows[0].Name != "cgroup" || f.Rows[0].Numbers["left_bytes"] != 500*mb-c.used {
				t.Errorf("severity %s, rows %v", f.Severity, f.Rows)
			}
			if text := strings.Join(f.Details, " "); !strings.Contains(text, "1.5% of the time") || strings.Contains(text, "killed 2 processes") != (c.kills > 0) {
				t.Errorf("details %q", text)
			}
		})
	}
}

func TestTheMachine(t *testing.T) {
	table := &sampler.ProcessTable{Machine: sampler.Machine{
		Total: sampler.Known(1000 * mb), Available: sampler.Known(40 * mb), SwapTotal: sampler.Known(100 * mb), SwapFree: sampler.Known(60 * mb),
	}}
	for i := range 30 {
		table.Processes = append(table.Processes, sampler.Process{PID: i + 1, Name: "p", RSS: sampler.Known(float64(i) * mb)})
	}
	table.Processes = append(table.Processes, sampler.Process{PID: 99, Name: "unknown"}, sampler.Process{PID: 100, Name: "kthread", Kernel: true, RSS: sampler.Known(0)})
	all := found(t, analysis.MachinePicture(table))
	m, p := all["machine"], all["processes"]
	if m.Severity != analysis.Warning || m.Title != "40.0 MB of 1.00 GB is available (4.0%)" {
		t.Errorf("%s: %s", m.Severity, m.Title)
	}
	if _, known := m.Evidence["pressure_some_percent"]; known || !strings.Contains(strings.Join(m.Details, " "), "does not tell how long") {
		t.Errorf("pressure that was not read: %v %q", m.Evidence, m.Details)
	}
	if len(p.Rows) != 15 || p.Rows[0].Name != "p 30" || p.Rows[0].Numbers["share_percent"] != 2.9 || !strings.Contains(strings.Join(p.Details, " "), "14 further processes") {
		t.Errorf("rows %v, details %q", p.Rows, p.Details)
	}
}

// point is the made-up server some readings later.
func point(t *testing.T, f *samplertest.Fake, h *sampler.History, readings int) analysis.TracePoint {
	t.Helper()
	var reading sampler.Snapshot
	for range readings {
		if err := f.Read(t.Context(), &reading); err != nil {
			t.Fatal(err)
		}
		h.Add(&reading)
	}
	raw, err := f.HeapProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heap, err := profile.ParseHeap(raw)
	if err != nil {
		t.Fatal(err)
	}
	return analysis.TracePoint{Snapshot: reading.Clone(), Cycles: h.Cycles(), Heap: &heap}
}

func TestGarbageIsRankedByWhatDies(t *testing.T) {
	f, h := samplertest.New(samplertest.Options{}), sampler.NewHistory()
	in := &analysis.HotspotInput{From: point(t, f, h, 60), To: point(t, f, h, 120), Threshold: 1 * mb}
	all := found(t, analysis.FindHotspots(in))
	g := all["garbage"]
	if len(g.Sites) < 3 || g.Sites[0].Site != "bytes.growSlice buffer.go:255" {
		t.Fatalf("sites %+v", g.Sites)
	}
	shares, before := 0.0, math.Inf(1)
	for _, s := range g.Sites {
		if *s.GarbagePerSecond > *s.AllocPerSecond || *s.GarbagePerSecond > before {
			t.Errorf("%s makes %v of garbage of %v allocated; the one before %v", s.Site, *s.GarbagePerSecond, *s.AllocPerSecond, before)
		}
		before = *s.GarbagePerSecond
		shares += s.SharePercent
	}
	exact, byTheSites := g.Evidence["alloc_bytes_per_second"], g.Evidence["garbage_bytes_per_second"]
	if shares > 100.1 || shares < 95 || byTheSites < 0.8*exact || byTheSites > 1.1*exact {
		t.Errorf("shares %v, %v bytes a second of %v allocated", shares, byTheSites, exact)
	}
	if _, ok := found(t, analysis.FindHotspots(&analysis.HotspotInput{To: in.To}))["garbage"]; ok {
		t.Error("garbage is told from one profile")
	}
}

// heapOf is a profile of these sites, each sampled in full.
func heapOf(at time.Time, sites map[string][2]float64) *profile.Heap {
	h := &profile.Heap{Time: at, Rate: 1}
	for name, bytes := range sites {
		h.Sites = append(h.Sites, profile.Site{Function: name, File: "a.go", Line: 1, InUseBytes: bytes[0], AllocBytes: bytes[1], InUseObjects: 1, Samples: 100})
		h.TotalInUse += bytes[0]
		h.TotalAlloc += bytes[1]
	}
	slices.SortFunc(h.Sites, func(a, b profile.Site) int { return int(b.InUseBytes - a.InUseBytes) })
	return h
}

func TestWhatStays(t *testing.T) {
	at := time.Unix(1000, 0)
	list := analysis.FindHotspots(&analysis.HotspotInput{Threshold: 1 * mb, To: analysis.TracePoint{Heap: heapOf(at, map[string][2]float64{
		"old": {40 * mb, 40 * mb}, "churns": {30 * mb, 900 * mb}, "small": {0.5 * mb, 0.5 * mb}, "mostly": {10 * mb, 10.5 * mb},
	})}})
	f := found(t, list)["stays"]
	var got []string
	for _, s := range f.Sites {
		got = append(got, s.Site+" "+s.Verdict)
		if s.BytesPerHour != nil {
			t.Errorf("%s grows by %v, told from one profile", s.Site, *s.BytesPerHour)
		}
	}
	if !slices.Equal(got, []string{"old a.go:1 old", "mostly a.go:1 old"}) || f.Evidence["in_use_bytes"] != 50*mb {
		t.Errorf("sites %q, evidence %v", got, f.Evidence)
	}
}

func TestStacks(t *testing.T) {
	g := &sampler.Goroutines{Total: 31, Groups: []sampler.GoroutineGroup{
		{Count: 20, State: "select", Stack: []sampler.Frame{{Function: "main.many", File: "/m.go", Line: 3}}, Stacks: sampler.Known(20 * 2048)},
		{Count: 1, State: "IO wait", Stack: []sampler.Frame{{Function: "main.deep", File: "/m.go", Line: 9}}, Stacks: sampler.Known(1 << 20)},
		{Count: 10, State: "running"},
	}}
	f := found(t, analysis.FindHotspots(&analysis.HotspotInput{Goroutines: g}))["stacks"]
	if len(f.Rows) != 2 || f.Rows[0].Name != "main.deep m.go:9" || f.Rows[0].Numbers["mean_stack_bytes"] != 1<<20 || f.Evidence["goroutines_count"] != 21 {
		t.Errorf("rows %+v, evidence %v", f.Rows, f.Evidence)
	}
	g.Groups = g.Groups[2:]
	if list := analysis.FindHotspots(&analysis.HotspotInput{Goroutines: g}); len(list) != 0 {
		t.Errorf("found %v in stacks that were not measured", list)
	}
}

func BenchmarkExplain(b *testing.B) {
	s := snapshot(server())
	l, _ := analysis.NewLedger(s, nil)
	b.ReportAllocs()
	for b.Loop() {
		analysis.Explain(&l, s)
	}
}
