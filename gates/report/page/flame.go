package page

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/sampler/unit"
)

// Bounds of what a flame graph shows.
const (
	smallestShare = 0.001 // of the root's value; smaller frames are left out
	deepest       = 200
	hues          = 6
)

// flameView is a flame graph as the template reads it.
type flameView struct {
	ID, Title, Summary string
	Notes              []string
	Compares           bool
	Data               flameData
	Boxes              []boxView
	Width, Height      float64
	Largest            []frameRow
}

// flameData is what the script reads: the frames from the root on, each before its children, as columns.
type flameData struct {
	Printer string    `json:"printer,omitempty"` // how the script prints sums: "bytes", "count" or not at all
	Texts   []string  `json:"texts"`
	Depths  []int     `json:"d"`
	Names   []int     `json:"n"`
	Values  []float64 `json:"v"`
	Printed []int     `json:"s"`
	Details []int     `json:"x"` // -1 where there is none
	Hues    []string  `json:"h"`
}

// boxView is a frame in the drawing for readers without scripts.
type boxView struct {
	X, Y, Width        float64
	Class, Text, Title string
}

// frameRow is a line of the table of frames.
type frameRow struct {
	Name, Detail string
	Value        cellView
	Share        string
	Change       cellView
}

// flamer flattens a tree of frames.
type flamer struct {
	page     *viewer
	format   func(float64) string
	total    float64
	least    float64 // frames below are left out
	strongly float64 // the largest change
	texts    interner
	data     flameData
	left     int // how many frames are left out
	leftDeep int
	boxes    []boxView
	rows     []frameRow
}

func (b *viewer) flame(f *Flame) *flameView {
	v := &flameView{ID: b.id("f"), Title: b.clean(f.Title)}
	if note := b.clean(f.Note); note != "" {
		v.Notes = append(v.Notes, note)
	}
	total := 0.0
	if f.Root != nil {
		total = weight(f.Root)
	}
	if total == 0 {
		v.Summary = "There is nothing to draw."
		return v
	}
	x := &flamer{page: b, format: b.printer(f.Format), total: total, least: threshold(f.Root, total, b.limits.frames)}
	x.strongly = strongest(f.Root, 0)
	x.walk(f.Root, 0, 0, drawWidth)
	b.used.frames = max(b.used.frames, len(x.data.Depths))
	x.data.Texts = x.texts.list
	x.data.Printer = printer(f.Format)
	v.Compares = x.strongly > 0
	v.Data, v.Boxes, v.Largest = x.data, x.boxes, x.rows
	v.Width = drawWidth
	for _, box := range x.boxes {
		v.Height = max(v.Height, box.Y+boxHeight)
	}
	if x.left > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("Left out: %s below %s of the whole.", unit.Things(x.left, "frame"), unit.Percent(x.least/total)))
	}
	if x.leftDeep > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("Left out: %s deeper than %d.", unit.Things(x.leftDeep, "frame"), deepest))
	}
	v.Summary = fmt.Sprintf("%s of %s in all.", unit.Things(len(x.data.Depths), "frame"), x.format(total))
	return v
}

// weight is a frame's value, 0 for what is no size.
func weight(f *Frame) float64 {
	if !drawable(f.Value) || f.Value < 0 {
		return 0
	}
	return f.Value
}

// threshold returns the value below which frames are left out: a thousandth of the whole, or more where that leaves more
// frames than most.
func threshold(root *Frame, total float64, most int) float64 {
	least := total * smallestShare
	for countFrames(root, least, 0) > most {
		least *= 1.5
	}
	return least
}

func countFrames(f *Frame, least float64, depth int) int {
	n := 1
	if depth >= deepest {
		return n
	}
	for _, c := range f.Children {
		if c != nil && weight(c) >= least {
			n += countFrames(c, least, depth+1)
		}
	}
	return n
}

// strongest returns the largest change among frames, as a share of the frame.
func strongest(f *Frame, depth int) float64 {
	s := 0.0
	if drawable(f.Change) {
		s = math.Abs(f.Change)
	}
	if depth >= deepest {
		return s
	}
	for _, c := range f.Children {
		if c != nil && depth < deepest {
			s = max(s, strongest(c, depth+1))
		}
	}
	return s
}

// The measures of the drawing, in pixels of its box.
const (
	boxHeight   = 20
	boxRows     = 24
	boxSmallest = 3
	rowsShown   = 40
)

