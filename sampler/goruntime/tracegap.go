package goruntime

// gaps holds the threads that wait between two pieces while the program's bytes pass, the cheapest for each piece. They
// are the most of all threads, and a byte concerns only those whose piece begins with it.
type gaps struct {
	waiting []thread // by the piece waited for
	there   []bool
	count   int
	begin   [256][]int8 // the pieces that may begin with a byte
}

func newGaps(pieces []piece) gaps {
	g := gaps{waiting: make([]thread, len(pieces)), there: make([]bool, len(pieces))}
	for b := range g.begin {
		for i := range pieces {
			if _, ok := pieces[i].advance(0, byte(b)); ok {
				g.begin[b] = append(g.begin[b], int8(i))
			}
		}
	}
	return g
}

// put keeps a thread, unless one that waits for the same piece is as cheap.
func (g *gaps) put(th thread) {
	i := th.piece
	if !g.there[i] {
		g.there[i] = true
		g.count++
	} else if g.waiting[i].cost <= th.cost {
		return
	}
	g.waiting[i] = th
}

// keep forgets the threads that ok does not hold for.
func (g *gaps) keep(ok func(*thread) bool) {
	for i := range g.waiting {
		if g.there[i] && !ok(&g.waiting[i]) {
			g.there[i] = false
			g.count--
		}
	}
}

// inGap lets a thread that has passed few bytes of the program pass one more, or leave for its piece.
func (m *matcher) inGap(th *thread, buf []byte, pos int, edge bool) {
	stay := *th
	if stay.state++; stay.state == gapOld {
		stay.cost += m.shapeCost(th, buf, pos+1)
		m.gaps.put(stay)
	} else {
		m.put(stay, pos)
	}
	if edge {
		leave := *th
		leave.cost += m.shapeCost(th, buf, pos)
		m.leave(leave, buf, pos)
	}
}

// leaveGaps lets the threads whose piece may begin with the byte leave, and makes those dearer that have just passed the
// beginning of a strange line.
func (m *matcher) leaveGaps(buf []byte, pos int, edge bool) {
	g := &m.gaps
	if g.count == 0 {
		return
	}
	if edge {
		for _, i := range g.begin[buf[pos]] {
			if g.there[i] {
				m.leave(g.waiting[i], buf, pos)
			}
		}
	}
	if m.line < 0 {
		return
	}
	for i := range g.waiting {
		if g.there[i] && g.waiting[i].at <= m.line {
			g.waiting[i].cost += costStrange
		}
	}
}

// leave lets a thread begin the piece it waited for.
func (m *matcher) leave(th thread, buf []byte, pos int) {
	open := buf[pos-1] != '\n'
	if open {
		th.cost += costOpenEnd
	}
	m.begin(th, th.piece, buf, pos, open)
}

// idle reports whether there is no thread.
func (m *matcher) idle() bool { return len(m.live) == 0 && m.gaps.count == 0 }

// restart forgets all threads.
func (m *matcher) restart() { m.expire(m.base + 1<<62) }

// expire forgets the threads that began before an offset in the stream.
func (m *matcher) expire(before int) {
	kept := m.live[:0]
	for _, th := range m.live {
		if th.start >= before {
			kept = append(kept, th)
		}
	}
	m.live = kept
	m.gaps.keep(func(th *thread) bool { return th.start >= before })
}

// held returns the first byte in the buffer that a thread still needs, or end.
func (m *matcher) held(end int) int {
	for i := range m.live {
		end = min(end, m.live[i].start-m.base)
	}
	m.gaps.keep(func(th *thread) bool {
		end = min(end, th.start-m.base)
		return true
	})
	return end
}
