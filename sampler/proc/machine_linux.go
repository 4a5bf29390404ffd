package proc

import (
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// ticksPerSecond is USER_HZ, in which stat counts: 100 on every system that Go runs on, whatever the kernel's own HZ.
const ticksPerSecond = 100

// host is one root of /proc: the directory, where cgroups are, and when the system started.
type host struct {
	root   string
	dir    int // descriptor of root
	boot   time.Time
	cpus   int
	mounts mounts
	real   bool // the running system, not a captured one
}

// openHost opens the root of /proc and reads what does not change.
func openHost(o Options) (*host, error) {
	h := &host{root: o.Root, real: o.Root == ""}
	if h.real {
		h.root = "/proc"
	}
	dir, err := unix.Open(h.root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, explain("open", h.root, err)
	}
	h.dir = dir
	buf := make([]byte, firstBuffer)
	b, err := h.slurp("stat", &buf)
	if err != nil {
		h.close()
		return nil, err
	}
	seconds, cpus := parseBoot(b)
	h.boot, h.cpus = time.Unix(int64(seconds), 0), cpus
	if b, err := h.slurp("self/mountinfo", &buf); err == nil {
		h.mounts = parseMounts(b)
	}
	if o.CgroupRoot != "" {
		h.mounts.unified = mount{dir: o.CgroupRoot}
		h.mounts.memory = mount{dir: filepath.Join(o.CgroupRoot, "memory")}
	}
	return h, nil
}

// slurp reads a file of the root once.
func (h *host) slurp(name string, buf *[]byte) ([]byte, error) {
	f := openFile(h.dir, name, h.path(name))
	defer f.close()
	return f.read(buf)
}

func (h *host) path(name string) string { return filepath.Join(h.root, name) }

func (h *host) close() { _ = unix.Close(h.dir) }

// started converts the ticks of stat to a time. Its resolution is a second, since that is the resolution in which the
// kernel tells when it started; equal ticks give equal times.
func (h *host) started(ticks uint64) time.Time {
	seconds, rest := ticks/ticksPerSecond, ticks%ticksPerSecond
	return h.boot.Add(time.Duration(min(seconds, 1<<33))*time.Second + time.Duration(rest)*time.Second/ticksPerSecond)
}

// machine reads the whole machine's memory and pressure.
type machine struct {
	meminfo, pressure file
	cpus              int
}

func openMachine(h *host) machine {
	m := machine{
		meminfo:  openFile(h.dir, "meminfo", h.path("meminfo")),
		pressure: openFile(h.dir, "pressure/memory", h.path("pressure/memory")),
		cpus:     h.cpus,
	}
	if err := m.pressure.err; err != nil && vanished(err) {
		m.pressure.err = fmt.Errorf("no pressure figures: the kernel was started without psi=1: %w", err)
	}
	return m
}

// read returns what could be read, and up to two reasons for what could not.
func (m *machine) read(buf *[]byte) (now sampler.Machine, noMeminfo, noPressure error) {
	now.CPUs = m.cpus
	if b, err := m.meminfo.read(buf); err != nil {
		noMeminfo = err
	} else {
		var info meminfo
		parseMeminfo(b, &info)
		now.Total, now.Available = info.total, info.available
		now.SwapTotal, now.SwapFree = info.swapTotal, info.swapFree
	}
	if b, err := m.pressure.read(buf); err != nil {
		noPressure = err
	} else {
		now.PressureSome10, now.PressureFull10 = parsePressure(b)
	}
	return now, noMeminfo, noPressure
}

func (m *machine) close() {
	m.meminfo.close()
	m.pressure.close()
}
