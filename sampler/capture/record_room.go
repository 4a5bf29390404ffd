package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// roomBytes is more than the header of a recording has.
const roomBytes = 16 << 10

// Room tells whether a recording can be begun at path, before there is anything to record: whoever starts a command to
// record it should not start it for nothing. It writes so much as a header takes to the disk, under a name of its own in the
// folder, or where the folder is to be made, and removes it again. The error says why Create would fail; there may still
// be one where somebody else takes the room meanwhile.
func Room(path string) error {
	if err := room(filepath.Dir(path)); err != nil {
		var at *fs.PathError
		if errors.As(err, &at) { // the name of the trial tells nobody anything
			err = at.Err
		}
		return fmt.Errorf("create recording %s: %w", path, err)
	}
	return nil
}

func room(dir string) error {
	for {
		_, err := os.Stat(dir)
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			break
		}
		dir = parent
	}
	f, err := os.CreateTemp(dir, ".heaprec-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, roomBytes))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