// walk takes a frame and what it called. From x on it has width pixels of the drawing.
func (x *flamer) walk(f *Frame, depth int, at, width float64) {
	value, name, detail := weight(f), x.page.clean(f.Name), -1
	if f.Detail != "" {
		detail = x.texts.add(x.page.clean(f.Detail))
	}
	hue := x.hue(f)
	d := &x.data
	d.Depths = append(d.Depths, depth)
	d.Names = append(d.Names, x.texts.add(name))
	d.Values = append(d.Values, value)
	d.Printed = append(d.Printed, x.texts.add(x.printed(f)))
	d.Details = append(d.Details, detail)
	d.Hues = append(d.Hues, hue)
	x.box(name, x.printed(f), hue, depth, at, width)
	if len(x.rows) < rowsShown {
		row := frameRow{Name: name, Detail: x.page.clean(f.Detail), Value: x.page.cell(Number(value, x.format(value)), "n"), Share: unit.Percent(value / x.total)}
		if x.strongly > 0 && drawable(f.Change) {
			row.Change = x.page.cell(Number(f.Change, x.change(f.Change)), "n")
		}
		x.rows = append(x.rows, row)
	}
	sum := 0.0
	for _, c := range f.Children {
		if c != nil {
			sum += weight(c)
		}
	}
	whole := max(value, sum)
	for _, c := range f.Children {
		if c == nil {
			continue
		}
		switch {
		case weight(c) < x.least || weight(c) == 0:
			x.left++
		case depth+1 > deepest:
			x.leftDeep++
		default:
			part := width * weight(c) / whole
			x.walk(c, depth+1, at, part)
			at += part
		}
	}
}

// printed is a frame's value, with its change where profiles are compared.
func (x *flamer) printed(f *Frame) string {
	text := x.format(weight(f))
	if x.strongly > 0 && drawable(f.Change) {
		text += " (" + x.change(f.Change) + ")"
	}
	return text
}

func (x *flamer) change(v float64) string {
	if v > 0 {
		return "+" + x.format(v)
	}
	return x.format(v)
}

// box draws a frame, if it can be seen, with its name from the last part of the import path on.
func (x *flamer) box(name, value, hue string, depth int, at, width float64) {
	if width < boxSmallest || depth >= boxRows {
		return
	}
	b := boxView{X: tenth(at), Y: float64(depth * boxHeight), Width: tenth(max(width-1, 1)), Class: hue, Title: name + " " + value}
	if room := int((width - 8) / charWidth); room >= 4 {
		b.Text = name[folders(name):]
		if r := []rune(b.Text); len(r) > room {
			b.Text = string(r[:room-1]) + "…"
		}
	}
	x.boxes = append(x.boxes, b)
}

// folders is how many bytes of a function's name are the folders of its package: those of type arguments are none, and a
// name that ends in a slash has a part of its own nowhere else.
func folders(name string) int {
	head, _, _ := strings.Cut(name, "[")
	if n := strings.LastIndexByte(head, '/') + 1; n < len(name) {
		return n
	}
	return 0
}

// hue is the class of a frame's colour: that of its package, or of how much it changed.
func (x *flamer) hue(f *Frame) string {
	if x.strongly > 0 {
		change := f.Change
		if !drawable(change) || change == 0 {
			return "z"
		}
		degree := strconv.Itoa(1 + int(min(math.Sqrt(math.Abs(change)/x.strongly)*3, 2)))
		if change < 0 {
			return "k" + degree
		}
		return "g" + degree
	}
	pkg := f.Name
	if at := folders(pkg); strings.IndexByte(pkg[at:], '.') >= 0 {
		pkg = pkg[:at+strings.IndexByte(pkg[at:], '.')]
	}
	if pkg == "runtime" || strings.HasPrefix(pkg, "runtime/") {
		return "z"
	}
	h := fnv.New32a()
	h.Write([]byte(pkg))
	return "h" + strconv.Itoa(int(h.Sum32()%hues))
}

// printer names the way in which format prints, if the script knows it.
func printer(format func(float64) string) string {
	probes := []float64{0, 1, 7, 12, 99, 100, 999, 1000, 1001, 1234, 9995, 12345, 99950, 123456, 999499, 1234567, 87654321, 4.8e9, 1.5e12}
	for _, known := range []struct {
		name   string
		format func(float64) string
	}{{"bytes", unit.Bytes}, {"count", unit.Count}} {
		same := true
		for _, v := range probes {
			same = same && format(v) == known.format(v)
		}
		if same {
			return known.name
		}
	}
	return ""
}
