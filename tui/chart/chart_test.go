package chart

import (
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func coloured() *theme.Theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.TrueColor)
	return theme.New(r, true)
}

func assertBlock(t *testing.T, s string, w, h int) {
	t.Helper()
	lines := strings.Split(s, "\n")
	if len(lines) != h {
		t.Errorf("%d lines, want %d", len(lines), h)
	}
	for i, l := range lines {
		if n := ansi.StringWidth(l); n != w {
			t.Errorf("line %d takes %d cells, want %d: %q", i, n, w, l)
		}
	}
}

func randomValues(rnd *rand.Rand, n int) []float64 {
	values := make([]float64, n)
	scale := math.Pow(10, rnd.Float64()*16-2)
	for i := range values {
		switch rnd.IntN(12) {
		case 0:
			values[i] = math.NaN()
		case 1:
			values[i] = math.Inf(1 - 2*rnd.IntN(2))
		case 2:
			values[i] = -scale
		default:
			values[i] = rnd.Float64() * scale
		}
	}
	return values
}

func TestLinesAreExactToTheCell(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, th := range []*theme.Theme{theme.Plain(), coloured()} {
		for range 1500 {
			o := Options{Theme: th, Width: rnd.IntN(130) + 1, Height: rnd.IntN(30) + 1, Span: time.Duration(rnd.IntN(1e5)) * time.Second}
			for i := range rnd.IntN(5) {
				o.Lines = append(o.Lines, Line{
					Name: "series", Text: "12 MB", Values: randomValues(rnd, rnd.IntN(150)),
					Stroke: Stroke(i), Style: th.Series(i), Reference: rnd.IntN(3) == 0,
				})
			}
			assertBlock(t, Lines(o), o.Width, o.Height)
			if t.Failed() {
				t.Fatalf("at %dx%d with %d lines", o.Width, o.Height, len(o.Lines))
			}
		}
	}
}

func TestColourChangesNothingButColour(t *testing.T) {
	values := []float64{1e6, 2e6, math.NaN(), 9e6, 4e6}
	draw := func(th *theme.Theme) string {
		return Lines(Options{Theme: th, Width: 40, Height: 10, Span: time.Minute, Lines: []Line{
			{Name: "goal", Values: Constant(5e6, 32), Stroke: Dotted, Style: th.Series(2)},
			{Name: "heap", Values: values, Stroke: Light, Style: th.Series(1)},
		}})
	}
	plain, colour := draw(theme.Plain()), draw(coloured())
	if strings.Contains(plain, "\x1b") {
		t.Error("escape code without colour")
	}
	if plain == colour || ansi.Strip(colour) != plain {
		t.Errorf("with colour:\n%s\nwithout:\n%s", ansi.Strip(colour), plain)
	}
}

func TestSpikeOfOneColumnIsDrawnAtItsHeight(t *testing.T) {
	values := Constant(10e6, 60)
	values[31] = 100e6
	out := strings.Split(Lines(Options{Theme: theme.Plain(), Width: 60 + axisCols, Height: 14, Span: time.Minute,
		Lines: []Line{{Name: "RSS", Values: values, Stroke: Light}}}), "\n")
	// Eleven steps of 10 MB: the spike is one row below the top, and one above what is written beside 90 MB.
	if !strings.HasPrefix(out[3], "  90 MB┤") || !strings.Contains(out[2], "╭") || strings.Contains(out[1], "╭") {
		t.Errorf("not at 100 MB:\n%s", strings.Join(out, "\n"))
	}
}

