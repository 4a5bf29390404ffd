package goruntime

import (
	"bytes"
	"strconv"
)

// How unlikely a reading of the bytes is. Every way to split them into pieces of a gctrace line and bytes of the
// program is followed at once, and of two ways that meet in one state the cheaper one lives.
const (
	costGap      = 1 // the program wrote in the middle of the line
	costStrange  = 4 // and a line it wrote there begins unlike its lines so far
	costDigit    = 6 // or begins with a digit right behind a number
	costOpenEnd  = 5 // or does not end with a newline
	costSize     = 2 // for each digit a number has more or fewer than in the line before
	costSequence = 8 // the cycle's number does not follow the last one, or the processors are not as many
	costSkip     = 8 // the line leaves out a piece that is not always there
)

// The states of a thread between two pieces, by how many of the program's bytes it has passed there.
const (
	gapYoung uint8 = 36
	gapOld   uint8 = gapYoung + shapeLen - 1 // from here on it is in matcher.gaps
	shapeLen       = 4                       // bytes at the beginning of a line by which its likes are known
	states         = int(gapOld) + 1
)

// span is a piece that was read; prev leads to the one before.
type span struct {
	prev     *span
	piece    int8
	from, to int // offsets in the stream
}

// thread is one way to read the bytes so far.
type thread struct {
	piece int8 // the piece it is in, or the one it waits for
	state uint8
	cost  int
	start int   // the offset in the stream where the line began
	at    int   // and where the piece, or the gap, began
	done  *span // the pieces read
	open  bool  // the program's bytes before this piece did not end with a newline: the piece may be a later one
}

// match is a line that was read to its end.
type match struct {
	thread
	end int
}

// matcher finds gctrace lines in a buffer, byte by byte. Its work for a byte and its memory are bounded by the size of
// the grammar, whatever the bytes are.
type matcher struct {
	pieces []piece
	base   int      // the offset in the stream of the buffer's first byte
	packet bool     // a piece begins and ends only where a write did
	live   []thread // those in a piece, and those that have passed few bytes of the program
	spare  []thread
	gaps   gaps   // those that have passed more
	slot   []slot // the place in spare of each state's thread
	step   uint64
	line   int   // the offset of a newline behind which a strange line begins, -1 for none
	final  bool  // a piece may end with the byte being read
	best   match // the cheapest line that ended at the byte just read
	ended  bool
	last   [fields]string // numbers of the line before
	shapes [8][shapeLen]byte
	shaped int

	lineHead [shapeLen]byte // the line being learned
	lineLen  int
}

type slot struct {
	step uint64
	at   int32
}

func newMatcher(packet bool) *matcher {
	g := grammar()
	return &matcher{pieces: g, packet: packet, slot: make([]slot, len(g)*states), gaps: newGaps(g)}
}

// feed reads the byte at pos. starts says where a write began; it is used only in packet mode.
func (m *matcher) feed(buf []byte, pos int, starts []bool) {
	m.step++
	m.ended = false
	m.spare = m.spare[:0]
	edge := !m.packet || starts[pos]
	m.line = m.strangeLine(buf, pos)
	m.final = !m.packet || pos+1 == len(buf) || starts[pos+1]
	m.leaveGaps(buf, pos, edge)
	for i := range m.live {
		if th := &m.live[i]; th.state >= gapYoung {
			m.inGap(th, buf, pos, edge)
		} else {
			m.inPiece(th, buf, pos, edge)
		}
	}
	if edge {
		for _, first := range [...]int8{startGC, startForced, startScvg} {
			m.begin(thread{start: m.base + pos}, first, buf, pos, false)
		}
	}
	m.live, m.spare = m.spare, m.live
}

func (m *matcher) inPiece(th *thread, buf []byte, pos int, edge bool) {
	p := &m.pieces[th.piece]
	if !m.packet || !edge {
		if state, ok := p.advance(th.state, buf[pos]); ok {
			longer := *th
			longer.state = state
			m.put(longer, pos)
		}
	}
	if !edge || !p.full(th.state) {
		return
	}
	closed := *th
	closed.done = &span{th.done, th.piece, th.at, m.base + pos}
	closed.cost += m.valueCost(p, buf[th.at-m.base:pos])
	for i, next := range p.next {
		if i == 1 {
			closed.cost += costSkip
		}
		m.begin(closed, next, buf, pos, false)
		if th.piece == startForced && !m.packet {
			continue // "GC forced" may well be the program's own words: only the whole line is taken for the runtime's
		}
		gap := closed
		gap.piece, gap.state, gap.at = next, gapYoung, m.base+pos
		gap.cost += costGap
		m.put(gap, pos)
	}
}

