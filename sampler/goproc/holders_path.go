package goproc

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// stackKey returns the stack of a site without the runtime's own functions at its leaf, as a key.
func (w *walker) stackKey(stack []uint64) string {
	stack = w.trim(stack)
	b := make([]byte, 8*len(stack))
	for i, pc := range stack {
		putU64(b[8*i:], pc)
	}
	return string(b)
}

// trim leaves out the runtime's own functions at the leaf, as runtime/pprof does, unless nothing else remains.
func (w *walker) trim(stack []uint64) []uint64 {
	for i, pc := range stack {
		f := w.p.symbols.expand(pc - 1)
		if len(f) == 0 || !ofRuntime(f[0].Function) {
			return stack[i:]
		}
	}
	return stack
}

// stack returns the frames of a site, those of inlined calls included.
func (w *walker) stack(site uint32) []sampler.Frame {
	var out []sampler.Frame
	stack := w.trim(w.buckets[site].stack)
	for i := 0; i < len(stack); i++ {
		frames := w.p.symbols.expand(stack[i] - 1)
		if len(frames) == 0 || frames[0].Function == "runtime.goexit" {
			continue
		}
		for _, f := range frames {
			out = append(out, f.Frame)
		}
		i += len(frames) - 1 // the stack has an entry for each of them
	}
	return out
}

// paths tells how the objects of a site are held, by the bytes.
func (w *walker) paths(s *siteSum) ([]sampler.HoldPath, error) {
	var out []sampler.HoldPath
	known := map[string]int{}
	for _, key := range largest(s.paths) {
		p, err := w.path(key, s.paths[key])
		if err != nil {
			return nil, err
		}
		text := alike(&p)
		if i, ok := known[text]; ok {
			out[i].Samples += p.Samples
			out[i].Objects += p.Objects
			out[i].Bytes += p.Bytes
			continue
		}
		known[text] = len(out)
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b sampler.HoldPath) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return out[:min(len(out), maxPaths)], nil
}

// alike is what a person reads of a path: two with the same are one, though the objects' sizes differ a little.
func alike(p *sampler.HoldPath) string {
	var b strings.Builder
	for _, s := range p.Steps {
		name := s.Type
		if name == "" && s.Kind != sampler.StepChain {
			name = s.Label
		}
		fmt.Fprintf(&b, "%s %s %s<", s.Kind, name, s.Field)
	}
	fmt.Fprintf(&b, "%s %v %v", p.Function, p.Roots, p.MoreRoots)
	return b.String()
}

// path tells how a group of objects is held.
func (w *walker) path(key heldKey, c *heldCount) (sampler.HoldPath, error) {
	p := sampler.HoldPath{Samples: c.samples, Objects: round(c.objects), Bytes: int64(math.Round(c.bytes))}
	nodes := w.nodes(c.slot)
	last := nodes[len(nodes)-1]
	root := w.reach.parent[last] - 1 - w.heap.slots
	p.Function = w.function(root)
	p.Roots, p.MoreRoots = w.rootNames(root, &w.sharing.sets[key.set])
	steps, err := w.steps(nodes)
	p.Steps = steps
	return p, err
}

// nodes returns the slots on the shortest path from a slot to its root.
func (w *walker) nodes(slot uint32) []uint32 {
	out := []uint32{slot}
	for {
		p := w.reach.parent[slot] - 1
		if w.isRoot(p) {
			return out
		}
		out = append(out, p)
		slot = p
	}
}

// rootNames names the roots that hold an object, the one at the end of its path first.
func (w *walker) rootNames(nearest uint32, set *rootSet) ([]sampler.HoldRoot, bool) {
	if g := w.graph.roots[nearest].group; g != noGroup {
		nearest = uint32(g)
	}
	out := []sampler.HoldRoot{w.rootName(nearest)}
	for _, r := range set.roots[:set.n] {
		if r != nearest {
			out = append(out, w.rootName(r))
		}
	}
	if len(out) > maxNamed {
		return out[:maxNamed], true
	}
	return out, set.more
}

// stretch is the objects on a path that follow each other and look alike; one for most.
type stretch struct {
	inner, second, outer uint32 // the slot nearest the object, the one before the last, and the one nearest the root
	count                int
}

// stretches puts like objects together.
func (w *walker) stretches(nodes []uint32) []stretch {
	var out []stretch
	var last way
	for _, slot := range nodes {
		s := w.heap.span(slot)
		like := way{size: s.elem, typ: w.typeOf(s, slot), noscan: s.noscan}
		if n := len(out); n > 0 && like == last {
			x := &out[n-1]
			x.second, x.outer = x.outer, slot
			x.count++
			continue
		}
		last = like
		out = append(out, stretch{slot, slot, slot, 1})
	}
	return out
}

