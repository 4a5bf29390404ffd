package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal os.Signal }

func (i *interrupted) Error() string { return "interrupted by " + signalName(i) }

// signals tells about the signals that ask the program to end.
type signals struct {
	second chan struct{} // closed at the second one
	stop   func()
}

// listen returns a context that the first SIGINT, SIGTERM or SIGHUP cancels, with *interrupted as its cause. The third
// has its usual effect. A hangup that was ignored when the program started, as under nohup, stays ignored. A broken
// pipe becomes an error of the write, so that files are completed and a started command is ended in order.
func listen(ctx context.Context) (context.Context, *signals) {
	ctx, cancel := context.WithCancelCause(ctx)
	wanted := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		wanted = append(wanted, syscall.SIGHUP)
	}
	received := make(chan os.Signal, 2)
	signal.Notify(received, wanted...)
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	s := &signals{second: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		first := true
		for {
			select {
			case sig := <-received:
				if first {
					first = false
					cancel(&interrupted{sig})
					continue
				}
				signal.Reset(wanted...)
				close(s.second)
				return
			case <-ended:
				return
			}
		}
	}()
	s.stop = func() {
		signal.Stop(received)
		signal.Stop(pipe)
		close(ended)
		cancel(nil)
	}
	return ctx, s
}
