package profile

import (
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// The words in which reports and screens tell who holds an object. Names in them are the target's: whoever shows them
// makes them safe.

// ShortName leaves out the path of a function's or variable's package but for its last element. Type arguments keep theirs, and so
// does a name that ends in a slash.
func ShortName(name string) string {
	head, _, _ := strings.Cut(name, "[")
	if short := name[strings.LastIndex(head, "/")+1:]; short != "" {
		return short
	}
	return name
}

// RootText is a root with its kind: "global main.sessions", "40 goroutines main.worker".
func RootText(r sampler.HoldRoot) string {
	r.Name = ShortName(r.Name)
	return r.String()
}

// KeeperText is a root without its kind where the name tells it: "main.sessions", "40 goroutines main.worker".
func KeeperText(r sampler.HoldRoot) string {
	if r.Kind == sampler.RootGlobal && r.Name != "" {
		return ShortName(r.Name)
	}
	return RootText(r)
}

// HoldersText tells all roots that hold the objects of a way, and the function whose frame has the pointer:
// "global main.sessions + main.byIndex", "40 goroutines main.worker in main.waitForJob".
func HoldersText(w *sampler.HoldPath) string {
	names := make([]string, 0, len(w.Roots)+1)
	for i, r := range w.Roots {
		if i == 0 {
			names = append(names, RootText(r))
			continue
		}
		names = append(names, KeeperText(r))
	}
	if w.Function != "" && len(names) > 0 {
		if f := ShortName(w.Function); !strings.HasSuffix(names[0], " "+f) {
			names[0] += " in " + f
		}
	}
	if w.MoreRoots {
		names = append(names, "more")
	}
	return strings.Join(names, " + ")
}

// StepText is an object on the way, and where in it the next one hangs: "main.session.blob", "map[string]int [value]",
// "1,204 × 96 B object".
func StepText(s *sampler.HoldStep) string {
	if s.Kind == sampler.StepOmit {
		if s.Count == 1 {
			return "1 object left out"
		}
		return unit.Count(float64(s.Count)) + " objects left out"
	}
	name := s.Type
	if name == "" {
		name = unit.Bytes(float64(s.Size)) + " object"
	}
	switch {
	case s.Field == "":
	case s.Field == "[]":
		name += " [i]"
	case strings.HasPrefix(name, "map["):
		name += " [" + s.Field + "]"
	default:
		name += "." + s.Field
	}
	if s.Kind == sampler.StepChain {
		name = unit.Count(float64(s.Count)) + " × " + name
	}
	return name
}

// ThroughText tells the objects between the root and the site's own, the root's side first: "directly" when the root
// points to the object itself.
func ThroughText(w *sampler.HoldPath) string {
	var names []string
	for i := len(w.Steps) - 1; i > 0; i-- {
		names = append(names, StepText(&w.Steps[i]))
	}
	if len(names) == 0 {
		return "directly"
	}
	return strings.Join(names, " → ")
}
