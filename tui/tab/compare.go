package tab

import (
	"fmt"
	"regexp"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Moment names one side of a comparison.
type Moment struct {
	Kind MomentKind
	Path string // of a MomentFile
}

// MomentKind says which moment a Moment is.
type MomentKind int

// The kinds.
const (
	MomentMark  MomentKind = iota // what changes count from
	MomentShown                   // the one the screen is paused at
	MomentNow                     // the latest; of a file the last
	MomentFile                    // a snapshot file, or the end of a recording
)

// Pair is what is compared with what.
type Pair struct{ From, To Moment }

// ReadSides asks the root for the two sides of a comparison. The answer is a Sides for the same screen, with the same
// number.
type ReadSides struct {
	For    *Compare
	Number int
	Pair   Pair
}

// Sides is what was read for a comparison.
type Sides struct {
	For      *Compare
	Number   int
	From, To *analysis.Side
	Err      error
}

// Compare shows what changed from one moment to another.
type Compare struct {
	pairs  []Pair
	pair   int // of pairs
	number int // of the last request: answers to older ones are dropped
	from   *analysis.Side
	to     *analysis.Side
	diff   *analysis.Diff // nil until made
	err    error          // why there is none

	list   compareList
	begun  bool // the list to begin with was chosen
	alloc  bool // sites by what was allocated, not by what is in use
	mine   bool
	focus  *regexp.Regexp
	ignore *regexp.Regexp
	wrong  error // what is wrong with the text typed

	faint theme.Style
	listing[string]
	ids  []int // what the table's columns are
	rows []changeRow
	at   map[string]int // a row's key to its place
	size Size
}

// compared is a comparison, made by a command.
type compared struct {
	of     *Compare
	number int
	diff   *analysis.Diff
}

// NewCompare returns a comparison of the first pair; the person chooses another of them.
func NewCompare(pairs []Pair) *Compare {
	s := &Compare{pairs: pairs, at: map[string]int{}}
	s.show(listSites)
	return s
}

// Title implements Screen.
func (s *Compare) Title() string { return "Comparison" }

// Place implements Screen.
func (s *Compare) Place() keys.Place {
	return s.keysOf(keys.InCompare)
}

// Why implements Screen.
func (s *Compare) Why(_ *State, id keys.ID) string {
	switch id {
	case keys.Open:
		if row := s.selected(); row == nil || len(row.stack) == 0 {
			return "this line has no stack to open"
		}
	case keys.Measure:
		if s.list != listSites {
			return "only allocation sites tell what was allocated as well"
		}
	case keys.Flame, keys.Mine:
		if s.diff == nil || s.diff.Joined == nil {
			return "both sides need a heap profile for this"
		}
	case keys.Sides:
		if len(s.pairs) < 2 {
			return "there is nothing else to compare: m sets a mark, S lists the snapshots"
		}
	}
	return ""
}

// Update implements Screen.
func (s *Compare) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Size:
		s.size, s.faint = msg, st.Theme.Faint
		s.settle()
		if s.number == 0 {
			return s.read()
		}
	case Sides:
		if msg.For == s && msg.Number == s.number {
			s.from, s.to, s.err = msg.From, msg.To, msg.Err
			return s.make()
		}
	case compared:
		if msg.of == s && msg.number == s.number {
			s.diff = msg.diff
			s.arrange()
			s.begin()
		}
	default:
		return s.used(msg)
	}
	return nil
}

// begin turns to the first list that has rows where neither side has allocation sites. It does so once: from then on the
// person chooses.
func (s *Compare) begin() {
	if s.begun {
		return
	}
	s.begun = true
	if s.diff.From.Heap != nil || s.diff.To.Heap != nil || s.list != listSites {
		return
	}
	for _, l := range s.lists() {
		if s.show(l); len(s.rows) > 0 {
			return
		}
	}
	s.show(listSites)
}

// used does what keys and mouse ask.
func (s *Compare) used(msg tea.Msg) tea.Cmd {
	switch s.heed(msg, s.body()) {
	case outcomeAgain:
		return s.open()
	case outcomeFilter:
		return s.parse()
	case outcomeOrder:
		s.arrange()
	case outcomeElse:
		if act, ok := msg.(Act); ok {
			return s.act(act.ID)
		}
	}
	s.settle()
	return nil
}

// read asks for both sides.
func (s *Compare) read() tea.Cmd {
	s.number++
	s.diff, s.err = nil, nil
	return Ask(ReadSides{s, s.number, s.pairs[s.pair]})
}

// Again reads both sides anew: now is later now.
func (s *Compare) Again() tea.Cmd { return s.read() }

// make compares. It takes some ten milliseconds for large profiles, so a command does it.
func (s *Compare) make() tea.Cmd {
	if s.err != nil || s.from == nil || s.to == nil {
		return nil
	}
	s.number++
	number, from, to := s.number, s.from, s.to
	filter := profile.Filter{Focus: s.focus, Ignore: s.ignore, Mine: s.mine}
	return func() tea.Msg {
		d := analysis.Compare(from, to, filter)
		return compared{s, number, &d}
	}
}

func (s *Compare) act(id keys.ID) tea.Cmd {
	switch id {
	case keys.Open:
		return s.open()
	case keys.Measure:
		s.alloc = !s.alloc
		s.show(s.list)
	case keys.Mine:
		s.mine = !s.mine
		return s.make()
	case keys.ListLeft:
		s.step(-1)
	case keys.ListRight:
		s.step(1)
	case keys.Sides:
		s.pair = (s.pair + 1) % len(s.pairs)
		return s.read()
	case keys.Flame:
		return Ask(Push{NewFlameOf(s.diff.Joined, s.diff.From.Name+" → "+s.diff.To.Name)})
	}
	s.settle()
	return nil
}

// settle tells the table how much room it has.
func (s *Compare) settle() {
	if s.list == listLedger && s.hasLedger() {
		s.show(listSites)
	}
	s.table.Resize(s.body().height)
}

// parse reads the filter: a regular expression for what to keep, and after a minus one for what to leave out.
func (s *Compare) parse() tea.Cmd {
	keep, drop := splitFilter(s.input.Text())
	focus, err := compileFilter(keep)
	ignore, other := compileFilter(drop)
	if s.wrong = err; err == nil {
		s.wrong = other
	}
	if s.wrong != nil {
		return nil
	}
	s.focus, s.ignore = focus, ignore
	s.settle()
	return s.make()
}

// splitFilter parts what is to be kept from what is to be left out: "cache -json" keeps cache and drops json.
func splitFilter(text string) (keep, drop string) {
	var kept, dropped []string
	for _, word := range strings.Fields(text) {
		if rest, minus := strings.CutPrefix(word, "-"); minus {
			if rest != "" {
				dropped = append(dropped, rest)
			}
			continue
		}
		kept = append(kept, word)
	}
	return strings.Join(kept, " "), strings.Join(dropped, "|")
}

// compileFilter makes an expression that takes no notice of case; nil for an empty one.
func compileFilter(text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	re, err := regexp.Compile("(?i)" + text)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression yet", theme.Truncate(text, 30))
	}
	return re, nil
}

// open shows the stacks of the selected row.
func (s *Compare) open() tea.Cmd {
	row := s.selected()
	if row == nil || len(row.stack) == 0 {
		return nil
	}
	return Ask(Push{newCompareStack(s.diff, *row, s.alloc)})
}

func (s *Compare) selected() *changeRow {
	key, ok := s.table.Selected()
	if !ok {
		return nil
	}
	if at, found := s.at[key]; found {
		return &s.rows[at]
	}
	return nil
}
