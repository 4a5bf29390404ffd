package goproc

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc/internal/table"
)

// ring is a hostile address space: 64 KiB over and over, so that every pointer leads somewhere, also back to where it
// stands. It is 0 but for the words the input sets, six bytes each: which word, and its value. The upper half of the
// address space cannot be read.
type ring struct{ data *[ringSize]byte }

const ringSize = 64 << 10

func newRing(input []byte) ring {
	r := ring{new([ringSize]byte)}
	for ; len(input) >= 6; input = input[6:] {
		word, value := binary.LittleEndian.Uint16(input), binary.LittleEndian.Uint32(input[2:])
		v := uint64(value)
		if value>>28 == 0xf { // also numbers that are absurdly large
			v = uint64(int64(int32(value))) << (value & 31)
		}
		binary.LittleEndian.PutUint64(r.data[uint64(word)*8%ringSize:], v)
	}
	return r
}

func (r ring) read(reqs []request) error {
	for i := range reqs {
		q := &reqs[i]
		q.ok = q.addr>>47 == 0
		for n := 0; q.ok && n < len(q.buf); {
			n += copy(q.buf[n:], r.data[(q.addr+uint64(n))%ringSize:])
		}
	}
	return nil
}

func (ring) alive() error { return nil }

// FuzzMemory lets every reader loose on a made-up process. It may return anything, but must return, without a panic.
func FuzzMemory(f *testing.F) {
	release, err := table.Load("go1.26.8", "amd64")
	if err != nil {
		f.Fatal(err)
	}
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		f.Fatal(err)
	}
	im, err := openImage(exe)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range memorySeeds(release) {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		p := &program{mem: newRing(data), image: im, layout: release.Types, classes: release.Classes, minor: 26, vars: map[string]variable{}}
		for i, name := range table.WantedVariables() {
			p.vars[name] = variable{addr: uint64(i) * varStep}
		}
		funcs, err := newFunctions(im)
		if err != nil {
			return
		}
		p.funcs, p.symbols = funcs, newSymbolizer(funcs, 26)
		_ = p.check()
		s, err := newSession(Options{}, sampler.Target{Kind: sampler.KindProcess, PID: 1}, p)
		if err != nil {
			return
		}
		var snap sampler.Snapshot
		_ = s.Read(ctx, &snap)
		for range 2 {
			_, _ = s.MemStats(ctx)
			_, _ = s.HeapProfile(ctx)
			_, _ = s.RecentProfile(ctx)
			_, _ = s.Goroutines(ctx)
			_, _ = s.GoroutineProfile(ctx)
			_, _ = s.Spans(ctx)
		}
	})
}

const varStep = 1 << 10 // where FuzzMemory puts the variables

// memorySeeds are small processes: one with a goroutine, an allocation site and a span, and some with lists that lead
// back into themselves or claim to be long.
func memorySeeds(release *table.Release) [][]byte {
	at := func(variable, typ, field string) uint64 {
		i := slices.Index(table.WantedVariables(), "runtime."+variable)
		return uint64(i)*varStep + uint64(release.Types["runtime."+typ].Fields[field].Off)
	}
	field := func(base uint64, typ, name string) uint64 {
		return base + uint64(release.Types["runtime."+typ].Fields[name].Off)
	}
	const g, b, s, list, cache = 0x9000, 0xa000, 0xb000, 0xc000, 0xd000
	process := map[uint64]uint64{
		at("gomaxprocs", "", ""): 1, at("allp", "", ""): list + 32, at("allp", "", "") + 8: 1, at("allp", "", "") + 16: 1,
		at("allglen", "", ""): 1, at("allgptr", "", ""): list, list: g, list + 32: 0xe000,
		field(g, "g", "stack.lo"): 0xf000, field(g, "g", "stack.hi"): 0xf400, field(g, "g", "sched.sp"): 0xf100,
		field(g, "g", "atomicstatus"): gWaiting, field(g, "g", "goid"): 1,
		at("mbuckets", "", ""): b, field(b, "bucket", "typ"): memBucket, field(b, "bucket", "size"): 64,
		field(b, "bucket", "nstk"): 2, at("MemProfileRate", "", ""): 4096,
		at("mheap_", "mheap", "allspans"): list + 64, at("mheap_", "mheap", "allspans") + 8: 1,
		at("mheap_", "mheap", "allspans") + 16: 1, list + 64: s, field(s, "mspan", "npages"): 1,
		field(s, "mspan", "startAddr"): 0x2000, field(s, "mspan", "state"): 1, field(s, "mspan", "elemsize"): 64,
		at("gcController", "gcControllerState", "heapInUse"): 8192, field(0xe000, "p", "mcache"): cache,
		field(cache, "mcache", "alloc"): s,
	}
	out := [][]byte{ringInput(process)}
	for _, change := range []map[uint64]uint64{
		{field(b, "bucket", "allnext"): b},
		{field(b, "bucket", "allnext"): 8},
		{field(b, "bucket", "nstk"): 4000},
		{at("allglen", "", ""): 100_000},
		{at("mheap_", "mheap", "allspans") + 8: 100_000, at("mheap_", "mheap", "allspans") + 16: 100_000},
		{at("allp", "", "") + 8: 60_000, at("allp", "", "") + 16: 60_000},
		{field(g, "g", "stack.hi"): 1 << 30},
		{field(s, "mspan", "npages"): 0xf0000010, field(s, "mspan", "elemsize"): 0},
	} {
		with := maps.Clone(process)
		maps.Copy(with, change)
		out = append(out, ringInput(with))
	}
	return out
}

func ringInput(words map[uint64]uint64) []byte {
	var out []byte
	for _, a := range slices.Sorted(maps.Keys(words)) {
		out = binary.LittleEndian.AppendUint16(out, uint16(a/8))
		out = binary.LittleEndian.AppendUint32(out, uint32(words[a]))
	}
	return out
}

