package goproc

import (
	"bytes"
	"debug/elf"
	"io"
)

const (
	pageBits   = 13 // sections are read from the file in pieces of 8 KiB
	pageSize   = 1 << pageBits
	maxKept    = 1 << 20 // bytes of a section; a program that names all its functions in time would fill it all
	maxSection = 1 << 30
	maxName    = 1 << 12
)

// section is a part of the executable file that is read as it is needed: of a table of function names with many
// megabytes, a few pages are ever looked at.
type section struct {
	addr  uint64 // in the file's own address space
	size  uint64
	src   io.ReaderAt
	pages [][]byte // nil where not yet read
	kept  int      // bytes in pages
}

// newSection returns nil for a section that is not in the file, compressed or absurd.
func newSection(s *elf.Section) *section {
	if s == nil || s.Type == elf.SHT_NOBITS || s.Flags&elf.SHF_COMPRESSED != 0 {
		return nil
	}
	return sectionOf(s, s.Addr, s.Size)
}

func sectionOf(src io.ReaderAt, addr, size uint64) *section {
	if size == 0 || size > maxSection {
		return nil
	}
	var last [1]byte // the size must be backed by the file, or a small file could claim a gigabyte
	if n, _ := src.ReadAt(last[:], int64(size)-1); n != 1 {
		return nil
	}
	return &section{addr: addr, size: size, src: src, pages: make([][]byte, (size+pageSize-1)>>pageBits)}
}

// forget gives up what was read. Slices of it stay as they are.
func (s *section) forget() {
	clear(s.pages)
	s.kept = 0
}

// from returns n bytes at off; nil where there are not so many. They must not be changed.
func (s *section) from(off uint64, n int) []byte {
	if s == nil || off > s.size || uint64(n) > s.size-off {
		return nil
	}
	if n == 0 {
		return []byte{}
	}
	p, in := off>>pageBits, off&(pageSize-1)
	if in+uint64(n) <= pageSize {
		if b := s.page(p); b != nil {
			return b[in : in+uint64(n)]
		}
		return nil
	}
	joined := make([]byte, 0, n)
	for len(joined) < n {
		b := s.page(p)
		if b == nil {
			return nil
		}
		joined = append(joined, b[in:min(uint64(len(b)), in+uint64(n-len(joined)))]...)
		p, in = p+1, 0
	}
	return joined
}

func (s *section) page(p uint64) []byte {
	if s.pages[p] == nil {
		lo := p << pageBits
		b := make([]byte, min(pageSize, s.size-lo))
		if n, _ := s.src.ReadAt(b, int64(lo)); n < len(b) {
			return nil
		}
		if s.kept+len(b) > maxKept {
			s.forget()
		}
		s.pages[p] = b
		s.kept += len(b)
	}
	return s.pages[p]
}

// upTo returns the n bytes at off, fewer at the section's end.
func (s *section) upTo(off uint64, n int) []byte {
	if s == nil || off >= s.size {
		return nil
	}
	return s.from(off, int(min(uint64(n), s.size-off)))
}

// text returns the zero-terminated string at off, nil where there is none.
func (s *section) text(off uint64) []byte {
	if s == nil || off >= s.size {
		return nil
	}
	for n := int(min(pageSize-off&(pageSize-1), maxName)); ; n = maxName {
		b := s.upTo(off, n) // first what is left of the page, which costs no copy
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return b[:i]
		}
		if n == maxName {
			return nil
		}
	}
}

func (s *section) u32(off uint64) (v uint32, ok bool) {
	b := s.from(off, 4)
	if b == nil {
		return 0, false
	}
	return u32(b, 0), true
}
