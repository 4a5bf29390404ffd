package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
)

func TestMinor(t *testing.T) {
	for version, want := range map[string]int{"go1.20": 20, "go1.26.8": 26, "go1.27rc1": 27, "go1.26.1 X:greenteagc": 0,
		"devel go1.27-0123": 0, "go1.24.4-microsoft": 0, "go1.22.9 (Red Hat 1.22.9-2)": 0, "": 0, "go2.1": 0, "go1.": 0} {
		if got, ok := Minor(version); got != want || ok != (want > 0) {
			t.Errorf("Minor(%q) = %d, %v, want %d", version, got, ok, want)
		}
	}
}

func TestLoad(t *testing.T) {
	for minor := 20; minor <= 26; minor++ {
		for _, arch := range []string{"amd64", "arm64"} {
			r, err := Load(fmt.Sprintf("go1.%d.1", minor), arch)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, name := range WantedVariables() {
				if v := r.Variables[name]; v.Size == 0 || len(v.Witnesses) == 0 {
					t.Errorf("%s %s: no witnesses for %s", r.Go, arch, name)
				}
			}
			if len(r.Classes) != 68 || r.Classes[1] != 8 || r.Classes[67] != 32768 {
				t.Errorf("%s %s: size classes %v", r.Go, arch, r.Classes)
			}
			for name, typ := range r.Types {
				for field, f := range typ.Fields {
					if f.Size == 0 || f.Off+f.Size > typ.Size {
						t.Errorf("%s %s: %s.%s at %v does not lie within %d bytes", r.Go, arch, name, field, f, typ.Size)
					}
				}
			}
		}
	}
	for _, version := range []string{"go1.19.13", "go1.99", "devel"} {
		if _, err := Load(version, "amd64"); !errors.Is(err, ErrNoTable) {
			t.Errorf("Load(%q): %v, want ErrNoTable", version, err)
		}
	}
	if _, err := Load("go1.26.8", "riscv64"); !errors.Is(err, ErrNoTable) {
		t.Errorf("riscv64: %v, want ErrNoTable", err)
	}
}

func TestTarget(t *testing.T) {
	const pc = 0x401234
	for _, test := range []struct {
		name, arch string
		code       []uint32
		imm        uint32
		want       uint64 // 0 for no reference
	}{
		{"lea 0x10(%rip)", "amd64", []uint32{0x10}, 0, pc + 4 + 0x10},
		{"cmpb $1, -8(%rip)", "amd64", []uint32{0xfffffff8}, 1, pc + 5 - 8},
		{"adrp x0, 1 page; add x0, x0, #16", "arm64", []uint32{0xb0000000, 0x91004000}, 0, 0x402010},
		{"adrp x0, 1 page; ldr x1, [x0, #8]", "arm64", []uint32{0xb0000000, 0xf9400401}, 0, 0x402008},
		{"adrp x0, 1 page; ldr w1, [x0, #8]", "arm64", []uint32{0xb0000000, 0xb9400801}, 0, 0x402008},
		{"adrp x0, 1 page; ldrb w1, [x0, #3]", "arm64", []uint32{0xb0000000, 0x39400c01}, 0, 0x402003},
		{"adrp x0, -1 page; add x0, x0, #16", "arm64", []uint32{0xf0ffffe0, 0x91004000}, 0, 0x400010},
		{"adrp x0; add x1, x1, #16: another register", "arm64", []uint32{0xb0000000, 0x91004021}, 0, 0},
		{"add; add", "arm64", []uint32{0x91004000, 0x91004000}, 0, 0},
		{"too short", "arm64", []uint32{0xb0000000}, 0, 0},
		{"another architecture", "riscv64", []uint32{0, 0}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var code []byte
			for _, w := range test.code {
				code = binary.LittleEndian.AppendUint32(code, w)
			}
			if got, ok := Target(test.arch, code, pc, test.imm); got != test.want || ok != (test.want != 0) {
				t.Errorf("%#x, %v, want %#x", got, ok, test.want)
			}
		})
	}
}

// code is a program whose functions are given bytes; variables lie from 0x1000 to 0x2000.
type code map[string][]byte

func (c code) Func(name string) (entry, end uint64, ok bool) {
	b, ok := c[name]
	entry = uint64(len(name)) << 16
	return entry, entry + uint64(len(b)), ok
}

func (c code) Code(addr uint64, n int) []byte {
	for name, b := range c {
		if entry := uint64(len(name)) << 16; addr >= entry && addr+uint64(n) <= entry+uint64(len(b)) {
			return b[addr-entry:][:n]
		}
	}
	return nil
}

func (c code) Writable(addr uint64) bool { return addr >= 0x1000 && addr < 0x2000 }

// TestAddress believes two witnesses that agree, and nothing less.
func TestAddress(t *testing.T) {
	to := func(name string, addr int64) []byte {
		return binary.LittleEndian.AppendUint32(nil, uint32(int32(addr-int64(len(name))<<16-4)))
	}
	w := func(name string) Witness { return Witness{Func: name, Size: 4} }
	r := &Release{Arch: "amd64"}
	for _, test := range []struct {
		name      string
		program   code
		witnesses []Witness
		want      uint64
	}{
		{"two agree", code{"a": to("a", 0x1230), "bb": to("bb", 0x1230)}, []Witness{w("a"), w("bb")}, 0x1230},
		{"one alone", code{"a": to("a", 0x1230)}, []Witness{w("a"), w("bb")}, 0},
		{"one twice", code{"a": to("a", 0x1230)}, []Witness{w("a"), w("a")}, 0},
		{"they disagree", code{"a": to("a", 0x1230), "bb": to("bb", 0x1238)}, []Witness{w("a"), w("bb")}, 0},
		{"a tie", code{"a": to("a", 0x1230), "bb": to("bb", 0x1230), "ccc": to("ccc", 0x1238), "dddd": to("dddd", 0x1238)},
			[]Witness{w("a"), w("bb"), w("ccc"), w("dddd")}, 0},
		{"not a variable's place", code{"a": to("a", 0x9000), "bb": to("bb", 0x9000)}, []Witness{w("a"), w("bb")}, 0},
		{"another function of that name", code{"a": append(to("a", 0x1230), make([]byte, 100)...), "bb": to("bb", 0x1230)}, []Witness{w("a"), w("bb")}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, votes, ok := r.Address(Variable{Witnesses: test.witnesses}, test.program); ok != (test.want != 0) || ok && got != test.want {
				t.Errorf("%#x with %d votes, %v, want %#x", got, votes, ok, test.want)
			}
		})
	}
}
