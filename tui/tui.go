// Package tui is the dashboard: the root model, the messages between it and the program around it, and Run.
//
// The root model knows size, tab, what is opened on top, and which reading is under way; what the numbers mean is the
// business of the screens in tui/tab. Update has no effect but the commands it returns; View is a function of the
// state. The package refuses to know any source: what it watches, it reaches through Backend and the abilities of a
// sampler.Session. Nothing that stops or stalls the target is done unless a person pressed its key, heap profiles are
// read every five seconds at most and only while a screen shows them, and nothing is drawn when nothing has changed.
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/terminal"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// framesPerSecond is how often at most the screen is drawn. Fewer would make keys feel late; an idle program draws
// nothing, but its ticker runs at this rate.
const framesPerSecond = 12

// Options is what Run needs.
type Options struct {
	Backend     Backend
	Watch       Watch // the target, opened; nil shows the machine's processes to choose from. Run closes it
	Theme       *theme.Theme
	Interval    time.Duration    // how often the target is read, as the Watch was opened with
	Mode        string           // "trace" begins with what is being allocated; else the dashboard begins with the tabs
	SnapshotDir string           // where `s` writes; "" is capture.DefaultDir
	Limits      []analysis.Limit // the person's own; passing one rings the terminal's bell once
	Version     string           // of heaptop, for snapshot files
	Input       io.Reader        // keys; nil is standard input
	Output      io.Writer        // the screen; nil is standard output
}

// Run shows the dashboard until the person quits or ctx ends, and leaves the terminal as it was, after a panic too. It
// returns nil when the person quit and the context's cause when that ended. Signals are the caller's: they end ctx.
func Run(ctx context.Context, o Options) error {
	if o.Backend == nil {
		return errors.New("run the dashboard: no backend was given")
	}
	if o.Theme == nil {
		o.Theme = theme.Plain()
	}
	if o.Output == nil {
		o.Output = os.Stdout
	}
	defer spareMemory()()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	m := newModel(inner, o)
	defer func() { m.closeWatch() }()
	settings := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithOutput(o.Output), tea.WithoutSignalHandler(),
		tea.WithAltScreen(), tea.WithMouseCellMotion(), tea.WithFPS(framesPerSecond),
	}
	if o.Input != nil {
		settings = append(settings, tea.WithInput(o.Input))
	}
	program := tea.NewProgram(m, settings...)
	defer terminal.OnQuit(func() { _ = program.ReleaseTerminal() })() // what cannot be restored must not keep it from ending
	if _, err := program.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("run the dashboard: %w", err)
	}
	return nil
}

// gcPercent is the GOGC of the dashboard. Its heap is small and it allocates little, so that more collections cost a
// twentieth of a percent of a core and save a quarter of its own memory.
const gcPercent = 50

// spareMemory sets the dashboard's GOGC, unless somebody chose another than the usual one. restore takes it back.
func spareMemory() (restore func()) {
	const usual = 100
	was := debug.SetGCPercent(gcPercent)
	if was != usual {
		debug.SetGCPercent(was)
	}
	return func() { debug.SetGCPercent(was) }
}

// firstTab is Memory for a target, Processes for a machine.
func firstTab(st *tab.State) int {
	if st.Watching {
		return 0
	}
	return 1
}
