package terminal

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/alloc-dev/heaptop/sampler/scenario/terminal/emulator"
)

// Piece is a piece of a terminal's work that is done again and again: what it holds after a step is what a program holds that
// has just done it.
type Piece struct {
	screens []*emulator.Terminal
	frames  []string // screens that were rendered last, or sequences that were sent
	blobs   [][]byte
	chance  *rand.Rand
	round   int    // the step that is made, from 1
	done    uint64 // operations
	each    uint64 // operations of a step
	step    func(*Piece) error
}

// size is the columns and rows of screens.
type size struct{ width, height int }

// newPiece returns a piece on n screens that are kept.
func newPiece(seed uint64, n int, on size, each uint64, step func(*Piece) error) (*Piece, error) {
	p := &Piece{chance: chance(seed, streamPiece), each: each, step: step, screens: make([]*emulator.Terminal, n)}
	for i := range p.screens {
		if err := p.renew(i, on); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// renew puts an empty screen in the place of one.
func (p *Piece) renew(i int, on size) (err error) {
	p.screens[i], err = emulator.New(on.width, on.height, 0)
	return err
}

// Screens is what a person sees.
func (p *Piece) Screens() []*emulator.Terminal { return p.screens }

// Operations is what a person would count: screens made, lines written, sequences sent.
func (p *Piece) Operations() uint64 { return p.done }

// Close drops the screens and what else is held.
func (p *Piece) Close() error {
	p.screens, p.frames, p.blobs = nil, nil, nil
	return nil
}

// Step does the piece once.
func (p *Piece) Step() error {
	p.round++
	if err := p.step(p); err != nil {
		return err
	}
	p.done += p.each
	return nil
}

// atOnce does something for every screen, each in a goroutine of its own, and waits for all. What it does for one touches
// nothing of another.
func (p *Piece) atOnce(do func(i int) error) error {
	errs := make([]error, len(p.screens))
	var wait sync.WaitGroup
	for i := range p.screens {
		wait.Go(func() { errs[i] = do(i) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// at begins what is written on a row and column, from 0.
func at(t *emulator.Terminal, x, y int) { fmt.Fprintf(t, "\x1b[%d;%dH", y+1, x+1) }
