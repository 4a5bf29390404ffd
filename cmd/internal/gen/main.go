// Command gen writes the files of this repository that are made from its own tables, so that they cannot drift: run
// by go generate, and compared by a test. It refuses to make anything that is not a pure function of the code.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/alloc-dev/heaptop/gates/policy/schema"
)

// output is one generated file.
type output struct {
	path string // from the module's root
	make func() ([]byte, error)
}

// outputs lists all of them. To add one, add a line.
func outputs() []output {
	return []output{
		{"keymap.md", func() ([]byte, error) { return keymap(), nil }},
		{"gates/policy/schema.json", schema.JSON},
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	for _, o := range outputs() {
		path := filepath.Join(root, filepath.FromSlash(o.path))
		data, err := o.make()
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

// moduleRoot is the nearest folder upwards that holds go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the current folder: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find go.mod: none in this folder or above")
		}
		dir = parent
	}
}
