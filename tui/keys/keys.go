// Package keys holds every key binding of the dashboard as data: what a key is called, what it does, and in which
// places it works. Dispatch, the footer, the help screen and keymap.md all read this one table, so that they cannot
// disagree.
//
// It refuses to act: a binding is a name, and the screens decide what the name does. It knows no screen and imports
// nothing of the terminal, so that the generator of keymap.md can use it.
package keys

import "slices"

//go:generate go run github.com/alloc-dev/heaptop/cmd/internal/gen

// ID names an action. A screen switches on it; it never looks at the key itself.
type ID string

// The actions of the dashboard.
const (
	Quit       ID = "quit"
	Help       ID = "help"
	Back       ID = "back"
	NextTab    ID = "next-tab"
	PrevTab    ID = "previous-tab"
	Tab1       ID = "tab-1"
	Tab2       ID = "tab-2"
	Tab3       ID = "tab-3"
	Pause      ID = "pause"
	Mark       ID = "mark"
	Reset      ID = "reset"
	Snapshot   ID = "snapshot"
	Collect    ID = "collect"
	Log        ID = "log"
	Slower     ID = "slower"
	Faster     ID = "faster"
	Open       ID = "open"
	Filter     ID = "filter"
	Sort       ID = "sort"
	Reverse    ID = "reverse"
	Measure    ID = "measure"
	Tree       ID = "tree"
	Goroutines ID = "goroutines"
	Holders    ID = "holders"
	Walk       ID = "walk"
	Record     ID = "record"
	Findings   ID = "findings"
	Up         ID = "up"
	Down       ID = "down"
	PageUp     ID = "page-up"
	PageDown   ID = "page-down"
	Home       ID = "home"
	End        ID = "end"

	Flame        ID = "flame"
	FlameLeft    ID = "flame-left"
	FlameRight   ID = "flame-right"
	FlameZoom    ID = "flame-zoom"
	FlameSearch  ID = "flame-search"
	FlameNext    ID = "flame-next"
	FlameMeasure ID = "flame-measure"

	FilterKeep ID = "filter-keep"
	FilterDrop ID = "filter-drop"
	Agree      ID = "agree"
	Refuse     ID = "refuse"
)

// Place is where a binding works: on every screen, on one screen, or while a filter is typed.
type Place string

// The places of the dashboard. InPast is laid over the tabs while they are paused. InFilter and InConfirm are the only ones in which Everywhere's bindings do not work:
// every other key is text there, or no consent.
const (
	Everywhere   Place = "everywhere"
	InMemory     Place = "memory"
	InSite       Place = "site"
	InProcesses  Place = "processes"
	InGoroutines Place = "goroutines"
	InStack      Place = "stack"
	InHolders    Place = "holders"
	InGC         Place = "gc"
	InLog        Place = "log"
	InFlame      Place = "flame"
	InHelp       Place = "help"
	InFilter     Place = "filter"
	InConfirm    Place = "confirm"

	InPast         Place = "past"
	InCompare      Place = "compare"
	InCompareStack Place = "compare-stack"
	InSnapshots    Place = "snapshots"
	InTrace        Place = "trace"
	InFindings     Place = "findings"
	InFinding      Place = "finding"
)

// PlaceTitle is a place and its name for a person.
type PlaceTitle struct {
	Place Place
	Title string
}

// Places returns all places, in the order in which keymap.md shows them.
func Places() []PlaceTitle {
	return []PlaceTitle{
		{Everywhere, "Everywhere"},
		{InMemory, "Memory"},
		{InSite, "An allocation site"},
		{InProcesses, "Processes"},
		{InGoroutines, "Goroutines"},
		{InStack, "A stack"},
		{InHolders, "Who holds it"},
		{InGC, "GC"},
		{InFlame, "Flame graph"},
		{InPast, "While paused"},
		{InCompare, "A comparison"},
		{InCompareStack, "A change, stack by stack"},
		{InSnapshots, "Snapshots and recordings"},
		{InTrace, "Trace"},
		{InFindings, "Findings"},
		{InFinding, "A finding"},
		{InLog, "The program's output"},
		{InHelp, "Help"},
		{InFilter, "While a filter is typed"},
		{InConfirm, "While heaptop asks before it writes or deletes"},
	}
}

