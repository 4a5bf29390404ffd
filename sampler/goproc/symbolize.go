package goproc

import "github.com/alloc-dev/heaptop/sampler"

const (
	maxInlined = 64 // calls inlined into each other
	maxCached  = 1 << 16
)

// frame is a line of a stack, with what a profile wants to know besides.
type frame struct {
	sampler.Frame
	startLine int
	wrapper   bool // made by the compiler; the runtime leaves it out of stacks
}

// symbolizer turns program counters into frames and remembers them: a program has few distinct ones.
type symbolizer struct {
	funcs   *functions
	wrapper byte // the kind of function that wrappers are
	frames  map[uint64][]frame
	deltas  map[uint64]int32 // frame size by program counter, for unwinding
}

func newSymbolizer(t *functions, minor int) *symbolizer {
	return &symbolizer{funcs: t, wrapper: wrapperKind(minor), frames: map[uint64][]frame{}, deltas: map[uint64]int32{}}
}

// wrapperKind is how the runtime numbers functions that the compiler made (internal/abi.FuncIDWrapper).
func wrapperKind(minor int) byte {
	switch minor {
	case 20, 21:
		return 21
	case 22, 23, 24:
		return 22
	}
	return 23
}

// expand returns the frames at pc, innermost first: more than one where calls were inlined, none where no function is.
// For a return address give the one before it, which is still inside the call.
func (s *symbolizer) expand(pc uint64) []frame {
	if f, ok := s.frames[pc]; ok {
		return f
	}
	if len(s.frames) >= maxCached {
		clear(s.frames)
	}
	f := s.resolve(pc)
	s.frames[pc] = f
	return f
}

func (s *symbolizer) resolve(pc uint64) []frame {
	t := s.funcs
	fn, ok := t.find(pc)
	if !ok {
		return nil
	}
	tree, index := s.inlineTree(&fn)
	var out []frame
	for range maxInlined {
		line := int(t.value(fn.u32(24), &fn, pc))
		file := t.file(&fn, t.value(fn.u32(20), &fn, pc))
		call := s.inlinedCall(tree, index, &fn, pc)
		if call == nil {
			return append(out, frame{Frame: sampler.Frame{Function: t.name(&fn), File: file, Line: line},
				startLine: int(int32(fn.u32(36))), wrapper: fn.raw[40] == s.wrapper})
		}
		out = append(out, frame{Frame: sampler.Frame{Function: t.nameAt(u32(call, 4)), File: file, Line: line},
			startLine: int(int32(u32(call, 12))), wrapper: call[0] == s.wrapper})
		pc = fn.entry + uint64(u32(call, 8))
	}
	return out
}

// inlineTree returns where the function's tree of inlined calls lies in the file, and the pc-value table that points
// into it; 0 where nothing was inlined.
func (s *symbolizer) inlineTree(fn *function) (tree uint64, index uint32) {
	npcdata, nfuncdata := uint64(fn.u32(28)), fn.raw[43]
	if npcdata <= pcdataInlineIndex || nfuncdata <= funcdataInlineTree {
		return 0, 0
	}
	index, ok := s.funcs.tab.u32(fn.off + funcSize + 4*pcdataInlineIndex)
	if !ok {
		return 0, 0
	}
	off, ok := s.funcs.tab.u32(fn.off + funcSize + 4*npcdata + 4*funcdataInlineTree)
	if !ok || off == ^uint32(0) {
		return 0, 0
	}
	return s.funcs.gofunc + uint64(off), index
}

func (s *symbolizer) inlinedCall(tree uint64, index uint32, fn *function, pc uint64) []byte {
	if tree == 0 || index == 0 {
		return nil
	}
	i := s.funcs.value(index, fn, pc)
	if i < 0 {
		return nil
	}
	return s.funcs.code(tree+uint64(i)*inlinedCallSize, inlinedCallSize)
}

// name returns the name of the function that pc is in, inlining aside; "" where there is none.
func (s *symbolizer) name(pc uint64) string {
	f := s.expand(pc)
	if len(f) == 0 {
		return ""
	}
	return f[len(f)-1].Function
}

// What delta returns besides sizes.
const (
	unknown   = -1
	outermost = -2
)

// delta returns how far the stack pointer at pc is below the caller's, the return address that a call pushes aside;
// unknown where no function is, outermost where the stack ends.
func (s *symbolizer) delta(pc uint64) int32 {
	if d, ok := s.deltas[pc]; ok {
		return d
	}
	if len(s.deltas) >= maxCached {
		clear(s.deltas)
	}
	d := int32(unknown)
	if fn, ok := s.funcs.find(pc); ok {
		d = max(s.funcs.value(fn.u32(16), &fn, pc), unknown)
		if s.funcs.name(&fn) == "runtime.goexit" {
			d = outermost
		}
	}
	s.deltas[pc] = d
	return d
}

// call returns the address inside the call that pc returns to, or pc itself where it is a function's first instruction.
func (s *symbolizer) call(pc uint64) uint64 {
	if fn, ok := s.funcs.find(pc); ok && fn.entry == pc {
		return pc
	}
	return pc - 1
}

// visible returns the frames at pc that the runtime shows in a stack, innermost first: wrappers are left out unless
// they called a panic, whose function callee is.
func (s *symbolizer) visible(pc uint64, callee string) []frame {
	all := s.expand(pc)
	for i := range all {
		if all[i].wrapper && !panics(callee) {
			return shown(all, callee)
		}
		callee = all[i].Function
	}
	return all
}

func shown(all []frame, callee string) []frame {
	out := make([]frame, 0, len(all))
	for i := range all {
		if !all[i].wrapper || panics(callee) {
			out = append(out, all[i])
		}
		callee = all[i].Function
	}
	return out
}

func panics(name string) bool {
	return name == "runtime.gopanic" || name == "runtime.sigpanic" || name == "runtime.panicwrap"
}
