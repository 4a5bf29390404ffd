package capture

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRoomLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "a.heaprec"), filepath.Join(dir, "new", "folder", "a.heaprec")} {
		if err := Room(path); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

func TestRoomSaysWhatCreateWould(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(file, "a.heaprec")
	err := Room(path)
	if err == nil || !strings.HasPrefix(err.Error(), "create recording "+path+": ") || strings.Contains(err.Error(), ".heaprec-") {
		t.Errorf("in a file: %v", err)
	}
	if _, err := Create(path, RecorderOptions{}); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("Create says %v", err)
	}
}
