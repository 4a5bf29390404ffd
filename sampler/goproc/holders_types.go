package goproc

import (
	"encoding/binary"
	"errors"
	"strings"
)

// Kinds of type and where their descriptors keep what belongs to them. None has changed from Go 1.20 to 1.26.
const (
	kindArray     = 17
	kindChan      = 18
	kindFunc      = 19
	kindInterface = 20
	kindMap       = 21
	kindPointer   = 22
	kindSlice     = 23
	kindString    = 24
	kindStruct    = 25
	kindMask      = 31
	kindDirect    = 1 << 5 // its value is itself what an interface points to
	typeSize      = 0
	typeFlags     = 20
	typeKind      = 23
	typeName      = 40
	typeElem      = 48 // of a pointer, slice, array
	typeFields    = 56 // of a struct: a slice of name, type and offset
	typeMethods   = 64 // of an interface: how many
	typeHead      = 72
	fieldSize     = 24
	flagExtraStar = 1 << 1
	flagDirect    = 1 << 5 // from Go 1.26
	maxFields     = 1 << 12
	maxTypeName   = 256
	maxNesting    = 32
	mostOfObject  = 8 << 20   // bytes of an object in which a pointer is looked for
	mostOfObjects = 256 << 20 // and of all objects together
	headerSize    = 8
	itabType      = 8
)

// typed is what is known of an object's type.
type typed struct {
	addr uint64 // of the descriptor; 0 where only the name is known
	name string // "" where nothing is known
	many bool   // it is an array of them
}

// link is a pointer from one object on a path to the next.
type link struct {
	field string
	to    typed
}

// typeReader reads the descriptors of types, and finds which field of an object points to another. What it finds out
// describes a path to a person; where something does not fit it says nothing.
type typeReader struct {
	w      *walker
	blocks blockReader
	names  map[uint64]string
	links  map[linkKey]link
	buf    []byte
	read   int64
}

type linkKey struct {
	holder, held uint32
	typ          uint64
}

func newTypeReader(w *walker) *typeReader {
	return &typeReader{w: w, blocks: blockReader{mem: w.p.mem}, names: map[uint64]string{}, links: map[linkKey]link{}}
}

// head returns a type's descriptor, nil where there is none.
func (t *typeReader) head(addr uint64) []byte {
	m := &t.w.p.module
	if addr < m.types || addr >= m.etypes || addr%8 != 0 {
		return nil
	}
	b, err := t.blocks.read("a type", addr, typeHead)
	if err != nil {
		return nil
	}
	return b
}

// name returns a type's name, "" where it has none.
func (t *typeReader) name(addr uint64) string {
	if n, ok := t.names[addr]; ok {
		return n
	}
	n := t.readName(addr)
	if len(t.names) < maxTypes {
		t.names[addr] = n
	}
	return n
}

func (t *typeReader) readName(addr uint64) string {
	b := t.head(addr)
	if b == nil {
		return ""
	}
	n := t.text(t.w.p.module.types + uint64(u32(b, typeName)))
	if b[typeFlags]&flagExtraStar != 0 {
		n = strings.TrimPrefix(n, "*")
	}
	return n
}

// text returns a name as the descriptors hold it: a byte of flags, the length, the bytes.
func (t *typeReader) text(addr uint64) string {
	b, err := t.blocks.read("a name", addr, 1+binary.MaxVarintLen16)
	if err != nil {
		return ""
	}
	n, used := binary.Uvarint(b[1:])
	if used <= 0 {
		return ""
	}
	n = min(n, maxTypeName)
	if b, err = t.blocks.read("a name", addr+1+uint64(used), int(n)); err != nil || !printable(b) {
		return ""
	}
	return string(b)
}

// own returns the type that an object says it has. An object that has room for several of them is their array.
func (t *typeReader) own(slot uint32) typed {
	s := t.w.heap.span(slot)
	id := t.w.typeOf(s, slot)
	if id == 0 {
		return typed{}
	}
	return t.sized(t.w.graph.names[id], s)
}

// sized names a type as it fills the slots of a span.
func (t *typeReader) sized(addr uint64, s *heapSpan) typed {
	b := t.head(addr)
	name := t.name(addr)
	if b == nil || name == "" {
		return typed{}
	}
	if size := u64(b, typeSize); size > 0 && s.elem/size >= 2 && (s.elem-headerSize)/size >= 2 {
		return typed{addr, "[]" + name, true}
	}
	return typed{addr, name, false}
}

// follow says which field of the holder points to the held object, and what type that has therefore.
func (t *typeReader) follow(holder uint32, typ typed, held uint32) (link, error) {
	key := linkKey{holder, held, typ.addr}
	if l, ok := t.links[key]; ok {
		return l, nil
	}
	l, err := t.findLink(holder, typ, held)
	if err == nil && len(t.links) < maxCached {
		t.links[key] = l
	}
	return l, err
}

