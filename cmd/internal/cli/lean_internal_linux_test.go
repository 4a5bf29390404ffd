package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappedFile maps a file of some pages as a program is mapped: to be read, changes being its own.
func mappedFile(t *testing.T, pages int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	content := make([]byte, pages*os.Getpagesize())
	for i := range content {
		content[i] = byte(i % 251)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := unix.Mmap(int(f.Fd()), 0, len(content), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(b) })
	return b
}

// readOnly makes a mapping what code is, and touches all of it.
func readOnly(t *testing.T, b []byte) []byte {
	t.Helper()
	if err := unix.Mprotect(b, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(b)
}

// residentKB is how much of a mapping the kernel counts as resident in this process.
func residentKB(t *testing.T, b []byte) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	of := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if strings.Contains(fields[0], "-") {
			of = strings.HasPrefix(line, hexOf(b)+"-")
		} else if of && fields[0] == "Rss:" {
			kb, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return kb
		}
	}
	t.Fatalf("no mapping at %s", hexOf(b))
	return 0
}

func hexOf(b []byte) string { return strconv.FormatUint(uint64(uintptr(unsafe.Pointer(&b[0]))), 16) }

// TestReleaseProgram: what is only read leaves memory and can be read again; what was changed in memory stays as it is.
func TestReleaseProgram(t *testing.T) {
	const pages = 64
	code, patched := mappedFile(t, pages), mappedFile(t, pages)
	patched[5*os.Getpagesize()] = 0xcc // a breakpoint
	wantCode, wantPatched := readOnly(t, code), readOnly(t, patched)
	own := mappedNow(t)
	before := residentKB(t, code)
	if err := releaseProgram(); err != nil {
		t.Fatal(err)
	}
	if kb := residentKB(t, code); before < pages*os.Getpagesize()>>10 || kb != 0 {
		t.Errorf("%d KiB of a file were resident and %d are, want 0", before, kb)
	}
	if kb := residentKB(t, patched); kb != pages*os.Getpagesize()>>10 {
		t.Errorf("%d KiB of a changed file are resident, want all", kb)
	}
	if is := mappedNow(t); is >= own {
		t.Errorf("%d KiB of files were resident and %d are, want fewer", own, is)
	}
	if !slices.Equal(code, wantCode) || !slices.Equal(patched, wantPatched) {
		t.Error("the content of a mapping is another")
	}
}

// mappedNow is RssFile of this process in KiB.
func mappedNow(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssFile:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kb
		}
	}
	t.Fatal("no RssFile in /proc/self/status")
	return 0
}

// TestUnchangedFiles: only mappings of files are found that cannot be written and in which nothing is changed.
func TestUnchangedFiles(t *testing.T) {
	const smaps = `00400000-00500000 r-xp 00000000 fe:00 1                                  /opt/heap top
Rss:                 400 kB
Anonymous:             0 kB
AnonHugePages:         0 kB
00500000-00600000 r--p 00100000 fe:00 1                                  /opt/heap top
Anonymous:             4 kB
00600000-00700000 rw-p 00200000 fe:00 1                                  /opt/heap top
Anonymous:             0 kB
00700000-00800000 r--p 00000000 00:00 0
Anonymous:             0 kB
00800000-00900000 r--p 00000000 00:00 0                                  [vvar]
Anonymous:             0 kB
torn-line r--p 0 0 0 /opt/x
Anonymous:             0 kB
00a00000-00a01000 r--p 00000000 fe:00 2                                  /lib/libc.so.6
Anonymous:             0 kB
`
	want := []addresses{{0x400000, 0x500000}, {0xa00000, 0xa01000}}
	if got := unchangedFiles([]byte(smaps)); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}
