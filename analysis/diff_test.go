package analysis_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	pb "github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// snapshotOf takes a snapshot of a made-up server that leaks, after so many readings.
func snapshotOf(t *testing.T, f *samplertest.Fake, readings int) *capture.Snapshot {
	t.Helper()
	ctx := t.Context()
	var s sampler.Snapshot
	for range readings {
		if err := f.Read(ctx, &s); err != nil {
			t.Fatal(err)
		}
	}
	snap := &capture.Snapshot{Info: f.Describe(), Sample: s.Clone(), Meta: capture.Meta{Time: s.Time}}
	heap, err := f.HeapProfile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	goroutines, err := f.GoroutineProfile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := f.Mappings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	snap.Heap, snap.Goroutine, snap.Mappings = &heap, &goroutines, &maps
	return snap
}

func sides(t *testing.T) (from, to *analysis.Side) {
	t.Helper()
	f := samplertest.New(samplertest.Options{})
	return sideOf(t, "before", snapshotOf(t, f, 30)), sideOf(t, "after", snapshotOf(t, f, 400))
}

func sideOf(t *testing.T, name string, s *capture.Snapshot) *analysis.Side {
	t.Helper()
	side, err := analysis.SideOf(name, s)
	if err != nil {
		t.Fatal(err)
	}
	return side
}

func TestCompareFindsTheLeakFirst(t *testing.T) {
	from, to := sides(t)
	d := analysis.Compare(from, to, profile.Filter{})
	first := d.Sites[0]
	if first.Frame.Function != "github.com/acme/api/session.(*Manager).remember" || !first.Certain() {
		t.Errorf("the first row is %s, %+.0f ± %.0f", first.Frame.Function, first.Change(), first.Uncertainty)
	}
	if !d.SameRun || len(d.Warnings) != 0 {
		t.Errorf("same run %v, warnings %q", d.SameRun, d.Warnings)
	}
	for i := 1; i < len(d.Sites); i++ {
		if d.Sites[i].Change() > d.Sites[i-1].Change() {
			t.Errorf("site %d changed by %.0f, the one before it by %.0f", i, d.Sites[i].Change(), d.Sites[i-1].Change())
		}
	}
	if got := d.Heap.Change(); got != to.Heap.TotalInUse-from.Heap.TotalInUse {
		t.Errorf("the heap changed by %.0f", got)
	}
}

// Every part is compared with what the sides themselves hold.
func TestCompareParts(t *testing.T) {
	from, to := sides(t)
	d := analysis.Compare(from, to, profile.Filter{})
	sum := 0.0
	for _, c := range d.Ledger[:len(d.Ledger)-1] {
		sum += c.Value().Value
	}
	rss := d.Ledger[len(d.Ledger)-1]
	if rss.Key != "rss" || rss.Value().Value != to.Ledger.Total-from.Ledger.Total || sum != rss.Value().Value {
		t.Errorf("the rows of the ledger changed by %.0f, RSS by %.0f, the sides say %.0f", sum, rss.Value().Value, to.Ledger.Total-from.Ledger.Total)
	}
	var mapped, counted float64
	for _, c := range d.Mappings {
		mapped += c.Value().Value
	}
	for _, m := range to.Mappings.List {
		counted += m.RSS
	}
	for _, m := range from.Mappings.List {
		counted -= m.RSS
	}
	if mapped != counted {
		t.Errorf("mappings changed by %.0f, want %.0f", mapped, counted)
	}
	goroutines := 0
	for _, g := range d.Goroutines {
		goroutines += g.Change()
	}
	if goroutines != to.Goroutines.Total-from.Goroutines.Total || len(d.Goroutines) == 0 {
		t.Errorf("goroutines changed by %d, want %d", goroutines, to.Goroutines.Total-from.Goroutines.Total)
	}
	for _, c := range d.Runtime {
		a, b := from.Sample.Reading(sampler.Metric(c.Key)), to.Sample.Reading(sampler.Metric(c.Key))
		if c.From != a || c.To != b {
			t.Errorf("%s: %v to %v, want %v to %v", c.Key, c.From, c.To, a, b)
		}
	}
	if len(d.Runtime) < len(to.Sample.Samples) {
		t.Errorf("%d metrics of %d", len(d.Runtime), len(to.Sample.Samples))
	}
	bytes := 0.0
	for _, s := range d.Sizes {
		bytes += s.Bytes.Value().Value
	}
	if len(d.Sizes) > 0 && math.Abs(bytes-d.Heap.Change()) > 1 {
		t.Errorf("sizes changed by %.0f, the heap by %.0f", bytes, d.Heap.Change())
	}
}

