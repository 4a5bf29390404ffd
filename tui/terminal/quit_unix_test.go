//go:build unix

package terminal_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/tui/terminal"
)

// quitting is set in the process that TestQuitReleasesTheTerminalFirst starts.
const quitting = "HEAPTOP_TEST_QUIT"

// SIGQUIT gives the terminal back, then prints the goroutines and ends the program, and ends one whose release hangs.
func TestQuitReleasesTheTerminalFirst(t *testing.T) {
	if how := os.Getenv(quitting); how != "" {
		terminal.OnQuit(func() {
			fmt.Fprintln(os.Stderr, "released")
			if how == "hangs" {
				select {}
			}
		})
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGQUIT)
		time.Sleep(time.Minute) // the signal ends it
	}
	for _, how := range []string{"returns", "hangs"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestQuitReleasesTheTerminalFirst$")
			cmd.Env = append(os.Environ(), quitting+"="+how)
			var out bytes.Buffer
			cmd.Stderr = &out
			err := cmd.Run()
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 2 {
				t.Errorf("it ended with %v, want status 2", err)
			}
			released, dumped := strings.Index(out.String(), "released"), strings.Index(out.String(), "SIGQUIT: quit")
			if released < 0 || dumped < released || !strings.Contains(out.String(), "goroutine ") {
				t.Errorf("released at %d, the goroutines at %d of\n%s", released, dumped, out.String())
			}
		})
	}
}

// After stop the signal is no longer taken.
func TestQuitStops(t *testing.T) {
	stop := terminal.OnQuit(func() { t.Error("released") })
	stop()
}
