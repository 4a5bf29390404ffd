package scenario

import "github.com/alloc-dev/heaptop/sampler/scenario/terminal"

// terminalOperations is the suite of that name.
func terminalOperations() []Scenario { return nil }

// stability is the workloads that are watched for long. Their rates are those of a person who works without a pause and of a
// service with much to say, and cost a few hundredths of a core.
func stability() []Scenario {
	const suite = "stability"
	return []Scenario{
		{
			Name: "vim_session", Suite: suite, Sessions: 1, Warmup: 500, Steps: 1500, Rate: 50, New: of(terminal.NewVim),
			Summary: "An editor on 120x40: writing, navigation, search and replace, syntax colours, undo and three files.",
		},
		{
			Name: "log_streaming", Suite: suite, Sessions: 1, Warmup: 1000, Steps: 4000, Rate: 200, New: of(terminal.NewLog),
			Summary: "A log that is followed on 100x50: coloured lines that scroll, 1,000 of them kept to scroll back.",
		},
		{
			Name: "interactive_shell", Suite: suite, Sessions: 1, Warmup: 500, Steps: 3500, Rate: 10, New: of(terminal.NewShell),
			Summary: "A shell on 80x24: commands that are typed, completed or recalled from a bounded history, and their output.",
		},
	}
}

// of makes the workload of a scenario from the state that its steps work on.
func of[W Workload](make func(seed uint64) (W, error)) func(seed uint64) (Workload, error) {
	return func(seed uint64) (Workload, error) { return make(seed) }
}
