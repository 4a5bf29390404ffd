package gates

import (
	"math"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/sampler/unit"
)

// Metric is what can be limited and compared: a row of the table that Metrics returns.
type Metric struct {
	Name       string
	Unit       string  // "bytes", "bytes per session", "percent", "percent per hour", "bytes per hour", "seconds", "score", "count", "ratio"
	Definition string  // a sentence for the report
	Exact      bool    // two runs of one program agree within 0.1 %, as a rule
	PerSession bool    // divided by the sessions of the scenario
	Peak       bool    // a limit is broken by any run above it; for others by the median
	Gated      bool    // a growth against a baseline fails, unless the policy says otherwise
	Steady     bool    // needs a steady state or a trend: a run that is too short for it gets a warning
	Quantum    float64 // the step in which values come; two steps are needed to call a whole number changed
}

// SumOfTree is in the source of a figure that is the sum over a process and all that it started.
const SumOfTree = "summed over its processes"

// Metrics returns the table of what can be gated. To add a metric is to add a row here.
func Metrics() []Metric {
	return []Metric{
		{Name: "peak_rss", Unit: "bytes", Peak: true, Gated: true,
			Definition: "the kernel's high-water mark (VmHWM) of the process. For a command that heaptop starts it is read, with the Go runtime's exact totals, " +
				"in a PTRACE_EVENT_EXIT stop as each process ends; where that is not permitted, the larger of the last polled VmHWM and ru_maxrss. Never ru_maxrss " +
				"alone: a child starts with its parent's peak as the floor. For a tree, the largest sum seen besides the largest process, each named"},
		{Name: "peak_cgroup", Unit: "bytes", Peak: true,
			Definition: "the cgroup's peak where the command has one of its own; it counts page cache, so it is a metric of its own"},
		{Name: "sustained_rss", Unit: "bytes", Steady: true,
			Definition: "75th percentile of RSS after warm-up"},
		{Name: "peak_heap", Unit: "bytes per session", PerSession: true, Peak: true, Gated: true,
			Definition: "largest heap objects in use (/memory/classes/heap/objects) above the reading before the work began, divided by the scenario's sessions"},
		{Name: "sustained_heap", Unit: "bytes per session", PerSession: true, Steady: true,
			Definition: "75th percentile of the live heap after each GC, after warm-up, above the same baseline"},
		{Name: "live_heap", Unit: "bytes per session", PerSession: true, Exact: true, Gated: true, Quantum: 8,
			Definition: "live heap after a forced GC at the scenario's checkpoint, while the work is still alive"},
		{Name: "gc_cpu", Unit: "percent",
			Definition: "GC CPU (assist, dedicated, pause; idle workers left out) of the CPU the program used (total less idle less idle marking)"},
		{Name: "gc_pressure", Unit: "score",
			Definition: "gc_cpu divided by 50 %, at most 1. One half is the share at which the runtime's limiter starts to hold the GC back"},
		{Name: "gc_pause_p99", Unit: "seconds",
			Definition: "from the runtime's pause histogram"},
		{Name: "growth", Unit: "percent per hour", Steady: true,
			Definition: "robust slope of the post-GC floor after warm-up"},
		{Name: "growth_rate", Unit: "bytes per hour", Steady: true,
			Definition: "robust slope of the post-GC floor after warm-up, absolute"},
		{Name: "allocs", Unit: "count", Exact: true, Gated: true, Quantum: 1,
			Definition: "objects allocated, total over the run; exact, hence the best regression metric for Go"},
		{Name: "alloc_bytes", Unit: "bytes", Exact: true, Gated: true, Quantum: 8,
			Definition: "bytes allocated, total over the run; exact, hence the best regression metric for Go"},
		{Name: "allocs_per_op", Unit: "count", Exact: true, Gated: true, Quantum: 1,
			Definition: "objects allocated per operation, from go benchmarks, not truncated to whole numbers"},
		{Name: "bytes_per_op", Unit: "bytes", Exact: true, Gated: true, Quantum: 1,
			Definition: "bytes allocated per operation, from go benchmarks, not truncated to whole numbers"},
		{Name: "goroutines", Unit: "count", Exact: true, Quantum: 1,
			Definition: "at the checkpoint, above the baseline"},
		{Name: "overhead_ratio", Unit: "ratio",
			Definition: "memory of one representation over another of the same data"},
		{Name: "peak_used_memory", Unit: "bytes", Peak: true,
			Definition: "used_memory_peak of a Redis server: the largest used_memory since it started, or since CONFIG RESETSTAT"},
		{Name: "used_memory", Unit: "bytes", Steady: true,
			Definition: "75th percentile of a Redis server's used_memory after warm-up"},
	}
}

// MetricOf returns the row of that name; ok is false when there is none.
func MetricOf(name string) (m Metric, ok bool) {
	for _, m := range Metrics() {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

// Format prints a value of the metric with its unit: "61.2 MB", "9.98", "12%", "3.00%/h".
func (m Metric) Format(v float64) string { return FormatValue(m.Unit, v) }

// FormatValue prints a value in one of the units of Metrics, as reports name them.
func FormatValue(of string, v float64) string {
	base, per, _ := strings.Cut(of, " per ")
	switch {
	case per == "hour" && base == "percent":
		return unit.Format("percent", v) + "/h"
	case per == "hour":
		return unit.Format(base, v) + "/h"
	case base == "count" && math.Abs(v) < 10_000 && v != math.Trunc(v):
		return strconv.FormatFloat(v, 'g', 4, 64)
	case base == "score", base == "ratio":
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return unit.Format(base, v)
}
