package goproc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc/internal/table"
)

// openAs attaches to the child as if its Go had the given version.
func openAs(t *testing.T, c *child, version string) (*Session, error) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d", c.pid())
	exe, err := os.Open(dir + "/exe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exe.Close() })
	im, err := openImage(exe)
	if err != nil {
		t.Fatal(err)
	}
	mem, err := openMemory("/proc", c.pid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mem.Close() })
	slide, err := readSlide(dir, im)
	if err != nil {
		t.Fatal(err)
	}
	im.version = version
	p, err := newProgram(mem, im, slide)
	if err != nil {
		return nil, err
	}
	return newSession(Options{}, c.target(), p)
}

// TestUnknownVersion reads a program of a version without a table: by its debug information, or not at all.
func TestUnknownVersion(t *testing.T) {
	for _, version := range []string{"devel go1.99-0123456789", "go1.99.1", "go1.26.1 X:greenteagc", "go1.24.4-microsoft"} {
		t.Run(version, func(t *testing.T) {
			c := startTarget(t, normal())
			s, err := openAs(t, c, version)
			if err != nil {
				t.Fatal(err)
			}
			compareStatistics(t, c, s)
			compareSites(t, c, s)
			compareGoroutines(t, c, s)
		})
	}
	for _, v := range []variant{stripped(), {name: "no DWARF", args: []string{"-ldflags=-w"}}} {
		t.Run("refused "+v.name, func(t *testing.T) {
			_, err := openAs(t, startTarget(t, v), "go1.99.1")
			if !errors.Is(err, sampler.ErrUnsupported) || !strings.Contains(err.Error(), "no table for this release") {
				t.Errorf("%v, want a refusal that says what is missing", err)
			}
		})
	}
}

// TestWrongTable gives a program the tables of other releases. Whatever of it cannot be right must be refused.
func TestWrongTable(t *testing.T) {
	c := startTarget(t, normal())
	own := c.ask("stats").MemStats
	for _, version := range []string{"go1.20.1", "go1.21.1", "go1.22.1", "go1.23.1", "go1.24.1", "go1.25.1"} {
		s, err := openAs(t, c, version)
		if err != nil {
			if !errors.Is(err, sampler.ErrUnsupported) {
				t.Errorf("%s: %v, want a refusal", version, err)
			}
			continue
		}
		if m, err := s.MemStats(t.Context()); err == nil && m.HeapInuse != own.HeapInuse {
			t.Errorf("%s: attached, and shows %d bytes in use where there are %d", version, m.HeapInuse, own.HeapInuse)
		}
	}
}

// TestWitnesses asks the witnesses of each architecture about a program that has a symbol table too, and that the
// tables were not made from. They must never name a wrong address.
func TestWitnesses(t *testing.T) {
	version := goVersion(t)
	for _, arch := range []string{"amd64", "arm64"} {
		for _, flags := range [][]string{nil, {"-buildmode=pie"}, {"-gcflags=all=-N -l"}} {
			t.Run(arch+strings.Join(flags, ""), func(t *testing.T) {
				if testing.Short() && len(flags) > 0 {
					t.Skip("compiles the standard library anew")
				}
				hearAll(t, version, arch, flags)
			})
		}
	}
}

func goVersion(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func hearAll(t *testing.T, version, arch string, flags []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "target")
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), ".")...)
	cmd.Dir = "testdata/target"
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version, "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("build: %v\n%s", err, out)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	im, err := openImage(f)
	if err != nil {
		t.Fatal(err)
	}
	release, err := table.Load(version, arch)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{image: im, vars: map[string]variable{}}
	if p.funcs, err = newFunctions(im); err != nil {
		t.Fatal(err)
	}
	p.funcs.text = im.elf.Section(".text").Addr
	p.hearWitnesses(release)
	symbols := im.symbols(wantedVariables())
	if err := sameSizes(release, symbols, version); err != nil {
		t.Error(err)
	}
	for name, v := range p.vars {
		if v.addr != symbols[name].addr {
			t.Errorf("witnesses put %s at %#x, the symbol table at %#x", name, v.addr, symbols[name].addr)
		}
	}
	if len(flags) > 0 && strings.Contains(flags[0], "-N") {
		return // another compilation: finding few is right
	}
	if got, want := len(p.vars), len(release.Variables)-2; got < want { // two have one witness each, which is never believed
		t.Errorf("%d variables found, want %d", got, want)
	}
	d, err := im.elf.DWARF()
	if err != nil {
		t.Fatal(err)
	}
	layout, err := table.FromDWARF(d)
	if err != nil {
		t.Fatal(err)
	}
	for name, typ := range release.Types {
		for field, at := range typ.Fields {
			if got, ok := layout[name]; ok && got.Fields[field] != at {
				t.Errorf("%s.%s is at %v by the debug information, at %v by the table", name, field, got.Fields[field], at)
			}
		}
	}
}
