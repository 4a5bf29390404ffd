package launch

import (
	"bytes"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// What the log keeps at most: a command may write without end.
const (
	maxLines     = 2000
	maxLineBytes = 4096
)

// log keeps the last lines of a command's two streams.
type log struct {
	mu      sync.Mutex
	ring    []sampler.LogLine // grows to maxLines, then next is the oldest
	next    int
	dropped int
	partial [2][]byte // the line each stream has begun
}

func newLog() *log { return &log{} }

func (l *log) writer(stderr bool) *logWriter { return &logWriter{log: l, stderr: stderr} }

type logWriter struct {
	log    *log
	stderr bool
}

// Write never fails: a command must not be stopped by its log.
func (w *logWriter) Write(b []byte) (int, error) {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	now, stream := time.Now(), streamOf(w.stderr)
	for rest := b; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		room := maxLineBytes - len(l.partial[stream])
		if len(line) > room {
			// A longer line is kept as several.
			line, after, ended = rest[:room], rest[room:], true
		}
		l.partial[stream] = append(l.partial[stream], line...)
		if ended {
			l.take(stream, now)
		}
		rest = after
	}
	return len(b), nil
}

func streamOf(stderr bool) int {
	if stderr {
		return 1
	}
	return 0
}

// take moves the stream's begun line to the ring.
func (l *log) take(stream int, at time.Time) {
	text := bytes.TrimSuffix(l.partial[stream], []byte{'\r'})
	line := sampler.LogLine{Time: at, Stderr: stream == 1, Text: string(text)}
	l.partial[stream] = l.partial[stream][:0]
	if len(l.ring) < maxLines {
		l.ring = append(l.ring, line)
		return
	}
	l.ring[l.next] = line
	l.next = (l.next + 1) % maxLines
	l.dropped++
}

// flush takes the lines that ended without a line break.
func (l *log) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for stream := range l.partial {
		if len(l.partial[stream]) > 0 {
			l.take(stream, time.Now())
		}
	}
}

// lines returns a copy, oldest first, with begun lines at the end.
func (l *log) lines() ([]sampler.LogLine, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]sampler.LogLine, 0, len(l.ring)+2)
	out = append(out, l.ring[l.next:]...)
	out = append(out, l.ring[:l.next]...)
	for stream, text := range l.partial {
		if len(text) > 0 {
			out = append(out, sampler.LogLine{Time: time.Now(), Stderr: stream == 1, Text: string(text)})
		}
	}
	return out, l.dropped
}
