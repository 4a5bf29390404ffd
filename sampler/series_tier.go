package sampler

// bucket is the readings of a span of time: the time of the last one, and what they were.
type bucket struct {
	ns             int64
	min, max, last float64
}

// tier is a ring of buckets of one span. Its memory may come in chunks, so that a series watched for a minute does not
// pay for a day.
type tier struct {
	span     int64 // nanoseconds; buckets begin at its multiples
	capacity int   // a multiple of chunkLen
	chunks   []*[chunkLen]bucket
	at, n    int // of the oldest bucket, and how many there are
}

// add merges b into the newest bucket when it lies in the same span, and else appends it. When the tier is full the
// oldest bucket leaves it: overflow is true and it is returned.
func (t *tier) add(b bucket) (oldest bucket, overflow bool) {
	if t.n > 0 {
		last := t.get(t.n - 1)
		if last.ns/t.span == b.ns/t.span {
			last.ns, last.last = b.ns, b.last
			last.min, last.max = min(last.min, b.min), max(last.max, b.max)
			return bucket{}, false
		}
	}
	if t.n == t.capacity {
		slot := t.get(0)
		oldest, *slot = *slot, b
		t.at = (t.at + 1) % t.capacity
		return oldest, true
	}
	if t.n == len(t.chunks)*chunkLen {
		if t.chunks == nil {
			t.chunks = make([]*[chunkLen]bucket, 0, t.capacity/chunkLen)
		}
		t.chunks = append(t.chunks, new([chunkLen]bucket))
	}
	t.n++
	*t.get(t.n - 1) = b
	return bucket{}, false
}

// get returns the i-th oldest bucket.
func (t *tier) get(i int) *bucket {
	i = (t.at + i) % t.capacity
	return &t.chunks[i/chunkLen][i%chunkLen]
}
