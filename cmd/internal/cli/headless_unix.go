//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// listenCheckpoints returns a channel that gets a name at each SIGUSR1, by which a person or a script tells that the
// program is where it is to be measured.
func listenCheckpoints() (names <-chan string, stop func()) {
	received := make(chan os.Signal, 8)
	signal.Notify(received, syscall.SIGUSR1)
	out := make(chan string)
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-received:
			case <-ended:
				return
			}
			select {
			case out <- "SIGUSR1":
			case <-ended:
				return
			}
		}
	}()
	return out, func() { signal.Stop(received); close(ended) }
}
