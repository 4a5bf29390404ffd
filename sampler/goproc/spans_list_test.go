package goproc

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// movingList is the memory of a process with many spans whose list moves while it is read. The span at address a begins
// with a; what is left of the list where it was before says nothing true.
type movingList struct {
	head  uint64 // where the runtime says where the list is
	list  uint64
	spans []uint64
	moves int // how often it still moves, at each other read
	reads int
}

func (m *movingList) alive() error { return nil }

func (m *movingList) read(reqs []request) error {
	if m.reads++; m.moves > 0 && m.reads%2 == 0 {
		m.moves--
		m.list += 1 << 32
	}
	for i := range reqs {
		q := &reqs[i]
		q.ok = true
		clear(q.buf)
		for off := 0; off+8 <= len(q.buf); off += 8 {
			putU64(q.buf[off:], m.word(q.addr+uint64(off)))
		}
	}
	return nil
}

func (m *movingList) word(a uint64) uint64 {
	switch n := uint64(len(m.spans)); {
	case a == m.head:
		return m.list
	case a == m.head+8, a == m.head+16:
		return n
	case a >= m.list && a < m.list+8*n:
		return m.spans[(a-m.list)/8]
	case slices.Contains(m.spans, a):
		return a
	}
	return 0xbad
}

// TestSpansOfALargeHeap: all spans are seen, once each, though the list moves, and what the reader keeps does not grow with
// their number.
func TestSpansOfALargeHeap(t *testing.T) {
	const spans, size = 5*batch + 7, 160
	m := &movingList{head: 0x1000, list: 1 << 40, moves: 5}
	for i := range uint64(spans) {
		m.spans = append(m.spans, 1<<30+i*size)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(spans, func(i, j int) { m.spans[i], m.spans[j] = m.spans[j], m.spans[i] })
	r := &spanReader{p: &program{mem: m}, list: m.head, part: scatter{size: size}}
	seen := map[uint64]int{}
	unreadable, err := r.each(context.Background(), func(addr uint64, b []byte) {
		if u64(b, 0) != addr {
			t.Fatalf("the span at %#x reads %#x", addr, u64(b, 0))
		}
		seen[addr]++
	})
	if err != nil || unreadable != 0 || m.moves != 0 {
		t.Fatalf("%d unreadable, %v, %d moves left", unreadable, err, m.moves)
	}
	for _, a := range m.spans {
		if seen[a] != 1 {
			t.Fatalf("the span at %#x was seen %d times", a, seen[a])
		}
	}
	if kept := cap(r.raw) + 8*cap(r.addrs) + cap(r.part.buf); kept > batch*(16+2*(size+nearby)) {
		t.Errorf("%d bytes are kept", kept)
	}
}

// TestScatterTakesWhatItNeeds: the buffer is as large as the runs it is cut into, however the objects lie.
func TestScatterTakesWhatItNeeds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		s := scatter{size: 1 + random.IntN(300)}
		addrs := make([]uint64, 1+random.IntN(batch))
		for i := range addrs {
			addrs[i] = ^uint64(0) - random.Uint64N(1<<random.IntN(40)) - 1<<random.IntN(20)
		}
		slices.Sort(addrs)
		if err := s.load(&movingList{}, addrs); err != nil {
			t.Fatal(err)
		}
		used := 0
		for _, run := range s.runs {
			used += len(run.buf)
		}
		if used != len(s.buf) {
			t.Fatalf("%d objects of %d bytes take %d bytes, %d were made", len(addrs), s.size, used, len(s.buf))
		}
	}
}
