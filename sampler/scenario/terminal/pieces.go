package terminal

import (
	"fmt"
	"strings"
)

// Sizes of the screens that are made.
func small() size  { return size{80, 24} }
func medium() size { return size{120, 40} }
func large() size  { return size{200, 60} }

// NewSmallCreate makes a screen of 80x24 a step, in place of the last.
func NewSmallCreate(seed uint64) (*Piece, error) { return newCreate(seed, small()) }

// NewMediumCreate makes a screen of 120x40 a step, in place of the last.
func NewMediumCreate(seed uint64) (*Piece, error) { return newCreate(seed, medium()) }

// NewLargeCreate makes a screen of 200x60 a step, in place of the last.
func NewLargeCreate(seed uint64) (*Piece, error) { return newCreate(seed, large()) }

// newCreate makes a screen with a frame and a caption, as a program that begins draws them.
func newCreate(seed uint64, of size) (*Piece, error) {
	edge := strings.Repeat("─", of.width-2)
	return newPiece(seed, 1, of, 1, func(p *Piece) error {
		if err := p.renew(0, of); err != nil {
			return err
		}
		t := p.screens[0]
		fmt.Fprintf(t, "┌%s┐", edge)
		at(t, 2, 0)
		fmt.Fprintf(t, " %dx%d, screen %d ", of.width, of.height, p.round)
		at(t, 0, of.height-1)
		fmt.Fprintf(t, "└%s┘", edge)
		return nil
	})
}

// NewWrites writes ten lines of text a step, which scroll.
func NewWrites(seed uint64) (*Piece, error) {
	const lines = 10
	text := strings.Repeat("test ", 10)
	return newPiece(seed, 1, small(), lines, func(p *Piece) error {
		for n := range lines {
			fmt.Fprintf(p.screens[0], "\r\nLine %d: %s", p.done+uint64(n)+1, text)
		}
		return nil
	})
}

// NewSequences writes a line in five styles a step: the basic colours, bold, underlined, reversed, and one of 256.
func NewSequences(seed uint64) (*Piece, error) {
	styles := []string{"31", "1;32", "4;34", "7;35", "48;5;214"}
	return newPiece(seed, 1, small(), uint64(len(styles)), func(p *Piece) error {
		fmt.Fprintf(p.screens[0], "\r\n%d", p.round)
		for _, style := range styles {
			fmt.Fprintf(p.screens[0], " \x1b[%smstyle %s\x1b[0m", style, style)
		}
		return nil
	})
}

// NewCursor moves the cursor a step, to a place, by a distance, to a column and to a row, and back to one that was saved. At
// each it leaves a character.
func NewCursor(seed uint64) (*Piece, error) {
	return newPiece(seed, 1, small(), 7, func(p *Piece) error {
		t, mark := p.screens[0], 'a'+rune(p.round%26)
		// About the places 10,5 and 15,8, column 20 and row 15.
		x, y := p.chance.IntN(10), p.chance.IntN(5)
		fmt.Fprintf(t, "\x1b[%d;%dH%c", y+5, x+10, mark)
		fmt.Fprintf(t, "\x1b[3B\x1b[5C%c", mark)
		fmt.Fprintf(t, "\x1b[%dG%c\x1b[%dd%c", x+20, mark, y+15, mark)
		fmt.Fprintf(t, "\x1b7\x1b[HRound %d\x1b8\x1b[1;3%dm%c\x1b[0m", p.round, p.round%8, mark)
		return nil
	})
}

// NewRender fills a screen of 200x60 with blocks in another colour each step, and renders it.
func NewRender(seed uint64) (*Piece, error) {
	on := large()
	row := strings.Repeat("█", on.width)
	return newPiece(seed, 1, on, 1, func(p *Piece) error {
		t := p.screens[0]
		for y := range on.height {
			at(t, 0, y)
			fmt.Fprintf(t, "\x1b[38;5;%dm%s", (p.round+y)%256, row)
		}
		p.frames = append(p.frames[:0], t.Render())
		return nil
	})
}

// NewIntensive draws a hundred styled sequences on each of five screens of 100x30 a step, and keeps them.
func NewIntensive(seed uint64) (*Piece, error) {
	const screens, sequences = 5, 100
	return newPiece(seed, screens, size{100, 30}, screens*sequences, func(p *Piece) error {
		p.frames = p.frames[:0]
		for i := range sequences {
			p.frames = append(p.frames, fmt.Sprintf("\x1b[%dm\x1b[%dmComplex %d of %d\x1b[0m\t", 30+i%8, 1+i%2, i, p.round))
		}
		for _, t := range p.screens {
			t.Print("\x1b[H")
			for _, s := range p.frames {
				t.Print(s)
			}
		}
		return nil
	})
}
