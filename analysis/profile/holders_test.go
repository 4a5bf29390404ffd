package profile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler"
)

func global(name string) []sampler.HoldRoot {
	return []sampler.HoldRoot{{Kind: sampler.RootGlobal, Name: name}}
}

func object(typ, field string, size int64) sampler.HoldStep {
	return sampler.HoldStep{Kind: sampler.StepObject, Count: 1, Size: size, Type: typ, Field: field}
}

// Stacks that end in one line are one site; ways that lead through like objects to the same roots are one way.
func TestHoldingsGroupAsTheProfileDoes(t *testing.T) {
	line := sampler.Frame{Function: "main.newBlob", File: "main.go", Line: 45}
	runtimeLeaf := sampler.Frame{Function: "runtime.mallocgc", File: "malloc.go", Line: 1}
	chain := func(n int, bytes int64) sampler.HoldPath {
		return sampler.HoldPath{Samples: n, Objects: n, Bytes: bytes, Roots: global("main.list"),
			Steps: []sampler.HoldStep{object("", "", 64), {Kind: sampler.StepChain, Count: n, Size: 16}}}
	}
	w := &sampler.HeapWalk{Sites: []sampler.HeldSite{
		{Stack: []sampler.Frame{{Function: "main.other", File: "main.go", Line: 9}}, Samples: 1, Objects: 1, Bytes: 500,
			Paths: []sampler.HoldPath{{Samples: 1, Objects: 1, Bytes: 500, Roots: global("main.x")}}},
		{Stack: []sampler.Frame{line, {Function: "main.a"}}, Samples: 30, Dead: 1, Objects: 31, Bytes: 3000,
			Paths: []sampler.HoldPath{chain(10, 1000), chain(20, 2000)}},
		{Stack: []sampler.Frame{runtimeLeaf, line, {Function: "main.b"}}, Samples: 5, Objects: 5, Bytes: 700,
			Paths: []sampler.HoldPath{chain(3, 300), {Samples: 2, Objects: 2, Bytes: 400, Roots: global("main.y")}}},
	}}
	got := Holdings(w)
	if len(got) != 2 || got[0].Key() != "main.newBlob main.go:45" || got[1].Function != "main.other" {
		t.Fatalf("sites %+v", got)
	}
	h := got[0]
	if h.Bytes != 3700 || h.Samples != 35 || h.Dead != 1 || h.Objects != 35 {
		t.Errorf("sums %+v, want 3700 bytes, 35 samples, 1 dead, 35 objects", h)
	}
	var ways []string
	for i := range h.Ways {
		ways = append(ways, HoldersText(&h.Ways[i])+" "+ThroughText(&h.Ways[i]))
	}
	if diff := cmp.Diff([]string{"global main.list 20 × 16 B object", "global main.y directly"}, ways); diff != "" {
		t.Error(diff)
	}
	if h.Ways[0].Bytes != 3300 || h.Ways[0].Objects != 33 {
		t.Errorf("the joined way has %+v", h.Ways[0])
	}
}

func TestHoldersInWords(t *testing.T) {
	way := sampler.HoldPath{
		Roots:    []sampler.HoldRoot{{Kind: sampler.RootGoroutine, Name: "github.com/acme/api/notify.(*Hub).deliver", Goroutines: 40}, global("github.com/acme/api/notify.hub")[0]},
		Function: "github.com/acme/api/notify.wait", MoreRoots: true,
		Steps: []sampler.HoldStep{
			object("[]uint8", "", 4096), object("notify.message", "body", 64), object("[]*notify.message", "[]", 512),
			object("map[string]int", "key", 48), {Kind: sampler.StepOmit, Count: 3}, {Kind: sampler.StepChain, Count: 1204, Size: 96},
		},
	}
	if got, want := HoldersText(&way), "40 goroutines notify.(*Hub).deliver in notify.wait + notify.hub + more"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	want := "1,204 × 96 B object → 3 objects left out → map[string]int [key] → []*notify.message [i] → notify.message.body"
	if got := ThroughText(&way); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := RootText(sampler.HoldRoot{Kind: sampler.RootFinalizer}); got != "finalizer" {
		t.Errorf("the finalizers are called %q", got)
	}
	if got := KeeperText(global("a/b.c[d/e.f]")[0]); !strings.HasPrefix(got, "b.c[") {
		t.Errorf("a generic variable is called %q", got)
	}
}
