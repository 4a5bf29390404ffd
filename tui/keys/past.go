package keys

// The actions that have to do with the past: moving in it, comparing, and the files that keep it.
const (
	Earlier   ID = "earlier"
	Later     ID = "later"
	PageEarly ID = "page-earlier"
	PageLate  ID = "page-later"
	First     ID = "first"
	Last      ID = "last"

	Compare   ID = "compare"
	Sides     ID = "sides"
	Mine      ID = "mine"
	ListLeft  ID = "list-left"
	ListRight ID = "list-right"

	StackBefore ID = "stack-before"
	StackAfter  ID = "stack-after"

	Snapshots ID = "snapshots"
	Choose    ID = "choose"
	Rename    ID = "rename"
	Note      ID = "note"
	Delete    ID = "delete"

	Trace  ID = "trace"
	WhatIf ID = "what-if"
)

// past moves the one cursor in time that all tabs show.
func past() []Binding {
	tabs, paused := []Place{InMemory, InSite, InProcesses, InGoroutines, InStack, InGC, InTrace}, []Place{InPast}
	return []Binding{
		{Earlier, []string{"left"}, "←", "", "while paused: the reading before, on all tabs", tabs},
		{Later, []string{"right"}, "→", "", "while paused: the reading after, on all tabs", tabs},
		{PageEarly, []string{"pgup"}, "PgUp", "", "a fifth of the chart back in time", paused},
		{PageLate, []string{"pgdown"}, "PgDn", "", "a fifth of the chart on in time", paused},
		{First, []string{"home"}, "Home", "", "the first reading that is kept", paused},
		{Last, []string{"end"}, "End", "", "the last reading", paused},
	}
}

func comparing() []Binding {
	here := []Place{InCompare}
	return []Binding{
		{ListLeft, []string{"left"}, "←", "", "the list before: sites, sizes, goroutines, mappings, runtime", here},
		{ListRight, []string{"right"}, "→", "", "the list after", here},
		{StackBefore, []string{"left"}, "←", "", "the stack that changed more", []Place{InCompareStack}},
		{StackAfter, []string{"right"}, "→", "", "the stack that changed next", []Place{InCompareStack}},
		{Sides, []string{"c"}, "c", "sides", "compare others: the mark, the moment shown, now", here},
		{Mine, []string{"M"}, "M", "mine", "only what passes through the program's own code, at its own line", here},
		{Trace, []string{"a"}, "a", "trace", "what is being allocated, interval by interval", []Place{InMemory, InGC}},
		{WhatIf, []string{"w"}, "w", "what if", "what another GOGC or GOMEMLIMIT would cost, in place of the pauses", []Place{InGC}},
	}
}

func files() []Binding {
	here := []Place{InSnapshots}
	return []Binding{
		{Choose, []string{" "}, "Space", "choose", "choose for d: two files, or one to compare with now", here},
		{Rename, []string{"R"}, "R", "rename", "give the file another name", here},
		{Note, []string{"n"}, "n", "note", "write a note into the snapshot", here},
		{Delete, []string{"D", "delete"}, "D", "delete", "delete the file, after a question", here},
	}
}
