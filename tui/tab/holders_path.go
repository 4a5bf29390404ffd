package tab

import (
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// rootText is a root as a table shows it, cleaned.
func rootText(r sampler.HoldRoot) string { return theme.Clean(profile.RootText(r)) }

// keeperText is a root without its kind, cleaned.
func keeperText(r sampler.HoldRoot) string { return theme.Clean(profile.KeeperText(r)) }

func rootKindText(r sampler.HoldRoot) string {
	switch r.Kind {
	case sampler.RootGlobal:
		return "variable"
	case sampler.RootGoroutine:
		return "stacks"
	}
	return theme.Clean(string(r.Kind))
}

// holdersOf tells who holds the objects of a way, all of them.
func holdersOf(w *sampler.HoldPath) string {
	if text := theme.Clean(profile.HoldersText(w)); text != "" {
		return text
	}
	return theme.SignUnknown
}

// throughOf tells the objects between the root and the site's own, the root's side first.
func throughOf(w *sampler.HoldPath) string { return theme.Clean(profile.ThroughText(w)) }

// stepText is an object on the way, and where in it the next one hangs.
func stepText(s *sampler.HoldStep) string { return theme.Clean(profile.StepText(s)) }

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
		add("a frame of "+theme.Clean(profile.ShortName(w.Function)), "", t.Label)
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