// steps describes the objects on a path, from the object itself to the one that the root points to. Types lead from the
// root inwards: a field's type tells the type of the object that it points to.
func (w *walker) steps(nodes []uint32) ([]sampler.HoldStep, error) {
	t := w.types
	list := w.stretches(nodes)
	omitted := 0
	if len(list) > pathSteps {
		omitted = len(list) - pathSteps
		list = slices.Concat(list[:pathSteps/2], list[len(list)-pathSteps/2:])
	}
	out := make([]sampler.HoldStep, len(list))
	var held typed
	for i := len(list) - 1; i >= 0; i-- {
		x := &list[i]
		out[i] = sampler.HoldStep{Kind: sampler.StepObject, Count: x.count, Size: int64(w.heap.span(x.inner).elem)}
		now := t.own(x.outer)
		if i+1 < len(list) && (omitted == 0 || i+1 != pathSteps/2) {
			l, err := t.follow(list[i+1].inner, held, x.outer)
			if err != nil {
				return nil, err
			}
			out[i+1].Field = l.field
			now = cmp.Or(now, l.to)
		}
		out[i].Type = now.name
		if x.count > 1 {
			out[i].Kind = sampler.StepChain
			var err error
			if now, err = t.along(x, now); err != nil {
				return nil, err
			}
		}
		held = now
	}
	if omitted == 0 {
		out = joinMaps(out)
	}
	for i := range out {
		out[i].Label = label(&out[i])
	}
	if omitted > 0 {
		out = slices.Insert(out, pathSteps/2, sampler.HoldStep{Kind: sampler.StepOmit, Count: omitted, Label: fmt.Sprintf("%d more", omitted)})
	}
	return out, nil
}

// along returns the type of a stretch's inner end, given that of its outer one: the same when the pointer from the first
// to the second object says so, as in a list.
func (t *typeReader) along(x *stretch, outer typed) (typed, error) {
	l, err := t.follow(x.outer, outer, x.second)
	if err != nil || l.to != outer && t.own(x.inner) != outer {
		return typed{}, err
	}
	return outer, nil
}

// mapHeader is the size of a map's head, in every release.
const mapHeader = 48

// joinMaps makes one step of what a map is made of: its head, its tables, and the groups with the entries. The entries
// are of a type that only maps have, and name the map's.
func joinMaps(steps []sampler.HoldStep) []sampler.HoldStep {
	for i := range steps {
		name, ok := mapName(steps[i].Type)
		if !ok {
			continue
		}
		for j := i + 1; j < len(steps) && j <= i+4 && mapPart(steps[j].Type); j++ {
			if steps[j].Size != mapHeader {
				continue
			}
			steps[i].Kind, steps[i].Type, steps[i].Field = sampler.StepObject, name, entry(steps[i].Field)
			steps = slices.Delete(steps, i+1, j+1)
			return joinMaps(steps)
		}
	}
	return steps
}

// mapPart says whether a type can be that of a map's tables, which is seldom known.
func mapPart(typ string) bool {
	return typ == "" || strings.HasPrefix(strings.TrimLeft(typ, "[]*"), "maps.")
}

// mapName turns "[]map.group[string]int" into "map[string]int".
func mapName(typ string) (name string, ok bool) {
	typ = strings.TrimPrefix(typ, "[]")
	for _, prefix := range []string{"map.group[", "noalg.map.group[", "map.bucket[", "noalg.map.bucket["} {
		if rest, ok := strings.CutPrefix(typ, prefix); ok {
			return "map[" + rest, true
		}
	}
	return "", false
}

// entry turns "[].slots[].elem.name", and "[].elems[].name" of releases before Go 1.24, into "value.name".
func entry(field string) string {
	for _, x := range []struct{ from, to string }{{"elems[]", "value"}, {".elem", "value"}, {"keys[]", "key"}, {".key", "key"}} {
		if _, rest, ok := strings.Cut(field, x.from); ok {
			return x.to + rest
		}
	}
	return field
}

func label(s *sampler.HoldStep) string {
	name := s.Type
	if name == "" {
		name = fmt.Sprintf("%d B object", s.Size)
	}
	if s.Field != "" {
		name = fmt.Sprintf("%s (%s)", name, s.Field)
	}
	if s.Kind == sampler.StepChain {
		name = fmt.Sprintf("%d × %s", s.Count, name)
	}
	return name
}
