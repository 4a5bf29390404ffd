package run

import (
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

// once is what one run gave.
type once struct {
	values  gates.Run
	sources map[string]string  // what each value was read from
	missing map[string]missing // why a metric has no value
	took    time.Duration
	// sessions is what the figures per session were divided by; 0 where there are none.
	sessions int
	notes    []string // warnings
	series   trendSeries
	leak     *analysis.Leak // of the series; nil where nobody looked
	// profiles are the allocation sites and the sizes of the process with the largest heap, where they were asked for.
	profiles *siteReading
}

// missing says why a run gave no value.
type missing struct {
	why   string
	short bool // a longer run would have one
}

// trendSeries is what growth is judged by.
type trendSeries struct {
	metric  string // what was read, for the report
	points  []sampler.Point
	started time.Time
}

func newOnce() *once {
	return &once{values: gates.Run{}, sources: map[string]string{}, missing: map[string]missing{}}
}

// set records a value and what it was read from.
func (o *once) set(metric string, v float64, source string) {
	delete(o.missing, metric)
	o.values[metric], o.sources[metric] = v, source
}

// lack records why there is no value.
func (o *once) lack(metric, format string, args ...any) {
	o.missing[metric] = missing{why: fmt.Sprintf(format, args...)}
}

// tooShort records that the run was too short for a value.
func (o *once) tooShort(metric, format string, args ...any) {
	o.missing[metric] = missing{why: fmt.Sprintf(format, args...), short: true}
}

func (o *once) note(format string, args ...any) {
	o.notes = append(o.notes, fmt.Sprintf(format, args...))
}

// fault says that a run could not be measured. It is a verdict of its own, never a pass.
type fault struct {
	what string // "ran out of memory", "crashed", "exited 3", "timed out"
	more string // what the command wrote last
}

func (f *fault) Error() string {
	if f.more == "" {
		return f.what
	}
	return f.what + "; its last words: " + f.more
}
