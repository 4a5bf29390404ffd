package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// Linux before 4.14 has no smaps_rollup: what it says is absent, with the reason, and all else is there.
func TestFaultNoRollup(t *testing.T) {
	o := fixture(t, "docker-v2.txtar")
	if err := os.Remove(filepath.Join(o.Root, "4242", "smaps_rollup")); err != nil {
		t.Fatal(err)
	}
	got, warnings := readAllSamples(t, openFixture(t, o, 4242))
	for _, m := range []sampler.Metric{sampler.ProcessPSS, sampler.ProcessUSS, sampler.ProcessHuge} {
		if v, ok := got[m]; ok {
			t.Errorf("%s = %v without smaps_rollup", m, v)
		}
	}
	for _, m := range []sampler.Metric{sampler.ProcessRSS, sampler.ProcessAnon, sampler.ProcessPeakRSS, sampler.TreeRSS, sampler.CgroupCurrent} {
		if got[m] <= 0 {
			t.Errorf("no %s", m)
		}
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "smaps_rollup") {
		t.Errorf("warnings: %q", warnings)
	}
}

// A process that is stopped says so with each reading, until it is continued; one that a debugger holds does not.
func TestFaultStopped(t *testing.T) {
	o := fixture(t, "docker-v2.txtar")
	s := openFixture(t, o, 4242)
	before := "S"
	for _, c := range []struct {
		state string
		told  bool
	}{{"S", false}, {"T", true}, {"t", false}, {"R", false}} {
		if c.state != before {
			edit(t, o.Root+"/4242/stat", "(api-server) "+before, "(api-server) "+c.state)
			before = c.state
		}
		_, warnings := readAllSamples(t, s)
		if told := strings.Contains(strings.Join(warnings, "\n"), "process 4242 is stopped"); told != c.told {
			t.Errorf("state %s: %q", c.state, warnings)
		}
	}
}

// A tree that is too large to be listed at each reading says that its sums lack the newest.
func TestFaultLateTree(t *testing.T) {
	s := openFixture(t, fixture(t, "docker-v2.txtar"), 4242).(*session)
	_, warnings := readAllSamples(t, s)
	if strings.Contains(strings.Join(warnings, "\n"), errTreeLate.Error()) {
		t.Errorf("a tree of two is late: %q", warnings)
	}
	s.tree.seldom = true
	if _, warnings = readAllSamples(t, s); !strings.Contains(strings.Join(warnings, "\n"), errTreeLate.Error()) {
		t.Errorf("a late tree says nothing: %q", warnings)
	}
}
