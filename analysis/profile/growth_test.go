package profile_test

import (
	"bytes"
	"testing"

	pprof "github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// The label that says for what the runtime allocated is summed by site; without it a profile does not tell growth.
func TestGrowthIsToldByLabel(t *testing.T) {
	line := &pprof.Function{ID: 1, Name: "main.fill", Filename: "main.go"}
	at := &pprof.Location{ID: 1, Line: []pprof.Line{{Function: line, Line: 7}}}
	sample := func(bytes int64, label string) *pprof.Sample {
		s := &pprof.Sample{Location: []*pprof.Location{at}, Value: []int64{1, bytes, 1, bytes}}
		if label != "" {
			s.Label = map[string][]string{profile.RuntimeLabel: {label}}
		}
		return s
	}
	heap := func(samples ...*pprof.Sample) profile.Heap {
		p := &pprof.Profile{
			SampleType: []*pprof.ValueType{{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
				{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"}},
			Sample: samples, Location: []*pprof.Location{at}, Function: []*pprof.Function{line},
		}
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		return parse(t, sampler.Profile{Data: b.Bytes()})
	}
	h := heap(sample(100, profile.GrowsSlice), sample(20, profile.GrowsMap), sample(3, "runtime.newobject"))
	if s := h.Sites[0]; !h.TellsRuntime || s.AppendBytes != 100 || s.MapBytes != 20 || s.AllocBytes != 123 {
		t.Errorf("%t %+v", h.TellsRuntime, s)
	}
	if h := heap(sample(100, "")); h.TellsRuntime || h.Sites[0].AppendBytes != 0 {
		t.Errorf("without labels: %t %+v", h.TellsRuntime, h.Sites[0])
	}
}
