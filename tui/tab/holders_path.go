package tab

import (
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// rootText is a root as a table shows it, cleaned.
func rootText(r sampler.HoldRoot) string {
	r.Name = shortFunction(r.Name)
	return theme.Clean(r.String())
}

// keeperText is a root's name without its kind, which the name of a variable and a number of goroutines tell.
func keeperText(r sampler.HoldRoot) string {
	if r.Kind == sampler.RootGlobal && r.Name != "" {
		return theme.Clean(shortFunction(r.Name))
	}
	return rootText(r)
}

func rootKindText(r sampler.HoldRoot) string {
	switch r.Kind {
	case sampler.RootGlobal:
		return "variable"
	case sampler.RootGoroutine:
		return "stacks"
	}
	return string(r.Kind)
}

// holdersOf tells who holds the objects of a way, all of them.
func holdersOf(w *sampler.HoldPath) string {
	names := make([]string, 0, len(w.Roots)+1)
	for i, r := range w.Roots {
		if i == 0 {
			names = append(names, rootText(r))
			continue
		}
		names = append(names, keeperText(r))
	}
	if w.Function != "" && len(names) > 0 {
		if f := theme.Clean(shortFunction(w.Function)); !strings.HasSuffix(names[0], " "+f) {
			names[0] += " in " + f
		}
	}
	if w.MoreRoots {
		names = append(names, "more")
	}
	if len(names) == 0 {
		return theme.SignUnknown
	}
	return strings.Join(names, " + ")
}

// throughOf tells the objects between the root and the site's own, the root's side first.
func throughOf(w *sampler.HoldPath) string {
	var names []string
	for i := len(w.Steps) - 1; i > 0; i-- {
		names = append(names, stepText(&w.Steps[i]))
	}
	if len(names) == 0 {
		return "directly"
	}
	return strings.Join(names, " → ")
}

// stepText is an object on the way, and where in it the next one hangs.
func stepText(s *sampler.HoldStep) string {
	if s.Kind == sampler.StepOmit {
		return plural(s.Count, "object") + " left out"
	}
	name := s.Type
	if name == "" {
		name = unit.Bytes(float64(s.Size)) + " object"
	}
	switch {
	case s.Field == "" || s.Field == "[]":
		name += s.Field
	case strings.HasPrefix(name, "map["):
		name += " [" + s.Field + "]"
	default:
		name += "." + s.Field
	}
	if s.Kind == sampler.StepChain {
		name = unit.Count(float64(s.Count)) + " × " + name
	}
	return theme.Clean(name)
}

// pathPanel draws the selected way as a tree: its roots, then one object below the other down to the site's own.
func (s *Holders) pathPanel(st *State, width, height int) string {
	f := theme.Frame{Title: "The way to the object"}
	w := s.way()
	if w == nil {
		return st.Theme.Frame(f, "", width, height)
	}
	f.Note = "held by it alone"
	switch n := len(w.Roots); {
	case w.MoreRoots:
		f.Note = "freed when all let go"
	case n == 2:
		f.Note = "freed when both let go"
	case n > 2:
		f.Note = fmt.Sprintf("freed when all %d let go", n)
	}
	rows := height - theme.PanelRows
	lines := s.path(st, w, width-theme.PanelCols)
	if over := len(lines) - rows; over > 0 && rows > 2 { // both ends are what matters
		half := rows / 2
		cut := st.Theme.Faint.Render(fmt.Sprintf("  %s %d lines more", theme.Ellipsis, over+1))
		lines = append(append(lines[:half:half], cut), lines[half+over+1:]...)
	}
	return st.Theme.Frame(f, strings.Join(lines, "\n"), width, height)
}

// path is the lines of the tree.
func (s *Holders) path(st *State, w *sampler.HoldPath, width int) []string {
	t := st.Theme
	var lines []string
	for i, r := range w.Roots {
		also := ""
		if i > 0 {
			also = t.Label.Render("and ")
		}
		keeps := ""
		if n := s.keeps(r); n > 0 {
			keeps = "keeps " + unit.Bytes(float64(n)) + " alone"
		}
		room := max(width-theme.Width(also)-theme.Width(keeps)-1, 4)
		lines = append(lines, theme.Truncate(also+t.Title.Render(theme.Pad(rootText(r), room))+" "+t.Label.Render(keeps), width))
	}
	if w.MoreRoots {
		lines = append(lines, t.Label.Render("and more"))
	}
	depth := 0
	add := func(text, size string, style theme.Style) {
		indent := min(2*depth, max(width/3, 0))
		branch := theme.Spaces(indent) + "└ "
		room := max(width-theme.Width(branch)-theme.Width(size)-1, 4)
		lines = append(lines, theme.Truncate(t.Faint.Render(branch)+style.Render(theme.Pad(text, room))+" "+t.Label.Render(size), width))
		depth++
	}
	if w.Function != "" {
		add("a frame of "+theme.Clean(shortFunction(w.Function)), "", t.Label)
	}
	for i := len(w.Steps) - 1; i >= 0; i-- {
		step := &w.Steps[i]
		if i == 0 {
			add(stepText(step), s.objectSize(step, w), t.Strong)
			continue
		}
		size := ""
		if step.Kind != sampler.StepOmit {
			size = unit.Bytes(float64(step.Size))
		}
		add(stepText(step), size, t.Value)
	}
	return append(lines, s.origin(t, depth, width))
}

// keeps is how many bytes a root alone keeps alive.
func (s *Holders) keeps(r sampler.HoldRoot) int64 {
	for i := range s.walk.Roots {
		if s.walk.Roots[i].HoldRoot == r {
			return s.walk.Roots[i].Retained
		}
	}
	return 0
}

// objectSize is what stands beside the site's own object.
func (s *Holders) objectSize(step *sampler.HoldStep, w *sampler.HoldPath) string {
	if step.Kind == sampler.StepOmit || step.Size == 0 {
		return ""
	}
	return "× " + unit.Count(float64(w.Objects)) + "  " + unit.Bytes(float64(step.Size))
}

// origin says where the object was allocated.
func (s *Holders) origin(t *theme.Theme, depth, width int) string {
	indent := theme.Spaces(min(2*depth, max(width/3, 0)))
	return t.Label.Render(theme.Truncate(indent+"  allocated at "+s.name+" "+s.place, width))
}
