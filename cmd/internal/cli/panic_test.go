package cli_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui"
	"github.com/alloc-dev/heaptop/tui/terminal"
)

// panicking is a program around the dashboard that panics when it is asked for processes.
type panicking struct{}

func (panicking) Open(context.Context, sampler.Target) (tui.Watch, error) { panic("open") }

func (panicking) List(context.Context, sampler.ListOptions, *sampler.ProcessTable) error {
	time.Sleep(100 * time.Millisecond) // let the screen be drawn
	panic("the list is broken")
}

// panicOnScreen shows the dashboard over panicking, for TestPanicLeavesTheTerminalAsItWas.
func panicOnScreen() {
	err := tui.Run(context.Background(), tui.Options{
		Backend: panicking{}, Theme: terminal.Theme(os.Stdout, true), Interval: time.Second,
		Input: os.Stdin, Output: os.Stdout,
	})
	fmt.Println("run ended:", err)
	os.Exit(2)
}
