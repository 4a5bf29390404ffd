package scenario

import "github.com/alloc-dev/heaptop/sampler/scenario/terminal"

// terminalOperations is the suite of that name.
func terminalOperations() []Scenario {
	const suite = "terminal_operations"
	return []Scenario{
		{
			Name: "small_buffer_create", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 200, Steps: 6000, New: of(terminal.NewSmallCreate),
			Summary: "A screen of 80x24 made and framed each step, in place of the last.",
			Budgets: rushing(),
		},
		{
			Name: "medium_buffer_create", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 200, Steps: 4000, New: of(terminal.NewMediumCreate),
			Summary: "A screen of 120x40 made and framed each step, in place of the last.",
			Budgets: rushing(),
		},
		{
			Name: "large_buffer_create", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 100, Steps: 2000, New: of(terminal.NewLargeCreate),
			Summary: "A screen of 200x60 made and framed each step, in place of the last.",
			Budgets: rushing(),
		},
		{
			Name: "buffer_write_operations", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 200, Steps: 4000, New: of(terminal.NewWrites),
			Summary: "Ten lines of text written on 80x24 each step, which scroll.",
			Budgets: rushing(),
		},
		{
			Name: "ansi_sequence_processing", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 2000, Steps: 40_000, New: of(terminal.NewSequences),
			Summary: "A line in five styles each step on 80x24: basic colours, bold, underlined, reversed, 256 colours.",
			Budgets: rushing(),
		},
		{
			Name: "cursor_management", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 5000, Steps: 100_000, New: of(terminal.NewCursor),
			Summary: "The cursor moved to a place, by a distance, to a column and a row, saved and restored, on 80x24.",
			Budgets: rushing(),
		},
		{
			Name: "large_screen_render", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 10, Steps: 120, New: of(terminal.NewRender),
			Summary: "A screen of 200x60 filled with coloured blocks and rendered each step.",
			Budgets: []Budget{
				{Metric: "peak_heap", Max: 8e6, Because: "The 12,000 cells of the screen are 1.6 MB, and each step replaces all of them."},
			},
		},
		{
			Name: "memory_intensive_ops", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 10, Steps: 150, New: of(terminal.NewIntensive),
			Summary: "A hundred styled sequences on each of five screens of 100x30 each step, all of it kept.",
			Budgets: []Budget{
				{Metric: "peak_heap", Max: 8e6, Because: "The 10,000 cells that are written are 1.5 MB, and each step replaces all of them."},
			},
		},
	}
}

// stability is the workloads that are watched for long. Their rates are those of a person who works without a pause and of a
// service with much to say, and cost a few hundredths of a core.
func stability() []Scenario {
	const suite = "stability"
	return []Scenario{
		{
			Name: "vim_session", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 500, Steps: 2500, Rate: 50, New: of(terminal.NewVim),
			Summary: "An editor on 120x40: writing, navigation, search and replace, syntax colours, undo and three files.",
			Budgets: rushing(),
		},
		{
			Name: "log_streaming", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 1000, Steps: 9000, Rate: 200, New: of(terminal.NewLog),
			Summary: "A log that is followed on 100x50: coloured lines that scroll, 1,000 of them kept to scroll back.",
			Budgets: rushing(),
		},
		{
			Name: "interactive_shell", Suite: suite, Env: collectEarly(), Sessions: 1, Warmup: 500, Steps: 7500, Rate: 10, New: of(terminal.NewShell),
			Summary: "A shell on 80x24: commands that are typed, completed or recalled from a bounded history, and their output.",
		},
	}
}

// rushing is the budget of what makes garbage all the time, and holds little. On a machine that has nothing else to do their
// peaks are 1 to 2.4 MB.
func rushing() []Budget {
	return []Budget{{
		Metric: "peak_heap", Max: 6e6,
		Because: "It makes a megabyte of garbage in a millisecond or two, so on a busy machine, where the collector waits for a processor, several are there at once.",
	}}
}

// of makes the workload of a scenario from the state that its steps work on.
func of[W Workload](make func(seed uint64) (W, error)) func(seed uint64) (Workload, error) {
	return func(seed uint64) (Workload, error) { return make(seed) }
}

// collectEarly is the environment of workloads that hold a few hundred kilobytes and allocate all the time. The runtime does
// not collect below a heap of 4 MB whatever lives in it, so no such program could keep within 3 MB a session; at a quarter of
// GOGC that floor is 1 MB.
func collectEarly() []string { return []string{"GOGC=25"} }
