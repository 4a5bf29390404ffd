package page

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// drawing is a chart for readers without scripts, in the coordinates of its own box.
type drawing struct {
	Width, Height            float64
	Left, Right, Top, Bottom float64 // of the field
	Rows                     []tick  // horizontal lines
	Columns                  []tick  // moments
	Paths                    []path
	Dots                     []dot
	Marks                    []tick
}

type tick struct {
	At, Text2 float64 // where, and where its text stands
	Text      string
	Class     string
	Anchor    string
}

type path struct{ Class, D string }

type dot struct {
	Class            string
	X, Y, Low, High  float64
	Interval, Hollow bool
}

// The measures of a drawing, in pixels of its box.
const (
	drawWidth  = 960
	drawHeight = 280
	charWidth  = 6.7
	drawPoints = 700
)

// draw draws lines; the data has their scales already.
func draw(lines []Line, data *chartData) drawing {
	d := drawing{Width: drawWidth, Height: drawHeight, Top: 18, Bottom: drawHeight - 26, Right: drawWidth - 14}
	ticks := data.Axis.Levels[0]
	longest := 0
	for _, t := range ticks.Texts {
		longest = max(longest, utf8.RuneCountInString(t))
	}
	d.Left = 12 + float64(longest)*charWidth
	pad := 0.0
	if slices.ContainsFunc(lines, func(l Line) bool { return l.Dots }) {
		pad = 8 // else the first and the last would be cut
	}
	x := func(ms float64) float64 {
		return tenth(d.Left + pad + (ms-data.Start)/(data.End-data.Start)*(d.Right-d.Left-2*pad))
	}
	y := func(v float64) float64 {
		share := (min(max(v, data.Axis.Low), data.Axis.High) - data.Axis.Low) / (data.Axis.High - data.Axis.Low)
		return tenth(d.Bottom - share*(d.Bottom-d.Top))
	}
	for i, text := range ticks.Texts {
		at := y(data.Axis.Low + float64(i)*ticks.Step)
		d.Rows = append(d.Rows, tick{At: at, Text2: at + 4, Text: text})
	}
	d.columns(data, x)
	for i, l := range lines {
		thin, _ := Thin(l.Points, drawPoints)
		class := lineClass(i, l.Dashed)
		if l.Dots {
			d.dots(thin, class, x, y)
			continue
		}
		d.Paths = append(d.Paths, path{class, trace(thin, x, y)})
	}
	for _, m := range data.Marks {
		at := x(m.Time)
		t := tick{At: at, Text2: at + 4, Text: m.Text, Class: m.Tone, Anchor: "start"}
		if at > (d.Left+d.Right)/2 {
			t.Text2, t.Anchor = at-4, "end"
		}
		d.Marks = append(d.Marks, t)
	}
	return d
}

// columns puts ticks on the axis of time.
func (d *drawing) columns(data *chartData, x func(float64) float64) {
	start := fromMillis(data.Start)
	span := fromMillis(data.End).Sub(start)
	step := timeStep(span, 8)
	at := start.Truncate(step)
	for n := 0; n < 20 && !at.After(fromMillis(data.End)); n++ {
		if !at.Before(start) {
			ms := millis(at)
			d.Columns = append(d.Columns, tick{At: x(ms), Text: tickTime(at, step)})
		}
		at = at.Add(step)
	}
}

func (d *drawing) dots(points []Point, class string, x, y func(float64) float64) {
	for _, p := range points {
		if !drawable(p.Value) {
			continue
		}
		at := dot{Class: class, X: x(millis(p.Time)), Y: y(p.Value)}
		if interval(p) {
			at.Interval, at.Low, at.High = true, y(p.Low), y(p.High)
		}
		d.Dots = append(d.Dots, at)
	}
}

// trace is the path of a line, interrupted at its gaps. A point between two gaps is a dash of no length, which round ends
// make visible.
func trace(points []Point, x, y func(float64) float64) string {
	var b strings.Builder
	pen := false
	for i, p := range points {
		if !drawable(p.Value) {
			pen = false
			continue
		}
		to := strconv.FormatFloat(x(millis(p.Time)), 'f', -1, 64) + " " + strconv.FormatFloat(y(p.Value), 'f', -1, 64)
		if pen {
			b.WriteString("L" + to)
			continue
		}
		b.WriteString("M" + to)
		pen = true
		if i+1 == len(points) || !drawable(points[i+1].Value) {
			b.WriteString("h0")
		}
	}
	return b.String()
}

func tenth(v float64) float64 { return math.Round(v*10) / 10 }
