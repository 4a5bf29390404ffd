// Package tab holds the screens of the dashboard, one file each, and the State they draw from.
//
// A screen is told what happened and draws what is: Update has no effects but the commands it returns, View computes a
// string from the State and the size it is given. It refuses to read a clock, a file, the network or a process; what
// was read arrives as messages, with its own time. It knows no other screen: it asks for one with Push, for another
// target with Watch, for a word to the person with Notice, and the root model does it.
//
// Text that comes from the target (names, command lines, output) passes theme.Clean before it is drawn.
package tab

import (
	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/keys"
)

// Mode is what keys mean to a screen at the moment.
type Mode int

// The modes. In Filtering every key that keys.InFilter does not bind is text and arrives as a tea.KeyMsg.
const (
	Normal Mode = iota
	Filtering
)

// Screen is what fills the space between header and footer: a tab, or something opened on top of one.
type Screen interface {
	// Title is the screen's name, for the tab bar and for the line that says where Esc leads from.
	Title() string
	// Place is where its keys are looked up.
	Place() keys.Place
	// Mode says whether keys are actions or text.
	Mode() Mode
	// Why returns the reason for which an action that is bound here can do nothing now, as a sentence without a full
	// stop, and "" when it works. The root shows it when the key is pressed.
	Why(st *State, id keys.ID) string
	// Update takes one message: an Act, Click, Wheel or Size, a tea.KeyMsg while filtering, or news of the State
	// (Heard). The State has been updated before. The command it returns is the only effect.
	Update(st *State, msg tea.Msg) tea.Cmd
	// View draws the screen: exactly height lines, none wider than width. Both are at least 1. It changes nothing but
	// caches of its own.
	View(st *State, width, height int) string
}

// Act asks the screen on top to do what a binding names. The root sends it for the bindings of the screen's own place
// only, and after Why returned ""; what keys.Everywhere binds the root does itself.
type Act struct{ ID keys.ID }

// BackHandler is a Screen that sometimes has something of its own to close: a filter, say. While Closable returns true
// Esc reaches it as Act{keys.Back}; otherwise Esc closes the screen itself.
type BackHandler interface{ Closable() bool }

// Click is a press of the left mouse button, in cells from the screen's own upper left corner.
type Click struct{ X, Y int }

// Wheel is a turn of the mouse wheel by Lines, negative upwards, at a place within the screen.
type Wheel struct{ X, Y, Lines int }

// Size tells a screen how large it is drawn. It arrives before the first View and after every change.
type Size struct{ Width, Height int }

func (s Size) box() box { return box{0, 0, s.Width, s.Height} }

// Heard tells all screens, shown or not, that the State has news. What names the part.
type Heard struct{ What News }

// News is a part of the State that changed.
type News int

// The parts.
const (
	NewsSnapshot   News = iota // a reading, or that one was not possible
	NewsHeap                   // allocation sites
	NewsGoroutines             // goroutine groups
	NewsProcesses              // the process table
	NewsMappings               // the address space
	NewsMark                   // the mark was set: take what changes count from
	NewsReset                  // history, peaks and mark start anew
	NewsTarget                 // another target is watched: everything about the old one is gone
	NewsPause                  // frozen, or live again
	NewsCollected              // a forced collection ended
	NewsLog                    // what the started program printed
	NewsWalk                   // a walk over the heap began, went on or ended
	NewsJudged                 // the full analysis found out something
	NewsServer                 // keys or clients of a server
	NewsTime                   // State.Now moved and nothing else
)

// Requests a screen sends to the root model, as messages of its commands.
type (
	// Push opens a screen on top of the current one. Esc closes it.
	Push struct{ Screen Screen }
	// Notice shows one line in the footer for a few seconds. Bad marks an error.
	Notice struct {
		Text string
		Bad  bool
	}
	// Watch switches to another target and shows the first tab.
	Watch struct {
		Target sampler.Target
		Name   string
	}
)

// Ask returns the command that sends a request to the root model.
func Ask(request tea.Msg) tea.Cmd { return func() tea.Msg { return request } }

// Needs says which costlier readings a screen wants while it is shown. The root asks for no other.
type Needs struct {
	Heap       bool
	Goroutines bool
	Mappings   bool
	Processes  bool
	Log        bool
	Keys       bool                // the biggest keys of a database
	Clients    bool                // the connections of a server
	List       sampler.ListOptions // for which rows of the process table peak and swap are read
}

// Needer is a Screen that wants more than snapshots. Needs is asked after every Update.
type Needer interface{ Needs(st *State) Needs }
