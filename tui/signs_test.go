package tui

import (
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// The line under the header tells a warning from what cannot wait by its sign, which a screen without colours shows as well.
func TestTheFindingsLineTellsHowUrgentItIs(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(80, 24)
	h.read(3)
	for severity, sign := range map[analysis.Severity]string{analysis.Warning: "▲", analysis.Critical: "!"} {
		found := analysis.Finding{Analyzer: "made-up", Severity: severity, Title: "The heap is on fire"}
		h.send(judgedMsg{watch: h.m.judge.watch, judged: &tab.Judged{At: h.m.st.Live().At, Findings: []analysis.Finding{found}}})
		line := strings.Split(h.text(), "\n")[headerRows]
		if !strings.HasPrefix(line, " "+sign+" The heap is on fire") {
			t.Errorf("%s is told by %q", severity, line)
		}
	}
}

// A program of which no allocation sites are known is compared by what is known of it.
func TestAComparisonBeginsWithWhatThereIs(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{Plain: true}))
	h.resize(120, 36)
	h.read(5)
	h.press("m")
	h.read(5)
	h.press("d")
	h.mustHide(t, "No allocation sites to compare", "No objects by size to compare")
	h.mustShow(t, "▸mappings", "[heap]")
	h.press("right", "d")
	h.mustShow(t, "▸runtime", "/process/rss:bytes")
}