func TestCompareNeverTakesMissingForZero(t *testing.T) {
	from, to := sides(t)
	bare := &analysis.Side{Name: "bare", Heap: from.Heap, Time: from.Time}
	d := analysis.Compare(bare, to, profile.Filter{})
	if len(d.Ledger)+len(d.Mappings)+len(d.Goroutines)+len(d.Runtime) != 0 || len(d.Sites) == 0 {
		t.Errorf("rows of what one side lacks: %d ledger, %d mappings, %d goroutines, %d metrics; %d sites",
			len(d.Ledger), len(d.Mappings), len(d.Goroutines), len(d.Runtime), len(d.Sites))
	}
	for _, part := range []string{"ledger", "address space", "goroutines", "metrics"} {
		if !slices.ContainsFunc(d.Warnings, func(w string) bool { return strings.HasPrefix(w, "bare has no "+part) }) {
			t.Errorf("no word about the missing %s in %q", part, d.Warnings)
		}
	}
	from.Sample.Samples = slices.DeleteFunc(from.Sample.Samples, func(s sampler.Sample) bool { return s.Metric == sampler.ProcessRSS })
	from.Ledger.Rows = slices.DeleteFunc(from.Ledger.Rows, func(r analysis.Row) bool { return r.Key == "native" })
	d = analysis.Compare(from, to, profile.Filter{})
	for _, c := range slices.Concat(d.Runtime, d.Ledger) {
		if (c.Key == string(sampler.ProcessRSS) || c.Key == "native") && (c.From.OK || c.Value().OK || c.Share().OK || !c.To.OK) {
			t.Errorf("%s was not read before, and shows %v, change %v", c.Key, c.From, c.Value())
		}
	}
}

