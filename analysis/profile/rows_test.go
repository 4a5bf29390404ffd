package profile_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

func heapAt(second int, sites ...profile.Site) *profile.Heap {
	return &profile.Heap{Time: time.Unix(int64(second), 0), Rate: 512 << 10, Sites: sites}
}

func TestRowsCompare(t *testing.T) {
	mark := heapAt(0, profile.Site{Function: "gone", InUseBytes: 70, AllocBytes: 70}, profile.Site{Function: "grew", InUseBytes: 100, AllocBytes: 1000})
	before := heapAt(8, profile.Site{Function: "grew", InUseBytes: 140, AllocBytes: 1600})
	now := heapAt(10, profile.Site{Function: "grew", InUseBytes: 150, AllocBytes: 2000}, profile.Site{Function: "new", InUseBytes: 500, AllocBytes: 600})
	rows := profile.Rows(*now, mark, before)
	want := []struct {
		function                 string
		inUse, change, perSecond float64
		rated                    bool
	}{{"new", 500, 500, 300, true}, {"grew", 150, 50, 200, true}, {"gone", 0, -70, 0, false}}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(rows), len(want))
	}
	for i, w := range want {
		r := rows[i]
		if r.Function != w.function || r.InUseBytes != w.inUse || r.Change != sampler.Known(w.change) || r.AllocPerSec.OK != w.rated || r.AllocPerSec.Value != w.perSecond {
			t.Errorf("row %d = %+v, want %+v", i, r, w)
		}
	}
	if rows[1].AllocChange != sampler.Known(1000) {
		t.Errorf("allocated since the mark = %v, want 1000", rows[1].AllocChange)
	}
}

func TestRowsWithoutEarlierProfilesAreUnknownNotZero(t *testing.T) {
	now := heapAt(10, profile.Site{Function: "f", InUseBytes: 1, AllocBytes: 5})
	r := profile.Rows(*now, nil, nil)[0]
	if r.Change.OK || r.AllocPerSec.OK || r.AllocChange.OK {
		t.Errorf("row %+v claims a change", r)
	}
	restarted := heapAt(5, profile.Site{Function: "f", InUseBytes: 9, AllocBytes: 900})
	r = profile.Rows(*now, restarted, restarted)[0]
	if r.AllocPerSec.OK || r.AllocChange.OK || r.Change != sampler.Known(-8) {
		t.Errorf("after a restart: %+v", r)
	}
}

// The samples of allocations are drawn as the runtime draws them, and the change of a site that keeps its size while all
// of its objects are replaced, or that grows, must lie within the stated error as often as a standard deviation says.
func TestChangeErrorIsTheErrorOfTheChange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rate, size = 512 << 10, 1 << 10
	p := -math.Expm1(-float64(size) / rate)
	sample := func(objects int) float64 { // estimated bytes of so many objects
		n := 0
		for range objects {
			if r.Float64() < p {
				n++
			}
		}
		return float64(n) / p * size
	}
	sigma := func(bytes float64) float64 { return math.Sqrt(bytes * size * (1 - p) / p) }
	for _, test := range []struct {
		name             string
		kept, went, came int
	}{{"grows", 20000, 0, 20000}, {"is replaced", 0, 20000, 20000}} {
		within, rounds := 0, 400
		for range rounds {
			kept, went, came := sample(test.kept), sample(test.went), sample(test.came)
			mark := heapAt(0, profile.Site{Function: "f", InUseBytes: kept + went, AllocBytes: kept + went, Uncertainty: sigma(kept + went)})
			now := heapAt(9, profile.Site{Function: "f", InUseBytes: kept + came, AllocBytes: kept + went + came, Uncertainty: sigma(kept + came)})
			row := profile.Rows(*now, mark, nil)[0]
			if math.Abs(row.Change.Value-float64(test.came-test.went)*size) < row.ChangeError {
				within++
			}
		}
		if share := float64(within) / float64(rounds); share < 0.58 || share > 0.78 {
			t.Errorf("%s: %.0f%% within one standard deviation, want about 68%%", test.name, share*100)
		}
	}
}

func group(count int, state string, wait float64, functions ...string) sampler.GoroutineGroup {
	g := sampler.GoroutineGroup{Count: count, State: state, CreatedBy: sampler.Frame{Function: "main.start"}}
	if wait > 0 {
		g.WaitMin, g.WaitMax = sampler.Known(wait), sampler.Known(wait)
	}
	for _, f := range functions {
		g.Stack = append(g.Stack, sampler.Frame{Function: f, Line: 1})
	}
	return g
}

func TestGoroutineRows(t *testing.T) {
	mark := &sampler.Goroutines{Groups: []sampler.GoroutineGroup{group(3, "chan receive", 5, "runtime.gopark", "main.worker"), group(2, "select", 0, "main.ended")}}
	now := &sampler.Goroutines{Groups: []sampler.GoroutineGroup{
		group(7, "chan receive", 60, "runtime.gopark", "main.worker"), group(1, "chan receive", 2, "runtime.gopark", "main.worker"), group(4, "running", 0),
	}}
	rows := profile.GoroutineRows(now, mark)
	if len(rows) != 3 {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	worker := rows[0]
	if worker.Function != "main.worker" || worker.Count != 8 || worker.Change != sampler.Known(5) || worker.WaitMin.Value != 2 || worker.WaitMax.Value != 60 {
		t.Errorf("worker = %+v", worker)
	}
	if r := rows[1]; r.Function != "main.start" || r.State != "running" || r.Change != sampler.Known(4) {
		t.Errorf("a goroutine without a stack = %+v", r)
	}
	if r := rows[2]; r.Function != "main.ended" || r.Count != 0 || r.Change != sampler.Known(-2) {
		t.Errorf("goroutines that ended = %+v", r)
	}
	if rows := profile.GoroutineRows(now, nil); rows[0].Change.OK {
		t.Errorf("without a mark the change is %v, want unknown", rows[0].Change)
	}
	if rows := profile.GoroutineRows(nil, nil); len(rows) != 0 {
		t.Errorf("rows of nothing: %v", rows)
	}
}

func BenchmarkParseHeap(b *testing.B) {
	var h holder
	h.small(1000)
	p := heapProfile(b)
	b.SetBytes(int64(len(p.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := profile.ParseHeap(p); err != nil {
			b.Fatal(err)
		}
	}
}