// Binding is one action and the keys that ask for it.
type Binding struct {
	ID     ID
	Keys   []string // as bubbletea names them: "q", "tab", "pgdown"
	Label  string   // how the keys are shown to a person: "Tab", "↑ k"
	Word   string   // the word beside the key in the footer; "" keeps the binding out of the footer
	Help   string   // what it does, a phrase for the help screen and keymap.md
	Places []Place
}

// Global says whether the binding works everywhere, whatever the screen.
func (b Binding) Global() bool { return slices.Contains(b.Places, Everywhere) }

// Names returns the keys as a keyboard has them: "Enter", "Ctrl-C", "↑".
func (b Binding) Names() []string {
	names := map[string]string{
		"enter": "Enter", "esc": "Esc", "tab": "Tab", "shift+tab": "Shift-Tab", "ctrl+c": "Ctrl-C", "up": "↑", "down": "↓",
		"left": "←", "right": "→", " ": "Space", "delete": "Delete",
		"pgup": "PgUp", "pgdown": "PgDn", "home": "Home", "end": "End",
	}
	shown := make([]string, len(b.Keys))
	for i, key := range b.Keys {
		if shown[i] = names[key]; shown[i] == "" {
			shown[i] = key
		}
	}
	return shown
}

// Bindings returns the table, in the order in which help and keymap.md show it. The footer shows the bindings of the
// current place first, then those of Everywhere, each in this order.
func Bindings() []Binding {
	return slices.Concat(local(), flame(), past(), comparing(), files(), global(), moving(), typing())
}

func everywhere() []Place { return []Place{Everywhere} }

func local() []Binding {
	lists := []Place{InMemory, InProcesses, InGoroutines, InCompare, InSnapshots, InTrace}
	return []Binding{
		{Open, []string{"enter"}, "Enter", "open", "open the site, process, stack, file or finding that is selected", slices.Concat(lists, []Place{InFindings})},
		{Filter, []string{"/"}, "/", "filter", "filter the table", lists},
		{Sort, []string{"o"}, "o", "sort", "sort the table by the next column", lists},
		{Reverse, []string{"O"}, "O", "", "sort the other way round", lists},
		{Measure, []string{"i"}, "i", "in use/alloc", "sites by memory in use, or all allocated", []Place{InMemory, InCompare}},
		{Holders, []string{"w"}, "w", "holders", "who holds it: the way from a site's objects to what keeps them", []Place{InMemory, InSite, InHolders}},
		{Walk, []string{"enter"}, "Enter", "walk", "walk the heap where heaptop asks first", []Place{InHolders}},
		{Tree, []string{"t"}, "t", "tree", "show processes as a tree, with sums", []Place{InProcesses}},
		{Goroutines, []string{"v"}, "v", "goroutines", "goroutines, grouped by stack", []Place{InMemory, InProcesses, InGC}},
		{Record, []string{"P"}, "P", "record sites", "record allocation sites, with --allow-write", []Place{InMemory}},
	}
}

func flame() []Binding {
	here := []Place{InFlame}
	return []Binding{
		{Flame, []string{"f"}, "f", "flame", "who calls what allocates, as a flame graph", []Place{InMemory, InSite, InCompare}},
		{FlameZoom, []string{"enter"}, "Enter", "zoom", "give the selected function the whole width", here},
		{FlameMeasure, []string{"i"}, "i", "measure", "in use, allocated, allocated or changed since the mark", here},
		{FlameSearch, []string{"/"}, "/", "search", "search for a function or a file", here},
		{FlameNext, []string{"n"}, "n", "next", "the next function that the search finds", here},
		{FlameLeft, []string{"left"}, "←", "", "the function to the left", here},
		{FlameRight, []string{"right"}, "→", "", "the function to the right", here},
	}
}