func TestCompareWarnsOfDifferentPrograms(t *testing.T) {
	from, to := sides(t)
	from.Info.Name, from.Info.GoVersion = "other", "go1.20"
	d := analysis.Compare(from, to, profile.Filter{})
	text := strings.Join(d.Warnings, "\n")
	for _, want := range []string{"different programs: other and ", "different Go versions: go1.20 and ", "two runs"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	if d.SameRun || len(d.Sites) == 0 {
		t.Errorf("same run %v, %d sites", d.SameRun, len(d.Sites))
	}
	text = strings.Join(analysis.Compare(to, from, profile.Filter{}).Warnings, "\n")
	if !strings.Contains(text, "after the second") {
		t.Errorf("the wrong order goes without a word: %q", text)
	}
}

func TestCompareFilters(t *testing.T) {
	from, to := sides(t)
	session := regexp.MustCompile("session")
	d := analysis.Compare(from, to, profile.Filter{Focus: session})
	if len(d.Sites) != 1 || !strings.Contains(d.Sites[0].Frame.Function, "session") {
		t.Errorf("focus leaves %d sites", len(d.Sites))
	}
	for _, g := range d.Goroutines {
		if !strings.Contains(strings.Join(analysis.FrameTexts(g.Stack), "\n"), "session") {
			t.Errorf("focus leaves the goroutines of %s", g.Function)
		}
	}
	without := analysis.Compare(from, to, profile.Filter{Ignore: session})
	all := analysis.Compare(from, to, profile.Filter{})
	if len(without.Sites)+1 != len(all.Sites) || without.Heap.Change()+d.Heap.Change() != all.Heap.Change() {
		t.Errorf("ignore leaves %d of %d sites", len(without.Sites), len(all.Sites))
	}
	for _, s := range analysis.Compare(from, to, profile.Filter{Mine: true}).Sites {
		if !strings.HasPrefix(s.Frame.Function, "github.com/acme/api") && !strings.HasPrefix(s.Frame.Function, "main.") {
			t.Errorf("%s is not the main module's", s.Frame.Function)
		}
	}
	none := analysis.Compare(from, to, profile.Filter{Focus: regexp.MustCompile("^no such function$")})
	if len(none.Sites) != 0 || !slices.Contains(none.Warnings, "no stack passes the filter") {
		t.Errorf("%d sites, warnings %q", len(none.Sites), none.Warnings)
	}
}

func TestLedgersBeforeAndAfterTheFirstCollectionAreComparable(t *testing.T) {
	early, ok1 := analysis.NewLedger(snapshot(with(server(), map[sampler.Metric]float64{sampler.GoCyclesTotal: 0})), nil)
	late, ok2 := analysis.NewLedger(snapshot(server()), nil)
	if !ok1 || !ok2 {
		t.Fatal("no ledger")
	}
	d := analysis.Compare(&analysis.Side{Ledger: &early}, &analysis.Side{Ledger: &late}, profile.Filter{})
	for _, c := range d.Ledger {
		if !c.Value().OK {
			t.Errorf("%s: %v to %v is not comparable", c.Name, c.From, c.To)
		}
	}
}

func TestSizesComeFromSpansWhereBothSidesHaveThem(t *testing.T) {
	a := &sampler.Spans{Classes: []sampler.SizeClass{{Size: 64, Objects: 10, InUse: 640}, {Size: 128, NoScan: true, Objects: 1, InUse: 128}}}
	b := &sampler.Spans{Classes: []sampler.SizeClass{{Size: 64, Objects: 30, InUse: 1920}, {Size: 0, Objects: 1, InUse: 90000}}}
	d := analysis.Compare(&analysis.Side{Spans: a}, &analysis.Side{Spans: b}, profile.Filter{})
	want := []struct{ size, bytes, objects float64 }{{0, 90000, 1}, {64, 1280, 20}, {128, -128, -1}}
	if len(d.Sizes) != len(want) {
		t.Fatalf("%d sizes", len(d.Sizes))
	}
	for i, w := range want {
		s := d.Sizes[i]
		if s.Size != w.size || s.Bytes.Value().Value != w.bytes || s.Objects.Value().Value != w.objects || s.Uncertainty != 0 {
			t.Errorf("row %d = %+v, want %+v", i, s, w)
		}
	}
}

// The schema of the JSON is what scripts depend on.
func TestDiffJSON(t *testing.T) {
	from, to := sides(t)
	var b bytes.Buffer
	d := analysis.Compare(from, to, profile.Filter{Mine: true})
	if err := d.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema string
		From   map[string]any
		To     map[string]any
		Ledger []struct {
			Name             string
			From, To, Change *float64
		}
		Sites []struct {
			Site        string
			Stack       []string
			From        float64 `json:"from_bytes"`
			To          float64 `json:"to_bytes"`
			Change      float64 `json:"change_bytes"`
			FromObjects float64 `json:"from_objects"`
			ToObjects   float64 `json:"to_objects"`
			Objects     float64 `json:"change_objects"`
			Uncertainty float64 `json:"uncertainty_bytes"`
		}
		Goroutines []struct {
			Stack            []string
			From, To, Change int
		}
		Mappings []map[string]any
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != "heaptop.diff/v1" || got.From["name"] != "before" || got.To["name"] != "after" {
		t.Errorf("schema %q, from %v, to %v", got.Schema, got.From, got.To)
	}
	first := got.Sites[0]
	if !strings.HasPrefix(first.Site, "github.com/acme/api/session.(*Manager).remember /src/acme/api/session/manager.go:132") ||
		first.Stack[0] != first.Site || first.To-first.From != first.Change || first.ToObjects-first.FromObjects != first.Objects ||
		first.Change != d.Sites[0].Change() || first.Uncertainty <= 0 {
		t.Errorf("first site = %+v", first)
	}
	if l := got.Ledger[0]; l.Name == "" || *l.To-*l.From != *l.Change {
		t.Errorf("first row of the ledger = %+v", l)
	}
	if len(got.Goroutines) == 0 || len(got.Mappings) == 0 || got.Goroutines[0].Stack == nil {
		t.Errorf("%d goroutines, %d mappings", len(got.Goroutines), len(got.Mappings))
	}
	if strings.Contains(b.String(), "null") || strings.Contains(b.String(), "NaN") {
		t.Error("a null or a NaN")
	}
}

func TestSideOfRefusesWhatAPartCannotBe(t *testing.T) {
	text := &sampler.Profile{Data: []byte("no profile")}
	for part, s := range map[string]*capture.Snapshot{
		"ledger.json":     {Ledger: json.RawMessage(`{"Rows":[{"Key":"a"},{"Key":"a"}]}`)},
		"heap.pb.gz":      {Heap: text},
		"goroutine.pb.gz": {Goroutine: text},
	} {
		if _, err := analysis.SideOf("x", s); err == nil || !strings.HasPrefix(err.Error(), part+": ") {
			t.Errorf("%s: %v", part, err)
		}
	}
	if _, err := analysis.SideOf("x", &capture.Snapshot{Ledger: json.RawMessage(`[]`)}); err == nil {
		t.Error("a ledger that is a list was taken")
	}
	if _, err := analysis.SideOfProfile("x", *text); err == nil {
		t.Error("text was taken for a profile")
	}
	cpu := &pb.Profile{SampleType: []*pb.ValueType{{Type: "cpu", Unit: "nanoseconds"}}}
	var b bytes.Buffer
	if err := cpu.Write(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := analysis.SideOfProfile("x", sampler.Profile{Data: b.Bytes()}); !errors.Is(err, profile.ErrNotHeap) {
		t.Errorf("a CPU profile: %v", err)
	}
}

// pprof is asked for the same comparison.
func TestCompareAgreesWithGoToolPprof(t *testing.T) {
	samplertest.Tool(t, "go")
	f := samplertest.New(samplertest.Options{})
	snaps := []*capture.Snapshot{snapshotOf(t, f, 30), snapshotOf(t, f, 300)}
	dir := t.TempDir()
	var files []string
	for i, s := range snaps {
		files = append(files, filepath.Join(dir, strconv.Itoa(i)+".pb.gz"))
		if err := os.WriteFile(files[i], s.Heap.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount=0", "-nodefraction=0", "-edgefraction=0", "-unit=B", "-symbolize=none",
		"-sample_index=inuse_space", "-diff_base="+files[0], files[1]).Output()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) >= 6 && strings.HasSuffix(fields[1], "%") {
			v, err := strconv.ParseFloat(strings.TrimSuffix(fields[0], "B"), 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	d := analysis.Compare(sideOf(t, "a", snaps[0]), sideOf(t, "b", snaps[1]), profile.Filter{})
	if sum != d.Heap.Change() || sum == 0 {
		t.Errorf("the heap changed by %.0f, pprof says %.0f", d.Heap.Change(), sum)
	}
}

func TestCompareKeepsItsSides(t *testing.T) {
	from, to := sides(t)
	rows, groups := slices.Clone(from.Ledger.Rows), slices.Clone(from.Goroutines.Groups)
	analysis.Compare(from, to, profile.Filter{})
	if !slices.Equal(rows, from.Ledger.Rows) || len(groups) != len(from.Goroutines.Groups) {
		t.Error("a side was altered")
	}
	for i := range groups {
		if groups[i].State != from.Goroutines.Groups[i].State || groups[i].Count != from.Goroutines.Groups[i].Count {
			t.Errorf("group %d was altered", i)
		}
	}
}

// A ledger comes from a file of a stranger: it is read or refused, and what was read can be compared and written.
func FuzzSideOf(f *testing.F) {
	f.Add([]byte(`{"Total":3,"Rows":[{"Key":"heap_live","Name":"heap, live","Bytes":3}]}`))
	f.Add([]byte(`{"Rows":[{"Key":"a"},{"Key":"a"}]}`))
	f.Add([]byte(`{"Total":1e308,"Rows":[{"Key":"a","Bytes":-1e308},{"Key":"b","Bytes":1e308}]}`))
	f.Fuzz(func(t *testing.T, ledger []byte) {
		side, err := analysis.SideOf("x", &capture.Snapshot{Ledger: ledger})
		if err != nil {
			return
		}
		d := analysis.Compare(side, &analysis.Side{Ledger: &analysis.Ledger{Total: 1e308, Rows: []analysis.Row{{Key: "a", Bytes: 1e-300}}}}, profile.Filter{})
		if err := d.WriteJSON(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
}
