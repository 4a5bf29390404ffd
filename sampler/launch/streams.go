package launch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"sync"
	"time"
	"unicode/utf8"
)

// drainFor is how long output that is still in the pipes is awaited once nobody can write any more.
const drainFor = 10 * time.Second

// maxLine is how much of a line is looked at for a checkpoint.
const maxLine = 64 << 10

// streams are the three streams of a command that is measured.
type streams struct {
	command [3]*os.File // the command's ends
	close   []*os.File  // of them, those that are ours to close once it has them
	ours    []*os.File
	start   []func()
	drained sync.WaitGroup
}

// newStreams makes the pipes that are needed. onLine, when not nil, hears of each line of the standard output.
func newStreams(o MeasureOptions, onLine func(line []byte)) (s *streams, err error) {
	s = &streams{}
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	if err := s.input(o.Stdin); err != nil {
		return nil, err
	}
	var both sync.Mutex
	if err := s.output(1, o.Stdout, &both, onLine); err != nil {
		return nil, err
	}
	if err := s.output(2, o.Stderr, &both, nil); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *streams) input(r io.Reader) error {
	if f, ok := r.(*os.File); ok {
		s.command[0] = f
		return nil
	}
	if r == nil {
		return s.null(0, os.O_RDONLY)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	s.command[0], s.close, s.ours = theirs, append(s.close, theirs), append(s.ours, ours)
	s.start = append(s.start, func() {
		go func() {
			_, _ = io.Copy(ours, r) // the command need not read all of it
			ours.Close()
		}()
	})
	return nil
}

func (s *streams) null(i, flag int) error {
	f, err := os.OpenFile(os.DevNull, flag, 0)
	if err != nil {
		return err
	}
	s.command[i], s.close = f, append(s.close, f)
	return nil
}

func (s *streams) output(i int, w io.Writer, both *sync.Mutex, onLine func([]byte)) error {
	if onLine == nil {
		if f, ok := w.(*os.File); ok {
			s.command[i] = f
			return nil
		}
		if w == nil {
			return s.null(i, os.O_WRONLY)
		}
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	s.command[i], s.close, s.ours = theirs, append(s.close, theirs), append(s.ours, ours)
	p := &passer{w: w, both: both}
	if onLine != nil {
		p.lines = &liner{on: onLine}
	}
	s.start = append(s.start, func() { s.drained.Go(func() { p.pass(ours) }) })
	return nil
}

// begin copies, once the command has its ends.
func (s *streams) begin() {
	closeAll(s.close)
	for _, start := range s.start {
		start()
	}
}

// finish waits for what is still in the pipes, once nobody can write to them any more, and closes them.
func (s *streams) finish() error {
	done := make(chan struct{})
	go func() { s.drained.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-time.After(drainFor):
		err = errors.New("the command's output was not taken in 10 s after its end: the rest of it is lost")
	}
	closeAll(s.ours)
	return err
}

// abandon closes everything when the command did not start.
func (s *streams) abandon() {
	closeAll(s.close)
	closeAll(s.ours)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// passer takes a command's output to a writer. It goes on reading when the writer does not want any more: the command
// must not be stopped by whoever reads it.
type passer struct {
	w     io.Writer
	both  *sync.Mutex
	lines *liner
}

func (p *passer) pass(from io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			p.write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

func (p *passer) write(b []byte) {
	if p.w != nil {
		p.both.Lock()
		if _, err := p.w.Write(b); err != nil {
			p.w = nil
		}
		p.both.Unlock()
	}
	p.lines.write(b)
}

// liner hands on lines. Of one that is longer than maxLine the beginning is the line. A nil one does nothing.
type liner struct {
	on   func(line []byte)
	part []byte
	skip bool // until the line ends
}

func (l *liner) write(b []byte) {
	for l != nil && len(b) > 0 {
		line, rest, ended := bytes.Cut(b, []byte{'\n'})
		b = rest
		if !l.skip {
			l.part = append(l.part, line[:min(len(line), maxLine-len(l.part))]...)
		}
		if !l.skip && (ended || len(l.part) == maxLine) {
			l.on(bytes.TrimSuffix(l.part, []byte{'\r'}))
			l.part, l.skip = l.part[:0], !ended
		}
		if ended {
			l.skip = false
		}
	}
}

// What a person or a program may name a checkpoint, and how many are made of lines.
const (
	maxName      = 100
	maxLineNames = 16
)

// lineNames makes checkpoints of the lines that match.
type lineNames struct {
	on   *regexp.Regexp
	seen map[string]bool
}

// name returns the checkpoint's name, "" when the line makes none.
func (n *lineNames) name(line []byte) string {
	if len(n.seen) == maxLineNames {
		return ""
	}
	match := n.on.FindSubmatch(line)
	if match == nil {
		return ""
	}
	name := match[0]
	if len(match) > 1 && len(match[1]) > 0 {
		name = match[1]
	} else if len(bytes.TrimSpace(line)) > 0 {
		name = bytes.TrimSpace(line)
	}
	text := cleanName(name)
	if n.seen[text] {
		return ""
	}
	n.seen[text] = true
	return text
}

// cleanName makes printable text of what a stranger gave for a name.
func cleanName(b []byte) string {
	text := bytes.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, bytes.ToValidUTF8(b, []byte("?")))
	if end := maxName; len(text) > end {
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return "checkpoint"
	}
	return string(text)
}
