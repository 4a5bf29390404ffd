package redis

import (
	"fmt"
	"net"
	"strconv"
)

// Bounds of one answer. INFO takes some 10 KB, and the names of 100 keys as much as their users gave them.
const (
	replyMost  = 16 << 20 // bytes between two requests
	bulkMost   = 8 << 20  // bytes of one string
	listMost   = 1 << 16  // entries of one list
	listsMost  = 1 << 13  // lists between two requests, and so how deep they may be nested
	headerMost = 1 << 16  // bytes of a line
)

// guard is a connection that checks what the server sends before the client library makes room for it: a length that a
// stranger names is memory that the library would allocate.
type guard struct {
	net.Conn
	frames frames
}

// Write begins a new answer.
func (g *guard) Write(p []byte) (int, error) {
	g.frames.total, g.frames.lists = 0, 0
	return g.Conn.Write(p)
}

// Read passes on what is within the bounds, and fails from there on.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if bad := g.frames.check(p[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

// frames follows the protocol from line to line.
type frames struct {
	line  []byte // of a header that is not complete; its beginning is enough
	long  int    // bytes of that line
	skip  int    // bytes of a string that are still to come
	total int
	lists int
	bad   error // found before: nothing is passed on after that
}

// lengthMost is how many bytes of a header matter: a sign and a number.
const lengthMost = 24

func (f *frames) check(p []byte) error {
	if f.bad == nil {
		f.bad = f.follow(p)
	}
	return f.bad
}

func (f *frames) follow(p []byte) error {
	if f.total += len(p); f.total > replyMost {
		return fmt.Errorf("the answer is longer than %d bytes", replyMost)
	}
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(p))
			f.skip -= n
			p = p[n:]
			continue
		}
		c := p[0]
		p = p[1:]
		if c != '\n' {
			if f.long++; f.long > headerMost {
				return fmt.Errorf("a line of the answer is longer than %d bytes", headerMost)
			}
			if len(f.line) < lengthMost {
				f.line = append(f.line, c)
			}
			continue
		}
		if err := f.header(); err != nil {
			return err
		}
		f.line, f.long = f.line[:0], 0
	}
	return nil
}

// header takes a complete line: of those that name a length, it must be within bounds.
func (f *frames) header() error {
	line := f.line
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) == 0 {
		return nil
	}
	switch line[0] {
	case '$', '=', '!':
		n, err := strconv.Atoi(string(line[1:]))
		switch {
		case err != nil || n < -1:
			return fmt.Errorf("a string has the length %q", line[1:])
		case n > bulkMost:
			return fmt.Errorf("a string of %d bytes is longer than %d", n, bulkMost)
		case n >= 0:
			f.skip = n + len("\r\n")
		}
	case '*', '%', '~', '>', '|':
		n, err := strconv.Atoi(string(line[1:]))
		f.lists++
		switch {
		case err != nil || n < -1:
			return fmt.Errorf("a list has the length %q", line[1:])
		case n > listMost || f.lists > listsMost:
			return fmt.Errorf("the answer has more than %d lists, or one with more than %d entries: %d", listsMost, listMost, n)
		}
	}
	return nil
}
