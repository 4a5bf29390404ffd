//go:build unix

package terminal

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// releaseWithin bounds how long a program that hangs may keep the terminal.
const releaseWithin = 2 * time.Second

// OnQuit has SIGQUIT call release before it does what it always does: print where all goroutines are, and end the
// program. Without it that would be printed over the screen, and the terminal left in the screen's mode. stop takes it back.
// A signal that is ignored stays so.
func OnQuit(release func()) (stop func()) {
	if signal.Ignored(syscall.SIGQUIT) {
		return func() {}
	}
	received, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(received, syscall.SIGQUIT)
	go func() {
		select {
		case <-ended:
			return
		case <-received:
		}
		released := make(chan struct{})
		go func() {
			defer close(released)
			release()
		}()
		select {
		case <-released:
		case <-time.After(releaseWithin):
		}
		signal.Reset(syscall.SIGQUIT)
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGQUIT) // to oneself it is always allowed
	}()
	return func() {
		signal.Stop(received)
		close(ended)
	}
}
