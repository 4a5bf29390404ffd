package analysis_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

const mb = 1e6

// snapshot returns a snapshot with these samples.
func snapshot(samples map[sampler.Metric]float64) *sampler.Snapshot {
	s := &sampler.Snapshot{Time: time.Unix(1000, 0)}
	for m, v := range samples {
		s.Add(m, v)
	}
	return s
}

// server is a Go program of 200 MB, without native memory: 180 MB anonymous, all of it Go's.
func server() map[sampler.Metric]float64 {
	return map[sampler.Metric]float64{
		sampler.ProcessRSS: 200 * mb, sampler.ProcessAnon: 180 * mb, sampler.ProcessFile: 18 * mb, sampler.ProcessShmem: 2 * mb, sampler.ProcessSwap: 0,
		sampler.GoHeapLive: 90 * mb, sampler.GoCyclesTotal: 4, sampler.GoClassObjects: 130 * mb, sampler.GoClassUnused: 10 * mb, sampler.GoClassFree: 25 * mb,
		sampler.GoClassReleased: 30 * mb, sampler.GoClassStacks: 5 * mb, sampler.GoClassOSStacks: 0, sampler.GoClassMSpanUse: 2 * mb, sampler.GoClassMSpanFree: 0,
		sampler.GoClassMCacheUse: 0, sampler.GoClassMCacheFre: 0, sampler.GoClassMetaOther: 6 * mb, sampler.GoClassProfiling: 1 * mb, sampler.GoClassOther: 1 * mb,
	}
}

func with(base map[sampler.Metric]float64, changes map[sampler.Metric]float64) map[sampler.Metric]float64 {
	for m, v := range changes {
		if v < 0 {
			delete(base, m)
		} else {
			base[m] = v
		}
	}
	return base
}

func ledger(t *testing.T, s *sampler.Snapshot, maps *sampler.Mappings) analysis.Ledger {
	t.Helper()
	l, ok := analysis.NewLedger(s, maps)
	if !ok {
		t.Fatal("no ledger")
	}
	checkSums(t, l)
	return l
}

func checkSums(t *testing.T, l analysis.Ledger) {
	t.Helper()
	sum, shares := 0.0, 0.0
	for _, r := range l.Rows {
		if !(r.Bytes >= 0) || r.Bytes != math.Trunc(r.Bytes) || !(r.Share >= 0 && r.Share <= 1) {
			t.Fatalf("row %+v is no amount", r)
		}
		sum += r.Bytes
		shares += r.Share
	}
	if sum != l.Total {
		t.Fatalf("rows sum to %v, total %v: %+v", sum, l.Total, l.Rows)
	}
	if l.Total > 0 && math.Abs(shares-1) > 1e-9 {
		t.Fatalf("shares sum to %v", shares)
	}
	if l.Sentence == "" || strings.Contains(l.Sentence, "NaN") || strings.Contains(l.Sentence, "Inf") {
		t.Fatalf("sentence %q", l.Sentence)
	}
	if last := l.Rows[len(l.Rows)-1]; last.Key != "unexplained" {
		t.Fatalf("the last row is %q", last.Key)
	}
}

// megabytes returns the rows as whole MB by key.
func megabytes(l analysis.Ledger) map[string]float64 {
	m := map[string]float64{}
	for _, r := range l.Rows {
		m[r.Key] = math.Round(r.Bytes / mb)
	}
	return m
}

func want(t *testing.T, l analysis.Ledger, rows map[string]float64) {
	t.Helper()
	got := megabytes(l)
	for key, bytes := range rows {
		if v, ok := got[key]; !ok || v != bytes {
			t.Errorf("%s = %v MB (there: %v), want %v in %v", key, v, ok, bytes, got)
		}
	}
	for key, v := range got {
		if _, expected := rows[key]; !expected && v != 0 {
			t.Errorf("%s = %v MB was not expected", key, v)
		}
	}
}

func note(l analysis.Ledger, key string) string {
	for _, r := range l.Rows {
		if r.Key == key {
			return r.Note
		}
	}
	return ""
}

func warned(l analysis.Ledger, part string) bool {
	return slices.ContainsFunc(l.Warnings, func(w string) bool { return strings.Contains(w, part) })
}