// patched is a file with some of its bytes changed.
type patched struct {
	io.ReaderAt
	at map[int64]byte
}

func (p patched) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.ReaderAt.ReadAt(b, off)
	for a, v := range p.at {
		if a >= off && a < off+int64(n) {
			b[a-off] = v
		}
	}
	return n, err
}

// FuzzExecutable changes bytes of a real executable: its headers, its function table, its debug information.
func FuzzExecutable(f *testing.F) {
	file, err := os.ReadFile(builds.build(f, normal()))
	if err != nil {
		f.Fatal(err)
	}
	im, err := openImage(bytes.NewReader(file))
	if err != nil {
		f.Fatal(err)
	}
	regions := []int64{0, int64(im.elf.Section(".gopclntab").Offset), int64(im.elf.Section(".symtab").Offset)}
	f.Add(byte(0), uint16(0x28), []byte{0xff, 0xff, 0xff})
	f.Add(byte(0), uint16(0x3c), []byte{0xff, 0xff})
	f.Add(byte(1), uint16(0), []byte{0xf0, 0xff, 0xff, 0xff, 0, 0, 4, 8})
	f.Add(byte(1), uint16(8), []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(byte(1), uint16(48), []byte{0xff, 0xff, 0xff})
	f.Add(byte(2), uint16(24), []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(_ *testing.T, region byte, at uint16, change []byte) {
		p := patched{bytes.NewReader(file), map[int64]byte{}}
		for i, v := range change[:min(len(change), 64)] {
			p.at[regions[int(region)%len(regions)]+int64(at)+int64(i)] = v
		}
		im, err := openImage(p)
		if err != nil {
			return
		}
		_ = im.symbols(wantedVariables())
		funcs, err := newFunctions(im)
		if err != nil {
			return
		}
		funcs.text, funcs.gofunc = im.elf.Entry, im.elf.Entry
		s := newSymbolizer(funcs, 26)
		for pc := uint64(0); pc < 1<<16; pc += 509 {
			s.visible(funcs.text+pc, "")
			s.delta(funcs.text + pc)
		}
		n := 0
		funcs.each(func([]byte, uint64, uint64) bool { n++; return n < 1000 })
	})
}

// FuzzFunctionTable reads a function table that is all made up.
func FuzzFunctionTable(f *testing.F) {
	f.Add(smallTable())
	f.Fuzz(func(_ *testing.T, data []byte) {
		tab := sectionOf(bytes.NewReader(data), 0x1000, uint64(len(data)))
		if tab == nil {
			return
		}
		im := &image{pclntab: tab, parts: []*section{tab}}
		funcs, err := newFunctions(im)
		if err != nil {
			return
		}
		funcs.text, funcs.gofunc = 0x400000, 0x1000
		s := newSymbolizer(funcs, 26)
		for pc := range uint64(200) {
			s.visible(funcs.text+pc, "")
			s.delta(funcs.text + pc)
		}
	})
}

// smallTable is a function table of one function with one inlined call.
func smallTable() []byte {
	b := make([]byte, 512)
	put := func(off int, v uint32) { binary.LittleEndian.PutUint32(b[off:], v) }
	put(0, pclntabMagic)
	b[6], b[7] = 1, 8
	for i, v := range []uint32{1, 1, 0, 72, 104, 112, 136, 200} { // functions, files, text, names, units, files, pc values, functions
		put(8+8*i, v)
	}
	copy(b[72:], "\x00main.main\x00main.inlined\x00")
	put(104, 1)
	copy(b[112:], "\x00main.go\x00")
	copy(b[136:], "\x00\x02\x40\x00\x04\x20\x02\x20\x00")
	put(200, 0)
	put(204, 12)
	put(208, 64)
	fn := 212
	put(fn+4, 1)
	for _, off := range []int{16, 20, 24} {
		put(fn+off, 1)
	}
	put(fn+28, 3)
	b[fn+43] = 4
	put(fn+44+8, 4)
	put(fn+44+12+12, 300)
	put(300+4, 11)
	return b
}

// FuzzDebugInfo changes bytes of the debug information.
func FuzzDebugInfo(f *testing.F) {
	file, err := os.ReadFile(builds.build(f, variant{name: "uncompressed", args: []string{"-ldflags=-compressdwarf=false"}}))
	if err != nil {
		f.Fatal(err)
	}
	im, err := openImage(bytes.NewReader(file))
	if err != nil {
		f.Fatal(err)
	}
	base := int64(im.elf.Section(".debug_info").Offset)
	f.Add(uint32(0), []byte{0xff, 0xff, 0xff, 0x7f})
	f.Add(uint32(0x100), bytes.Repeat([]byte{0x11}, 64))
	f.Fuzz(func(_ *testing.T, at uint32, change []byte) {
		p := patched{bytes.NewReader(file), map[int64]byte{}}
		for i, v := range change[:min(len(change), 64)] {
			p.at[base+int64(at%(1<<20))+int64(i)] = v
		}
		im, err := openImage(p)
		if err != nil {
			return
		}
		if d, err := im.elf.DWARF(); err == nil {
			_, _ = table.FromDWARF(d)
		}
	})
}

// FuzzProc reads what the proc file system tells of a process.
func FuzzProc(f *testing.F) {
	f.Add([]byte("Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\tffffffff\n"))
	f.Add(bytes.Repeat([]byte{9}, 64))
	f.Fuzz(func(_ *testing.T, b []byte) {
		for _, name := range []string{"State", "Uid", "CapEff"} {
			v := statusField(b, name)
			_, _ = threeIDs(v)
			_ = hex(v)
		}
		_, _ = auxiliary(b, auxEntry)
	})
}
