package profile_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"

	pb "github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

func flame(t testing.TB, j *profile.Joined, m profile.Measure, f profile.Filter) *profile.Node {
	t.Helper()
	root, err := j.Flame(m, f)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// find walks to the node behind functions by the ends of their names.
func find(t testing.TB, n *profile.Node, functions ...string) *profile.Node {
	t.Helper()
next:
	for _, f := range functions {
		for _, c := range n.Children {
			if strings.HasSuffix(c.Frame.Function, f) {
				n = c
				continue next
			}
		}
		t.Fatalf("%s has no child %s", n.Frame.Function, f)
	}
	return n
}

// sound checks what holds for every tree: parents are linked, large children come first, nothing exceeds its parent.
func sound(t testing.TB, n *profile.Node) (nodes int) {
	t.Helper()
	sum := n.Self
	for i, c := range n.Children {
		if c.Parent != n || c.Bytes <= 0 || i > 0 && c.Bytes > n.Children[i-1].Bytes {
			t.Fatalf("%s: child %d is %+v", n.Frame.Function, i, c)
		}
		sum += c.Bytes
		nodes += sound(t, c)
	}
	if math.Abs(sum-n.Bytes) > 1e-9*n.Bytes {
		t.Fatalf("%s has %.0f, its parts %.0f", n.Frame.Function, n.Bytes, sum)
	}
	return nodes + 1
}

func TestFlameOfThisProcess(t *testing.T) {
	before, after := twoProfiles(t)
	j := join(t, before, after)
	all := j.Total(profile.Filter{})
	for m, want := range map[profile.Measure]float64{
		profile.MeasureInUse: all.To.InUseBytes, profile.MeasureAlloc: all.To.AllocBytes, profile.MeasureAllocSince: all.AllocChange(),
	} {
		root := flame(t, j, m, profile.Filter{})
		sound(t, root)
		if root.Bytes != want {
			t.Errorf("%v: the root has %.0f, the profile %.0f", m, root.Bytes, want)
		}
	}
	change := flame(t, j, profile.MeasureChange, profile.Filter{})
	sound(t, change)
	if change.Change() != all.Change() || change.Bytes != change.Grown+change.Shrunk {
		t.Errorf("the root changed by %.0f = %.0f - %.0f of %.0f, the profile by %.0f",
			change.Change(), change.Grown, change.Shrunk, change.Bytes, all.Change())
	}
	test := find(t, change, "testing.tRunner", "TestFlameOfThisProcess", "twoProfiles")
	grown, shrunk := find(t, test, "(*holder).small"), find(t, test, "(*holder).large")
	if grown.Change() < 20<<20 || grown.Shrunk > grown.Grown/10 || math.Abs(grown.Change()-32<<20) > 2*grown.Uncertainty() {
		t.Errorf("small grew by %.0f ± %.0f and shrank by %.0f", grown.Grown, grown.Uncertainty(), grown.Shrunk)
	}
	if shrunk.Change() > -20<<20 || shrunk.Grown != 0 {
		t.Errorf("large grew by %.0f and shrank by %.0f", shrunk.Grown, shrunk.Shrunk)
	}
	if !test.Own || find(t, change, "testing.tRunner").Own {
		t.Error("own code and the standard library are not told apart")
	}
	only := flame(t, j, profile.MeasureInUse, profile.Filter{Focus: regexp.MustCompile("nothing has this name")})
	if only.Bytes != 0 || len(only.Children) != 0 {
		t.Errorf("a filter that takes nothing leaves %.0f", only.Bytes)
	}
}

// randomStacks builds a profile of random stacks of a few functions, some of them inlined into one location.
func randomStacks(t testing.TB, r *rand.Rand, stacks, functions, depth int) sampler.Profile {
	t.Helper()
	p := &pb.Profile{
		SampleType: []*pb.ValueType{{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
			{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"}},
		PeriodType: &pb.ValueType{Type: "space", Unit: "bytes"}, Period: 512 << 10,
	}
	for i := range functions {
		f := &pb.Function{ID: uint64(i + 1), Name: fmt.Sprintf("acme/p%d.F%d", i%7, i), Filename: fmt.Sprintf("/src/acme/p%d/f.go", i%7)}
		p.Function = append(p.Function, f)
		l := &pb.Location{ID: uint64(i + 1), Address: uint64(i + 1), Line: []pb.Line{{Function: f, Line: int64(i)}}}
		if i > 0 && r.IntN(4) == 0 {
			l.Line = append(l.Line, pb.Line{Function: p.Function[i-1], Line: 3})
		}
		p.Location = append(p.Location, l)
	}
	for range stacks {
		bytes := int64(math.Exp(r.Float64() * 20))
		s := &pb.Sample{Value: []int64{2, 2 * bytes, 1, bytes}}
		for range 1 + r.IntN(depth) {
			s.Location = append(s.Location, p.Location[r.IntN(functions)])
		}
		p.Sample = append(p.Sample, s)
	}
	return written(t, p)
}

func TestFlameOfRandomStacksIsSound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		from, to := randomStacks(t, r, r.IntN(60), 1+r.IntN(20), 1+r.IntN(40)), randomStacks(t, r, 1+r.IntN(300), 20, 1+r.IntN(40))
		a, b := parse(t, from), parse(t, to)
		j, err := profile.Join(&a, &b, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []profile.Measure{profile.MeasureInUse, profile.MeasureAlloc, profile.MeasureChange} {
			sound(t, flame(t, j, m, profile.Filter{}))
		}
		if got, want := flame(t, j, profile.MeasureInUse, profile.Filter{}).Bytes, b.TotalInUse; got != want {
			t.Errorf("the root has %.0f, the profile %.0f", got, want)
		}
	}
}

func TestFlameIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	p := parse(t, randomStacks(t, r, 20_000, 5000, 60))
	j, err := profile.Join(nil, &p, false)
	if err != nil {
		t.Fatal(err)
	}
	root := flame(t, j, profile.MeasureInUse, profile.Filter{})
	if nodes := sound(t, root); nodes > 120_000 {
		t.Errorf("%d nodes", nodes)
	}
	if root.Bytes != p.TotalInUse {
		t.Errorf("the root has %.0f, the profile %.0f", root.Bytes, p.TotalInUse)
	}
	merged := 0
	for _, c := range root.Children {
		merged += c.Merged
	}
	if merged == 0 {
		t.Error("nothing was merged although there are thousands of tiny children")
	}
}

func TestFlameSaysWhyThereIsNone(t *testing.T) {
	p := parse(t, heapProfile(t))
	j, err := profile.Join(nil, &p, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []profile.Measure{profile.MeasureChange, profile.MeasureAllocSince} {
		if _, err := j.Flame(m, profile.Filter{}); err == nil || !strings.Contains(err.Error(), "no earlier profile") {
			t.Errorf("%v: %v", m, err)
		}
	}
}

func FuzzJoin(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	f.Add(randomStacks(f, r, 20, 5, 10).Data, randomStacks(f, r, 20, 5, 10).Data)
	f.Add([]byte{}, []byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, from, to []byte) {
		a, errA := profile.ParseHeap(sampler.Profile{Data: from})
		b, errB := profile.ParseHeap(sampler.Profile{Data: to})
		if errA != nil || errB != nil {
			return
		}
		j, err := profile.Join(&a, &b, false)
		if err != nil {
			t.Fatalf("what was parsed once is not parsed again: %v", err)
		}
		total := j.Total(profile.Filter{})
		if !near(total.To.InUseBytes, b.TotalInUse) || !near(total.From.AllocBytes, a.TotalAlloc) {
			t.Errorf("totals %.0f and %.0f, the profiles have %.0f and %.0f", total.To.InUseBytes, total.From.AllocBytes, b.TotalInUse, a.TotalAlloc)
		}
		for m := range profile.MeasureChange + 1 {
			if root, err := j.Flame(m, profile.Filter{}); err == nil {
				sound(t, root)
			}
		}
		j.Sites(profile.Filter{Mine: true})
		j.Sizes()
	})
}

func FuzzParseGoroutines(f *testing.F) {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 0); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(gunzip(f, b.Bytes()))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := profile.ParseGoroutines(sampler.Profile{Data: data})
		if err != nil {
			return
		}
		total := 0
		for _, x := range g.Groups {
			if x.Count <= 0 {
				t.Errorf("a group of %d", x.Count)
			}
			total += x.Count
		}
		if total != g.Total {
			t.Errorf("groups have %d, total %d", total, g.Total)
		}
		profile.GoroutineRows(&g, &g)
	})
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

func BenchmarkJoin(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 1))
	from, to := parse(b, randomStacks(b, r, 2000, 500, 40)), parse(b, randomStacks(b, r, 2000, 500, 40))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := profile.Join(&from, &to, true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFlame(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 1))
	from, to := parse(b, randomStacks(b, r, 2000, 500, 40)), parse(b, randomStacks(b, r, 2000, 500, 40))
	j, err := profile.Join(&from, &to, true)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		flame(b, j, profile.MeasureChange, profile.Filter{})
	}
}
