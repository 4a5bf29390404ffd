package proc

import (
	"bytes"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// cgroupReader reads the memory cgroup of a process, and follows when the process moves to another one.
type cgroupReader struct {
	host  *host
	where file   // /proc/PID/cgroup
	raw   []byte // what where held when the files below were opened
	alive func() bool
	paths cgroupPaths

	current, peak, limit, events file
	above                        []file // limits of the cgroups above
	aboveLimit                   sampler.Reading
	aboveNext                    time.Time
	err                          error           // why there are no numbers at all
	parentEvents                 file            // version 2 counts there what happens below, too
	kills, parentKills           sampler.Reading // OOM kills at the last reading
	rose                         time.Time       // when their number last rose
}

// aboveEvery is how often the limits above the process's own cgroup are read.
const aboveEvery = 10 * time.Second

// read adds the cgroup's samples.
func (c *cgroupReader) read(now time.Time, buf *[]byte, s *sampler.Snapshot) {
	b, err := c.where.read(buf)
	if err != nil {
		s.Warn(err)
		return
	}
	if c.raw == nil {
		c.reopen(b)
	} else if !bytes.Equal(b, c.raw) {
		c.move(now, buf, s)
	}
	if c.err != nil {
		s.Warn(c.err)
		return
	}
	add(s, sampler.CgroupCurrent, &c.current, buf, parseSize)
	add(s, sampler.CgroupPeak, &c.peak, buf, parseSize)
	if limit := c.readLimit(now, buf, s); limit.OK {
		s.Add(sampler.CgroupLimit, limit.Value)
	}
	c.count(now, add(s, sampler.CgroupOOMKills, &c.events, buf, parseOOMKills))
	c.parentKills = kills(&c.parentEvents, buf)
}

// kills reads a file with a count of OOM kills; unknown when there is none.
func kills(f *file, buf *[]byte) sampler.Reading {
	b, err := f.read(buf)
	if err != nil {
		return sampler.Reading{}
	}
	return parseOOMKills(b)
}

// move follows the process to another cgroup. One that ends leaves its cgroup of version 1 for the root, some time
// before it is a zombie: it is not followed there, and why it ends is looked for where it was.
func (c *cgroupReader) move(now time.Time, buf *[]byte, s *sampler.Snapshot) {
	c.count(now, kills(&c.events, buf))
	if !c.alive() {
		return
	}
	b, err := c.where.read(buf)
	if err != nil {
		s.Warn(err)
		return
	}
	c.reopen(b)
}

// count notices that the number of OOM kills rose.
func (c *cgroupReader) count(now time.Time, kills sampler.Reading) {
	if kills.OK && c.kills.OK && kills.Value > c.kills.Value {
		c.rose = now
	}
	if kills.OK {
		c.kills = kills
	}
}

// add reads one number and adds it, or the reason why it cannot be read.
func add(s *sampler.Snapshot, m sampler.Metric, f *file, buf *[]byte, parse func([]byte) sampler.Reading) sampler.Reading {
	b, err := f.read(buf)
	if err != nil {
		s.Warn(err)
		return sampler.Reading{}
	}
	r := parse(b)
	if r.OK {
		s.Add(m, r.Value)
	}
	return r
}

// readLimit returns the smallest limit between the cgroup and the root.
func (c *cgroupReader) readLimit(now time.Time, buf *[]byte, s *sampler.Snapshot) sampler.Reading {
	if !now.Before(c.aboveNext) {
		c.aboveNext = now.Add(aboveEvery)
		c.aboveLimit = sampler.Reading{}
		for i := range c.above {
			if b, err := c.above[i].read(buf); err == nil {
				c.aboveLimit = smaller(c.aboveLimit, parseLimit(b))
			}
		}
	}
	b, err := c.limit.read(buf)
	if err != nil {
		s.Warn(err)
		return c.aboveLimit
	}
	return smaller(c.aboveLimit, parseLimit(b))
}

func smaller(a, b sampler.Reading) sampler.Reading {
	if !a.OK || (b.OK && b.Value < a.Value) {
		return b
	}
	return a
}

// reopen opens the files of the cgroup that raw, the text of /proc/PID/cgroup, names.
func (c *cgroupReader) reopen(raw []byte) {
	c.closeFiles()
	c.raw = append(c.raw[:0], raw...)
	c.paths = parseCgroup(raw)
	c.err, c.above, c.aboveNext = nil, nil, time.Time{}
	c.kills, c.parentKills = sampler.Reading{}, sampler.Reading{}
	dirs := c.host.mounts.unified.levels(c.paths.unified)
	current, peak, limit, events := "memory.current", "memory.peak", "memory.max", "memory.events"
	place := c.paths.unified
	if c.paths.memory != "" {
		dirs, place = c.host.mounts.memory.levels(c.paths.memory), c.paths.memory
		current, peak = "memory.usage_in_bytes", "memory.max_usage_in_bytes"
		limit, events = "memory.limit_in_bytes", "memory.oom_control"
	}
	if len(dirs) == 0 {
		c.err = fmt.Errorf("no cgroup figures: cgroup %q cannot be seen from here", place)
		return
	}
	for len(dirs) > 0 { // a cgroup without the memory controller is accounted for by the next one above
		if c.current = openPath(dirs[0], current); c.current.open {
			break
		}
		dirs = dirs[1:]
	}
	if len(dirs) == 0 {
		c.err = fmt.Errorf("no cgroup figures: cgroup %q has no memory accounting: %w", place, c.current.err)
		return
	}
	c.peak, c.limit, c.events = openPath(dirs[0], peak), openPath(dirs[0], limit), openPath(dirs[0], events)
	if c.paths.memory == "" && len(dirs) > 1 {
		c.parentEvents = openPath(dirs[1], events)
	}
	for _, dir := range dirs[1:] {
		if f := openPath(dir, limit); f.open { // the root of version 2 has no such file
			c.above = append(c.above, f)
		}
	}
}

func openPath(dir, name string) file {
	path := filepath.Join(dir, name)
	return openFile(unix.AT_FDCWD, path, path)
}

// dyingTakes is how long a process may take to end after the kernel counted it as killed: it frees its memory first.
const dyingTakes = 10 * time.Second

// killed says whether the cgroup counted an OOM kill since the last reading, or shortly before it. A container's cgroup
// may be removed right after its process; then the one above is asked.
func (c *cgroupReader) killed(now time.Time, buf *[]byte) bool {
	if after := kills(&c.events, buf); after.OK {
		c.count(now, after)
	} else if above := kills(&c.parentEvents, buf); above.OK && c.parentKills.OK && above.Value > c.parentKills.Value {
		return true
	}
	return !c.rose.IsZero() && now.Sub(c.rose) < dyingTakes
}

func (c *cgroupReader) closeFiles() {
	for _, f := range []*file{&c.current, &c.peak, &c.limit, &c.events, &c.parentEvents} {
		f.close()
	}
	for i := range c.above {
		c.above[i].close()
	}
}

func (c *cgroupReader) close() {
	c.where.close()
	c.closeFiles()
}
