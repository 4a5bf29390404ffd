//go:build unix

package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// listenUnix makes the socket in a folder that only this user may enter.
func listenUnix(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	if err := secureDir(dir); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	removeStale(dir)
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("agent: listen on %s: an agent is already listening there", path)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("agent: listen on %s: the path is too long for a socket (%d bytes): set XDG_RUNTIME_DIR to a shorter one: %w", path, len(path), err)
	}
	if err != nil {
		return nil, fmt.Errorf("agent: listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, fmt.Errorf("agent: listen on %s: %w", path, errors.Join(err, l.Close()))
	}
	return l, nil
}

// secureDir makes the folder, or makes sure that the one that is there is a folder, this user's, and closed to others.
func secureDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the folder of sockets: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("folder of sockets: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("folder of sockets %s is no folder but %s: remove it", dir, info.Mode())
	case !ok || int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("folder of sockets %s belongs to another user: remove it or set XDG_RUNTIME_DIR", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("folder of sockets %s is open to others (%s): chmod 700 it", dir, info.Mode())
	}
	return nil
}

// removeStale removes the sockets that nobody listens on any more. A process that ends without Close leaves its own.
func removeStale(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name, found := strings.CutSuffix(e.Name(), ".sock")
		pid, err := strconv.Atoi(name)
		if !found || err != nil || pid < 1 || e.Type() != fs.ModeSocket {
			continue
		}
		if pid != os.Getpid() && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue // it may be about to listen
		}
		path := filepath.Join(dir, e.Name())
		c, err := net.DialTimeout("unix", path, time.Second)
		switch {
		case err == nil:
			c.Close()
		case errors.Is(err, syscall.ECONNREFUSED):
			os.Remove(path)
		}
	}
}
