package capture

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Peek reads what a list of snapshots shows of the file path: who it is of, when, its note and its readings. Ledger,
// profiles and mappings stay unread.
func Peek(path string) (*Snapshot, error) {
	s, err := readParts(path, parts.summary)
	if err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", path, err)
	}
	return s, nil
}

// SetNote writes another note into the snapshot file path. The file is replaced once the new one is whole and on the
// disk; parts that Read passes over are not taken along.
func SetNote(path, note string) error {
	s, err := Read(path)
	if err != nil {
		return err
	}
	s.Note = note
	temp := filepath.Join(filepath.Dir(path), ".note-"+filepath.Base(path))
	if err := Write(temp, s); err != nil {
		return fmt.Errorf("write the note into %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write the note into %s: %w", path, errors.Join(err, os.Remove(temp)))
	}
	syncDir(filepath.Dir(path))
	return nil
}

// Rename gives the file path another name in its folder and returns its new path. An extension is added when it is left
// out; another one, or a name that is a path, is refused. An error that wraps fs.ErrExist says that the name is taken.
func Rename(path, name string) (string, error) {
	ext := filepath.Ext(path)
	name = strings.TrimSuffix(strings.TrimSpace(name), ext)
	switch {
	case name == "" || strings.Trim(name, ".") == "":
		return "", fmt.Errorf("rename %s: the new name is empty", filepath.Base(path))
	case strings.ContainsAny(name, "/\\:\x00") || strings.HasPrefix(name, "."):
		return "", fmt.Errorf("rename %s: %q is no plain name: no slashes, no colon, no dot in front", filepath.Base(path), name)
	case len(name) > 200:
		return "", fmt.Errorf("rename %s: the new name is longer than 200 bytes", filepath.Base(path))
	}
	to := filepath.Join(filepath.Dir(path), name+ext)
	if to == path {
		return path, nil
	}
	if err := publish(path, to); err != nil {
		return "", fmt.Errorf("rename %s to %s: %w", path, name+ext, err)
	}
	syncDir(filepath.Dir(path))
	return to, nil
}