func TestLedgerOfAGoProgram(t *testing.T) {
	l := ledger(t, snapshot(server()), nil)
	want(t, l, map[string]float64{"heap_live": 90, "heap_garbage": 40, "heap_free": 25, "fragmentation": 10, "stacks": 5, "metadata": 10, "files": 18, "shared": 2})
	if l.Sentence != "RSS 200 MB is 2.2 times the live heap of 90.0 MB: 40.0 MB allocated since the last collection or not yet swept, 25.0 MB free and not returned, 18.0 MB mapped files." {
		t.Error(l.Sentence)
	}
	if len(l.Warnings) != 0 {
		t.Errorf("warnings %q", l.Warnings)
	}
}

func TestLedgerNeverCallsMemoryNativeWithoutProof(t *testing.T) {
	s := snapshot(with(server(), map[sampler.Metric]float64{sampler.ProcessRSS: 260 * mb, sampler.ProcessAnon: 240 * mb}))
	l := ledger(t, s, nil)
	if m := megabytes(l); m["unexplained"] != 60 || m["native"] != 0 || !warned(l, "60.0 MB of anonymous memory is more than the Go runtime handed out") {
		t.Errorf("%v, warnings %q", m, l.Warnings)
	}
	maps := &sampler.Mappings{Time: s.Time, List: []sampler.Mapping{
		{Name: "", Go: true, Size: 256 * mb, RSS: 170 * mb, Anon: 170 * mb},
		{Name: "", Size: 90 * mb, RSS: 40 * mb, Anon: 40 * mb}, {Name: "[heap]", Size: 30 * mb, RSS: 29 * mb, Anon: 29 * mb},
		{Name: "/bin/server", Size: 30 * mb, RSS: 19 * mb, Anon: 1 * mb},
	}}
	l = ledger(t, s, maps)
	want(t, l, map[string]float64{"heap_live": 90, "heap_garbage": 40, "heap_free": 25, "fragmentation": 10, "stacks": 5, "metadata": 10, "native": 59, "files": 19, "shared": 2})
	if !strings.Contains(note(l, "native"), "at least") {
		t.Errorf("native is a lower bound where metadata has no names: %q", note(l, "native"))
	}
}

func TestLedgerByNamedMappings(t *testing.T) {
	s := snapshot(with(server(), map[sampler.Metric]float64{sampler.ProcessRSS: 260 * mb, sampler.ProcessAnon: 240 * mb}))
	maps := &sampler.Mappings{Time: s.Time, List: []sampler.Mapping{
		{Name: "[anon: Go: heap]", Go: true, Size: 256 * mb, RSS: 178 * mb}, {Name: "[anon: Go: immortal metadata]", Go: true, Size: 9 * mb, RSS: 4 * mb},
		{Name: "", Size: 90 * mb, RSS: 57 * mb, Anon: 57 * mb}, {Name: "/bin/server", Size: 30 * mb, RSS: 19 * mb, Anon: 1 * mb},
	}}
	l := ledger(t, s, maps)
	// 8 MB more of the heap are resident than the runtime holds: returned pages that the kernel kept.
	want(t, l, map[string]float64{"heap_live": 90, "heap_garbage": 40, "heap_free": 33, "fragmentation": 10, "stacks": 5, "metadata": 4, "native": 57, "files": 19, "shared": 2})
	if !strings.Contains(note(l, "heap_free"), "8.00 MB of it was returned") {
		t.Errorf("free heap: %q", note(l, "heap_free"))
	}
}

