package goproc

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"io"

	"github.com/alloc-dev/heaptop/sampler"
)

// image is the executable file of the target. Addresses in it are the file's; the process has them slide higher.
type image struct {
	elf     *elf.File
	version string // "go1.26.8"
	arch    string // "amd64"
	race    bool
	pclntab *section
	parts   []*section // what is allocated and in the file, for code and read-only data
}

// openImage reads the headers of an executable. The error wraps sampler.ErrUnsupported when it is no Go program, or one
// that this package cannot read.
func openImage(r io.ReaderAt) (*image, error) {
	info, err := buildinfo.Read(r)
	if err != nil {
		return nil, fmt.Errorf("not a Go program, or one without build information: %w: %w", sampler.ErrUnsupported, err)
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, fmt.Errorf("read the executable's headers: %w: %w", sampler.ErrUnsupported, err)
	}
	im := &image{elf: f, version: info.GoVersion}
	switch {
	case f.Machine == elf.EM_X86_64 && f.Class == elf.ELFCLASS64:
		im.arch = "amd64"
	case f.Machine == elf.EM_AARCH64 && f.Class == elf.ELFCLASS64 && f.Data == elf.ELFDATA2LSB:
		im.arch = "arm64"
	default:
		return nil, fmt.Errorf("a program for %s: only amd64 and arm64 can be read: %w", f.Machine, sampler.ErrUnsupported)
	}
	for _, s := range info.Settings {
		im.race = im.race || s.Key == "-race" && s.Value == "true"
	}
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Addr == 0 {
			continue
		}
		part := newSection(s)
		if part == nil {
			continue
		}
		im.parts = append(im.parts, part)
		if s.Name == ".gopclntab" || s.Name == ".data.rel.ro.gopclntab" {
			im.pclntab = part
		}
	}
	if im.pclntab == nil {
		return nil, fmt.Errorf("the executable has no function table (.gopclntab): %w", sampler.ErrUnsupported)
	}
	return im, nil
}

// bytes returns n bytes of the file at one of its addresses, nil where it has none.
func (im *image) bytes(addr uint64, n int) []byte {
	for _, s := range im.parts {
		if addr >= s.addr && addr-s.addr < s.size {
			return s.from(addr-s.addr, n)
		}
	}
	return nil
}

// writable says whether a variable can be at one of the file's addresses.
func (im *image) writable(addr uint64) bool {
	for _, s := range im.elf.Sections {
		if s.Flags&elf.SHF_WRITE != 0 && addr >= s.Addr && addr-s.Addr < s.Size {
			return true
		}
	}
	return false
}

const (
	symbolSize   = 24
	maxSymbols   = 1 << 24
	shortestName = len("runtime.x")
)

// symbol is a variable found in the symbol table, at its address in the file.
type symbol struct{ addr, size uint64 }

// symbols looks the wanted names up in the symbol table; the result is empty for a stripped executable. It does not
// build a list of all symbols, of which a large program has 100,000.
func (im *image) symbols(wanted map[string]bool) map[string]symbol {
	found := map[string]symbol{}
	tab := im.elf.SectionByType(elf.SHT_SYMTAB)
	if tab == nil || int(tab.Link) >= len(im.elf.Sections) {
		return found
	}
	syms, names := newSection(tab), newSection(im.elf.Sections[tab.Link])
	if syms == nil || names == nil {
		return found
	}
	for i := range min(syms.size/symbolSize, maxSymbols) {
		b := syms.from(i*symbolSize, symbolSize)
		if b == nil {
			break
		}
		if elf.SymType(b[4]&0xf) != elf.STT_OBJECT {
			continue
		}
		if name := names.text(uint64(u32(b, 0))); len(name) >= shortestName && wanted[string(name)] {
			found[string(name)] = symbol{u64(b, 8), u64(b, 16)}
		}
	}
	return found
}
