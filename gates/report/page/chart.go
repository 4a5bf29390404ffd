package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler/unit"
)

// chartView is a chart as the template reads it: a drawing that needs no script, a table, and the data for the script.
type chartView struct {
	ID, Title, Summary string
	Notes              []string
	Lines              []lineView
	Data               chartData
	Drawing            drawing
}

// lineView is a line's row in the table of the chart.
type lineView struct {
	Name, Class                       string
	Points                            string
	First, Last, Smallest, Largest    cellView
	FirstTime, LastTime, SmallestTime string
	LargestTime                       string
}

// chartData is what the script reads. Times are milliseconds since 1970; those of points are differences to the point
// before, the first one to Start.
type chartData struct {
	Start float64    `json:"start"`
	End   float64    `json:"end"`
	Axis  axis       `json:"axis"`
	Texts []string   `json:"texts"` // what lines and marks refer to by index
	Lines []lineData `json:"lines"`
	Marks []markData `json:"marks"`
}

type lineData struct {
	Name   string     `json:"name"`
	Class  string     `json:"class"`
	Dots   bool       `json:"dots,omitempty"`
	Times  []float64  `json:"t"`
	Values []*float64 `json:"v"`
	Texts  []int      `json:"s"`
	Lows   []*float64 `json:"lo,omitempty"`
	Highs  []*float64 `json:"hi,omitempty"`
	Labels []int      `json:"l,omitempty"` // -1 where there is none
}

type markData struct {
	Time float64 `json:"t"`
	Text string  `json:"text"`
	Tone string  `json:"tone"`
}

// interner gives each text a number.
type interner struct {
	list  []string
	index map[string]int
}

func (n *interner) add(s string) int {
	if i, ok := n.index[s]; ok {
		return i
	}
	if n.index == nil {
		n.index = make(map[string]int)
	}
	n.index[s] = len(n.list)
	n.list = append(n.list, s)
	return len(n.list) - 1
}

func (b *viewer) chart(c *Chart) *chartView {
	v := &chartView{ID: b.id("c"), Title: b.clean(c.Title)}
	if note := b.clean(c.Note); note != "" {
		v.Notes = append(v.Notes, note)
	}
	shown, fewer := atMost(c.Lines, b.limits.parts, &b.used.parts, "line")
	lines, thinned := prepare(shown, b.limits.points, &b.used.points)
	marks, unmarked := atMost(c.Marks, b.limits.points, &b.used.points, "mark")
	for _, note := range []string{thinned, fewer, unmarked} {
		if note != "" {
			v.Notes = append(v.Notes, note)
		}
	}
	format := b.printer(c.Format)
	low, high, first, last := extent(lines, marks)
	v.Data = chartData{Start: first, End: last, Axis: newAxis(low, high, format)}
	var texts interner
	for i, l := range lines {
		v.Data.Lines = append(v.Data.Lines, b.lineJSON(l, i, first, format, &texts))
		v.Lines = append(v.Lines, b.lineSummary(l, i, format))
	}
	v.Data.Texts = texts.list
	for _, m := range marks {
		v.Data.Marks = append(v.Data.Marks, markData{millis(m.Time), b.clean(m.Label), toneClass(m.Tone)})
	}
	v.Summary = b.summary(lines, first, last)
	v.Drawing = draw(lines, &v.Data)
	return v
}

// extent returns the smallest and the largest value of lines, and the first and the last moment, which differ. Without
// values low is above high.
func extent(lines []Line, marks []Mark) (low, high, first, last float64) {
	low, high = math.Inf(1), math.Inf(-1)
	first, last = math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, p := range l.Points {
			first, last = min(first, millis(p.Time)), max(last, millis(p.Time))
			if !drawable(p.Value) {
				continue
			}
			low, high = min(low, p.Value), max(high, p.Value)
			if interval(p) {
				low, high = min(low, p.Low), max(high, p.High)
			}
		}
	}
	for _, m := range marks {
		first, last = min(first, millis(m.Time)), max(last, millis(m.Time))
	}
	if first > last {
		first, last = 0, 0
	}
	if first == last {
		first, last = first-500, last+500
	}
	return low, high, first, last
}

