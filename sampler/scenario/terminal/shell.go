package terminal

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/alloc-dev/heaptop/sampler/scenario/terminal/emulator"
)

const (
	shellWidth, shellHeight = 80, 24
	shellKept               = 500 // lines to scroll back
	// shellHistory is how many commands the shell remembers.
	shellHistory = 200
)

// Shell is used by a person: each step is a command that is typed, completed with the tab key or recalled from the history,
// and what it prints. Commands work on a small tree of files in memory, whose size is bounded.
type Shell struct {
	chance  *rand.Rand
	term    *emulator.Terminal
	tree    *tree
	line    []byte // what is typed so far
	history []string
	done    uint64
}

// NewShell returns a shell at its first prompt.
func NewShell(seed uint64) (*Shell, error) {
	term, err := emulator.New(shellWidth, shellHeight, shellKept)
	if err != nil {
		return nil, err
	}
	s := &Shell{chance: chance(seed, streamShell), term: term, tree: newTree()}
	term.Print("\x1b]2;sh\a")
	s.prompt()
	return s, nil
}

// Screens is what a person sees.
func (s *Shell) Screens() []*emulator.Terminal { return shown(s.term) }

// Operations is the commands.
func (s *Shell) Operations() uint64 { return s.done }

// Close drops the files, the history and the screen.
func (s *Shell) Close() error {
	s.term, s.tree, s.history = nil, nil, nil
	return nil
}

// History is the commands that the shell remembers, the oldest first.
func (s *Shell) History() []string { return s.history }

// Step enters one command.
func (s *Shell) Step() error {
	s.done++
	switch n := s.chance.IntN(10); {
	case n < 2 && len(s.history) > 0:
		s.recall(1 + s.chance.IntN(min(5, len(s.history))))
	case n < 5:
		s.typeAndComplete()
	default:
		s.typeText(s.command())
	}
	s.enter()
	return nil
}

func (s *Shell) prompt() {
	fmt.Fprintf(s.term, "\x1b[1;32muser@host\x1b[0m:\x1b[1;34m%s\x1b[0m$ ", s.tree.path())
}

// typeText types characters, now and then a wrong one that is taken back.
func (s *Shell) typeText(text string) {
	for i := range len(text) {
		if s.chance.IntN(40) == 0 {
			s.key('x')
			s.backspace()
		}
		s.key(text[i])
	}
}

func (s *Shell) key(c byte) {
	s.line = append(s.line, c)
	s.term.Print(string(c))
}

func (s *Shell) backspace() {
	s.line = s.line[:len(s.line)-1]
	s.term.Print("\b\x1b[K")
}

// recall presses the key for the command before n times: each shows one in place of the last.
func (s *Shell) recall(n int) {
	for i := range n {
		if len(s.line) > 0 {
			fmt.Fprintf(s.term, "\x1b[%dD", len(s.line))
		}
		s.line = append(s.line[:0], s.history[len(s.history)-1-i]...)
		fmt.Fprintf(s.term, "\x1b[K%s", s.line)
	}
}

// typeAndComplete types the beginning of a name, and lets the shell find the rest.
func (s *Shell) typeAndComplete() {
	name := pick(s.chance, s.tree.at.children).name
	s.typeText(pick(s.chance, []string{"cat ", "ls -la ", "tail "}))
	for i := range len(name) {
		s.key(name[i])
		if s.complete(string(s.line[strings.LastIndexByte(string(s.line), ' ')+1:])) {
			return
		}
	}
}

// complete adds what is left of the only name that begins so. Where there are several it lists them, once two characters are
// typed, and draws the line again.
func (s *Shell) complete(begin string) bool {
	found := s.tree.beginning(begin)
	if len(found) == 1 {
		for _, c := range []byte(found[0][len(begin):]) {
			s.key(c)
		}
		return true
	}
	if len(begin) == 2 {
		fmt.Fprintf(s.term, "\r\n%s\r\n", strings.Join(found, "  "))
		s.prompt()
		s.term.Print(string(s.line))
	}
	return false
}

// enter runs the line, remembers it and shows the next prompt.
func (s *Shell) enter() {
	line := string(s.line)
	s.line = s.line[:0]
	if len(s.history) == shellHistory {
		copy(s.history, s.history[1:])
		s.history = s.history[:shellHistory-1]
	}
	s.history = append(s.history, line)
	s.term.Print("\r\n")
	s.run(line)
	s.prompt()
}

func (s *Shell) command() string {
	switch s.chance.IntN(13) {
	case 0:
		return "ls -la"
	case 1:
		return "ps aux"
	case 2:
		return "find . -name '*.ex'"
	case 3:
		return "grep -n 'def' " + pick(s.chance, s.tree.at.children).name
	case 4:
		return "cat README.md"
	case 5:
		return "tail " + pick(s.chance, s.tree.at.children).name
	case 6:
		return "top -l 1"
	case 7:
		return "cd " + s.directory()
	case 8:
		return fmt.Sprintf("touch note_%d.txt", s.chance.IntN(1000))
	case 9:
		return "rm " + pick(s.chance, s.tree.at.children).name
	case 10:
		return fmt.Sprintf("echo 'line %d' >> %s", s.chance.IntN(10_000), pick(s.chance, s.tree.at.children).name)
	case 11:
		return "history"
	default:
		return pick(s.chance, []string{"pwd", "clear", "make test"})
	}
}

// directory is one that can be gone to, or the one above.
func (s *Shell) directory() string {
	var names []string
	for _, c := range s.tree.at.children {
		if c.directory {
			names = append(names, c.name)
		}
	}
	if len(names) == 0 || s.tree.at.above != nil && s.chance.IntN(2) == 0 {
		return ".."
	}
	return pick(s.chance, names)
}
