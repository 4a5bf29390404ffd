package chart_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// node makes a function with what it calls; self is what it allocates itself.
func node(name string, self float64, children ...*profile.Node) *profile.Node {
	n := &profile.Node{Frame: sampler.Frame{Function: name, File: "/src/" + name + ".go", Line: 1}, Self: self, Bytes: self, Children: children}
	for _, c := range children {
		c.Parent = n
		n.Bytes += c.Bytes
	}
	return n
}

// randomTree has children in descending order, as profile.Flame makes them.
func randomTree(r *rand.Rand, depth int) *profile.Node {
	var children []*profile.Node
	if depth > 0 {
		for range r.IntN(9) {
			children = append(children, randomTree(r, depth-1-r.IntN(2)))
		}
	}
	self := math.Exp(r.Float64() * 18)
	if len(children) > 0 && r.IntN(2) == 0 {
		self = 0
	}
	for i := range children {
		for j := i; j > 0 && children[j].Bytes > children[j-1].Bytes; j-- {
			children[j], children[j-1] = children[j-1], children[j]
		}
	}
	n := node(fmt.Sprintf("acme/p.F%d", r.IntN(1000)), self, children...)
	if r.IntN(2) == 0 {
		n.Grown, n.Shrunk = n.Bytes*0.7, n.Bytes*0.3
	}
	return n
}

// Widths are exact to the cell at every size: children lie within their parent, in order and without overlap, together
// with the parent's own part they fill it, and each is less than a cell off its share.
func TestFlameLayoutIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		root := randomTree(r, 6)
		width := 1 + r.IntN(400)
		rows := chart.FlameLayout(root, width)
		if rows[0][0] != (chart.FlameSpan{Node: root, X: 0, Width: width}) {
			t.Fatalf("the root has %+v of %d", rows[0][0], width)
		}
		for depth, row := range rows {
			end := 0
			for _, s := range row {
				if s.X < end || s.Width <= 0 || s.X+s.Width > width {
					t.Fatalf("row %d: %+v begins before %d or ends behind %d", depth, s, end, width)
				}
				end = s.X + s.Width
				if depth+1 < len(rows) || len(s.Node.Children) > 0 {
					exactBelow(t, s, rows, depth+1)
				}
			}
		}
	}
}

func exactBelow(t *testing.T, parent chart.FlameSpan, rows []chart.FlameRow, depth int) {
	t.Helper()
	width := map[*profile.Node]int{}
	if depth < len(rows) {
		x := parent.X
		for _, s := range rows[depth] {
			if s.Node.Parent != parent.Node {
				continue
			}
			if s.X != x {
				t.Fatalf("%s begins at %d, want %d", s.Node.Frame.Function, s.X, x)
			}
			x += s.Width
			width[s.Node] = s.Width
		}
	}
	sum, before := 0, math.MaxInt
	for _, c := range parent.Node.Children {
		w := width[c]
		exact := c.Bytes / parent.Node.Bytes * float64(parent.Width)
		if math.Abs(float64(w)-exact) >= 1+1e-6 || w > before {
			t.Fatalf("%s has %d cells of %d, its share is %.3f; the larger one before it has %d", c.Frame.Function, w, parent.Width, exact, before)
		}
		sum, before = sum+w, w
	}
	self := parent.Node.Self / parent.Node.Bytes * float64(parent.Width)
	if rest := float64(parent.Width - sum); rest < 0 || math.Abs(rest-self) >= 1+1e-6 {
		t.Fatalf("%s leaves %.0f cells for itself, its share is %.3f", parent.Node.Frame.Function, rest, self)
	}
}

func TestFlameViewHasItsSize(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var nav chart.FlameNav
		nav.SetRoot(randomTree(r, 5))
		w, h := 1+r.IntN(250), 1+r.IntN(60)
		for range 12 {
			wander(&nav, r, w)
			f := chart.Flame{Nav: &nav, Measure: profile.Measure(r.IntN(4)), Width: w, Height: h}
			lines := strings.Split(f.View(theme.Plain()), "\n")
			if len(lines) != h {
				t.Fatalf("%d lines of %d", len(lines), h)
			}
			for _, l := range lines {
				if got := ansi.StringWidth(l); got != w {
					t.Fatalf("a line of %d cells, want %d: %q", got, w, l)
				}
			}
			nav.Settle(w)
			if !strings.Contains(f.View(theme.Plain()), theme.SignSelect) {
				t.Fatalf("the selected function is not seen:\n%s", f.View(theme.Plain()))
			}
		}
	}
}

func wander(nav *chart.FlameNav, r *rand.Rand, width int) {
	switch r.IntN(10) {
	case 0:
		nav.Up()
	case 1, 2, 3:
		nav.Down(width)
	case 4, 5:
		nav.Beside(r.IntN(5)-2, width)
	case 6:
		nav.Zoom()
	case 7:
		nav.Back()
	case 8:
		nav.Search([]string{"", "F1", "f2", "none"}[r.IntN(4)])
		nav.NextFound(width)
	case 9:
		nav.SetRoot(randomTree(r, 5))
	}
}

func small() *profile.Node {
	return node("", 0,
		node("main.main", 0,
			node("acme/store.Load", 10, node("acme/store.grow", 30)),
			node("acme/cache.Add", 20)),
		node("net/http.serve", 0, node("acme/api.reply", 40, node("acme/cache.Add", 20))))
}

