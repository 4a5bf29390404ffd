package history

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
)

// What a history may hold at most.
const (
	// MaxReports is how many reports are read; the names that come first in the alphabet are left out.
	MaxReports = 10_000
	maxFile    = 16 << 20 // bytes
	maxAll     = 1 << 30
)

// History is a set of reports in the order of their times. It is not changed once it is read, and safe for concurrent use.
type History struct {
	Reports []Entry
	// Skipped are the files that are no reports, or could not be read, with the reason.
	Skipped []Skipped

	anchor *Entry
}

// Entry is one report and where it is from.
type Entry struct {
	Path   string
	Report *gates.Report // without what a history does not use: causes and trends
}

// Skipped is a file that was left out.
type Skipped struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Read reads reports from files and folders. Of a folder, it takes the files *.json and those of the folders in it, one level
// deep. A file of the same content as another is taken once. What cannot be read is listed in Skipped and is no error; a path
// that does not exist is one, and wraps fs.ErrNotExist.
func Read(paths []string) (*History, error) {
	h := &History{}
	var files []string
	for _, path := range paths {
		found, err := h.list(path)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if n := len(files) - MaxReports; n > 0 {
		slices.SortStableFunc(files, func(a, b string) int { return cmp.Compare(filepath.Base(a), filepath.Base(b)) })
		h.skip(files[0], fmt.Errorf("this and %d more are beyond the %d reports that are read", n-1, MaxReports))
		files = files[n:]
	}
	seen := map[[sha256.Size]byte]bool{}
	room := int64(maxAll)
	for _, path := range files {
		data, err := readFile(path, min(room, maxFile))
		if err != nil {
			h.skip(path, err)
			continue
		}
		room -= int64(len(data))
		sum := sha256.Sum256(data)
		if seen[sum] {
			continue
		}
		seen[sum] = true
		r, err := gates.ReadReport(path, data)
		if err != nil {
			h.skip(path, err)
			continue
		}
		if r.StartedAt.IsZero() {
			h.skip(path, errors.New("it does not say when it was measured"))
			continue
		}
		h.Reports = append(h.Reports, Entry{path, slim(r)})
	}
	slices.SortStableFunc(h.Reports, func(a, b Entry) int { return a.Report.StartedAt.Compare(b.Report.StartedAt) })
	return h, nil
}

func (h *History) skip(path string, err error) {
	reason := strings.TrimPrefix(err.Error(), "read "+path+": ")
	h.Skipped = append(h.Skipped, Skipped{path, reason})
}

// list returns the files that a path stands for.
func (h *History) list(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	return h.walk(path, 1), nil
}

func (h *History) walk(dir string, deeper int) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		h.skip(dir, err)
		return nil
	}
	var files []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."): // temporary files of writers
		case e.IsDir() && deeper > 0:
			files = append(files, h.walk(path, deeper-1)...)
		case !e.IsDir() && strings.HasSuffix(e.Name(), ".json"):
			files = append(files, path)
		}
	}
	return files
}

// readFile reads an ordinary file of at most so many bytes: a pipe would wait for ever.
func readFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no ordinary file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case int64(len(data)) > most && most < maxFile:
		return nil, fmt.Errorf("the reports are larger than %d MiB together", maxAll>>20)
	case int64(len(data)) > most:
		return nil, fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	return data, nil
}

// slim drops what takes room and no series needs.
func slim(r *gates.Report) *gates.Report {
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		s.Blame, s.BlameNote, s.Trend, s.Warnings = nil, "", nil, nil
		for name, m := range s.Metrics {
			m.Definition, m.Source = "", ""
			s.Metrics[name] = m
		}
	}
	return r
}

// Since returns the history from a time on.
func (h *History) Since(from time.Time) *History {
	return h.only(func(r *gates.Report) bool { return !r.StartedAt.Before(from) })
}

// Branch returns the history of one branch, by its name.
func (h *History) Branch(name string) *History {
	return h.only(func(r *gates.Report) bool { return r.Environment.Branch == name })
}

func (h *History) only(keep func(*gates.Report) bool) *History {
	out := &History{Skipped: h.Skipped, anchor: h.anchor}
	for _, e := range h.Reports {
		if keep(e.Report) {
			out.Reports = append(out.Reports, e)
		}
	}
	return out
}

// minCommit is how many digits of a commit's name are needed to find it.
const minCommit = 4

// Anchored returns the history whose creep is counted from an anchor: the file of a report, or the first report of a commit,
// of which at least four digits are given. A file need not be one of the history. Without an anchor, creep is counted from the
// first report of an epoch.
func (h *History) Anchored(anchor string) (*History, error) {
	out := *h
	if _, err := os.Stat(anchor); err == nil {
		data, err := readFile(anchor, maxFile)
		if err != nil {
			return nil, fmt.Errorf("anchor %s: %w", anchor, err)
		}
		r, err := gates.ReadReport(anchor, data)
		if err != nil {
			return nil, fmt.Errorf("anchor: %w", err)
		}
		out.anchor = &Entry{anchor, slim(r)}
		return &out, nil
	}
	if len(anchor) >= minCommit {
		for i := range h.Reports {
			if strings.HasPrefix(h.Reports[i].Report.Environment.Commit, strings.ToLower(anchor)) {
				out.anchor = &h.Reports[i]
				return &out, nil
			}
		}
	}
	return nil, fmt.Errorf("anchor %q: no report of the history is of that commit, and there is no such file: %w", anchor, fs.ErrNotExist)
}
