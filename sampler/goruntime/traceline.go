package goruntime

// How far unbroken came.
const (
	unbrokenNot = iota
	unbrokenSoFar
	unbrokenLine
)

// unbroken looks for a line that begins at pos and has nothing of the program in it. Most lines are so, and this way
// they cost a hundredth.
func (m *matcher) unbroken(buf []byte, pos int, starts []bool) (match, int) {
	th := thread{start: m.base + pos}
	for next := startOf(buf[pos]); ; {
		p := &m.pieces[next]
		end, whole := p.read(buf, pos)
		switch {
		case m.packet && !m.alone(starts, pos, end):
			return match{}, unbrokenNot
		case !whole && end == len(buf):
			return match{}, unbrokenSoFar
		case !whole:
			return match{}, unbrokenNot
		}
		th.done = &span{th.done, next, m.base + pos, m.base + end}
		if len(p.next) == 0 {
			return match{th, m.base + end}, unbrokenLine
		}
		if end == len(buf) {
			return match{}, unbrokenSoFar
		}
		if next = m.after(p, buf[end]); next < 0 {
			return match{}, unbrokenNot
		}
		pos = end
	}
}

// startOf returns the line that begins with b.
func startOf(b byte) int8 {
	switch b {
	case 'G':
		return startForced
	case 's':
		return startScvg
	}
	return startGC
}

// after returns the first piece behind p that may begin with b, or -1. Where another one begins alike, as in the lines
// of old versions, the line is left to feed.
func (m *matcher) after(p *piece, b byte) int8 {
	for _, next := range p.next {
		if _, ok := m.pieces[next].advance(0, b); ok {
			return next
		}
	}
	return -1
}

// alone reports whether the bytes are those of one write.
func (m *matcher) alone(starts []bool, from, to int) bool {
	for i := from; i < to; i++ {
		if starts[i] != (i == from) {
			return false
		}
	}
	return to == len(starts) || starts[to]
}

// read returns where the piece that begins at pos ends, and whether all of it is there. A number that reaches the end
// of the buffer may go on.
func (p *piece) read(buf []byte, pos int) (end int, whole bool) {
	var state uint8
	for end = pos; end < len(buf); end++ {
		next, ok := p.advance(state, buf[end])
		if !ok {
			break
		}
		state = next
	}
	return end, p.full(state) && (end < len(buf) || p.form == literal)
}
