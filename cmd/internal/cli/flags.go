package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// choice is a flag that takes one of a few words. What names the list in errors.
type choice struct {
	value *string
	known []string
	what  string
}

func (c *choice) String() string { return *c.value }
func (c *choice) Type() string   { return strings.Join(c.known, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.known, s) {
		return fmt.Errorf("%s %s%s", c.what, strings.Join(c.known, ", "), didYouMean("", s, c.known))
	}
	*c.value = s
	return nil
}

// span is a flag that takes a duration; a bare number is seconds.
type span struct {
	value    *time.Duration
	min, max time.Duration
}

func (d *span) String() string { return d.value.String() }
func (d *span) Type() string   { return "duration" }

func (d *span) Set(s string) error {
	v, err := unit.ParseDuration(s)
	if err != nil {
		return err
	}
	if v < d.min || v > d.max {
		return fmt.Errorf("want %s to %s", d.min, d.max)
	}
	*d.value = v
	return nil
}

// readTyped reads what the live modes and --headless each read in their own way.
func (o *live) readTyped() error {
	const help = "see heaptop --help"
	format := choice{&o.format, formats(), "unknown format, the live modes know"}
	for _, typed := range o.typedFormats {
		if typed == "html" {
			if err := o.readPage(); err != nil {
				return err
			}
			continue
		}
		if err := format.Set(typed); err != nil {
			return usagef(help, "--format %s: %w", typed, err)
		}
	}
	list := limits{&o.limits}
	for _, typed := range o.typedLimits {
		if err := list.Set(typed); err != nil {
			return usagef(help, "--limit %s: %w", typed, err)
		}
	}
	return nil
}

// limits reads METRIC=SIZE, any number of times.
type limits struct{ list *[]analysis.Limit }

func (l *limits) String() string { return "" }
func (l *limits) Type() string   { return "METRIC=SIZE" }

// limitMetrics are the metrics a limit may be set on, by the names of the command line.
func limitMetrics() map[string]sampler.Metric {
	return map[string]sampler.Metric{
		"rss":      sampler.ProcessRSS,
		"peak_rss": sampler.ProcessPeakRSS,
		"tree_rss": sampler.TreeRSS,
		"swap":     sampler.ProcessSwap,
		"heap":     sampler.GoClassObjects,
		"live":     sampler.GoHeapLive,
	}
}

// liveLimits are what --limit of the live modes begins with.
func liveLimits() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(limitMetrics())) {
		list = append(list, name+"=")
	}
	return list
}

func (l *limits) Set(s string) error {
	name, size, found := strings.Cut(s, "=")
	known := make([]string, 0, 8)
	for n := range limitMetrics() {
		known = append(known, n)
	}
	slices.Sort(known)
	metric, ok := limitMetrics()[name]
	if !ok {
		return fmt.Errorf("want METRIC=SIZE, such as rss=500MB; the metrics are %s%s",
			strings.Join(known, ", "), didYouMean("", name, known))
	}
	if !found {
		return fmt.Errorf("how much of it? Such as %s=500MB", name)
	}
	bytes, err := unit.ParseBytes(size)
	if err != nil {
		return err
	}
	if bytes == 0 {
		return errors.New("a limit of 0 is always broken")
	}
	*l.list = append(*l.list, analysis.Limit{Name: "--limit " + name, Bytes: bytes, Metric: metric})
	return nil
}
