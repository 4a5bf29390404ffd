// Package page writes HTML pages that need nothing but themselves: one file with its styles, its script and its drawings,
// under a content security policy that forbids every request. It knows verdicts, facts, tables, charts over time and flame
// graphs; it does not know reports, snapshots or recordings: those who have them fill a Page. It refuses to compute: every
// number on a page was handed in, printed by who handed it in, with its exact value beside it for sorting and for tests. The
// exceptions are shares of a flame graph and the sum of the frames that a search finds, which are printed as package unit
// does. Without scripts a page is still read: charts and flame graphs are drawn twice, once as they are written.
package page

import "time"

// Page is one document, from top to bottom. Every text in it may come from strangers: it is cleaned of control characters
// and escaped when the page is written.
type Page struct {
	Title   string // the heading and the title of the window
	Verdict *Verdict
	Facts   []Fact   // what the page is about: file, time, program, environment
	Notes   []string // warnings, and what was left out or thinned
	Parts   []Part
}

// Tone says how a figure is meant. It is shown by a word or a sign as well as by a colour.
type Tone int

// The tones. Up and Down are changes that are neither good nor bad by themselves.
const (
	Plain Tone = iota
	Good
	Warn
	Bad
	Faint
	Up
	Down
)

// Verdict is a word with its tone and, if there is one, a sentence.
type Verdict struct {
	Word string
	Tone Tone
	Text string
}

// Fact is a name and its value, as in a list of definitions. Code prints the value in a fixed width.
type Fact struct {
	Name, Value string
	Code        bool
	Link        string // an http or https address, or empty; others are not linked
}

// Part is a section with its own heading, listed in the table of contents.
type Part struct {
	Title   string
	Verdict *Verdict
	Note    string
	Blocks  []Block
	Folded  bool // shown closed at first
}

// Block is what a section is made of: Text, Facts, Table, Chart or Flame.
type Block interface{ block() }

// Text is a paragraph.
type Text struct {
	Text string
	Tone Tone
}

// Facts is a list of names and values inside a section.
type Facts []Fact

// Table is a table that can be sorted by each of its columns. More says what it leaves out.
type Table struct {
	Caption string // what a screen reader says first; required
	Columns []Column
	Rows    []Row
	More    string
}

// Column is the head of a column. Numbers stand to the right and sort by value; Code is printed in a fixed width.
type Column struct {
	Title  string
	Hint   string // the definition, shown on hover and to screen readers
	Number bool
	Code   bool
}

// Row is a line of a table; Detail opens under it.
type Row struct {
	Cells  []Cell
	Detail []Block
}

// Cell is one figure or text. Value is the exact number behind Text, nil where there is none: it sorts the column and is
// kept in the page as the attribute data-value. Share, from 0 to 1, draws a bar behind the text where it is above 0.
type Cell struct {
	Text  string
	Value *float64
	Tone  Tone
	Share float64
	Link  string // an http or https address, or empty
}

// Number is a cell with a value and its printed form.
func Number(value float64, text string) Cell { return Cell{Text: text, Value: &value} }

// Chart is lines over time, which can be zoomed and read at a point. A line of more than MaxPoints is thinned as Thin does.
type Chart struct {
	Title  string
	Format func(float64) string // prints a value, for axes and readings; required
	Lines  []Line
	Marks  []Mark
	Note   string // for example, how it was thinned
}

// Line is one series of a chart. Points are in order of time; a NaN interrupts the line.
type Line struct {
	Name   string
	Points []Point
	Dashed bool // a limit, a goal: not something that was measured
	Dots   bool // single measurements: drawn as dots with their intervals
}

// Point is a value at a time, with an interval where Low and High are not both 0.
type Point struct {
	Time      time.Time
	Value     float64
	Low, High float64
	Label     string // told in the reading besides the value: a commit, a note
}

// Mark is a moment with a name: a collection forced, a change of level, the end.
type Mark struct {
	Time  time.Time
	Label string
	Tone  Tone
}

// Flame is a flame graph that can be zoomed and searched. Values of children are part of their parent's.
type Flame struct {
	Title  string
	Format func(float64) string
	Root   *Frame
	Note   string
}

// Frame is a function in a flame graph. Change is drawn as colour where the flame compares two profiles.
type Frame struct {
	Name, Detail  string
	Value, Change float64
	Children      []*Frame
}

func (Text) block()   {}
func (Facts) block()  {}
func (*Table) block() {}
func (*Chart) block() {}
func (*Flame) block() {}
