package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Limit is a bound that the target's memory may reach, and how far it is.
type Limit struct {
	Name   string         // "cgroup", "GOMEMLIMIT", "machine", "maxmemory", or what the caller named it
	Bytes  float64        // the bound
	Used   float64        // what counts against it; more than Bytes once it is passed
	Metric sampler.Metric // what Used was read from, or mainly so
}

// unlimited is the smallest value that stands for "no limit": cgroup v1 writes the largest int64 rounded down to a page,
// and the Go runtime the largest int64.
const unlimited = 1 << 62

// NearestLimit returns the limit that the target reaches first when it grows: the one with the fewest bytes left, and of
// equals the smaller one. It looks at the cgroup's limit (what counts is /cgroup/current, page cache included),
// GOMEMLIMIT (what counts is the runtime's memory less what it returned; beyond it the collector works harder, nothing
// dies), the machine's memory (what counts is what is not available), a Redis server's maxmemory (what counts is
// used_memory less what the server leaves out: beyond it keys are evicted, or writes refused), and extra. An extra limit
// with Used 0 takes the sample of its Metric, and is left out when that was not read. ok is false when no limit is known
// together with what counts against it.
func NearestLimit(s *sampler.Snapshot, extra ...Limit) (nearest Limit, ok bool) {
	best := math.Inf(1)
	for _, l := range Limits(s, extra...) {
		left := l.Bytes - l.Used
		if left < best || left == best && l.Bytes < nearest.Bytes {
			nearest, best, ok = l, left, true
		}
	}
	return nearest, ok
}

// Limits returns all limits that are known together with what counts against them, as NearestLimit looks at them.
func Limits(s *sampler.Snapshot, extra ...Limit) []Limit {
	var known []Limit
	if limit, used := s.Reading(sampler.CgroupLimit), s.Reading(sampler.CgroupCurrent); bounded(limit) && used.OK {
		known = append(known, Limit{"cgroup", limit.Value, used.Value, sampler.CgroupCurrent})
	}
	limit, total := s.Reading(sampler.GoMemLimit), s.Reading(sampler.GoClassTotal)
	if released := s.Reading(sampler.GoClassReleased); bounded(limit) && total.OK && released.OK {
		known = append(known, Limit{"GOMEMLIMIT", limit.Value, math.Max(total.Value-released.Value, 0), sampler.GoClassTotal})
	}
	if limit, free := s.Reading(sampler.MachineMemory), s.Reading(sampler.MachineAvailable); bounded(limit) && free.OK {
		known = append(known, Limit{"machine", limit.Value, math.Max(limit.Value-free.Value, 0), sampler.MachineAvailable})
	}
	if limit, used := s.Reading(sampler.RedisMaxMemory), s.Reading(sampler.RedisUsed); bounded(limit) && used.OK {
		counted := math.Max(used.Value-s.Reading(sampler.RedisNotCounted).Value, 0)
		known = append(known, Limit{"maxmemory", limit.Value, counted, sampler.RedisUsed})
	}
	for _, l := range extra {
		if l.Used == 0 {
			used, read := s.Get(l.Metric)
			if !read {
				continue
			}
			l.Used = used
		}
		known = append(known, l)
	}
	return known
}

func bounded(limit sampler.Reading) bool {
	return limit.OK && limit.Value > 0 && limit.Value < unlimited
}

// Reach tells when a limit is reached if growth goes on as it is. It is a projection, not a promise.
type Reach struct {
	At       time.Duration // by the estimated rate
	Earliest time.Duration // by the upper end of the rate's interval
	Latest   time.Duration // by the lower end; 0 when that end never reaches it, so that all one can say is "at least Earliest"
	OK       bool          // false when nothing grows, or it is not known
}

// farthest caps a projection: what lies further away is no longer a statement about this process.
const farthest = 100 * 365 * 24 * time.Hour

// TimeToLimit projects g to l. All times are 0 when the limit is passed already. Only proven growth is projected: a
// series that is not Growing gives a Reach that is not OK.
func TimeToLimit(g Growth, l Limit) Reach {
	if !g.OK || !g.Growing || g.PerHour <= 0 {
		return Reach{}
	}
	left := l.Bytes - l.Used
	if left <= 0 {
		return Reach{OK: true}
	}
	r := Reach{OK: true, At: hours(left / g.PerHour), Earliest: hours(left / math.Max(g.High, g.PerHour))}
	if g.Low > 0 {
		r.Latest = hours(left / math.Min(g.Low, g.PerHour))
	}
	return r
}

func hours(h float64) time.Duration {
	if h >= farthest.Hours() {
		return farthest
	}
	return time.Duration(h * float64(time.Hour))
}
