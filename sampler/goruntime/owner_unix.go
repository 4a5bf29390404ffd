//go:build unix

package goruntime

import (
	"io/fs"
	"syscall"
)

// fileOwner returns the user a file belongs to.
func fileOwner(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
