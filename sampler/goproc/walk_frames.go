package goproc

import "strings"

// Tables of a function that tell the collector what is on its stack frame. None has changed from Go 1.20 to 1.26.
const (
	pcdataStackMap    = 1
	funcdataArgs      = 0
	funcdataLocals    = 1
	funcdataObjects   = 2
	stackObjectSize   = 16
	maxStackObjects   = 1 << 12
	maxFrameMap       = 1 << 16 // words of a frame, or of its arguments
	argumentsUnknown  = -0x80000000
	frameCacheEntries = 1 << 16
)

// frameMap says which words of a frame the program can still use as pointers, at one program counter. Offsets are in
// bytes: those of locals and objects from the frame's end downwards, those of arguments from the caller's frame upwards.
type frameMap struct {
	entry     uint64 // of the function
	known     bool   // false: every word may be a pointer
	interrupt bool   // the frame that follows was stopped anywhere, and its map does not hold
	words     []int
	arguments []int
	objects   []stackObject
}

// stackObject is a variable on the stack whose address was taken. Whether the address is still in use is not looked at.
type stackObject struct{ off, size int }

// frameMapAt returns the map for a program counter. The innermost frame's is the next instruction, the others' are
// return addresses; both stand behind the call that the map is for.
func (r *stackReader) frameMapAt(pc uint64) *frameMap {
	if m, ok := r.maps[pc]; ok {
		return m
	}
	if len(r.maps) >= frameCacheEntries {
		clear(r.maps)
	}
	m := r.readFrameMap(pc)
	r.maps[pc] = m
	return m
}

func (r *stackReader) readFrameMap(pc uint64) *frameMap {
	t := r.w.p.funcs
	fn, ok := t.find(pc)
	if !ok {
		return &frameMap{}
	}
	name := t.name(&fn)
	m := &frameMap{entry: fn.entry, interrupt: name == "runtime.asyncPreempt" || strings.HasPrefix(name, "runtime.debugCall")}
	args := int32(fn.u32(8))
	if m.interrupt || args == argumentsUnknown || name == "runtime.sigpanic" {
		return m
	}
	index := int32(-1)
	if pc != fn.entry {
		table, _ := t.pcdata(&fn, pcdataStackMap)
		index = t.value(table, &fn, pc-1)
	}
	index = max(index, 0) // where there is no value, the function's first map holds
	locals, okLocals := t.stackMap(&fn, funcdataLocals, index)
	for _, i := range locals.set {
		m.words = append(m.words, 8*(i-locals.n))
	}
	okArgs := true
	if args > 0 {
		var in bitmap
		in, okArgs = t.stackMap(&fn, funcdataArgs, index)
		for _, i := range in.set {
			m.arguments = append(m.arguments, 8*i)
		}
	}
	m.objects = t.stackObjects(&fn)
	m.known = okLocals && okArgs
	return m
}

// bitmap is the bits that are set of n.
type bitmap struct {
	n   int
	set []int
}

// pcdata returns one of the function's pc-value tables, 0 where it has none.
func (t *functions) pcdata(fn *function, i uint64) (table uint32, ok bool) {
	if i >= uint64(fn.u32(28)) {
		return 0, false
	}
	return t.tab.u32(fn.off + funcSize + 4*i)
}

// funcdata returns where one of the function's pieces of data is in the file, 0 where it has none.
func (t *functions) funcdata(fn *function, i uint64) uint64 {
	if i >= uint64(fn.raw[43]) {
		return 0
	}
	off, ok := t.tab.u32(fn.off + funcSize + 4*uint64(fn.u32(28)) + 4*i)
	if !ok || off == ^uint32(0) {
		return 0
	}
	return t.gofunc + uint64(off)
}

// stackMap returns one of the maps of a function's frame. A function without any has no locals that matter, unless it
// is assembly, of which the same is assumed by the runtime.
func (t *functions) stackMap(fn *function, kind uint64, index int32) (m bitmap, ok bool) {
	at := t.funcdata(fn, kind)
	if at == 0 {
		return m, kind == funcdataLocals
	}
	head := t.code(at, 8)
	if head == nil {
		return m, false
	}
	n, bits := int32(u32(head, 0)), int32(u32(head, 4))
	if bits == 0 {
		return m, true
	}
	if index >= n || bits < 0 || bits > maxFrameMap {
		return m, false
	}
	size := int(bits+7) / 8
	b := t.code(at+8+uint64(size)*uint64(index), size)
	if b == nil {
		return m, false
	}
	m.n = int(bits)
	for i := range m.n {
		if b[i/8]&(1<<(i%8)) != 0 {
			m.set = append(m.set, i)
		}
	}
	return m, true
}

// stackObjects returns the variables of a frame whose addresses are taken.
func (t *functions) stackObjects(fn *function) []stackObject {
	at := t.funcdata(fn, funcdataObjects)
	if at == 0 {
		return nil
	}
	head := t.code(at, 8)
	if head == nil || u64(head, 0) > maxStackObjects {
		return nil
	}
	n := int(u64(head, 0))
	b := t.code(at+8, n*stackObjectSize)
	if b == nil {
		return nil
	}
	out := make([]stackObject, n)
	for i := range out {
		pointers := int(int32(u32(b, i*stackObjectSize+8))) // bytes up to the last pointer
		if pointers < 0 {                                   // described by a program up to Go 1.23
			pointers = -pointers
		}
		out[i] = stackObject{off: int(int32(u32(b, i*stackObjectSize))), size: pointers}
	}
	return out
}

// takeFrame adds an edge for each word of a frame that the program can still use as a pointer. The frame is
// stack[at:end]; moved is how far the function has moved the stack pointer.
func (r *stackReader) takeFrame(root uint32, stack []byte, at, end, moved int, m *frameMap, anywhere bool) error {
	if !m.known || anywhere {
		return r.w.pointWords(root, stack[at:end])
	}
	top := at + moved // where the locals end, with the caller's frame pointer above them
	if top > at {
		top -= 8
	}
	if r.all.un.link {
		end += 8 // the caller's return address comes before the arguments
	}
	for _, off := range m.words {
		if err := r.takeWord(root, stack, top+off); err != nil {
			return err
		}
	}
	for _, off := range m.arguments {
		if err := r.takeWord(root, stack, end+off); err != nil {
			return err
		}
	}
	for _, o := range m.objects {
		from := top + o.off
		if o.off >= 0 {
			from = end + o.off
		}
		if from < at || from > len(stack) || o.size > len(stack)-from {
			continue
		}
		if err := r.w.pointWords(root, stack[from:from+o.size]); err != nil {
			return err
		}
	}
	return nil
}

func (r *stackReader) takeWord(root uint32, stack []byte, at int) error {
	if at < 0 || at+8 > len(stack) {
		return nil
	}
	return r.w.pointWords(root, stack[at:at+8])
}
