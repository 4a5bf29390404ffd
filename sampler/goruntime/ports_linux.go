package goruntime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	maxListeners = 1 << 16
	maxFDs       = 1 << 16 // descriptors of one process that are looked at
	maxProcesses = 1 << 17
)

// listeners returns the TCP sockets on which the process waits for connections. root is where proc is mounted.
func listeners(root string, pid int) ([]listener, error) {
	dir := filepath.Join(root, strconv.Itoa(pid))
	own, err := os.Readlink(filepath.Join(root, "self/ns/net"))
	if err != nil {
		return nil, fmt.Errorf("read the network of this process: %w", err)
	}
	its, err := os.Readlink(filepath.Join(dir, "ns/net"))
	if errors.Is(err, os.ErrPermission) {
		return nil, sampler.Classed(sampler.ErrPermission, "read the network of process %d: %w", pid, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the network of process %d: %w", pid, err)
	}
	if own != its {
		// Its ports are others than those of the same number here.
		return nil, sampler.Classed(sampler.ErrUnsupported, "process %d is in a network namespace of its own (a container): its ports are not asked", pid)
	}
	open, err := listening(dir)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	var out []listener
	err = sockets(dir, func(inode uint64) bool {
		if l, ok := open[inode]; ok {
			out = append(out, l)
			delete(open, inode)
		}
		return len(open) > 0
	})
	return out, err
}

// listening reads all listening sockets of a process's network.
func listening(dir string) (map[uint64]listener, error) {
	open := make(map[uint64]listener)
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		path := filepath.Join(dir, name)
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		first := true
		err = eachLine(f, func(line []byte) error {
			l, ok := parseListener(line)
			if ok && len(open) < maxListeners {
				open[l.inode] = l
			}
			if !ok && !first {
				return io.EOF // the kernel lists those that listen first
			}
			first = false
			return nil
		})
		f.Close()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	return open, nil
}

// sockets calls f with the inode of each socket the process has open, until f returns false.
func sockets(dir string, f func(inode uint64) bool) error {
	path := filepath.Join(dir, "fd")
	d, err := os.Open(path)
	if errors.Is(err, os.ErrPermission) {
		return sampler.Classed(sampler.ErrPermission, "read %s: %w", path, err)
	}
	if err != nil {
		return err
	}
	defer d.Close()
	for seen := 0; seen < maxFDs; {
		names, err := d.Readdirnames(512)
		for _, name := range names {
			link, err := os.Readlink(path + "/" + name)
			text, ok := strings.CutPrefix(link, "socket:[")
			if err != nil || !ok {
				continue
			}
			inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
			if err == nil && !f(inode) {
				return nil
			}
		}
		seen += len(names)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// owner returns the process of this machine that listens on a loopback port, 0 when that is not known.
func owner(ctx context.Context, root string, port string) int {
	open, err := listening(filepath.Join(root, "self"))
	if err != nil {
		return 0
	}
	wanted := make(map[uint64]bool)
	for inode, l := range open {
		if _, ok := l.loopback(); ok && strconv.Itoa(int(l.addr.Port())) == port {
			wanted[inode] = true
		}
	}
	if len(wanted) == 0 {
		return 0
	}
	d, err := os.Open(root)
	if err != nil {
		return 0
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxProcesses) // what was read of the list is what can be looked at
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || ctx.Err() != nil {
			continue
		}
		found := false
		_ = sockets(filepath.Join(root, name), func(inode uint64) bool { // one of another user may not be read
			found = wanted[inode]
			return !found
		})
		if found {
			return pid
		}
	}
	return 0
}
