package analysis_test

import (
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

func TestShareWords(t *testing.T) {
	for _, c := range []struct {
		from   float64
		change sampler.Reading
		want   string
	}{
		{100, sampler.Known(12), "+12%"},
		{100, sampler.Known(-12), "-12%"},
		{100, sampler.Known(0), ""},
		{100, sampler.Known(-100), "gone"},
		{0, sampler.Known(5), "new"},
		{0, sampler.Known(0), ""},
		{0, sampler.Known(-5), ""},
		{1, sampler.Known(119), "×120"},
		{1, sampler.Known(1e6), ">9999×"},
		{100, sampler.Reading{}, ""},
	} {
		if got := analysis.ShareWords(c.from, c.change); got != c.want {
			t.Errorf("%v and %+v: %q, want %q", c.from, c.change, got, c.want)
		}
	}
}
