package proc

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

func withinCgroupOf(pid int, o Options) (bool, error) {
	h, err := openHost(o)
	if err != nil {
		return false, err
	}
	defer h.close()
	paths, dirs, current, err := h.cgroupOf(fmt.Sprint(pid))
	if vanished(err) {
		return false, fmt.Errorf("no process %d: %w", pid, sampler.ErrNotFound)
	}
	if err != nil {
		return false, err
	}
	counted := slices.IndexFunc(dirs, func(dir string) bool { // one without the memory controller is counted by the next one above
		f := openPath(dir, current)
		defer f.close()
		return f.open
	})
	if counted < 0 {
		return false, fmt.Errorf("no cgroup that counts the memory of process %d can be seen from here: it is in %q", pid, cmp.Or(paths.memory, paths.unified))
	}
	_, own, _, err := h.cgroupOf("self")
	return slices.Contains(own, dirs[counted]), err
}

// cgroupOf returns where a process is, "self" or its id: the directories from its memory cgroup up to the top, and the file
// that those have which count memory.
func (h *host) cgroupOf(who string) (paths cgroupPaths, dirs []string, current string, err error) {
	buf := make([]byte, firstBuffer)
	b, err := h.slurp(filepath.Join(who, "cgroup"), &buf)
	if err != nil {
		return paths, nil, "", err
	}
	if paths = parseCgroup(b); paths.memory != "" {
		return paths, h.mounts.memory.levels(paths.memory), "memory.usage_in_bytes", nil
	}
	return paths, h.mounts.unified.levels(paths.unified), "memory.current", nil
}