func TestFlameMovesAndZooms(t *testing.T) {
	var nav chart.FlameNav
	root := small()
	nav.SetRoot(root)
	const w = 60
	at := func(want string) {
		t.Helper()
		if got := nav.Selected().Frame.Function; got != want {
			t.Errorf("selected %q, want %q", got, want)
		}
	}
	nav.Down(w)
	at("main.main")
	nav.Beside(1, w)
	at("net/http.serve")
	nav.Beside(5, w)
	at("net/http.serve")
	nav.Down(w)
	at("acme/api.reply")
	nav.Beside(-1, w) // a neighbour below another caller
	at("acme/cache.Add")
	nav.Up()
	at("main.main")
	nav.Deepest(w)
	at("acme/store.grow")
	nav.Up()
	if !nav.Zoom() || nav.Zoom() {
		t.Error("zooming twice in the same place does something twice, or not once")
	}
	rows := nav.Layout(w)
	if last := rows[3]; len(last) != 1 || last[0].Width != 45 || rows[1][0].Width != w || rows[2][0].Node != nav.Zoomed() {
		t.Errorf("zoomed in on Load, the last row is %+v", last)
	}
	nav.Up()
	nav.Up()
	at("")
	nav.Down(w) // towards the zoom, not to the largest
	nav.Down(w)
	at("acme/store.Load")
	if !nav.Back() || nav.Zoomed().Frame.Function != "main.main" {
		t.Errorf("back leads to %q", nav.Zoomed().Frame.Function)
	}
	if !nav.Back() || nav.Zoomed() != root || nav.Back() {
		t.Error("back does not lead to the root, or beyond it")
	}
}

func TestFlameSearch(t *testing.T) {
	var nav chart.FlameNav
	nav.SetRoot(small())
	nav.Search("CACHE")
	if n, bytes := nav.Found(); n != 2 || bytes != 40 {
		t.Errorf("found %d of %.0f bytes", n, bytes)
	}
	nav.NextFound(60)
	first := nav.Selected()
	nav.NextFound(60)
	if nav.Selected() == first || !nav.Matches(nav.Selected()) {
		t.Error("the next one is the same one, or none")
	}
	if nav.NextFound(60); nav.Selected() != first {
		t.Error("behind the last one comes not the first")
	}
	f := chart.Flame{Nav: &nav, Width: 60, Height: 5}
	if !strings.Contains(f.View(theme.Plain()), "*cache.Add") {
		t.Errorf("what is found is not marked:\n%s", f.View(theme.Plain()))
	}
	nav.Search("store") // callers count once with what they call
	if n, bytes := nav.Found(); n != 2 || bytes != 40 {
		t.Errorf("found %d of %.0f bytes", n, bytes)
	}
	if !nav.Back() || nav.Searching() {
		t.Error("back does not end the search")
	}
}

func TestFlameKeepsItsPlaceInANewTree(t *testing.T) {
	var nav chart.FlameNav
	nav.SetRoot(small())
	nav.Deepest(60)
	nav.Up()
	nav.Zoom()
	nav.Down(60)
	nav.SetRoot(small())
	if got := nav.Selected().Frame.Function; got != "acme/store.grow" || nav.Zoomed().Frame.Function != "acme/store.Load" {
		t.Errorf("selected %q, zoomed in on %q", got, nav.Zoomed().Frame.Function)
	}
	nav.SetRoot(node("", 0, node("main.main", 7)))
	if got := nav.Selected().Frame.Function; got != "main.main" || nav.Zoomed() != nav.Selected() {
		t.Errorf("where functions are gone %q is selected", got)
	}
	nav.SetRoot(nil)
	if nav.Selected() != nil || nav.Back() || nav.Zoom() {
		t.Error("there is a place in no tree")
	}
	nav.Down(60)
	nav.Beside(1, 60)
	nav.Up()
	nav.NextFound(60)
	f := chart.Flame{Nav: &nav, Width: 10, Height: 3}
	if got := f.View(theme.Plain()); strings.TrimSpace(got) != "" || f.At(1, 1) != nil {
		t.Errorf("a graph of nothing: %q", got)
	}
}

func TestFlameTellsGrownFromShrunkWithoutColour(t *testing.T) {
	grown, shrunk := node("main.grown", 600), node("main.shrunk", 300)
	grown.Grown, shrunk.Shrunk = 600, 300
	root := node("", 0, grown, shrunk)
	root.Grown, root.Shrunk = 600, 300
	var nav chart.FlameNav
	nav.SetRoot(root)
	f := chart.Flame{Nav: &nav, Measure: profile.MeasureChange, Width: 60, Height: 2}
	view := f.View(theme.Plain())
	for _, want := range []string{"›+all  +300 B", "│+main.grown  +600 B", "│-main.shrunk"} {
		if !strings.Contains(view, want) {
			t.Errorf("no %q in\n%s", want, view)
		}
	}
	f.Width = 3
	if got := f.View(theme.Plain()); got != "›+ \n│+-" {
		t.Errorf("in three cells: %q", got)
	}
}

func TestFlameFindsWhatIsClicked(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		var nav chart.FlameNav
		nav.SetRoot(randomTree(r, 5))
		w := 1 + r.IntN(200)
		f := chart.Flame{Nav: &nav, Width: w, Height: 100}
		for y, row := range nav.Layout(w) {
			for _, s := range row {
				if f.At(s.X, y) != s.Node || f.At(s.X+s.Width-1, y) != s.Node {
					t.Fatalf("a click on %s finds another", s.Node.Frame.Function)
				}
			}
		}
	}
}

func BenchmarkFlameView(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	var nav chart.FlameNav
	root := randomTree(r, 9)
	nav.SetRoot(root)
	f := chart.Flame{Nav: &nav, Width: 200, Height: 56}
	t := theme.Plain()
	b.ReportAllocs()
	for b.Loop() {
		nav.SetRoot(root) // lays it out anew
		f.View(t)
	}
}
