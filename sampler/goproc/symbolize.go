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
	inlined   bool
}

// symbolizer turns program counters into frames and remembers them: a program has few distinct ones.
type symbolizer struct {
	funcs  *functions
	slide  uint64
	frames map[uint64][]frame
	deltas map[uint64]int32 // frame size by program counter, for unwinding
}

func newSymbolizer(t *functions, slide uint64) *symbolizer {
	return &symbolizer{funcs: t, slide: slide, frames: map[uint64][]frame{}, deltas: map[uint64]int32{}}
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
			return append(out, frame{Frame: sampler.Frame{Function: t.name(&fn), File: file, Line: line}, startLine: int(int32(fn.u32(36)))})
		}
		out = append(out, frame{Frame: sampler.Frame{Function: t.nameAt(u32(call, 4)), File: file, Line: line},
			startLine: int(int32(u32(call, 12))), inlined: true})
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

// delta returns by how much the stack pointer is below the return address at pc, -1 where that is not known.
func (s *symbolizer) delta(pc uint64) int32 {
	if d, ok := s.deltas[pc]; ok {
		return d
	}
	if len(s.deltas) >= maxCached {
		clear(s.deltas)
	}
	d := int32(-1)
	if fn, ok := s.funcs.find(pc); ok {
		d = s.funcs.value(fn.u32(16), &fn, pc)
		if d < 0 || s.funcs.name(&fn) == "runtime.goexit" {
			d = -2 // the outermost function
		}
	}
	s.deltas[pc] = d
	return d
}
