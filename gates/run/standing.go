package run

import (
	"errors"
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
)

// standing is how often a target was stopped when it was read.
type standing struct {
	readings int
	warning  error // of the first of them
}

func (st *standing) add(s *sampler.Snapshot) {
	for _, warning := range s.Warnings {
		if errors.Is(warning, sampler.ErrStopped) {
			st.readings++
			if st.warning == nil {
				st.warning = warning
			}
			return
		}
	}
}

// judge notes that the target stood still. Where it did in all of the readings, there is no value of what only a program
// that runs can change: that it did not would be no news. What it holds, and its peaks, are as good as ever.
func (st *standing) judge(o *once, readings int) {
	switch {
	case st.readings == 0:
		return
	case st.readings < readings:
		o.note("%v; so it was in %d of %d readings", st.warning, st.readings, readings)
		return
	}
	o.note("%v; so it was all the time", st.warning)
	for _, metric := range append(goMetrics(), "growth", "growth_rate") {
		if _, measured := o.values[metric]; measured || o.missing[metric].short {
			delete(o.values, metric)
			delete(o.sources, metric)
			o.lack(metric, "the target was stopped all the time")
		}
	}
	o.leak = nil
}

// always returns why nothing can be told of how the target behaves over time: it was stopped in all of the readings.
func (st *standing) always(readings int) error {
	if st.readings == 0 || st.readings < readings {
		return nil
	}
	return fmt.Errorf("%w; so it was all the time", st.warning)
}