// begin lets a thread start a piece with the byte at pos.
func (m *matcher) begin(th thread, next int8, buf []byte, pos int, open bool) {
	p := &m.pieces[next]
	state, ok := p.advance(0, buf[pos])
	if !ok {
		return
	}
	th.piece, th.state, th.at = next, state, m.base+pos
	th.open = open
	m.put(th, pos)
}

// finish notes that a line ended with the byte before end.
func (m *matcher) finish(th thread, end int) {
	if !m.final || m.ended && m.best.cost <= th.cost {
		return
	}
	m.ended = true
	th.done = &span{th.done, th.piece, th.at, end}
	m.best = match{th, end}
}

// put keeps a thread that read the byte at pos, unless one in the same state is as cheap.
func (m *matcher) put(th thread, pos int) {
	p := &m.pieces[th.piece]
	if th.state < gapYoung && len(p.next) == 0 && p.full(th.state) {
		m.finish(th, m.base+pos+1)
		return
	}
	s := &m.slot[int(th.piece)*states+int(th.state)]
	if s.step != m.step {
		*s = slot{m.step, int32(len(m.spare))}
		m.spare = append(m.spare, th)
		return
	}
	if old := &m.spare[s.at]; th.cost < old.cost {
		*old = th
	}
}

// shapeCost judges the first bytes of what the program is held to have written in a gap.
func (m *matcher) shapeCost(th *thread, buf []byte, end int) int {
	at := th.at - m.base
	head := buf[at:min(end, at+shapeLen)]
	switch {
	case m.packet || m.known(head):
		return 0
	case head[0] >= '0' && head[0] <= '9' && m.pieces[th.done.piece].form != literal:
		return costDigit
	}
	return costStrange
}

// strangeLine returns the offset of the newline shapeLen bytes back, if there is one and what follows it is not how
// the program begins its lines.
func (m *matcher) strangeLine(buf []byte, pos int) int {
	at := pos - shapeLen
	if m.packet || at < 0 || buf[at] != '\n' || m.known(buf[at+1:pos+1]) {
		return -1
	}
	return m.base + at
}

// known reports whether lines of the program have begun so.
func (m *matcher) known(head []byte) bool {
	for i := range min(m.shaped, len(m.shapes)) {
		if bytes.HasPrefix(m.shapes[i][:], head) {
			return true
		}
	}
	return false
}

// learn remembers how the lines in the program's next bytes begin.
func (m *matcher) learn(b []byte) {
	for len(b) > 0 {
		if m.lineLen == shapeLen {
			i := bytes.IndexByte(b, '\n')
			if i < 0 {
				return
			}
			m.lineLen = 0
			b = b[i+1:]
			continue
		}
		if b[0] == '\n' {
			m.lineLen = 0
		} else {
			m.lineHead[m.lineLen] = b[0]
			m.lineLen++
		}
		b = b[1:]
		if m.lineLen == shapeLen && !m.known(m.lineHead[:]) {
			m.shapes[m.shaped%len(m.shapes)] = m.lineHead
			m.shaped++
		}
	}
}

// valueCost says how unlikely a number is, by itself or beside the same one of the line before.
func (m *matcher) valueCost(p *piece, text []byte) int {
	if p.form == millis && text[0] != '0' && len(text) > 1 && text[1] != '.' {
		return len(text) // most are below 10 ms, and a date in the program's lines is not
	}
	last := m.last[p.name]
	if p.form != whole || last == "" || m.packet {
		return 0
	}
	switch p.name {
	case fieldNumber:
		before, _ := strconv.ParseInt(last, 10, 64)
		if now, _ := strconv.ParseInt(string(text), 10, 64); now != before+1 {
			return costSequence
		}
		return 0
	case fieldProcs:
		if string(text) != last {
			return costSequence
		}
		return 0
	case noField, fieldOther:
		return 0
	}
	if d := len(text) - len(last); d < 0 {
		return -d * costSize
	} else {
		return d * costSize
	}
}
