package table

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Witness is a place in the runtime's code that refers to a variable: an instruction of function Func, Off bytes behind
// its entry. Where the function still has its Size, the instruction tells the variable's address. Two witnesses that
// agree are believed; one alone never is.
//
// On amd64 it is a displacement of 32 bits, counted from the end of its instruction, Imm bytes behind the displacement.
// On arm64 it is an ADRP followed by an ADD, a load or a store; Imm is 0. It points Add bytes into the variable.
type Witness struct {
	Func                string
	Size, Off, Imm, Add uint32
}

// MarshalJSON writes [function, size, offset, imm, add].
func (w Witness) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{w.Func, w.Size, w.Off, w.Imm, w.Add})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (w *Witness) UnmarshalJSON(b []byte) error {
	parts := []any{&w.Func, &w.Size, &w.Off, &w.Imm, &w.Add}
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) != 5 {
		return fmt.Errorf("witness %s: %d parts, want 5", b, len(parts))
	}
	return nil
}

// CodeLen is how many bytes behind Off Target needs.
func CodeLen(arch string) int {
	if arch == "arm64" {
		return 8
	}
	return 4
}

// Target returns the address that the code at pc refers to. code starts at pc and has CodeLen bytes; ok is false where
// it is no reference.
func Target(arch string, code []byte, pc uint64, imm uint32) (addr uint64, ok bool) {
	switch arch {
	case "amd64":
		if len(code) < 4 {
			return 0, false
		}
		disp := int32(binary.LittleEndian.Uint32(code))
		return pc + 4 + uint64(imm) + uint64(int64(disp)), true
	case "arm64":
		return targetARM64(code, pc)
	}
	return 0, false
}

func targetARM64(code []byte, pc uint64) (uint64, bool) {
	if len(code) < 8 {
		return 0, false
	}
	adrp, next := binary.LittleEndian.Uint32(code), binary.LittleEndian.Uint32(code[4:])
	if adrp&0x9f000000 != 0x90000000 {
		return 0, false
	}
	page := int64(int32(adrp<<8)>>13)<<2 | int64(adrp>>29&3) // 21 bits, signed
	base := pc&^0xfff + uint64(page<<12)
	reg := adrp & 31
	if next>>5&31 != reg {
		return 0, false
	}
	imm12 := uint64(next >> 10 & 0xfff)
	switch {
	case next&0xffc00000 == 0x91000000: // ADD (immediate), 64 bits, no shift
		return base + imm12, true
	case next&0x3b000000 == 0x39000000: // LDR, STR and kin, unsigned offset, scaled by the size
		scale := next >> 30
		if next&0x04800000 == 0x04800000 { // a 128-bit vector register
			scale = 4
		}
		return base + imm12<<scale, true
	}
	return 0, false
}

// Program is the binary in which witnesses are heard. Addresses are those of the file.
type Program interface {
	// Func returns where a function's code begins and ends; the end may include padding.
	Func(name string) (entry, end uint64, ok bool)
	// Code returns n bytes of code at addr, nil where there is none.
	Code(addr uint64, n int) []byte
	// Writable says whether a variable can be at addr.
	Writable(addr uint64) bool
}

const maxPadding = 64

// Address asks the witnesses of v and returns the address on which at least two agree, and how many do. ok is false
// when there is no such address, or when a second address has as many.
func (r *Release) Address(v Variable, p Program) (addr uint64, votes int, ok bool) {
	tally := map[uint64]int{}
	heard := map[string]bool{} // a function has one voice for an address, however often it refers to it
	for _, w := range v.Witnesses {
		entry, end, found := p.Func(w.Func)
		if !found || end < entry || end-entry < uint64(w.Size) || end-entry > uint64(w.Size)+maxPadding {
			continue
		}
		pc := entry + uint64(w.Off)
		t, is := Target(r.Arch, p.Code(pc, CodeLen(r.Arch)), pc, w.Imm)
		t -= uint64(w.Add)
		if voice := fmt.Sprint(w.Func, t); is && p.Writable(t) && !heard[voice] {
			heard[voice] = true
			tally[t]++
		}
	}
	second := 0
	for a, n := range tally {
		switch {
		case n > votes:
			addr, votes, second = a, n, votes
		case n > second:
			second = n
		}
	}
	return addr, votes, votes >= 2 && second < votes
}
