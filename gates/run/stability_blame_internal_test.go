package run

import (
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
)

// TestBlameIsForWhatIsProven: a site that is likely the cause, and not proven, is told as a cause with that word, and is not
// blamed where there is no room for it.
func TestBlameIsForWhatIsProven(t *testing.T) {
	r := &analysis.LeakReport{Findings: []analysis.Finding{{Series: "/gc/heap/live:bytes", Sites: []analysis.FoundSite{
		{Site: "main.keep main.go:1", BytesPerHour: new(2e6), Low: new(1e6), High: new(3e6), GrownBytes: new(1e6), SharePercent: 10, Verdict: "growing"},
		{Site: "main.hoard main.go:2", BytesPerHour: new(9e6), GrownBytes: new(4e6), SharePercent: 90, Verdict: "not proven"},
	}}}}
	if b := blameOf(r); len(b) != 1 || b[0].Site != "main.keep main.go:1" {
		t.Errorf("blamed: %+v", b)
	}
	c := causesOf(r, nil)
	if len(c) != 2 || c[0].Note != "" || c[1].Name != "main.hoard main.go:2" || c[1].Note != "not proven" {
		t.Errorf("causes: %+v", c)
	}
}
