package capture

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// aSnapshot writes a snapshot into a folder of its own.
func aSnapshot(t *testing.T) (dir, path string, was *Snapshot) {
	t.Helper()
	dir = t.TempDir()
	was = taken(t)
	path = filepath.Join(dir, "a.heapsnap")
	if err := Write(path, was); err != nil {
		t.Fatal(err)
	}
	return dir, path, was
}

func TestPeekTellsWhatReadTells(t *testing.T) {
	_, path, _ := aSnapshot(t)
	all, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Peek(path)
	if err != nil {
		t.Fatal(err)
	}
	if s.Note != all.Note || s.Info.Name != all.Info.Name || !s.Meta.Time.Equal(all.Meta.Time) || len(s.Sample.Samples) != len(all.Sample.Samples) {
		t.Errorf("peeked %+v, read %+v", s, all)
	}
	if s.Heap != nil || s.Goroutine != nil || s.Mappings != nil || s.Ledger != nil {
		t.Error("Peek reads what a list does not show")
	}
}

func TestSetNoteKeepsTheRest(t *testing.T) {
	dir, path, _ := aSnapshot(t)
	before, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := SetNote(path, "another"); err != nil {
		t.Fatal(err)
	}
	after, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if after.Note != "another" {
		t.Errorf("the note is %q", after.Note)
	}
	if after.Meta.Version != before.Meta.Version || !after.Meta.Time.Equal(before.Meta.Time) || len(after.Heap.Data) == 0 ||
		!after.Heap.Time.Equal(before.Heap.Time) || len(after.Mappings.List) != len(before.Mappings.List) || len(after.Ledger) == 0 {
		t.Errorf("was %+v, is %+v", before, after)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files are left, want the snapshot alone", len(entries))
	}
}

func TestRenameReplacesNothingAndStaysInItsFolder(t *testing.T) {
	dir, path, s := aSnapshot(t)
	if err := Write(filepath.Join(dir, "taken.heapsnap"), s); err != nil {
		t.Fatal(err)
	}
	if _, err := Rename(path, "taken"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a taken name: %v", err)
	}
	for _, name := range []string{"", "  ", "..", "../up", "a/b", `a\b`, "/tmp/x", ".hidden", "a\x00b", "c:d"} {
		if to, err := Rename(path, name); err == nil {
			t.Errorf("%q was accepted: %s", name, to)
		}
	}
	to, err := Rename(path, "new name.heapsnap")
	if err != nil || to != filepath.Join(dir, "new name.heapsnap") {
		t.Fatalf("%s, %v", to, err)
	}
	if _, err := Read(to); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old name is still there: %v", err)
	}
}
