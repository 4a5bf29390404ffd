// Command gen makes the tables of package table: it builds reference programs with each Go release, reads the layouts
// from their debug information and finds the places in the runtime's code that refer to its variables. A place counts
// only when it is the same in all reference programs, whose data lie at different addresses, so that a chance match of
// bytes cannot survive.
//
// It needs the Go module proxy for the older toolchains, about 250 MB each, and is run by hand when a release appears:
//
//	go generate ./sampler/goproc/internal/table
package main

import (
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/alloc-dev/heaptop/sampler/goproc/internal/table"
)

//go:embed refs/*.txt
var refs embed.FS

// versions lists the toolchains the tables are made from, one for each minor release.
func versions() []string {
	return []string{"go1.20.14", "go1.21.13", "go1.22.12", "go1.23.12", "go1.24.13", "go1.25.8", "go1.26.8"}
}

func main() {
	out := flag.String("out", "data", "folder the tables are written to")
	only := flag.String("only", "", "make the table of this version alone")
	arches := flag.String("arch", "amd64,arm64", "architectures, separated by commas")
	flag.Parse()
	for _, v := range versions() {
		if *only != "" && *only != v {
			continue
		}
		for _, arch := range strings.Split(*arches, ",") {
			if err := generate(v, arch, *out); err != nil {
				fmt.Fprintf(os.Stderr, "gen: %s %s: %v\n", v, arch, err)
				os.Exit(1)
			}
		}
	}
}

func generate(version, arch, out string) (err error) {
	minor, ok := table.Minor(version)
	if !ok {
		return fmt.Errorf("not a release")
	}
	dir, err := os.MkdirTemp("", "heaptop-gen")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var sets [][]*reference
	for _, mode := range []string{"exe", "pie"} { // position-independent code is compiled otherwise
		set, err := references(dir, mode, version, arch, minor)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	r, err := makeTable(version, arch, minor, sets)
	if err != nil {
		return err
	}
	return write(filepath.Join(out, fmt.Sprintf("go1.%d-%s.json", minor, arch)), r)
}

func references(dir, mode, version, arch string, minor int) ([]*reference, error) {
	var set []*reference
	for _, name := range []string{"hello", "server", "tools"} {
		path, err := build(dir, name, mode, version, arch, minor)
		if err != nil {
			return nil, err
		}
		b, err := open(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		set = append(set, b)
	}
	return set, nil
}

func build(dir, name, mode, version, arch string, minor int) (string, error) {
	src, err := refs.ReadFile("refs/" + name + ".go.txt")
	if err != nil {
		return "", err
	}
	mod := filepath.Join(dir, name)
	if err := os.MkdirAll(mod, 0o755); err != nil {
		return "", err
	}
	gomod := fmt.Sprintf("module ref\n\ngo 1.%d\n", min(minor, 20))
	if err := os.WriteFile(filepath.Join(mod, "go.mod"), []byte(gomod), 0o644); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(mod, "main.go"), src, 0o644); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+"."+mode)
	cmd := exec.Command("go", "build", "-buildmode="+mode, "-o", path, ".")
	cmd.Dir = mod
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version, "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, msg)
	}
	return path, nil
}

func write(path string, r *table.Release) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d bytes\n", path, len(b))
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
