package goruntime

import (
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	maxHeld   = 256 << 10              // bytes withheld at most while a gctrace line is incomplete
	maxOpen   = 4 << 10                // and while it is complete, but may end later
	holdFor   = 500 * time.Millisecond // anything is withheld, twice that at most
	maxPart   = 32 << 10               // bytes looked at in one go
	maxCycles = 1 << 14                // cycles kept when nobody asks for them
)

// Trace is an io.Writer between a command's standard error and whoever shows it. It takes out the lines that
// GODEBUG=gctrace=1 makes the Go runtime write, and passes everything else on, byte for byte and in order. Its cycles
// are what those lines tell.
//
// The runtime writes such a line in about forty small writes, and the program's other threads write between them, so
// a line may come with whole lines of the program between any two of its numbers. Trace follows every way to read the
// bytes and takes the likeliest: the numbers go on from the line before, and what the program writes begins like its
// other lines and ends with a newline. A reader that sees the single writes (a pipe in packet mode) should use
// NewPacketTrace, which has nothing to guess.
//
// Bytes that may be part of a gctrace line are withheld until it is complete, for a second and 4 MiB at most;
// then they are passed on. A line that the program itself writes in exactly gctrace's form is taken for the runtime's.
// All methods are safe for concurrent use.
type Trace struct {
	mu      sync.Mutex
	out     io.Writer
	m       *matcher
	buf     []byte // what was written and not yet passed on
	starts  []bool // in packet mode: whether a write began at that byte of buf
	pos     int    // up to where the matcher has read buf
	learned int    // up to where it knows how the program's lines begin; never past what it withholds
	waiting bool   // the bytes from pos on begin a line, unbroken so far
	tail    *match // a line that is complete, but may end later
	again   int    // bytes that were read again, in all

	timer    *time.Timer
	armed    bool
	mark     int // the offset in the stream up to which the timer will pass on what is withheld
	closed   bool
	err      error // from out
	cycles   []sampler.GCCycle
	periodic bool // the runtime announced that the next cycle is one of its own accord
	mixed    bool
}

// NewTrace returns a Trace that passes the program's own output on to out. It does not matter how the bytes are split
// over calls of Write.
func NewTrace(out io.Writer) *Trace {
	return &Trace{out: out, m: newMatcher(false)}
}

// NewPacketTrace is NewTrace for a reader that calls Write once for each write of the program, with exactly its bytes,
// as a pipe opened with O_DIRECT on Linux lets it. Then both are told apart exactly, but for a write of the program
// that is, byte for byte, the number or sign the runtime writes next.
func NewPacketTrace(out io.Writer) *Trace {
	return &Trace{out: out, m: newMatcher(true)}
}

// Write takes the next bytes. The error is the one that the underlying writer returned, now or earlier.
func (t *Trace) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, io.ErrClosedPipe
	}
	for rest, first := p, true; len(rest) > 0; first = false {
		part := rest[:min(len(rest), maxPart)]
		rest = rest[len(part):]
		t.buf = append(t.buf, part...)
		if t.m.packet {
			from := len(t.starts)
			t.starts = append(t.starts, make([]bool, len(part))...)
			t.starts[from] = first
		}
		t.scan()
		t.release()
	}
	t.arm()
	if t.err != nil {
		return 0, t.err
	}
	return len(p), nil
}

// Close passes on what is withheld. It does not close the underlying writer.
func (t *Trace) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		t.flush()
		if t.timer != nil {
			t.timer.Stop()
		}
	}
	return t.err
}

// Cycles returns the collections that the lines told of since the last call, oldest first. A line gives heap sizes
// rounded down to whole MiB, pauses by two digits, and no time of day: End is when the line was read.
func (t *Trace) Cycles() []sampler.GCCycle {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.cycles
	t.cycles = nil
	return c
}

// Mixed reports whether the lines came from several processes: the numbers of the cycles went backwards. Then it
// cannot be told whose a cycle is.
func (t *Trace) Mixed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mixed
}

// scan lets the matcher read what it has not yet read, and takes out the lines it finds.
func (t *Trace) scan() {
	for t.pos < len(t.buf) {
		if t.m.idle() && t.tail == nil {
			t.pos = nextStart(t.buf, t.pos)
			t.learn(t.pos)
			if t.pos == len(t.buf) {
				return
			}
			switch f, end := t.m.unbroken(t.buf, t.pos, t.starts); end {
			case unbrokenLine:
				t.take(f)
				continue
			case unbrokenSoFar:
				t.waiting = true
				return
			}
			t.waiting = false
		}
		t.m.feed(t.buf, t.pos, t.starts)
		t.pos++
		if t.m.ended {
			t.found(t.m.best)
		} else if t.tail != nil && t.m.base+t.pos-t.tail.start > maxHeld {
			t.take(*t.tail)
		}
	}
}

// found decides what to do about a line that ended with the byte just read.
func (t *Trace) found(f match) {
	switch {
	case t.tail != nil && f.start >= t.tail.end:
		t.take(*t.tail)
	case !f.open:
		t.take(f)
	case t.tail == nil:
		t.tail = &f
	}
}