// The address space is read every few seconds; a native leak grows between.
func TestNativeMemoryThatCameSinceTheAddressSpaceWasRead(t *testing.T) {
	read := func(age time.Duration, grown, heapGrown float64) (native, unexplained float64, said string) {
		s := snapshot(with(server(), map[sampler.Metric]float64{
			sampler.ProcessRSS: (260 + grown + heapGrown) * mb, sampler.ProcessAnon: (240 + grown + heapGrown) * mb,
			sampler.GoClassObjects: (130 + heapGrown) * mb,
		}))
		l := ledger(t, s, &sampler.Mappings{Time: s.Time.Add(-age), List: []sampler.Mapping{
			{Name: "[anon: Go: heap]", Go: true, Size: 400 * mb, RSS: 170 * mb}, {Name: "[anon: Go: immortal metadata]", Go: true, Size: 9 * mb, RSS: 4 * mb},
			{Name: "", Size: 190 * mb, RSS: 65 * mb, Anon: 65 * mb}, {Name: "/bin/server", Size: 30 * mb, RSS: 19 * mb, Anon: 1 * mb},
		}})
		m := megabytes(l)
		return m["native"], m["unexplained"], note(l, "native")
	}
	if native, rest, said := read(7*time.Second, 0, 0); native != 65 || rest != 0 || strings.Contains(said, "came since") {
		t.Errorf("nothing grew: native %v, unexplained %v, %q", native, rest, said)
	}
	// 100 MB came. 30 MB of them may be heap that was returned and is kept, 6 MB the runtime's own data.
	if native, rest, said := read(7*time.Second, 100, 0); native != 65+64 || rest != 6 || !strings.Contains(said, "64.0 MB of it came since the address space was read 7.0s before") {
		t.Errorf("100 MB more: native %v, unexplained %v, %q", native, rest, said)
	}
	if native, rest, _ := read(7*time.Second, 0, 100); native != 65 || rest != 0 {
		t.Errorf("100 MB more heap: native %v, unexplained %v", native, rest)
	}
	if native, rest, _ := read(0, 100, 0); native != 65 || rest != 70 {
		t.Errorf("an address space of the same moment does not tell of it: native %v, unexplained %v", native, rest)
	}
}

func TestLedgerRefusesAProofWithHoles(t *testing.T) {
	s := snapshot(server())
	maps := &sampler.Mappings{Time: s.Time, List: []sampler.Mapping{
		{Name: "", Go: true, Size: 64 * mb, RSS: 60 * mb, Anon: 60 * mb}, {Name: "", Size: 192 * mb, RSS: 120 * mb, Anon: 120 * mb},
	}}
	l := ledger(t, s, maps)
	if m := megabytes(l); m["native"] != 0 || m["heap_live"] != 90 || !warned(l, "not all of the Go heap was recognised") {
		t.Errorf("%v, warnings %q", m, l.Warnings)
	}
}

func TestLedgerTakesWhatIsNotResidentFromTheFreeHeapFirst(t *testing.T) {
	l := ledger(t, snapshot(with(server(), map[sampler.Metric]float64{sampler.ProcessRSS: 190 * mb, sampler.ProcessAnon: 170 * mb})), nil)
	want(t, l, map[string]float64{"heap_live": 90, "heap_garbage": 40, "heap_free": 15, "fragmentation": 10, "stacks": 5, "metadata": 10, "files": 18, "shared": 2})
	if !strings.Contains(note(l, "heap_free"), "10.0 MB more handed out, never touched") {
		t.Errorf("free heap: %q", note(l, "heap_free"))
	}
	l = ledger(t, snapshot(with(server(), map[sampler.Metric]float64{sampler.ProcessRSS: 60 * mb, sampler.ProcessAnon: 40 * mb, sampler.ProcessSwap: 140 * mb})), nil)
	if m := megabytes(l); m["heap_live"] != 35 || m["stacks"] != 5 || m["unexplained"] != 0 || !strings.Contains(note(l, "heap_live"), "or swapped out") {
		t.Errorf("%v, note %q", m, note(l, "heap_live"))
	}
	if l.Sentence != "RSS 60.0 MB is less than the live heap of 90.0 MB: the rest was never touched or is among the 140 MB in swap." {
		t.Error(l.Sentence)
	}
}

func TestLedgerSaysWhatIsMissing(t *testing.T) {
	l := ledger(t, snapshot(with(server(), map[sampler.Metric]float64{sampler.GoClassStacks: -1, sampler.GoHeapLive: -1})), nil)
	m := megabytes(l)
	if m["heap_objects"] != 130 || m["unexplained"] != 5 || !warned(l, "/memory/classes/heap/stacks:bytes was not read") || !warned(l, "live heap was not read") {
		t.Errorf("%v, warnings %q", m, l.Warnings)
	}
	if _, there := m["stacks"]; there {
		t.Error("unread stacks have a row")
	}
	l = ledger(t, snapshot(with(server(), map[sampler.Metric]float64{sampler.ProcessAnon: -1, sampler.ProcessFile: -1, sampler.ProcessShmem: -1})), nil)
	if m := megabytes(l); m["unexplained"] != 20 || !warned(l, "does not tell anonymous memory from files") {
		t.Errorf("%v, warnings %q", m, l.Warnings)
	}
	l = ledger(t, snapshot(with(server(), map[sampler.Metric]float64{sampler.GoCyclesTotal: 0, sampler.GoHeapLive: 0})), nil)
	if !strings.Contains(note(l, "heap_objects"), "no collection yet") {
		t.Errorf("before the first collection nothing is known to be dead: %+v", l.Rows)
	}
	if _, ok := analysis.NewLedger(snapshot(map[sampler.Metric]float64{sampler.GoClassObjects: 1}), nil); ok {
		t.Error("a ledger without RSS")
	}
}

