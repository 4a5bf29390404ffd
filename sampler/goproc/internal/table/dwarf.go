package table

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"strings"
)

const (
	maxMembers  = 1 << 12 // fields of one struct
	maxTypedefs = 8       // a typedef of a typedef of ...
)

var errNoRuntime = errors.New("no types of package runtime")

// FromDWARF reads the layout of the wanted types out of a binary's debug information. It looks only at the compile
// units that hold them, which keeps it near 100 ms on large binaries. The error says that none of them is there; a
// field that is missing is absent from the result.
func FromDWARF(d *dwarf.Data) (Layout, error) {
	w := walker{d: d, wanted: WantedFields(), out: Layout{}}
	if err := w.units(); err != nil {
		return nil, fmt.Errorf("read debug information: %w", err)
	}
	if len(w.out) == 0 {
		return nil, fmt.Errorf("read debug information: %w", errNoRuntime)
	}
	return w.out, nil
}

type walker struct {
	d      *dwarf.Data
	wanted map[string][]string
	out    Layout
}

func (w *walker) units() error {
	r := w.d.Reader()
	for {
		e, err := r.Next()
		if err != nil {
			return err
		}
		if e == nil {
			return nil
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		if e.Tag != dwarf.TagCompileUnit || (name != "runtime" && name != "internal/abi") {
			r.SkipChildren()
			continue
		}
		if err := w.unit(r); err != nil {
			return err
		}
	}
}

func (w *walker) unit(r *dwarf.Reader) error {
	for {
		e, err := r.Next()
		if err != nil {
			return err
		}
		if e == nil || e.Tag == 0 {
			return nil
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		if paths := w.wanted[name]; e.Tag == dwarf.TagStructType && paths != nil {
			if err := w.add(name, e, paths); err != nil {
				return err
			}
		}
		r.SkipChildren()
	}
}

func (w *walker) add(name string, e *dwarf.Entry, paths []string) error {
	size, _ := e.Val(dwarf.AttrByteSize).(int64)
	t := Type{Size: uint32(size), Fields: map[string]Field{}}
	for _, path := range paths {
		f, ok, err := w.find(e.Offset, path)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", name, path, err)
		}
		if ok {
			t.Fields[path] = f
		}
	}
	w.out[name] = t
	return nil
}

// find follows a dotted path of members.
func (w *walker) find(off dwarf.Offset, path string) (Field, bool, error) {
	var base int64
	for {
		name, rest, more := strings.Cut(path, ".")
		m, ok, err := w.member(off, name)
		if err != nil || !ok {
			return Field{}, false, err
		}
		at, ok := m.Val(dwarf.AttrDataMemberLoc).(int64)
		typ, isType := m.Val(dwarf.AttrType).(dwarf.Offset)
		if !ok || !isType {
			return Field{}, false, nil
		}
		base += at
		typ, size, err := w.underlying(typ)
		if err != nil {
			return Field{}, false, err
		}
		if !more {
			return Field{uint32(base), uint32(size)}, true, nil
		}
		off, path = typ, rest
	}
}

func (w *walker) member(off dwarf.Offset, name string) (*dwarf.Entry, bool, error) {
	r := w.d.Reader()
	r.Seek(off)
	e, err := r.Next()
	if err != nil || e == nil || !e.Children {
		return nil, false, err
	}
	for range maxMembers {
		m, err := r.Next()
		if err != nil {
			return nil, false, err
		}
		if m == nil || m.Tag == 0 {
			return nil, false, nil
		}
		if got, _ := m.Val(dwarf.AttrName).(string); m.Tag == dwarf.TagMember && got == name {
			return m, true, nil
		}
		r.SkipChildren()
	}
	return nil, false, nil
}

// underlying strips typedefs and returns the type's offset and size in bytes.
func (w *walker) underlying(off dwarf.Offset) (dwarf.Offset, int64, error) {
	r := w.d.Reader()
	for range maxTypedefs {
		r.Seek(off)
		e, err := r.Next()
		if err != nil {
			return 0, 0, err
		}
		if e == nil {
			break
		}
		if size, ok := e.Val(dwarf.AttrByteSize).(int64); ok {
			return off, size, nil
		}
		next, ok := e.Val(dwarf.AttrType).(dwarf.Offset)
		if e.Tag != dwarf.TagTypedef || !ok {
			return off, 8, nil // pointers and functions carry no size
		}
		off = next
	}
	return off, 0, nil
}
