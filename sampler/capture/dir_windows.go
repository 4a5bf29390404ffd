package capture

import (
	"fmt"
	"os"
	"path/filepath"
)

// DefaultDir returns the folder for snapshots in the user's local application data. It need not be there yet.
func DefaultDir() (string, error) {
	base, err := os.UserCacheDir() // %LocalAppData%
	if err != nil {
		return "", fmt.Errorf("find the folder for snapshots: %w", err)
	}
	return filepath.Join(base, "heaptop", "snapshots"), nil
}
