package goruntime

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// executable is what an executable tells of itself.
type executable struct {
	known   bool   // it could be read
	version string // "go1.26.8", "" when it is not Go's
	reason  error  // why it could not be read
}

// executables remembers what executables are, by file.
type executables struct {
	mu    sync.Mutex
	known map[string]executable
}

// maxExecutables bounds what is remembered; beyond it all is forgotten.
const maxExecutables = 1024

// of tells whether the process runs a Go program.
func (b *executables) of(root string, pid int) executable {
	exe := filepath.Join(root, strconv.Itoa(pid), "exe")
	info, err := os.Stat(exe)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			err = errors.Join(sampler.ErrPermission, err)
		}
		return executable{reason: fmt.Errorf("read %s: %w", exe, err)}
	}
	name, _ := os.Readlink(exe) // a name helps to tell files apart, and can be missing
	key := fmt.Sprint(name, " ", info.Size(), " ", info.ModTime().Format(time.RFC3339Nano))
	b.mu.Lock()
	got, found := b.known[key]
	b.mu.Unlock()
	if found {
		return got
	}
	build, err := buildinfo.ReadFile(exe)
	switch {
	case err == nil:
		got = executable{known: true, version: build.GoVersion}
	case errors.Is(err, fs.ErrPermission):
		return executable{reason: fmt.Errorf("read %s: %w", exe, errors.Join(sampler.ErrPermission, err))}
	case errors.Is(err, fs.ErrNotExist):
		return executable{reason: fmt.Errorf("read %s: %w", exe, err)}
	default:
		got = executable{known: true}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil || len(b.known) >= maxExecutables {
		b.known = make(map[string]executable)
	}
	b.known[key] = got
	return got
}
