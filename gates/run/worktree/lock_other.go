//go:build !unix

package worktree

import (
	"os"
	"time"
)

// abandonedAfter is when a folder is taken for nobody's where there are no locks that end with their process.
const abandonedAfter = 48 * time.Hour

func takeLock(path string) (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) }

// ours cannot be told here; what is another user's cannot be removed.
func ours(os.FileInfo) bool { return true }

func lockFree(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()) > abandonedAfter
}