// take removes a line from the buffer and lets the matcher read what stood in and after it.
func (t *Trace) take(f match) {
	t.record(f.done)
	start, end := f.start-t.m.base, f.end-t.m.base
	first := t.m.held(start)
	kept := start
	var spans []*span
	for s := f.done; s != nil; s = s.prev {
		spans = append(spans, s)
	}
	for i := len(spans) - 1; i > 0; i-- {
		kept += t.move(kept, spans[i].to-t.m.base, spans[i-1].from-t.m.base)
	}
	inside := kept
	kept += t.move(kept, end, len(t.buf))
	t.buf = t.buf[:kept]
	if t.m.packet {
		t.starts = t.starts[:kept]
	}
	t.mark -= end - inside
	t.learned = min(t.learned, start)
	t.m.restart()
	t.tail, t.waiting = nil, false
	t.pos = inside
	if again := t.again + inside - first; again <= maxHeld+2*(t.m.base+inside) { // the work stays linear, whatever comes
		t.again, t.pos = again, first
	}
}

// move copies buf[from:to] to buf[at:] and returns how many bytes that were.
func (t *Trace) move(at, from, to int) int {
	if t.m.packet {
		copy(t.starts[at:], t.starts[from:to])
	}
	return copy(t.buf[at:], t.buf[from:to])
}

// nextStart returns the first place at or after pos where a line of the runtime may begin, or the end of the buffer.
func nextStart(buf []byte, pos int) int {
	for ; pos < len(buf); pos++ {
		switch buf[pos] {
		case 'g':
			if mayBegin(buf[pos:], "gc ") {
				return pos
			}
		case 'G':
			if mayBegin(buf[pos:], "GC forced") {
				return pos
			}
		case 's':
			if mayBegin(buf[pos:], "scvg") {
				return pos
			}
		}
	}
	return pos
}

func mayBegin(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// release passes on what no line can need any more.
func (t *Trace) release() {
	t.m.expire(t.m.base + len(t.buf) - maxHeld)
	end := t.m.held(len(t.buf))
	if t.waiting {
		end = min(end, t.pos)
	}
	if t.tail != nil {
		end = min(end, t.tail.start-t.m.base)
	}
	t.pass(end)
}

// pass writes the first n bytes of the buffer and forgets them.
func (t *Trace) pass(n int) {
	if n == 0 {
		return
	}
	t.learn(n)
	if t.err == nil {
		_, t.err = t.out.Write(t.buf[:n])
	}
	rest := copy(t.buf, t.buf[n:])
	t.buf = t.buf[:rest]
	if t.m.packet {
		t.starts = t.starts[:copy(t.starts, t.starts[n:])]
	}
	t.pos -= n
	t.learned -= n
	t.m.base += n
	if cap(t.buf) > maxHeld && rest < maxHeld/4 {
		t.buf = append([]byte(nil), t.buf...)
	}
}

// learn shows the matcher the program's own bytes up to pos.
func (t *Trace) learn(pos int) {
	if pos > t.learned {
		t.m.learn(t.buf[t.learned:pos])
		t.learned = pos
	}
}

// arm sees to it that what is withheld is passed on in time.
func (t *Trace) arm() {
	if len(t.buf) == 0 || t.armed {
		return
	}
	t.armed = true
	t.mark = t.m.base + len(t.buf)
	if t.timer == nil {
		t.timer = time.AfterFunc(holdFor, t.expire)
		return
	}
	t.timer.Reset(holdFor)
}

func (t *Trace) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed = false
	if t.closed || len(t.buf) == 0 {
		return
	}
	for t.tail != nil && t.tail.start < t.mark {
		t.take(*t.tail)
		t.scan()
	}
	if t.waiting && t.m.base+t.pos < t.mark {
		t.waiting = false
		t.pos = len(t.buf)
	}
	t.m.expire(t.mark)
	t.release()
	t.arm()
}

// flush gives up what is withheld: a line that is complete is taken out, an incomplete one is passed on.
func (t *Trace) flush() {
	for t.tail != nil {
		t.take(*t.tail)
		t.scan()
	}
	t.m.restart()
	t.waiting = false
	t.pass(len(t.buf))
}

// record turns the pieces of a line into a cycle.
func (t *Trace) record(done *span) {
	var text [fields]string
	var first int8
	for s := done; s != nil; s = s.prev {
		first = s.piece
		if name := t.m.pieces[s.piece].name; name != noField {
			text[name] = string(t.buf[s.from-t.m.base : s.to-t.m.base])
		}
	}
	switch first {
	case startForced:
		t.periodic = true
		return
	case startScvg:
		return
	}
	c := sampler.GCCycle{End: time.Now(), Kind: "automatic"}
	if t.periodic {
		c.Kind, t.periodic = "periodic", false
	}
	if text[fieldForced] != "" {
		c.Kind = "forced"
	}
	c.Number, _ = strconv.ParseUint(text[fieldNumber], 10, 64)
	c.Before = mebibytes(text[fieldBefore])
	c.After = mebibytes(text[fieldAfter])
	c.Live = mebibytes(text[fieldLive])
	c.Goal = mebibytes(text[fieldGoal])
	c.CPU = number(text[fieldUtil])
	sweep, term := number(text[fieldClockSweep]), number(text[fieldClockTerm])
	c.Pause = sampler.Reading{Value: (sweep.Value + term.Value) / 1e3, OK: sweep.OK && term.OK}
	if before, err := strconv.ParseUint(t.m.last[fieldNumber], 10, 64); err == nil && c.Number <= before {
		t.mixed = true
	}
	t.m.last = text
	if len(t.cycles) == maxCycles {
		t.cycles = append(t.cycles[:0], t.cycles[maxCycles/4:]...)
	}
	t.cycles = append(t.cycles, c)
}

func mebibytes(s string) sampler.Reading {
	r := number(s)
	r.Value *= 1 << 20
	return r
}

func number(s string) sampler.Reading {
	v, err := strconv.ParseFloat(s, 64)
	return sampler.Reading{Value: v, OK: err == nil}
}
