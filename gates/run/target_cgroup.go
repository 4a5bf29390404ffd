package run

import (
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/proc"
)

// membershipEvery is how often is looked whether a target has a cgroup of its own: it may be moved to one.
const membershipEvery = 10 * time.Second

// cgroupPeak is the peak of the cgroup of something that runs already. It is that of the target only where the target has
// a cgroup of its own: where heaptop is in it, so is whatever started heaptop.
type cgroupPeak struct {
	within func(pid int) (bool, error) // whether heaptop is in the cgroup of a process, or below it

	peak   sampler.Reading // the last one
	pid    int             // that was asked for
	asked  time.Time
	shared bool
	err    error // why it is not known
}

func withinCgroupOf(pid int) (bool, error) { return proc.WithinCgroupOf(pid, proc.Options{}) }

// take takes a reading of the process pid.
func (c *cgroupPeak) take(s *sampler.Snapshot, pid int) {
	r := s.Reading(sampler.CgroupPeak)
	if !r.OK {
		return
	}
	c.peak = r
	if since := s.Time.Sub(c.asked); pid == c.pid && since >= 0 && since < membershipEvery {
		return
	}
	shared, err := c.within(pid)
	if err != nil && c.err == nil && pid == c.pid && !c.asked.IsZero() {
		return // it has ended: what was known of it holds
	}
	c.pid, c.asked, c.shared, c.err = pid, s.Time, shared, err
}

// value sets peak_cgroup, or says why there is none.
func (c *cgroupPeak) value(o *once) {
	switch {
	case !c.peak.OK:
		o.lack("peak_cgroup", "no peak of a cgroup was read")
	case c.err != nil:
		o.lack("peak_cgroup", "whether its cgroup is its own is not known: %v", c.err)
	case c.shared:
		o.lack("peak_cgroup", "others, heaptop among them, are in its cgroup")
	default:
		o.set("peak_cgroup", c.peak.Value, "the peak of its cgroup, with all that is in it, since that was made")
	}
}
