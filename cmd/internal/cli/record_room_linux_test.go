package cli_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestNoCommandIsStartedWhereNothingCanBeRecorded: a command whose recording has no room is not begun.
func TestNoCommandIsStartedWhereNothingCanBeRecorded(t *testing.T) {
	bin, dir := heaptop(t), full(t)
	began := filepath.Join(t.TempDir(), "began")
	path := filepath.Join(dir, "a.heaprec")
	run(t, nil, bin, "--format", "json", "--duration", "1s", "--record", path, "--", "touch", began).
		ends(2, "create recording "+path+": no space left on device")
	if _, err := os.Stat(began); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the command was started: %v", err)
	}
	onlyFiller(t, dir)
}
