package terminal

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/alloc-dev/heaptop/sampler/scenario/terminal/emulator"
)

const (
	vimWidth, vimHeight = 120, 40
	vimRows             = vimHeight - 2 // of text; below are the status and the command line
	vimBuffers          = 3
)

// Vim edits: each step is a command as a person gives them, and the screen is drawn after it. It holds three files of at
// most 400 lines, and 50 changes of each to take back.
type Vim struct {
	chance  *rand.Rand
	term    *emulator.Terminal
	files   []*document
	current int
	opened  int // files so far, for their names
	schemes [3]scheme
	scheme  int    // of colours
	message string // on the command line
	done    uint64
	drawn   [vimHeight]string // what each row was drawn from
	scratch []byte
}

// NewVim returns an editor of three files, drawn.
func NewVim(seed uint64) (*Vim, error) {
	term, err := emulator.New(vimWidth, vimHeight, 0)
	if err != nil {
		return nil, err
	}
	v := &Vim{chance: chance(seed, streamVim), term: term, schemes: schemes()}
	for range vimBuffers {
		v.files = append(v.files, v.open())
	}
	term.Print("\x1b[?1049h\x1b]2;vim\a")
	v.draw()
	return v, nil
}

// Screens is what a person sees.
func (v *Vim) Screens() []*emulator.Terminal { return shown(v.term) }

// Operations is the commands.
func (v *Vim) Operations() uint64 { return v.done }

// Close drops the files and the screen.
func (v *Vim) Close() error {
	v.term, v.files = nil, nil
	return nil
}

// Step gives a command.
func (v *Vim) Step() error {
	v.done++
	switch n := v.chance.IntN(100); {
	case n < 20:
		v.writeFunction()
	case n < 35:
		v.typeComment()
	case n < 60:
		v.navigate()
	case n < 75:
		v.searchAndReplace()
	case n < 83:
		v.colour()
	case n < 90:
		v.deleteLines()
	case n < 94:
		v.undo()
	default:
		v.manageBuffers()
	}
	v.draw()
	return nil
}

func (v *Vim) file() *document { return v.files[v.current] }

// names are what searches look for and replace each other by.
func names() [6]string {
	return [6]string{"function_", "handler_", "worker_", "param", "request", "message"}
}

func (v *Vim) function() []string {
	words := names()
	return []string{
		fmt.Sprintf("def %s%d(%s) do", words[v.chance.IntN(3)], 1+v.chance.IntN(1000), words[3+v.chance.IntN(3)]),
		"  # Implementation here",
		fmt.Sprintf("  log('step %d', %d)", v.chance.IntN(100), v.chance.IntN(100_000)),
		"end",
		"",
	}
}

func (v *Vim) open() *document {
	v.opened++
	return newDocument(v.opened, v.function)
}

func (v *Vim) writeFunction() {
	v.file().insert(v.function())
	v.message = "-- INSERT --"
}

func (v *Vim) typeComment() {
	d := v.file()
	d.insert([]string{fmt.Sprintf("# note %d: check the %s of %s%d", v.done, names()[3+v.chance.IntN(3)], names()[v.chance.IntN(3)], 1+v.chance.IntN(1000))})
	d.goTo(d.row, len(d.line())-1)
	v.message = "-- INSERT --"
}

// navigate jumps to a line and moves a few characters from there.
func (v *Vim) navigate() {
	d := v.file()
	row := v.chance.IntN(max(len(d.lines), 1))
	v.message = fmt.Sprintf(":%d", row+1)
	d.goTo(row+v.chance.IntN(5)-1, v.chance.IntN(vimWidth)+v.chance.IntN(10)-4)
}

func (v *Vim) searchAndReplace() {
	words := names()
	from := v.chance.IntN(len(words))
	// A function stays one, and what it takes too.
	to := from/3*3 + (from+1+v.chance.IntN(2))%3
	found, lines := v.file().substitute(words[from], words[to])
	if found == 0 {
		v.message = "E486: Pattern not found: " + words[from]
		return
	}
	v.message = fmt.Sprintf(":%%s/%s/%s/g  %d substitutions on %d lines", words[from], words[to], found, lines)
}

// colour chooses another scheme, in which the text is drawn anew.
func (v *Vim) colour() {
	v.scheme = (v.scheme + 1 + v.chance.IntN(len(v.schemes)-1)) % len(v.schemes)
	v.message = ":colorscheme " + v.schemes[v.scheme].name
}

func (v *Vim) deleteLines() {
	d := v.file()
	n := min(1+v.chance.IntN(8), len(d.lines)-d.row)
	if len(d.lines)-n < vimRows {
		v.writeFunction()
		return
	}
	d.replace(d.row, n, nil)
	v.message = fmt.Sprintf("%d fewer lines", n)
}

func (v *Vim) undo() {
	if v.file().takeBack() {
		v.message = "1 change undone"
		return
	}
	v.message = "Already at oldest change"
}

// manageBuffers shows another file, or closes one and opens the next.
func (v *Vim) manageBuffers() {
	if v.chance.IntN(3) == 0 {
		v.files = slices.Delete(v.files, v.current, v.current+1)
		v.files = append(v.files, v.open())
		v.current = len(v.files) - 1
		v.message = fmt.Sprintf("%q %d lines", v.file().name, len(v.file().lines))
		return
	}
	v.file().modified = false
	v.current = (v.current + 1) % len(v.files)
	v.message = ":wnext"
}
