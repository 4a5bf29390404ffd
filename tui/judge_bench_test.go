package tui

import (
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// What the full analysis of half an hour costs, which is made each minute.
func BenchmarkJudge(b *testing.B) {
	h := newHarness(b, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.m.judge = newJudge(judgeRarely * 10)
	h.resize(120, 36)
	h.read(1800)
	d := *h.m.st.Live()
	b.ReportAllocs()
	for b.Loop() {
		judgeAll(h.m.judge.watch, &d, analysis.LeakJudgement{Live: true})
	}
}