func (t *typeReader) findLink(holder uint32, typ typed, held uint32) (link, error) {
	s := t.w.heap.span(holder)
	size := min(s.elem, mostOfObject)
	if t.read += int64(size); t.read > mostOfObjects {
		return link{}, nil
	}
	if cap(t.buf) < int(size) {
		t.buf = make([]byte, size)
	}
	b := t.buf[:size]
	err := readAt(t.w.p.mem, "an object", t.w.heap.addr(holder), b)
	if torn := new(errUnreadable); errors.As(err, &torn) {
		return link{}, nil
	}
	if err != nil {
		return link{}, err
	}
	for i := 0; i+8 <= len(b); i += 8 {
		if to, ok := t.w.heap.find(u64(b, i)); ok && to == held {
			return t.describe(s, typ, b, i, held), nil
		}
	}
	return link{}, nil // the pointer has gone meanwhile
}

// describe says what the word at an offset of an object is, when the object is of a type.
func (t *typeReader) describe(s *heapSpan, typ typed, b []byte, at int, held uint32) link {
	start := 0
	if !s.untyped {
		start = headerSize
	}
	if at < start {
		return link{}
	}
	pointee := t.w.heap.span(held)
	whole := u64(b, at) == t.w.heap.addr(held) || !pointee.untyped && u64(b, at) == t.w.heap.addr(held)+headerSize
	if typ.addr == 0 {
		return link{to: t.dynamic(b, at, pointee, whole)}
	}
	f := t.field(typ, uint64(at-start))
	l := link{field: f.path}
	switch {
	case !whole:
	case f.kind == kindPointer || f.kind == kindSlice:
		l.to = t.sized(f.elem, pointee)
	case f.kind == kindString:
		l.to = typed{name: "string"}
	case f.kind == kindInterface && at >= 8:
		l.to = t.boxed(u64(b, at-8), f.methods, pointee)
	case f.kind == kindMap || f.kind == kindChan || f.kind == kindFunc:
		l.to = typed{name: t.name(f.typ)}
	}
	return l
}

// dynamic returns the type of what an interface without methods holds, should the words before and at an offset be one.
func (t *typeReader) dynamic(b []byte, at int, pointee *heapSpan, whole bool) typed {
	if at < 8 || !whole {
		return typed{}
	}
	return t.boxed(u64(b, at-8), false, pointee)
}

// boxed returns the type of the object that an interface points to, given the interface's first word.
func (t *typeReader) boxed(word uint64, methods bool, pointee *heapSpan) typed {
	if methods {
		itab, err := t.blocks.read("an interface's table", word, itabType+8)
		if err != nil {
			return typed{}
		}
		word = u64(itab, itabType)
	}
	h := t.head(word)
	if h == nil {
		return typed{}
	}
	if h[typeKind]&kindDirect == 0 && h[typeFlags]&flagDirect == 0 {
		return t.sized(word, pointee)
	}
	switch h[typeKind] & kindMask {
	case kindPointer:
		return t.sized(u64(h, typeElem), pointee)
	case kindMap, kindChan, kindFunc:
		return typed{name: t.name(word)}
	}
	return typed{}
}

// place is the innermost field at an offset of a type.
type place struct {
	path    string
	typ     uint64
	kind    byte
	elem    uint64 // what a pointer points to, or a slice holds
	methods bool   // of an interface
}

// field finds what is at an offset of an object. The path is empty when nothing fits.
func (t *typeReader) field(object typed, off uint64) place {
	var path strings.Builder
	typ := object.addr
	if h := t.head(typ); h != nil && object.many {
		path.WriteString("[]")
		off %= max(u64(h, typeSize), 1)
	}
	for range maxNesting {
		h := t.head(typ)
		if h == nil || off >= u64(h, typeSize) || path.Len() > maxTypeName {
			break
		}
		kind := h[typeKind] & kindMask
		switch kind {
		case kindArray:
			path.WriteString("[]")
			typ = u64(h, typeElem)
			if e := t.head(typ); e != nil {
				off %= max(u64(e, typeSize), 1)
			}
		case kindStruct:
			name, inner, at, ok := t.structField(h, off)
			if !ok {
				return place{}
			}
			if path.Len() > 0 {
				path.WriteByte('.')
			}
			path.WriteString(name)
			typ, off = inner, off-at
		default:
			return place{path: path.String(), typ: typ, kind: pointsAt(kind, off), elem: u64(h, typeElem), methods: u64(h, typeMethods) > 0}
		}
	}
	return place{}
}

// pointsAt returns the kind when a value of it has its pointer at an offset, 0 otherwise.
func pointsAt(kind byte, off uint64) byte {
	want := uint64(0)
	if kind == kindInterface {
		want = 8
	}
	if off != want {
		return 0
	}
	return kind
}

// structField returns the field of a struct that an offset is in.
func (t *typeReader) structField(h []byte, off uint64) (name string, typ, at uint64, ok bool) {
	first, n := u64(h, typeFields), u64(h, typeFields+8)
	if n == 0 || n > maxFields {
		return "", 0, 0, false
	}
	b, err := t.blocks.read("the fields of a type", first, int(n)*fieldSize)
	if err != nil {
		return "", 0, 0, false
	}
	for i := int(n) - 1; i >= 0; i-- {
		if at := u64(b, i*fieldSize+16); at <= off {
			return t.text(u64(b, i*fieldSize)), u64(b, i*fieldSize+8), at, true
		}
	}
	return "", 0, 0, false
}
