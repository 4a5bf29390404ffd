package launch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// cgroupBase is where the system shows its control groups.
const cgroupBase = "/sys/fs/cgroup"

// removeFor is how long a control group's removal is tried: its last process is counted a moment longer than it lives.
const removeFor = 2 * time.Second

// ownCgroup is a memory control group made for one command. A nil one has no numbers.
type ownCgroup struct {
	dir     string
	version int
}

// place is where heaptop itself is.
type place struct {
	version int    // 1 or 2, 0 when there is no memory controller
	dir     string // of heaptop's group
	top     string // of the hierarchy
}

// findPlace finds heaptop's memory control group from the text of /proc/self/cgroup. base is cgroupBase.
func findPlace(text []byte, base string) place {
	var found place
	for line := range bytes.Lines(text) {
		_, rest, _ := bytes.Cut(bytes.TrimRight(line, "\n"), []byte{':'})
		controllers, path, ok := bytes.Cut(rest, []byte{':'})
		switch {
		case !ok, !bytes.HasPrefix(path, []byte("/")), !filepath.IsLocal("." + string(path)):
			// "/../x" is outside of heaptop's namespace: nothing that is mounted shows it.
		case len(controllers) == 0 && found.version == 0:
			if _, err := os.Stat(filepath.Join(base, "cgroup.controllers")); err == nil {
				found = place{2, filepath.Join(base, string(path)), base}
			}
		case bytes.Contains(append(append([]byte{','}, controllers...), ','), []byte(",memory,")):
			top := filepath.Join(base, "memory")
			return place{1, filepath.Join(top, string(path)), top}
		}
	}
	return found
}

// newCgroup makes a control group for a command, or says why there is none.
func newCgroup(base string) (*ownCgroup, string) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Sprintf("the system does not say which control group heaptop is in: %v", err)
	}
	at := findPlace(text, base)
	parent, why := at.parent()
	if why != "" {
		return nil, why
	}
	dir, err := os.MkdirTemp(parent, "heaptop-")
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS):
		return nil, fmt.Sprintf("this user may not make a control group in %s", parent)
	case err != nil:
		return nil, fmt.Sprintf("no control group could be made: %v", err)
	}
	g := &ownCgroup{dir: dir, version: at.version}
	if r := g.peak(); !r.OK {
		_ = g.remove() // what matters is why there is none
		return nil, fmt.Sprintf("the kernel tells no peak of a control group (no %s in %s)", g.peakFile(), parent)
	}
	return g, ""
}

// parent is where a group for the command can be made. In version 1 that is heaptop's own. In version 2 a group with
// processes has no others with memory accounting below it, so it is the one above, where that lets the command escape
// no limit.
func (p place) parent() (dir, why string) {
	switch {
	case p.version == 0:
		return "", "there is no memory controller among the system's control groups"
	case p.version == 1:
		return p.dir, ""
	case p.dir == p.top:
		return p.dir, delegates(p.dir)
	}
	if limit := limited(p.dir); limit != "" {
		return "", fmt.Sprintf("heaptop's own control group has a limit (%s), which a command in another one would escape", limit)
	}
	up := filepath.Dir(p.dir)
	return up, delegates(up)
}

// delegates says why groups below dir have no memory accounting, "" when they have.
func delegates(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return fmt.Sprintf("control groups cannot be made below %s: %v", dir, err)
	}
	for word := range bytes.FieldsSeq(b) {
		if string(word) == "memory" {
			return ""
		}
	}
	return fmt.Sprintf("control groups below %s count no memory", dir)
}

// limited names a limit that is set in the group, "" when there is none. How many processes there may be is no such
// limit here: systemd sets it everywhere.
func limited(dir string) string {
	for _, name := range []string{"memory.max", "memory.high", "memory.swap.max", "cpu.max"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.HasPrefix(b, []byte("max")) {
			return name + " " + strings.TrimSpace(string(b))
		}
	}
	return ""
}

func (g *ownCgroup) peakFile() string {
	if g.version == 1 {
		return "memory.max_usage_in_bytes"
	}
	return "memory.peak"
}

// join moves a process into the group. What it starts from then on is in it, too.
func (g *ownCgroup) join(pid int) error {
	if g == nil {
		return nil
	}
	return os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

// peak is the most memory that was ever charged to the group, in bytes.
func (g *ownCgroup) peak() sampler.Reading {
	if g == nil {
		return sampler.Reading{}
	}
	b, err := os.ReadFile(filepath.Join(g.dir, g.peakFile()))
	if err != nil {
		return sampler.Reading{}
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 62)
	if err != nil {
		return sampler.Reading{}
	}
	return sampler.Known(float64(n))
}

// processes returns those that are in the group.
func (g *ownCgroup) processes() []int {
	if g == nil {
		return nil
	}
	b, _ := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	var found []int
	for f := range bytes.FieldsSeq(b) {
		if pid, err := strconv.Atoi(string(f)); err == nil && pid > 0 {
			found = append(found, pid)
		}
	}
	return found
}

// kills is how many processes were killed in the group because memory ran out.
func (g *ownCgroup) kills() sampler.Reading {
	if g == nil {
		return sampler.Reading{}
	}
	if g.version == 1 {
		return counter(filepath.Join(g.dir, "memory.oom_control"), "oom_kill")
	}
	return counter(filepath.Join(g.dir, "memory.events"), "oom_kill")
}

// remove removes the group once its processes are gone.
func (g *ownCgroup) remove() error {
	if g == nil {
		return nil
	}
	for deadline := time.Now().Add(removeFor); ; time.Sleep(time.Millisecond) {
		err := unix.Rmdir(g.dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return fmt.Errorf("remove control group %s: %w", g.dir, err)
		}
	}
}

// counter reads the line "name value" of a file.
func counter(path, name string) sampler.Reading {
	b, err := os.ReadFile(path)
	if err != nil {
		return sampler.Reading{}
	}
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte{' '})
		if n, err := strconv.ParseUint(string(value), 10, 62); string(key) == name && err == nil {
			return sampler.Known(float64(n))
		}
	}
	return sampler.Reading{}
}

// oomWatch tells a process that the system killed because memory ran out from one that somebody else killed. The
// command's own group counts them, and so does the machine, for the command may have left the group.
type oomWatch struct{ counts []oomCount }

type oomCount struct {
	read func() sampler.Reading
	last sampler.Reading
}

func newOOMWatch(g *ownCgroup) *oomWatch {
	w := &oomWatch{}
	machine := func() sampler.Reading { return counter("/proc/vmstat", "oom_kill") }
	for _, read := range []func() sampler.Reading{g.kills, machine} {
		w.counts = append(w.counts, oomCount{read, read()})
	}
	return w
}

// killed reports whether such a kill has happened that was not reported before.
func (w *oomWatch) killed() bool {
	found := false
	for i := range w.counts {
		c := &w.counts[i]
		if now := c.read(); now.OK && c.last.OK && now.Value > c.last.Value {
			c.last.Value++
			found = true
		}
	}
	return found
}
