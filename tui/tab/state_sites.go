package tab

import (
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
)

// What SiteHistory keeps: 20 minutes of profiles read every 5 s, of the sites that hold most.
const (
	siteTimes = 240
	siteMost  = 512
)

// SiteHistory is the memory in use of each allocation site over time, in a bounded ring: the last 240 profiles of up
// to 512 sites. A site is taken up when it is among the first 512 of a profile that has room for it, and dropped
// once it was in none of the profiles kept.
type SiteHistory struct {
	times []time.Time // ascending, at most siteTimes
	sites map[string]*siteRing
	count uint64 // profiles ever added
}

// siteRing holds the values of profiles count-len(values) to count-1, by index modulo siteTimes.
type siteRing struct {
	values [siteTimes]float32
	seen   [siteTimes]bool
	last   uint64 // the profile it was last in
}

// NewSiteHistory returns an empty history.
func NewSiteHistory() *SiteHistory { return &SiteHistory{sites: map[string]*siteRing{}} }

// Reset forgets everything.
func (h *SiteHistory) Reset() { *h = *NewSiteHistory() }

// Add takes the sites of one profile.
func (h *SiteHistory) Add(heap *profile.Heap) {
	at := int(h.count % siteTimes)
	if len(h.times) == siteTimes {
		copy(h.times, h.times[1:])
		h.times = h.times[:siteTimes-1]
	}
	h.times = append(h.times, heap.Time)
	h.count++
	for key, ring := range h.sites {
		ring.seen[at] = false
		if h.count-ring.last > siteTimes {
			delete(h.sites, key)
		}
	}
	for i := range heap.Sites {
		site := &heap.Sites[i]
		key := site.Key()
		ring := h.sites[key]
		if ring == nil {
			if len(h.sites) >= siteMost {
				continue
			}
			ring = &siteRing{}
			h.sites[key] = ring
		}
		ring.values[at], ring.seen[at], ring.last = float32(site.InUseBytes), true, h.count
	}
}

// Of returns the site's memory in use in bytes, at the times of the profiles up to the given instant, oldest first. A
// profile without the site counts as 0 from its first appearance on: it held nothing then.
func (h *SiteHistory) Of(key string, until time.Time) (times []time.Time, values []float64) {
	ring := h.sites[key]
	if ring == nil {
		return nil, nil
	}
	first := h.count - uint64(len(h.times))
	for i, t := range h.times {
		if t.After(until) {
			break
		}
		at := (first + uint64(i)) % siteTimes
		if len(values) == 0 && !ring.seen[at] {
			continue
		}
		v := 0.0
		if ring.seen[at] {
			v = float64(ring.values[at])
		}
		times, values = append(times, t), append(values, v)
	}
	return times, values
}
