package main

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler/goproc/internal/table"
)

const keptWitnesses = 6 // of each build mode

// reference is a built reference program.
type reference struct {
	file  *elf.File
	vars  map[string]elf.Symbol
	funcs map[string]elf.Symbol
	text  []byte
	base  uint64
}

func open(path string) (*reference, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	syms, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	r := &reference{file: f, vars: map[string]elf.Symbol{}, funcs: map[string]elf.Symbol{}}
	for _, s := range syms {
		if !strings.HasPrefix(s.Name, "runtime.") && !strings.HasPrefix(s.Name, "internal/runtime/") {
			continue
		}
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			r.funcs[s.Name] = s
		} else {
			r.vars[s.Name] = s
		}
	}
	text := f.Section(".text")
	if text == nil {
		return nil, fmt.Errorf("no section .text")
	}
	r.base = text.Addr
	r.text, err = text.Data()
	return r, err
}

func (r *reference) code(f elf.Symbol) []byte {
	return r.text[f.Value-r.base:][:f.Size]
}

func makeTable(version, arch string, minor int, sets [][]*reference) (*table.Release, error) {
	refs := sets[0]
	d, err := refs[1].file.DWARF()
	if err != nil {
		return nil, err
	}
	types, err := table.FromDWARF(d)
	if err != nil {
		return nil, err
	}
	reportMissing(types)
	r := &table.Release{Go: fmt.Sprintf("go1.%d", minor), Arch: arch, Made: []string{version}, Types: types,
		Variables: map[string]table.Variable{}}
	var found []map[string][]table.Witness
	for _, set := range sets {
		found = append(found, witnesses(arch, set))
	}
	for _, name := range table.WantedVariables() {
		s, ok := refs[0].vars[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "  no variable %s\n", name)
			continue
		}
		var ws []table.Witness
		for i, f := range found {
			fmt.Fprintf(os.Stderr, "  %-34s witnesses %d in set %d\n", name, len(f[name]), i)
			for _, w := range best(f[name]) {
				if !slices.Contains(ws, w) {
					ws = append(ws, w)
				}
			}
		}
		r.Variables[name] = table.Variable{Size: uint32(s.Size), Witnesses: ws}
	}
	r.Classes, err = classes(refs[1])
	return r, err
}

func reportMissing(types table.Layout) {
	for name, fields := range table.WantedFields() {
		t, ok := types[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "  no type %s\n", name)
			continue
		}
		for _, f := range fields {
			if _, ok := t.Fields[f]; !ok {
				fmt.Fprintf(os.Stderr, "  no field %s.%s\n", name, f)
			}
		}
	}
}

// classes reads the table of size classes, whose name moved between releases.
func classes(r *reference) ([]uint32, error) {
	for _, name := range []string{"runtime.class_to_size", "internal/runtime/gc.SizeClassToSize"} {
		s, ok := r.vars[name]
		if !ok {
			continue
		}
		for _, sec := range r.file.Sections {
			if sec.Type == elf.SHT_NOBITS || s.Value < sec.Addr || s.Value+s.Size > sec.Addr+sec.Size {
				continue
			}
			b := make([]byte, s.Size)
			if _, err := sec.ReadAt(b, int64(s.Value-sec.Addr)); err != nil {
				return nil, err
			}
			var out []uint32
			for i := 0; i+2 <= len(b); i += 2 {
				out = append(out, uint32(binary.LittleEndian.Uint16(b[i:])))
			}
			return out, nil
		}
	}
	return nil, fmt.Errorf("no table of size classes")
}

// target is a wanted variable in the first reference program.
type target struct {
	name string
	lo   uint64
	hi   uint64
}

func witnesses(arch string, refs []*reference) map[string][]table.Witness {
	var targets []target
	for _, n := range table.WantedVariables() {
		if s, ok := refs[0].vars[n]; ok {
			targets = append(targets, target{n, s.Value, s.Value + max(s.Size, 1)})
		}
	}
	slices.SortFunc(targets, func(a, b target) int { return cmp.Compare(a.lo, b.lo) })
	out := map[string][]table.Witness{}
	for name, f := range refs[0].funcs {
		if sameSize(name, f.Size, refs) {
			inFunction(arch, name, f, refs, targets, out)
		}
	}
	return out
}

func sameSize(name string, size uint64, refs []*reference) bool {
	for _, r := range refs {
		if f, ok := r.funcs[name]; !ok || f.Size != size {
			return false
		}
	}
	return size > 0
}

// inFunction adds at most one witness per function and variable: a function that was compiled otherwise must not
// count twice.
func inFunction(arch, name string, f elf.Symbol, refs []*reference, targets []target, out map[string][]table.Witness) {
	step, imms := uint64(1), []uint32{0, 1, 4}
	if arch == "arm64" {
		step, imms = 4, []uint32{0}
	}
	seen := map[string]bool{}
	n := uint64(table.CodeLen(arch))
	for off := uint64(0); off+n <= f.Size; off += step {
		for _, imm := range imms {
			t, add, ok := lookup(arch, refs[0], f, off, imm, targets)
			if !ok || seen[t] || !agree(arch, name, t, off, imm, add, refs) {
				continue
			}
			seen[t] = true
			out[t] = append(out[t], table.Witness{Func: name, Size: uint32(f.Size), Off: uint32(off), Imm: imm, Add: uint32(add)})
		}
	}
}

func lookup(arch string, r *reference, f elf.Symbol, off uint64, imm uint32, targets []target) (name string, add uint64, ok bool) {
	a, ok := table.Target(arch, r.code(f)[off:], f.Value+off, imm)
	if !ok {
		return "", 0, false
	}
	i, found := slices.BinarySearchFunc(targets, a, func(t target, a uint64) int { return cmp.Compare(t.lo, a) })
	if !found {
		i--
	}
	if i < 0 || a >= targets[i].hi {
		return "", 0, false
	}
	return targets[i].name, a - targets[i].lo, true
}

func agree(arch, fn, variable string, off uint64, imm uint32, add uint64, refs []*reference) bool {
	for _, r := range refs[1:] {
		f := r.funcs[fn]
		a, ok := table.Target(arch, r.code(f)[off:], f.Value+off, imm)
		if !ok || a != r.vars[variable].Value+add {
			return false
		}
	}
	return true
}

// best keeps the witnesses that point at the variable's start and stand in small functions, which change least.
func best(ws []table.Witness) []table.Witness {
	slices.SortFunc(ws, func(a, b table.Witness) int {
		return cmp.Or(cmp.Compare(min(a.Add, 1), min(b.Add, 1)), cmp.Compare(a.Size, b.Size), cmp.Compare(a.Func, b.Func))
	})
	return ws[:min(len(ws), keptWitnesses)]
}
