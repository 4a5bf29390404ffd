package analysis_test

import (
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
)

// The table is what CONTRIBUTING sends people to: every name once, and nothing found where nothing was read.
func TestAllAnalyzers(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range analysis.All() {
		if a.Name == "" || a.What == "" || seen[a.Name] {
			t.Errorf("%q tells %q, twice: %t", a.Name, a.What, seen[a.Name])
		}
		seen[a.Name] = true
		if found, warnings := a.Find(&analysis.Sight{}); len(found)+len(warnings) > 0 {
			t.Errorf("%s finds %v, %q in nothing", a.Name, found, warnings)
		}
	}
	s := sight(t)
	for _, a := range analysis.All() {
		found, _ := a.Find(s)
		for _, f := range found {
			if f.Analyzer != a.Name && (a.Name != "hotspots" || f.Analyzer != "holders") {
				t.Errorf("%s calls itself %q in its finding", a.Name, f.Analyzer)
			}
		}
	}
}
