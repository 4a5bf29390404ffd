//go:build !windows

package capture

import (
	"fmt"
	"os"
	"path/filepath"
)

// DefaultDir returns the folder for snapshots in the XDG state directory: $XDG_STATE_HOME, when that is an absolute
// path, else ~/.local/state. It need not be there yet.
func DefaultDir() (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the folder for snapshots: %w", err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "heaptop", "snapshots"), nil
}
