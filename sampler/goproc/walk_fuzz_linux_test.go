package goproc

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const recordedPage = 4096

// recording is memory that remembers what was read through it.
type recording struct {
	memory
	pages map[uint64]*[recordedPage]byte
}

func (r *recording) read(reqs []request) error {
	if err := r.memory.read(reqs); err != nil {
		return err
	}
	for _, q := range reqs {
		for n := 0; q.ok && n < len(q.buf); {
			at := q.addr + uint64(n)
			p := r.pages[at/recordedPage]
			if p == nil {
				p = new([recordedPage]byte)
				r.pages[at/recordedPage] = p
			}
			n += copy(p[at%recordedPage:], q.buf[n:])
		}
	}
	return nil
}

// changed is a recorded address space of which a few words are changed.
type changed struct {
	pages map[uint64]*[recordedPage]byte
	words map[uint64]uint64
}

func (m *changed) alive() error { return nil }

func (m *changed) read(reqs []request) error {
	for i := range reqs {
		q := &reqs[i]
		q.ok = true
		for n := 0; n < len(q.buf); {
			at := q.addr + uint64(n)
			p := m.pages[at/recordedPage]
			if p == nil {
				q.ok = false
				break
			}
			n += copy(q.buf[n:], p[at%recordedPage:])
		}
		for a, v := range m.words {
			if q.ok && a >= q.addr && a-q.addr+8 <= uint64(len(q.buf)) {
				putU64(q.buf[a-q.addr:], v)
			}
		}
	}
	return nil
}

// recordWalk walks a small target and returns all it has read, with the session. What changes in the target between two
// looks at it does not fit together afterwards; then it walks again.
func recordWalk(t testing.TB) (*Session, map[uint64]*[recordedPage]byte) {
	c := startLeaky(t, stripped(), "LEAKY_SESSIONS=40", "LEAKY_WORKERS=3", "LEAKY_RATE=512")
	s := c.open(Options{})
	target := s.p.mem
	for try := 0; ; try++ {
		r := &recording{memory: target, pages: map[uint64]*[recordedPage]byte{}}
		s.p.mem, s.sites = r, nil
		walk(t, s, sampler.WalkOptions{})
		s.p.mem, s.sites = &changed{pages: r.pages}, nil
		h, err := s.Walk(t.Context(), sampler.WalkOptions{Force: true})
		if err == nil && len(h.Sites) >= 3 && len(h.Roots) > 0 && len(h.Warnings) == 0 {
			return s, r.pages
		}
		if try == 5 {
			t.Fatalf("the recorded walk is not whole: %v\n%s", err, show(&h))
		}
	}
}

// FuzzWalk changes words of what a real walk has read: pointers, sizes, counts, masks, types. The walk may find anything
// or refuse, but must end, within its memory and without a panic.
func FuzzWalk(f *testing.F) {
	s, pages := recordWalk(f)
	numbers := slices.Sorted(maps.Keys(pages))
	change := func(page, word uint16, value uint64) []byte {
		b := binary.LittleEndian.AppendUint16(nil, page)
		b = binary.LittleEndian.AppendUint16(b, word)
		return binary.LittleEndian.AppendUint64(b, value)
	}
	for i := range numbers { // each page once, as what a counter or a pointer may turn into
		if i%2 == 0 {
			f.Add(change(uint16(i), uint16(i*37), ^uint64(0)>>(i%64)))
		} else {
			f.Add(change(uint16(i), uint16(i*11), numbers[i*7%len(numbers)]*recordedPage))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &changed{pages: pages, words: map[uint64]uint64{}}
		for ; len(data) >= 12 && len(m.words) < 64; data = data[12:] {
			page := numbers[int(binary.LittleEndian.Uint16(data))%len(numbers)]
			word := uint64(binary.LittleEndian.Uint16(data[2:])) % (recordedPage / 8)
			m.words[page*recordedPage+8*word] = binary.LittleEndian.Uint64(data[4:])
		}
		p := *s.p
		p.mem, p.symbols = m, newSymbolizer(p.funcs, p.minor)
		now := &Session{options: s.options, target: s.target, p: &p}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		h, err := now.Walk(ctx, sampler.WalkOptions{MaxMemory: 64 << 20, Force: true})
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v: %v", took, err)
		}
		if err == nil && (h.Objects < 0 || h.Reached < 0 || h.Shared < 0) {
			t.Errorf("found %d objects of %d bytes, %d shared", h.Objects, h.Reached, h.Shared)
		}
	})
}

// FuzzWalkRing walks an address space in which every pointer leads somewhere, also back to where it stands.
func FuzzWalkRing(f *testing.F) {
	s, _ := recordWalk(f)
	for _, step := range []uint32{0, 1, 8, 40, 64, 8192} {
		var b []byte
		for i := range uint32(ringSize / 8) {
			b = binary.LittleEndian.AppendUint16(b, uint16(i))
			b = binary.LittleEndian.AppendUint32(b, i*step%(1<<20))
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := *s.p
		p.mem, p.symbols = newRing(data), newSymbolizer(p.funcs, p.minor)
		now := &Session{options: s.options, target: s.target, p: &p}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := now.Walk(ctx, sampler.WalkOptions{MaxMemory: 16 << 20, Force: true})
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v: %v", took, err)
		}
	})
}
