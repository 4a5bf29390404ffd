package launch

import (
	"io"
	"os"
	"time"
)

// filter takes the command's standard error from a pipe to a writer. A nil filter does nothing.
type filter struct {
	to      io.Writer
	ours    *os.File
	command *os.File // the command's end
	done    chan struct{}
}

func newFilter(to io.Writer) (*filter, error) {
	r, w, err := newPipe()
	if err != nil {
		return nil, err
	}
	return &filter{to: to, ours: r, command: w, done: make(chan struct{})}, nil
}

// begin copies until all processes that have the command's end have closed it, or finish does not wait any more.
func (f *filter) begin() {
	if f == nil {
		return
	}
	f.command.Close()
	go func() {
		defer close(f.done)
		buffer := make([]byte, 64<<10)
		for {
			n, err := f.ours.Read(buffer)
			if n > 0 {
				_, _ = f.to.Write(buffer[:n]) // the command must not be stopped by whoever reads it
			}
			if err != nil {
				return
			}
		}
	}()
}

// finish waits a little for what is still in the pipe, and has the writer pass on what it holds.
func (f *filter) finish() {
	if f == nil {
		return
	}
	select {
	case <-f.done:
	case <-time.After(outputDelay):
	}
	f.ours.Close()
	<-f.done
	if closer, ok := f.to.(io.Closer); ok {
		_ = closer.Close()
	}
}

// abandon closes the pipe of a command that did not start.
func (f *filter) abandon() {
	if f == nil {
		return
	}
	f.command.Close()
	f.ours.Close()
}