func TestLedgerOfOtherPrograms(t *testing.T) {
	s := snapshot(map[sampler.Metric]float64{sampler.ProcessRSS: 100 * mb, sampler.ProcessAnon: 60 * mb, sampler.ProcessFile: 30 * mb, sampler.ProcessShmem: 8 * mb})
	want(t, ledger(t, s, nil), map[string]float64{"anon": 60, "files": 30, "shared": 8, "unexplained": 2})
	maps := &sampler.Mappings{Time: s.Time, List: []sampler.Mapping{
		{Name: "[heap]", RSS: 40 * mb, Anon: 40 * mb}, {Name: "[stack]", RSS: 1 * mb, Anon: 1 * mb}, {Name: "", RSS: 4 * mb, Anon: 4 * mb, Stack: true},
		{Name: "", RSS: 13 * mb, Anon: 13 * mb}, {Name: "/lib/libc.so", RSS: 3 * mb, Anon: 2 * mb}, {Name: "/bin/db", RSS: 24 * mb}, {Name: "/memfd:x (deleted)", RSS: 8 * mb},
	}}
	l := ledger(t, s, maps)
	want(t, l, map[string]float64{"heap": 40, "anon": 15, "stacks": 5, "file:/bin/db": 24, "file:/lib/libc.so": 1, "files": 5, "shared": 8, "unexplained": 2})
	if l.Sentence != "RSS 100 MB: 40.0 MB heap, 24.0 MB /bin/db, 15.0 MB anonymous memory." {
		t.Error(l.Sentence)
	}
	maps.List[5].RSS = 90 * mb
	if l := ledger(t, s, maps); megabytes(l)["files"] != 30 || !warned(l, "more than the kernel counts") {
		t.Errorf("%v, warnings %q", megabytes(l), l.Warnings)
	}
	maps.Time = s.Time.Add(-time.Minute)
	if l := ledger(t, s, maps); !warned(l, "read 1m00s before") {
		t.Errorf("warnings %q", l.Warnings)
	}
}

// Readings that contradict each other, are missing, or are no numbers at all: the rows still sum to RSS, and none is negative.
func TestLedgerAlwaysSums(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	odd := []float64{0, -5, math.NaN(), math.Inf(1), math.Inf(-1), 1e18, 0.5, 1<<53 + 1}
	for range 20000 {
		samples := server()
		for m := range samples {
			switch {
			case m == sampler.ProcessRSS && r.IntN(20) > 0 || r.IntN(2) == 0:
				samples[m] = math.Floor(samples[m] * math.Exp(r.NormFloat64()))
			case r.IntN(10) == 0 && m != sampler.ProcessRSS:
				delete(samples, m)
			case r.IntN(10) == 0:
				samples[m] = odd[r.IntN(len(odd))]
			}
		}
		var maps *sampler.Mappings
		if r.IntN(2) == 0 {
			maps = &sampler.Mappings{Time: time.Unix(1000-int64(r.IntN(60)), 0)}
			for _, name := range []string{"", "[heap]", "[anon: Go: heap]", "/a", "/b", "/memfd:c", "[stack]"} {
				maps.List = append(maps.List, sampler.Mapping{Name: name, Size: r.Float64() * 4e8, RSS: r.Float64() * 2e8, Anon: r.Float64() * 1e8, Go: r.IntN(3) == 0, Stack: r.IntN(9) == 0})
			}
		}
		ledger(t, snapshot(samples), maps)
	}
}

func BenchmarkNewLedger(b *testing.B) {
	s := snapshot(server())
	b.ReportAllocs()
	for b.Loop() {
		analysis.NewLedger(s, nil)
	}
}
