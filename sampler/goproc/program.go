package goproc

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc/internal/table"
)

// program is an attached process: its memory, its executable, and what is known of the runtime in it. The readers of
// statistics, sites, goroutines and spans are built on it.
type program struct {
	mem     memory
	image   *image
	slide   uint64 // by how much the process has the file's addresses higher
	minor   int    // 26 for Go 1.26; 0 where there is no table
	layout  table.Layout
	classes []uint32
	vars    map[string]variable
	module  module
	funcs   *functions
	symbols *symbolizer
}

// variable is where a variable of the runtime lies in the process.
type variable struct {
	addr  uint64
	votes int // witnesses that agree on it; 0 when the symbol table names it
}

// newProgram finds the runtime in a process and checks that what lies there makes sense. The error wraps
// sampler.ErrUnsupported when it does not, errNotReady when the runtime has not started yet.
func newProgram(mem memory, im *image, slide uint64) (*program, error) {
	p := &program{mem: mem, image: im, slide: slide, vars: map[string]variable{}}
	var err error
	if p.funcs, err = newFunctions(im); err != nil {
		return nil, err
	}
	symbols := im.symbols(wantedVariables())
	release, err := p.findLayout(symbols)
	if err != nil {
		return nil, err
	}
	if err := p.findModule(symbols); err != nil {
		return nil, err
	}
	p.funcs.text, p.funcs.gofunc = p.module.text, p.module.gofunc-slide
	if len(symbols) > 0 {
		for name, s := range symbols {
			p.vars[name] = variable{addr: s.addr + slide}
		}
	} else {
		p.hearWitnesses(release)
	}
	p.symbols = newSymbolizer(p.funcs, p.minor)
	return p, p.check()
}

func wantedVariables() map[string]bool {
	wanted := map[string]bool{}
	for _, name := range table.WantedVariables() {
		wanted[name] = true
	}
	for _, name := range classTables() {
		wanted[name] = true
	}
	return wanted
}

// classTables are the names that the runtime's list of object sizes has had.
func classTables() []string {
	return []string{"internal/runtime/gc.SizeClassToSize", "runtime.class_to_size"}
}

// readClasses reads the list of object sizes from the executable.
func (p *program) readClasses(symbols map[string]symbol) []uint32 {
	for _, name := range classTables() {
		b := p.image.bytes(symbols[name].addr, 2*sizeClasses)
		if symbols[name].size != 2*sizeClasses || b == nil {
			continue
		}
		out := make([]uint32, sizeClasses)
		for i := range out {
			out[i] = uint32(u16(b, 2*i))
		}
		return out
	}
	return nil
}

// findLayout takes the layouts from the table of the program's release, else from its debug information, which only an
// executable with a symbol table can put to use.
func (p *program) findLayout(symbols map[string]symbol) (*table.Release, error) {
	release, err := table.Load(p.image.version, p.image.arch)
	if err == nil {
		p.layout, p.classes = release.Types, release.Classes
		p.minor, _ = table.Minor(p.image.version)
		return release, sameSizes(release, symbols, p.image.version)
	}
	if !errors.Is(err, table.ErrNoTable) {
		return nil, err
	}
	if len(symbols) == 0 {
		return nil, fmt.Errorf("%w, and the executable is stripped (build it without -ldflags=-s): %w", err, sampler.ErrUnsupported)
	}
	d, dwarfErr := p.image.elf.DWARF()
	if dwarfErr == nil {
		p.layout, dwarfErr = table.FromDWARF(d)
	}
	if dwarfErr != nil {
		return nil, fmt.Errorf("%w, and no debug information (build it without -ldflags=-w): %w: %w", err, sampler.ErrUnsupported, dwarfErr)
	}
	p.classes = p.readClasses(symbols)
	return nil, nil
}

// sameSizes compares the variables' sizes in the symbol table with those of the release: a runtime that was changed is
// found out here.
func sameSizes(release *table.Release, symbols map[string]symbol, version string) error {
	for name, s := range symbols {
		if want := release.Variables[name].Size; want != 0 && s.size != uint64(want) {
			return fmt.Errorf("%s has %d bytes and in %s it has %d: a changed runtime: %w", name, s.size, version, want, sampler.ErrUnsupported)
		}
	}
	return nil
}