func global() []Binding {
	return []Binding{
		{Mark, []string{"m"}, "m", "mark", "set the mark: changes count from here", everywhere()},
		{Snapshot, []string{"s"}, "s", "snapshot", "write a snapshot file", everywhere()},
		{Compare, []string{"d"}, "d", "compare", "compare: the mark, the moment shown or the files chosen with now", everywhere()},
		{Findings, []string{"!"}, "!", "findings", "findings: what leaks, what is near a limit, what could be better", everywhere()},
		{Snapshots, []string{"S"}, "S", "files", "the snapshots and recordings that were written", everywhere()},
		{Collect, []string{"g"}, "g", "gc", "force a collection (Redis: MEMORY PURGE), show what it freed", everywhere()},
		{Pause, []string{"p"}, "p", "pause", "freeze the screen, or go on", everywhere()},
		{Log, []string{"l"}, "l", "log", "what the started program printed", everywhere()},
		{Reset, []string{"r"}, "r", "reset", "reset history, peaks and mark", everywhere()},
		{Slower, []string{"+"}, "+", "", "read less often", everywhere()},
		{Faster, []string{"-"}, "-", "", "read more often", everywhere()},
		{Back, []string{"esc"}, "Esc", "", "back: close what is open, drop the filter", everywhere()},
		{NextTab, []string{"tab"}, "Tab", "", "next tab", everywhere()},
		{PrevTab, []string{"shift+tab"}, "Shift-Tab", "", "previous tab", everywhere()},
		{Tab1, []string{"1"}, "1", "", "Memory", everywhere()},
		{Tab2, []string{"2"}, "2", "", "Processes", everywhere()},
		{Tab3, []string{"3"}, "3", "", "GC", everywhere()},
		{Help, []string{"?"}, "?", "help", "show or hide this help", everywhere()},
		{Quit, []string{"q", "ctrl+c"}, "q", "quit", "quit", everywhere()},
	}
}

func moving() []Binding {
	lists := []Place{InMemory, InSite, InProcesses, InGoroutines, InStack, InHolders, InGC, InFlame, InCompare, InCompareStack, InSnapshots,
		InTrace, InFindings, InFinding, InLog, InHelp}
	return []Binding{
		{Up, []string{"up", "k"}, "↑ k", "", "one line up", lists},
		{Down, []string{"down", "j"}, "↓ j", "", "one line down", lists},
		{PageUp, []string{"pgup"}, "PgUp", "", "one page up", lists},
		{PageDown, []string{"pgdown"}, "PgDn", "", "one page down", lists},
		{Home, []string{"home"}, "Home", "", "to the first line", lists},
		{End, []string{"end"}, "End", "", "to the last line; the log then follows", lists},
	}
}

func typing() []Binding {
	return []Binding{
		{FilterKeep, []string{"enter"}, "Enter", "keep", "keep the filter and go back to the table", []Place{InFilter}},
		{FilterDrop, []string{"esc"}, "Esc", "drop", "drop the filter", []Place{InFilter}},
		{Agree, []string{"y"}, "y", "yes", "yes, do it", []Place{InConfirm}},
		{Refuse, []string{"n", "esc", "enter"}, "n", "no", "no: leave the process alone, as any other key does", []Place{InConfirm}},
	}
}

// In returns the bindings that work in the place, those of the place before those of Everywhere.
func In(place Place) []Binding {
	var here, all []Binding
	for _, b := range Bindings() {
		switch {
		case slices.Contains(b.Places, place):
			here = append(here, b)
		case place != InFilter && place != InConfirm && b.Global():
			all = append(all, b)
		}
	}
	return append(here, all...)
}

// Find returns the binding of a key in a place; ok is false when the key means nothing there.
func Find(place Place, key string) (b Binding, ok bool) {
	for _, b := range In(place) {
		if slices.Contains(b.Keys, key) {
			return b, true
		}
	}
	return Binding{}, false
}
