package terminal

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// directoryFiles is how many names a directory of the shell holds, fileLines how many lines one file.
	directoryFiles = 24
	fileLines      = 40
)

// file is a file or a directory of the shell.
type file struct {
	name      string
	directory bool
	kept      bool // it cannot be removed
	above     *file
	children  []*file // by name
	lines     []string
}

// tree is the shell's files, and the directory it is in.
type tree struct{ root, at *file }

func newTree() *tree {
	root := &file{name: "~", directory: true}
	fill(root, "README.md", "mix.exs", "Makefile", ".gitignore")
	for _, name := range []string{"lib", "test", "config"} {
		dir := &file{name: name, directory: true, kept: true}
		root.add(dir)
		fill(dir, "README.md", name+"_helper.ex", "application.ex", "router.ex", "repo.ex")
	}
	return &tree{root: root, at: root}
}

func fill(dir *file, names ...string) {
	for i, name := range names {
		f := &file{name: name, kept: true}
		for n := range 6 + i {
			f.lines = append(f.lines, fmt.Sprintf("  def %s_%d(conn), do: conn # %s", strings.TrimSuffix(dir.name, "/"), n, name))
		}
		dir.add(f)
	}
}

// path is the way from the home directory.
func (t *tree) path() string {
	if t.at == t.root {
		return "~"
	}
	return "~/" + t.at.name
}

// enter goes to a directory below, or to the one above.
func (t *tree) enter(name string) bool {
	if name == ".." {
		if t.at.above != nil {
			t.at = t.at.above
		}
		return true
	}
	f := t.at.child(name)
	if f == nil || !f.directory {
		return false
	}
	t.at = f
	return true
}

// beginning is the names here that begin so.
func (t *tree) beginning(with string) []string {
	var names []string
	for _, f := range t.at.children {
		if strings.HasPrefix(f.name, with) {
			names = append(names, f.name)
		}
	}
	return names
}

func (f *file) child(name string) *file {
	i, ok := f.place(name)
	if !ok {
		return nil
	}
	return f.children[i]
}

func (f *file) place(name string) (int, bool) {
	return slices.BinarySearchFunc(f.children, name, func(c *file, name string) int { return strings.Compare(c.name, name) })
}

// add puts a file into a directory, unless that is full.
func (f *file) add(child *file) bool {
	if len(f.children) >= directoryFiles {
		return false
	}
	i, _ := f.place(child.name)
	child.above = f
	f.children = slices.Insert(f.children, i, child)
	return true
}

func (f *file) remove(child *file) bool {
	if child.kept {
		return false
	}
	if i, ok := f.place(child.name); ok {
		f.children = slices.Delete(f.children, i, i+1)
	}
	return true
}

func (f *file) size() int {
	n := 0
	for _, line := range f.lines {
		n += len(line) + 1
	}
	return n
}

// walk calls do for every file below, with its path.
func (f *file) walk(path string, do func(path string)) {
	for _, c := range f.children {
		if c.directory {
			c.walk(path+"/"+c.name, do)
		} else {
			do(path + "/" + c.name)
		}
	}
}
