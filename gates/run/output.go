package run

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

const (
	lastWords = 512 // bytes of a command's output that an error repeats
	lastLines = 3
)

// tailWriter passes output on and remembers its end, and with what words a Go program crashed: a trace follows them.
type tailWriter struct {
	mu    sync.Mutex
	next  io.Writer
	tail  []byte
	line  []byte // the one that is being written, its beginning
	crash string
}

func (w *tailWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next != nil {
		if _, err := w.next.Write(p); err != nil {
			w.next = nil // whoever read it is gone; the command goes on
		}
	}
	w.tail = append(w.tail, p[max(0, len(p)-lastWords):]...)
	if len(w.tail) > lastWords {
		w.tail = append(w.tail[:0], w.tail[len(w.tail)-lastWords:]...)
	}
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		w.line = append(w.line, line[:min(len(line), lastWords-len(w.line))]...)
		if rest = after; !whole {
			break
		}
		if w.crash == "" && (bytes.HasPrefix(w.line, []byte("panic: ")) || bytes.HasPrefix(w.line, []byte("fatal error: "))) {
			w.crash = string(w.line)
		}
		w.line = w.line[:0]
	}
	return len(p), nil
}

// last returns the last lines in one, or how a Go program crashed.
func (w *tailWriter) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.crash != "" {
		return strings.ToValidUTF8(w.crash, "")
	}
	text := strings.ToValidUTF8(string(w.tail), "")
	if len(w.tail) == lastWords {
		_, text, _ = strings.Cut(text, "\n") // the first line is cut
	}
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines[max(0, len(lines)-lastLines):], " | ")
}
