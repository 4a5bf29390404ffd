package run

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// The peak of a cgroup is the target's only where heaptop is not in it.
func TestPeakOfACgroup(t *testing.T) {
	const own, common, hidden = 1, 2, 3
	within := func(pid int) (bool, error) {
		if pid == hidden {
			return false, errors.New("hidden from here")
		}
		return pid == common, nil
	}
	for name, c := range map[string]struct {
		pids    []int // one for each reading
		every   time.Duration
		missing string // "" where the last peak counts
	}{
		"its own":                     {pids: []int{own, own}},
		"the container's":             {pids: []int{common, common}, missing: "others, heaptop among them, are in its cgroup"},
		"restarted beside heaptop":    {pids: []int{own, common}, missing: "heaptop among them"},
		"restarted in one of its own": {pids: []int{common, own}},
		"not known":                   {pids: []int{hidden}, missing: "is not known: hidden from here"},
		"never read":                  {missing: "no peak of a cgroup was read"},
	} {
		p := cgroupPeak{within: within}
		for i, pid := range c.pids {
			s := &sampler.Snapshot{Time: time.Unix(int64(1000+i), 0)}
			s.Add(sampler.CgroupPeak, 1e6*float64(i+1))
			p.take(s, pid)
			p.take(&sampler.Snapshot{Time: s.Time.Add(time.Millisecond)}, pid) // one that tells no peak
		}
		o := newOnce()
		p.value(o)
		v, measured := o.values["peak_cgroup"]
		why := o.missing["peak_cgroup"].why
		if measured != (c.missing == "") || !strings.Contains(why, c.missing) || measured && v != 1e6*float64(len(c.pids)) {
			t.Errorf("%s: %v, missing %q; want missing %q", name, v, why, c.missing)
		}
	}
}

// A process that is moved to a cgroup of its own is noticed, and the end of one that had its own changes nothing.
func TestPeakOfACgroupLater(t *testing.T) {
	shared, err := true, error(nil)
	p := cgroupPeak{within: func(int) (bool, error) { return shared, err }}
	at := time.Unix(1000, 0)
	read := func() bool {
		at = at.Add(membershipEvery)
		s := &sampler.Snapshot{Time: at}
		s.Add(sampler.CgroupPeak, 5e6)
		p.take(s, 7)
		o := newOnce()
		p.value(o)
		_, measured := o.values["peak_cgroup"]
		return measured
	}
	if read() {
		t.Error("the peak of a cgroup that heaptop is in is measured")
	}
	if shared = false; !read() {
		t.Error("the peak of the cgroup that it was moved to is not measured")
	}
	if err = sampler.ErrNotFound; !read() {
		t.Error("the peak of a cgroup of its own is lost with the process")
	}
}