// TestAxisIsEven looks at scales of all heights: what is written stands at its very row, at equal distances, and the
// largest value is on the plot without being pressed flat.
func TestAxisIsEven(t *testing.T) {
	for rows := 2; rows <= 40; rows++ {
		for largest := 1.0; largest < 1e12; largest *= 1.37 {
			a := newAxis(largest, rows)
			if a.top < largest*(1-1e-9) || a.top > largest*1.5+1e-9 {
				t.Fatalf("%d rows for %g end at %g", rows, largest, a.top)
			}
			step, written := 0, 0
			for up := range rows {
				v, ok := a.tick[rows-1-up]
				if !ok {
					continue
				}
				if a.row(v) != rows-1-up || len(a.label(rows-1-up)) > labelCols {
					t.Fatalf("%d rows for %g: %q stands in row %d, and is at %d", rows, largest, a.label(rows-1-up), rows-1-up, a.row(v))
				}
				if written == 1 {
					step = up
				}
				if step > 0 && up%step != 0 {
					t.Fatalf("%d rows for %g: values at uneven distances", rows, largest)
				}
				written++
			}
			if written < 2 || written > mostTicks+1 {
				t.Fatalf("%d rows for %g: %d values", rows, largest, written)
			}
		}
	}
}

func TestFlatZeroAndMissingSeries(t *testing.T) {
	th := theme.Plain()
	draw := func(values []float64) string {
		return Lines(Options{Theme: th, Width: 40, Height: 8, Span: time.Minute, Empty: "no heap was read",
			Lines: []Line{{Name: "heap", Values: values, Text: "0 B", Stroke: Light}}})
	}
	if out := draw(Constant(0, 32)); !strings.Contains(out, "───") || !strings.Contains(out, "heap 0 B") {
		t.Errorf("a series of zeros is a line:\n%s", out)
	}
	for name, values := range map[string][]float64{"empty": nil, "NaN": Constant(math.NaN(), 32)} {
		out := draw(values)
		if !strings.Contains(out, "no heap was read") || !strings.Contains(out, "heap –") {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}

func TestReferenceFarAboveIsNamedNotDrawn(t *testing.T) {
	draw := func(limit float64) string {
		return Lines(Options{Theme: theme.Plain(), Width: 60, Height: 10, Span: time.Minute, Lines: []Line{
			{Name: "limit", Values: Constant(limit, 52), Stroke: Dashed, Reference: true},
			{Name: "RSS", Values: Constant(100e6, 52), Stroke: Heavy},
		}})
	}
	if out := draw(150e6); strings.Count(out, "╌") < 20 {
		t.Errorf("a limit close by is drawn:\n%s", out)
	}
	if out := draw(16e9); strings.Count(out, "╌") != 1 || !strings.Contains(out, "limit ↑") {
		t.Errorf("a limit far above is only named:\n%s", out)
	}
}

func TestGapStaysEmpty(t *testing.T) {
	values := Constant(5e6, 40)
	for i := 10; i < 20; i++ {
		values[i] = math.NaN()
	}
	out := strings.Split(Lines(Options{Theme: theme.Plain(), Width: 40 + axisCols, Height: 8, Span: time.Minute,
		Lines: []Line{{Name: "RSS", Values: values, Stroke: Light}}}), "\n")
	row := []rune(out[1])[axisCols:]
	if got := strings.TrimSpace(string(row[11:18])); got != "" {
		t.Errorf("the gap shows %q in %q", got, string(row))
	}
}

func TestColumns(t *testing.T) {
	start := time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)
	at := func(s int, v float64) sampler.Point {
		return sampler.Point{Time: start.Add(time.Duration(s) * time.Second), Min: v, Max: v, Last: v}
	}
	t.Run("a column has the largest of its readings", func(t *testing.T) {
		got := Columns([]sampler.Point{at(0, 1), at(1, 9), at(2, 2), at(3, 3)}, start, start.Add(4*time.Second), 2)
		if got[0] != 9 || got[1] != 3 {
			t.Errorf("%v", got)
		}
	})
	t.Run("between readings the earlier holds", func(t *testing.T) {
		got := Columns([]sampler.Point{at(0, 1), at(5, 2)}, start, start.Add(10*time.Second), 10)
		if got[4] != 1 || got[5] != 2 || got[9] != 2 {
			t.Errorf("%v", got)
		}
	})
	t.Run("nothing is invented in a gap, before the first or long after the last", func(t *testing.T) {
		gap := at(8, 3)
		gap.Gap = true
		got := Columns([]sampler.Point{at(2, 1), at(3, 2), gap}, start, start.Add(20*time.Second), 20)
		for _, i := range []int{0, 1, 4, 7, 9, 19} {
			if !math.IsNaN(got[i]) {
				t.Errorf("column %d is %v in %v", i, got[i], got)
			}
		}
		if got[2] != 1 || got[3] != 2 || got[8] != 3 {
			t.Errorf("%v", got)
		}
	})
	t.Run("no points, no time", func(t *testing.T) {
		if got := Columns(nil, start, start, 3); len(got) != 3 || !math.IsNaN(got[0]) {
			t.Errorf("%v", got)
		}
	})
}

func TestBar(t *testing.T) {
	tests := []struct {
		share float64
		width int
		want  string
	}{
		{0, 4, "    "}, {1, 4, "████"}, {0.5, 4, "██  "}, {0.03, 4, "▏   "}, {0.0001, 4, "▏   "},
		{2, 3, "███"}, {-1, 3, "   "}, {math.NaN(), 3, "   "}, {0.45, 10, "████▌     "}, {0.5, 0, ""},
	}
	for _, tt := range tests {
		if got := Bar(tt.share, tt.width); got != tt.want {
			t.Errorf("Bar(%v, %d) = %q, want %q", tt.share, tt.width, got, tt.want)
		}
	}
}

func TestSpark(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		width  int
		want   string
	}{
		{"rising", []float64{0, 1, 2, 3, 4, 5, 6, 7}, 8, "▁▂▃▄▅▆▇█"},
		{"few stand right", []float64{0, 1}, 4, "  ▁█"},
		{"largest of each share", []float64{0, 0, 9, 0, 0, 0}, 3, "▁█▁"},
		{"flat", []float64{5, 5}, 2, "▅▅"},
		{"a small wiggle stays small", []float64{100, 101}, 2, "▄▅"},
		{"missing", []float64{1, math.NaN(), 2}, 3, "▁ █"},
		{"nothing", nil, 3, "   "},
	}
	for _, tt := range tests {
		if got := Spark(tt.values, tt.width); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestHistogram(t *testing.T) {
	h := Histogram{
		Theme: theme.Plain(), Width: 46, Height: 4,
		Bins:      []Bin{{10, 20, 30}, {20, 40, 120}, {40, 80, 0}, {80, 160, 1}},
		Quantiles: []Quantile{{"p50", 25}, {"max", 160}},
		Format:    func(v float64) string { return time.Duration(v * 1000).String() },
	}
	want := strings.Join([]string{
		"  10µs ██████                         30      ",
		"  20µs ████████████████████████      120 ← p50",
		"  40µs                                 0      ",
		"  80µs ▎                               1 ← max",
	}, "\n")
	if got := h.View(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHistogramIsExactToTheCell(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 1500 {
		h := Histogram{Theme: coloured(), Width: rnd.IntN(80) + 1, Height: rnd.IntN(14) + 1, Format: func(v float64) string { return time.Duration(v).String() }}
		low, total := math.Inf(-1), uint64(0)
		for range rnd.IntN(30) {
			high := max(low, 0) + 1 + rnd.Float64()*100
			h.Bins = append(h.Bins, Bin{low, high, rnd.Uint64N(1 << rnd.IntN(50))})
			low = high
		}
		for _, b := range joinBins(h.Bins, h.Height) {
			total += b.Count
		}
		for _, b := range h.Bins {
			total -= b.Count
		}
		if total != 0 {
			t.Fatal("joining bars changes the number of events")
		}
		h.Quantiles = []Quantile{{"p50", 50}, {"p99", 200}}
		assertBlock(t, h.View(), h.Width, h.Height)
	}
}

func BenchmarkLines(b *testing.B) {
	th := coloured()
	rnd := rand.New(rand.NewPCG(7, 8))
	o := Options{Theme: th, Width: 120, Height: 20, Span: 5 * time.Minute}
	for i := range 4 {
		values := make([]float64, PlotWidth(o.Width))
		for j := range values {
			values[j] = 1e8 + rnd.Float64()*5e7
		}
		o.Lines = append(o.Lines, Line{Name: "series", Values: values, Style: th.Series(i), Stroke: Stroke(i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		Lines(o)
	}
}
