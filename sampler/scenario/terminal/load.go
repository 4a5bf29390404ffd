package terminal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Sessions that are served at the same time.
const (
	// ConcurrentBuffers is the sessions of [NewConcurrent].
	ConcurrentBuffers = 10
	// SimulatedSessions is the sessions of [NewMultiSession].
	SimulatedSessions = 5
)

// NewConcurrent makes a screen of 100x30 for each of ten sessions a step, writes 20 rows on it and renders it, all at the same
// time.
func NewConcurrent(seed uint64) (*Piece, error) {
	const rows = 20
	on := size{100, 30}
	return newPiece(seed, ConcurrentBuffers, on, ConcurrentBuffers, func(p *Piece) error {
		if p.frames == nil {
			p.frames = make([]string, ConcurrentBuffers)
		}
		return p.atOnce(func(i int) error {
			if err := p.renew(i, on); err != nil {
				return err
			}
			t := p.screens[i]
			for row := range rows {
				fmt.Fprintf(t, "\x1b[3%dmBuffer %d, round %d, row %d: %s\x1b[0m\r\n", i%8, i, p.round, row, "concurrent text")
			}
			p.frames[i] = t.Render()
			return nil
		})
	})
}

// NewUpdates writes a row a hundred times a step, 40 random bytes in base64.
func NewUpdates(seed uint64) (*Piece, error) {
	const updates = 100
	on := small()
	return newPiece(seed, 1, on, updates, func(p *Piece) error {
		var random [40]byte
		for n := range updates {
			fill64(p.chance, random[:])
			at(p.screens[0], 0, n%on.height)
			p.screens[0].Print(base64.StdEncoding.EncodeToString(random[:]))
		}
		return nil
	})
}

// fill64 fills bytes with random ones, eight at a time.
func fill64(r *rand.Rand, b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, r.Uint64())
	}
}

// NewMultiSession lets five sessions work a step, all at the same time: each writes, colours, updates ten lines, clears its
// screen and writes five more, ten times.
func NewMultiSession(seed uint64) (*Piece, error) {
	const iterations = 10
	var sessions [SimulatedSessions]*rand.Rand
	for i := range sessions {
		sessions[i] = chance(seed, streamSessions+uint64(i))
	}
	update := strings.Repeat("update ", 8)
	return newPiece(seed, SimulatedSessions, medium(), SimulatedSessions*iterations, func(p *Piece) error {
		return p.atOnce(func(i int) error {
			t := p.screens[i]
			for n := range iterations {
				fmt.Fprintf(t, "\x1b[HSession %d, iteration %d", i, n)
				fmt.Fprintf(t, "\r\n\x1b[31mred\x1b[0m \x1b[1;32mbold\x1b[0m \x1b[4;34munderlined\x1b[0m")
				for line := range 10 {
					fmt.Fprintf(t, "\r\n%d: %s", line, update)
				}
				t.Print("\x1b[2J\x1b[H")
				for line := range 5 {
					fmt.Fprintf(t, "round %d, session %d, line %d: %08x\r\n", p.round, i, line, sessions[i].Uint32())
				}
			}
			return nil
		})
	})
}

// NewStress writes two hundred sequences of every style and colour a step, forty on each of five screens of 100x50.
func NewStress(seed uint64) (*Piece, error) {
	const screens, sequences = 5, 200
	return newPiece(seed, screens, size{100, 50}, sequences, func(p *Piece) error {
		for i := range sequences {
			fmt.Fprintf(p.screens[i*screens/sequences], "\x1b[%d;%dmStress %d of %d\x1b[0m ", 1+i%4, 30+i%8, i, p.round)
		}
		return nil
	})
}

// NewPressure writes ten screens of 200x100 full a step, renders all, and keeps that and five blocks of 100 KB of random bytes.
func NewPressure(seed uint64) (*Piece, error) {
	const screens, blobs, blobBytes = 10, 5, 100_000
	on := size{200, 100}
	return newPiece(seed, screens, on, screens, func(p *Piece) error {
		p.blobs = p.blobs[:0]
		for range blobs {
			b := make([]byte, blobBytes)
			fill64(p.chance, b)
			p.blobs = append(p.blobs, b)
		}
		p.frames = p.frames[:0]
		for i, t := range p.screens {
			line := strings.Repeat(fmt.Sprintf("%04d pressure ", p.round*screens+i), on.width/14+1)[:on.width]
			for y := range on.height {
				at(t, 0, y)
				t.Print(line)
			}
			p.frames = append(p.frames, t.Render())
		}
		return nil
	})
}

// NewLong writes a line, a colour and the sum of both a step, as a program that runs for long and says now and then how far it is.
func NewLong(seed uint64) (*Piece, error) {
	return newPiece(seed, 1, small(), 1, func(p *Piece) error {
		t := p.screens[0]
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", p.round, p.chance.Uint64()))
		fmt.Fprintf(t, "\r\nIteration %d \x1b[3%dm%x\x1b[0m", p.round, p.round%8, sum[:16])
		if p.round%50 == 0 {
			fmt.Fprintf(t, "\x1b[2J\x1b[HIteration %d, on a clear screen", p.round)
		}
		return nil
	})
}

// NewLeakDetection makes a screen of 50x20 a step, writes ten rows and five sequences, and drops the one before: nothing is to
// be found.
func NewLeakDetection(seed uint64) (*Piece, error) {
	on := size{50, 20}
	return newPiece(seed, 1, on, 1, func(p *Piece) error {
		if err := p.renew(0, on); err != nil {
			return err
		}
		t := p.screens[0]
		for row := range 10 {
			fmt.Fprintf(t, "Screen %d, row %d\r\n", p.round, row)
		}
		for i := range 5 {
			fmt.Fprintf(t, "\x1b[3%dmsequence %d\x1b[0m\r\n", 1+i, i)
		}
		return nil
	})
}
