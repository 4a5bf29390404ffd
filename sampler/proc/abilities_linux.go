package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// Describe implements sampler.Describer.
func (s *session) Describe() sampler.Info {
	info := sampler.Info{
		Target: s.target, PID: s.pid, Name: string(s.comm), Command: s.identity.command, User: s.identity.user,
		Container: s.identity.container, Started: s.host.started(s.start), Source: Source{}.Name(),
	}
	if errors.Is(s.rollup.err, sampler.ErrPermission) {
		info.Hints = append(info.Hints, moreMappings(info.User, unix.Geteuid()))
	}
	return info
}

// moreMappings says what would show the mappings of a process of another user, to the one whom uid names: root is one
// who may already, but for a right that the container lacks.
func moreMappings(user string, uid int) string {
	if uid == 0 {
		return "PSS, USS and the mappings are not shown to root here: CAP_SYS_PTRACE may be missing, or a security module or another user " +
			"namespace forbids it; start the container with --cap-add SYS_PTRACE, or run heaptop outside of it."
	}
	who := "as root"
	if user != "" && user != "root" {
		who += ", or as " + user + ","
	}
	return "Run heaptop " + who + " to see PSS, USS and the mappings."
}

// ResetPeaks implements sampler.PeakResetter.
func (s *session) ResetPeaks() { s.peak.start() }

// PlaceHeap implements sampler.HeapPlacer.
func (s *session) PlaceHeap(arenas []sampler.Range) { s.heap = arenas }

// Mappings implements sampler.Mapper. The list is sorted by RSS, the largest first. An anonymous mapping has no name;
// those where the Go runtime places its heap are kept apart, by the flag Go, which means something in a Go program
// only.
func (s *session) Mappings(ctx context.Context) (sampler.Mappings, error) {
	if err := ctx.Err(); err != nil {
		return sampler.Mappings{}, fmt.Errorf("read the mappings of process %d: %w", s.pid, err)
	}
	if s.gone != nil {
		return sampler.Mappings{}, s.gone
	}
	now, path := time.Now(), s.host.path(fmt.Sprint(s.pid)+"/smaps")
	if !s.smapsBudget.allows(now) {
		wait := s.smapsBudget.next.Sub(now)
		return sampler.Mappings{}, errTooSoon(path, wait.Round(time.Millisecond).String())
	}
	f := openFile(s.dir, "smaps", path)
	if !f.open {
		if vanished(f.err) {
			return sampler.Mappings{}, s.end(nil)
		}
		return sampler.Mappings{}, f.err
	}
	defer f.close()
	list, err := parseSmaps(&sequential{ctx: ctx, fd: f.fd}, s.heap)
	took := time.Since(now)
	s.smapsBudget.spend(now, took)
	if vanished(err) {
		return sampler.Mappings{}, s.end(nil)
	}
	if err != nil {
		return sampler.Mappings{}, explain("read", path, err)
	}
	return sampler.Mappings{Time: now, Took: took, List: list}, nil
}

// sequential reads a descriptor from its beginning to its end.
type sequential struct {
	ctx    context.Context // of the call that made it
	fd     int
	offset int64
}

func (r *sequential) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, no := pread(r.fd, b, r.offset)
	if no != 0 {
		return 0, no
	}
	if n == 0 {
		return 0, io.EOF
	}
	r.offset += int64(n)
	return n, nil
}

// fdCounter counts the open files of a process.
type fdCounter struct {
	fd      int
	open    bool
	sized   bool // the directory's size may be the count
	err     error
	path    string
	budget  budget
	numbers []int
	dents   []byte
}

// openFDs opens the fd directory below dir. Where it is not the kernel's own, its size means something else.
func openFDs(dir int, path string, kernel bool) fdCounter {
	c := fdCounter{path: path, sized: kernel, budget: budget{share: fdsShare}}
	fd, err := unix.Openat(dir, "fd", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		c.err = explain("open", path, err)
		return c
	}
	c.fd, c.open = fd, true
	return c
}

// read adds the count. Since Linux 6.2 it is the directory's size; before, that is 0 and the entries are counted, which
// costs time for each, so it is done when at most 0.1 % of the time goes there.
func (c *fdCounter) read(now time.Time, s *sampler.Snapshot) error {
	if !c.open {
		return c.err
	}
	var st unix.Stat_t
	if err := unix.Fstat(c.fd, &st); err != nil {
		return explain("stat", c.path, err)
	}
	if c.sized && st.Size > 0 {
		s.Add(sampler.ProcessFDs, float64(st.Size))
		return nil
	}
	if !c.budget.allows(now) {
		return nil
	}
	began := time.Now()
	err := c.count(s)
	c.budget.spend(began, time.Since(began))
	return err
}

func (c *fdCounter) count(s *sampler.Snapshot) error {
	fd, no := openRaw(c.fd, []byte{'.', 0}, unix.O_RDONLY|unix.O_DIRECTORY)
	if no != 0 {
		return explain("open", c.path, no)
	}
	defer func() { _ = unix.Close(fd) }()
	if c.dents == nil {
		c.dents = make([]byte, firstBuffer)
	}
	c.numbers, no = readNumbers(fd, c.dents, c.numbers[:0])
	if no != 0 {
		return explain("list", c.path, no)
	}
	s.Add(sampler.ProcessFDs, float64(len(c.numbers)))
	return nil
}

func (c *fdCounter) close() {
	if c.open {
		_ = unix.Close(c.fd)
		c.open = false
	}
}
