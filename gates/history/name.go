package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// Name is the name of a report's file in a folder of reports: its time, its commit, and the system it was measured on. The
// names of one folder sort by time.
func Name(r *gates.Report) string {
	e := r.Environment
	name := r.StartedAt.UTC().Format("20060102T150405Z")
	for _, part := range []string{short(e.Commit), e.Name, e.OS, e.Arch} {
		if part = plain(part); part != "" {
			name += "-" + part
		}
	}
	return name + ".json"
}

// plain keeps letters and digits alone: what a report says of itself is no path.
func plain(s string) string {
	s = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, s)
	return s[:min(len(s), 32)]
}

// shortCommit is how many digits of a commit's name are shown.
const shortCommit = 12

func short(commit string) string { return commit[:min(len(commit), shortCommit)] }

// Add puts a report into a folder, which it makes where there is none, and returns the path. data is the report as a file holds
// it. A report of the same name is left as it is: the error wraps fs.ErrExist then.
func Add(dir string, r *gates.Report, data []byte) (path string, err error) {
	path = filepath.Join(dir, Name(r))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return path, fmt.Errorf("add a report: %w", err)
	}
	temporary, err := os.CreateTemp(dir, ".report-*.tmp")
	if err != nil {
		return path, fmt.Errorf("add a report: %w", err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Chmod(0o644), temporary.Close()); err != nil {
		return path, fmt.Errorf("add a report: %w", err)
	}
	if err := os.Link(temporary.Name(), path); err != nil { // unlike a rename, it never takes the place of a file
		return path, fmt.Errorf("add a report: %w", err)
	}
	return path, nil
}

// Prune removes the oldest reports of a folder until keep are left, and returns what it removed. Files that are no reports stay,
// as does everything in folders within it.
func Prune(dir string, keep int) (removed []string, err error) {
	if keep < 1 {
		return nil, fmt.Errorf("prune %s: keep %d reports: want 1 at least", dir, keep)
	}
	h, err := Read([]string{dir})
	if err != nil {
		return nil, err
	}
	var own []string
	for _, e := range h.Reports {
		if filepath.Dir(e.Path) == filepath.Clean(dir) {
			own = append(own, e.Path)
		}
	}
	for _, path := range own[:max(0, len(own)-keep)] {
		if err := os.Remove(path); err != nil {
			return removed, fmt.Errorf("prune %s: %w", dir, err)
		}
		removed = append(removed, path)
	}
	return removed, nil
}