// prepare returns lines whose points are in order of time and few enough, and a note where points were left out.
func prepare(lines []Line, most int, used *int) ([]Line, string) {
	out := slices.Clone(lines)
	kept, all := 0, 0
	for i := range out {
		byTime := func(a, b Point) int { return a.Time.Compare(b.Time) }
		if !slices.IsSortedFunc(out[i].Points, byTime) {
			out[i].Points = slices.Clone(out[i].Points)
			slices.SortStableFunc(out[i].Points, byTime)
		}
		n := len(out[i].Points)
		*used = max(*used, min(n, most))
		if thin, left := Thin(out[i].Points, most); left {
			out[i].Points = thin
			kept, all = kept+len(thin), all+n
		}
	}
	if all == 0 {
		return out, ""
	}
	return out, fmt.Sprintf("Drawn with %s of %s points; the largest and the smallest of each stretch are kept.",
		unit.Count(float64(kept)), unit.Count(float64(all)))
}

func (b *viewer) lineJSON(l Line, index int, start float64, format func(float64) string, texts *interner) lineData {
	n := len(l.Points)
	d := lineData{Name: b.clean(l.Name), Class: lineClass(index, l.Dashed), Dots: l.Dots,
		Times: make([]float64, n), Values: make([]*float64, n), Texts: make([]int, n)}
	intervals, labels := false, false
	for _, p := range l.Points {
		intervals = intervals || interval(p)
		labels = labels || p.Label != ""
	}
	if intervals {
		d.Lows, d.Highs = make([]*float64, n), make([]*float64, n)
	}
	if labels {
		d.Labels = make([]int, n)
	}
	before := start
	for i, p := range l.Points {
		at := millis(p.Time)
		d.Times[i] = math.Round((at-before)*1000) / 1000
		before += d.Times[i]
		text := "no value"
		if drawable(p.Value) {
			d.Values[i] = &p.Value
			text = format(p.Value)
			if interval(p) {
				d.Lows[i], d.Highs[i] = &p.Low, &p.High
				text += " (" + format(p.Low) + " to " + format(p.High) + ")"
			}
		}
		d.Texts[i] = texts.add(text)
		if labels {
			d.Labels[i] = -1
			if p.Label != "" {
				d.Labels[i] = texts.add(b.clean(p.Label))
			}
		}
	}
	return d
}

func (b *viewer) lineSummary(l Line, index int, format func(float64) string) lineView {
	v := lineView{Name: b.clean(l.Name), Class: lineClass(index, l.Dashed)}
	var first, last, low, high *Point
	n := 0
	for i := range l.Points {
		p := &l.Points[i]
		if !drawable(p.Value) {
			continue
		}
		n++
		last = p
		if first == nil {
			first, low, high = p, p, p
		}
		if p.Value < low.Value {
			low = p
		}
		if p.Value > high.Value {
			high = p
		}
	}
	v.Points = unit.Count(float64(n))
	if first == nil {
		return v
	}
	at := func(p *Point) (cellView, string) {
		return b.cell(Number(p.Value, format(p.Value)), "n"), moment(p.Time)
	}
	v.First, v.FirstTime = at(first)
	v.Last, v.LastTime = at(last)
	v.Smallest, v.SmallestTime = at(low)
	v.Largest, v.LargestTime = at(high)
	return v
}

// summary says in a sentence what a chart shows.
func (b *viewer) summary(lines []Line, first, last float64) string {
	names := make([]string, 0, len(lines))
	for _, l := range lines {
		names = append(names, b.clean(l.Name))
	}
	if len(names) == 0 {
		return "There is nothing to draw."
	}
	const most = 8
	if len(names) > most {
		names = append(names[:most], strconv.Itoa(len(lines)-most)+" more")
	}
	return "Lines: " + strings.Join(names, ", ") + ". From " + moment(fromMillis(first)) + " to " + moment(fromMillis(last)) + "."
}

// lineColours is how many lines can be told apart by their colour.
const lineColours = 8

// lineClass is the class of a line: its colour, and a pattern where the colours begin again.
func lineClass(index int, dashed bool) string {
	class := "l" + strconv.Itoa(index%lineColours)
	switch {
	case dashed:
		class += " dash"
	case index >= lineColours:
		class += " dot"
	}
	return class
}

// interval reports whether a point has an interval that can be drawn.
func interval(p Point) bool {
	return (p.Low != 0 || p.High != 0) && drawable(p.Low) && drawable(p.High) && drawable(p.Value)
}

// millis are milliseconds since 1970, within the years that browsers know.
func millis(t time.Time) float64 {
	switch {
	case t.Year() < 1:
		return -62135596800000
	case t.Year() > 9999:
		return 253402300799000
	}
	return float64(t.UnixMicro()) / 1000
}

func fromMillis(ms float64) time.Time { return time.UnixMicro(int64(math.Round(ms * 1000))).UTC() }

// moment prints a time in full.
func moment(t time.Time) string {
	t = fromMillis(millis(t))
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02 15:04:05 UTC")
	}
	return t.Format("2006-01-02 15:04:05.000 UTC")
}
