//go:build unix

package cli_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
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

func TestPanicLeavesTheTerminalAsItWas(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := on(t, []string{"HEAPTOP_TEST_PANIC=1"}, self)
	c.shows(enterScreen)
	if code := c.exits(); code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
	c.restored()
	if out := c.text(); !strings.Contains(out, "the list is broken") {
		t.Errorf("the panic is not told:\n%s", out)
	}
}