// module is what is needed of the runtime's moduledata; addresses are the process's.
type module struct {
	addr, text, etext, gofunc, types, etypes uint64
	data, edata, bss, ebss                   uint64
}

const maxDataScan = 64 << 20

// findModule looks for the module's description where it can be: in its own section, at its symbol, or anywhere in the
// variables, known by its pointers to the function table.
func (p *program) findModule(symbols map[string]symbol) error {
	if s := p.image.elf.Section(".go.module"); s != nil && p.readModule(s.Addr+p.slide) {
		return nil
	}
	if s, ok := symbols["runtime.firstmoduledata"]; ok && p.readModule(s.addr+p.slide) {
		return nil
	}
	var needle [16]byte
	putU64(needle[:], p.image.pclntab.addr+p.slide)
	putU64(needle[8:], p.image.pclntab.addr+p.slide+p.funcs.names)
	for _, name := range []string{".noptrdata", ".data", ".data.rel.ro"} {
		s := p.image.elf.Section(name)
		if s == nil || s.Size > maxDataScan {
			continue
		}
		b := make([]byte, s.Size)
		if err := readAt(p.mem, name, s.Addr+p.slide, b); err != nil {
			if errors.Is(err, sampler.ErrGone) || errors.Is(err, sampler.ErrPermission) {
				return err
			}
			continue
		}
		if i := bytes.Index(b, needle[:]); i >= 0 && p.readModule(s.Addr+p.slide+uint64(i)) {
			return nil
		}
	}
	return fmt.Errorf("the runtime's module description was not found: %w", sampler.ErrUnsupported)
}

// readModule reads the description at addr; false when there is none.
func (p *program) readModule(addr uint64) bool {
	r := p.resolve()
	word := func(name string) int { return r.field("moduledata", name, 8) }
	header, text, etext, gofunc := word("pcHeader"), word("text"), word("etext"), word("gofunc")
	types, etypes := word("types"), word("etypes")
	data, edata, bss, ebss := word("data"), word("edata"), word("bss"), word("ebss")
	b := make([]byte, r.size("moduledata"))
	if len(r.missing) > 0 || readAt(p.mem, "module description", addr, b) != nil {
		return false
	}
	m := module{addr: addr, text: u64(b, text), etext: u64(b, etext), gofunc: u64(b, gofunc), types: u64(b, types),
		etypes: u64(b, etypes), data: u64(b, data), edata: u64(b, edata), bss: u64(b, bss), ebss: u64(b, ebss)}
	if u64(b, header) != p.image.pclntab.addr+p.slide || m.text >= m.etext {
		return false
	}
	p.module = m
	return true
}

// hearWitnesses finds the variables of a stripped executable through the runtime's code.
func (p *program) hearWitnesses(release *table.Release) {
	w := &codeWitnesses{p: p, funcs: map[string][2]uint64{}}
	for _, v := range release.Variables {
		for _, x := range v.Witnesses {
			w.funcs[x.Func] = [2]uint64{}
		}
	}
	p.funcs.each(func(name []byte, entry, end uint64) bool {
		if bytes.HasPrefix(name, []byte("runtime.")) {
			if _, wanted := w.funcs[string(name)]; wanted {
				w.funcs[string(name)] = [2]uint64{entry - p.slide, end - p.slide}
			}
		}
		return true
	})
	for name, v := range release.Variables {
		if addr, votes, ok := release.Address(v, w); ok {
			p.vars[name] = variable{addr: addr + p.slide, votes: votes}
		}
	}
	p.image.pclntab.forget()
}

// codeWitnesses lets the table's witnesses be heard in the executable.
type codeWitnesses struct {
	p     *program
	funcs map[string][2]uint64
}

func (w *codeWitnesses) Func(name string) (entry, end uint64, ok bool) {
	f := w.funcs[name]
	return f[0], f[1], f[1] > f[0]
}

func (w *codeWitnesses) Code(addr uint64, n int) []byte { return w.p.image.bytes(addr, n) }

func (w *codeWitnesses) Writable(addr uint64) bool { return w.p.image.writable(addr) }
