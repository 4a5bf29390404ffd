package scenario

import "github.com/alloc-dev/heaptop/sampler/scenario/terminal"

// loadTesting is the suite of that name.
func loadTesting() []Scenario {
	const suite = "load_testing"
	return append([]Scenario{
		{
			Name: "concurrent_buffers", Suite: suite, Sessions: terminal.ConcurrentBuffers, Warmup: 10, Steps: 150, New: of(terminal.NewConcurrent),
			Summary: "Ten sessions at once: each makes a screen of 100x30, writes 20 rows and renders it.",
		},
		{
			Name: "high_frequency_updates", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 30, Steps: 400, New: of(terminal.NewUpdates),
			Summary: "A screen of 80x24 of which a row is written a hundred times a step, with random bytes in base64.",
			Budgets: rushing(),
		},
		{
			Name: "multi_session_simulation", Suite: suite, Sessions: terminal.SimulatedSessions, Warmup: 4, Steps: 50, New: of(terminal.NewMultiSession),
			Summary: "Five sessions at once on 120x40: each writes, colours, updates ten lines and clears, ten times a step.",
		},
		{
			Name: "stress_ansi_processing", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 40, Steps: 500, New: of(terminal.NewStress),
			Summary: "Two hundred sequences of every style and colour a step, on five screens of 100x50.",
			Budgets: []Budget{
				{Metric: "peak_heap", Max: 12e6, Because: "The 25,000 cells of five screens are 3.4 MB, and each step replaces a ninth of them."},
				{Metric: "sustained_heap", Max: 5e6, Because: "The 25,000 cells of five screens are 3.4 MB."},
			},
		},
		{
			Name: "memory_pressure_test", Suite: suite, Sessions: 1, Warmup: 2, Steps: 20, New: of(terminal.NewPressure),
			Summary: "Ten screens of 200x100 written full, rendered and kept, with 500 KB of random bytes.",
			Budgets: []Budget{
				{Metric: "peak_heap", Max: 96e6, Because: "The 200,000 cells of ten screens are 26 MB, and each step replaces all of them."},
				{Metric: "sustained_heap", Max: 48e6, Because: "The 200,000 cells of ten screens are 26 MB, held with ten frames and 500 KB of random bytes."},
			},
		},
		{
			Name: "long_running_simulation", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 1000, Steps: 60_000, Rate: 100, New: of(terminal.NewLong),
			Summary: "A program that says a hundred times a second how far it is, on 80x24.",
			Budgets: rushing(),
		},
		{
			Name: "memory_leak_detection", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 200, Steps: 6000, Rate: 500, New: of(terminal.NewLeakDetection),
			Summary: "Screens of 50x20 that are made, written and dropped: memory must stay flat.",
			Budgets: rushing(),
		},
	}, pluginLoad()...)
}
