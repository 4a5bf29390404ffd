package proc

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// maxTree bounds how many descendants are followed.
const maxTree = 1 << 16

// A tree of more than treeLarge processes whose next listing is more than treeLate away is late: that is told.
const (
	treeLarge = 50
	treeLate  = 5 * time.Second
)

// errTreeLate says what the sums of a late tree lack.
var errTreeLate = errors.New("so many processes are below it that they are listed only now and then: the newest are not in the sums of the tree")

// tree sums the RSS of the descendants of a process.
type tree struct {
	host   *host
	pid    int
	keep   int // how many descriptors may be kept; the others are opened for each reading
	kept   int
	budget budget

	seldom     bool // it is so large that it is listed less often than every treeLate
	noChildren bool // the kernel lacks task/*/children: parents are looked up in every stat
	nodes      []node
	spare      []node
	pids       []int // descendants, filled by discover
	threads    []int
	parents    []parent
	name       []byte
	dents      []byte
}

// node is a descendant.
type node struct {
	pid  int
	fd   int // of its statm, -1 when it is not kept
	dead bool
}

// parent is a pair of a process and the one that started it.
type parent struct{ pid, ppid int }

// read returns the RSS of all descendants in pages, and how many there are. Those which have ended and whose parent
// did not yet take notice are left out.
func (t *tree) read(now time.Time, buf *[]byte) (pages uint64, count int, err error) {
	if t.budget.allows(now) {
		began := time.Now()
		err = t.discover(buf)
		took := time.Since(began)
		t.budget.spend(now, took)
		t.seldom = float64(took)/t.budget.share > float64(treeLate) && len(t.nodes) > treeLarge
	} else if t.seldom {
		err = errTreeLate
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.dead {
			continue
		}
		size, rss, ok := t.readNode(n, buf)
		if !ok {
			t.drop(n)
			continue
		}
		if size > 0 {
			pages += rss
			count++
		}
	}
	return pages, count, err
}

func (t *tree) readNode(n *node, buf *[]byte) (size, rss uint64, ok bool) {
	var b []byte
	var no unix.Errno
	if n.fd >= 0 {
		b, no = readAll(n.fd, buf)
	} else {
		t.setName(n.pid, "/statm")
		b, no = readOnce(t.host.dir, t.name, buf)
	}
	if no != 0 {
		return 0, 0, false
	}
	size, rss, err := parseStatm(b)
	return size, rss, err == nil
}

func (t *tree) drop(n *node) {
	n.dead = true
	if n.fd >= 0 {
		_ = unix.Close(n.fd)
		n.fd = -1
		t.kept--
	}
}

// discover finds the descendants and merges them with those known before, whose descriptors stay open.
func (t *tree) discover(buf *[]byte) error {
	t.pids = t.pids[:0]
	var err error
	if !t.noChildren {
		err = t.walkChildren(buf)
	}
	if t.noChildren {
		err = t.walkTable(buf)
	}
	slices.Sort(t.pids)
	t.pids = slices.Compact(t.pids)
	t.merge()
	return err
}

// walkChildren follows /proc/PID/task/TID/children breadth first: a child belongs to the thread that started it.
func (t *tree) walkChildren(buf *[]byte) error {
	var first error
	current, begin := t.pid, 0
	for {
		if err := t.children(current, buf); err != nil && first == nil && !vanished(err) {
			first = err
		}
		if begin >= len(t.pids) || t.noChildren {
			return first
		}
		current = t.pids[begin]
		begin++
	}
}

// children appends the children of one process to t.pids.
func (t *tree) children(pid int, buf *[]byte) error {
	t.setName(pid, "/task")
	fd, no := openRaw(t.host.dir, t.name, unix.O_RDONLY|unix.O_DIRECTORY)
	if no != 0 {
		return explain("open", t.path(), no)
	}
	defer func() { _ = unix.Close(fd) }()
	t.threads, no = readNumbers(fd, t.dents, t.threads[:0])
	if no != 0 {
		return explain("list", t.path(), no)
	}
	for _, tid := range t.threads {
		t.name = append(strconv.AppendInt(t.name[:0], int64(tid), 10), "/children\x00"...)
		no := t.appendChildren(fd, buf)
		if no == unix.ENOENT && pid == t.pid && tid == pid {
			t.noChildren = true
			return nil
		}
		if no != 0 && !errors.Is(no, os.ErrNotExist) && no != unix.ESRCH {
			return explain("read", t.path(), no)
		}
	}
	return nil
}

// appendChildren reads one children file. Unlike other files it may come in pieces, which may end inside a number.
func (t *tree) appendChildren(dir int, buf *[]byte) unix.Errno {
	fd, no := openRaw(dir, t.name, unix.O_RDONLY)
	if no != 0 {
		return no
	}
	defer func() { _ = unix.Close(fd) }()
	var number uint64
	inside, offset := false, int64(0)
	for {
		n, no := pread(fd, *buf, offset)
		if no != 0 {
			return no
		}
		if n == 0 || offset > maxFile {
			return 0
		}
		offset += int64(n)
		for _, c := range (*buf)[:n] {
			if c >= '0' && c <= '9' && number < 1<<31 {
				number, inside = number*10+uint64(c-'0'), true
				continue
			}
			if inside && len(t.pids) < maxTree && int(number) != t.pid {
				t.pids = append(t.pids, int(number))
			}
			number, inside = 0, false
		}
	}
}

// walkTable finds the descendants by the parents of all processes.
func (t *tree) walkTable(buf *[]byte) error {
	var no unix.Errno
	t.threads, no = readNumbers(t.host.dir, t.dents, t.threads[:0])
	if no != 0 {
		return explain("list", t.host.root, no)
	}
	t.parents = t.parents[:0]
	for _, pid := range t.threads {
		t.setName(pid, "/stat")
		b, no := readOnce(t.host.dir, t.name, buf)
		var st stat
		if no == 0 && parseStat(b, &st) == nil {
			t.parents = append(t.parents, parent{pid, st.ppid})
		}
	}
	slices.SortFunc(t.parents, func(a, b parent) int { return a.ppid - b.ppid })
	t.appendByParent(t.pid)
	for i := 0; i < len(t.pids) && len(t.pids) < maxTree; i++ {
		t.appendByParent(t.pids[i])
	}
	return nil
}

func (t *tree) appendByParent(ppid int) {
	i, _ := slices.BinarySearchFunc(t.parents, ppid, func(p parent, ppid int) int { return p.ppid - ppid })
	for ; i < len(t.parents) && t.parents[i].ppid == ppid; i++ {
		if pid := t.parents[i].pid; pid != t.pid {
			t.pids = append(t.pids, pid)
		}
	}
}

// merge makes t.nodes the processes in t.pids; both are in ascending order.
func (t *tree) merge() {
	old, next := t.nodes, t.spare[:0]
	for _, pid := range t.pids {
		for len(old) > 0 && old[0].pid < pid {
			t.drop(&old[0])
			old = old[1:]
		}
		if len(old) > 0 && old[0].pid == pid && !old[0].dead {
			next = append(next, old[0])
			old = old[1:]
			continue
		}
		next = append(next, t.openNode(pid))
	}
	for i := range old {
		t.drop(&old[i])
	}
	t.nodes, t.spare = next, t.nodes
}

func (t *tree) openNode(pid int) node {
	n := node{pid: pid, fd: -1}
	if t.kept >= t.keep {
		return n
	}
	t.setName(pid, "/statm")
	if fd, no := openRaw(t.host.dir, t.name, unix.O_RDONLY|unix.O_NONBLOCK); no == 0 {
		n.fd = fd
		t.kept++
	}
	return n
}

func (t *tree) setName(pid int, file string) {
	t.name = append(append(strconv.AppendInt(t.name[:0], int64(pid), 10), file...), 0)
}

func (t *tree) path() string { return t.host.path(string(t.name[:max(len(t.name)-1, 0)])) }

func (t *tree) close() {
	for i := range t.nodes {
		t.drop(&t.nodes[i])
	}
	t.nodes = nil
}

// addTree adds the sums of the process, whose own RSS is given, and its descendants.
func (t *tree) addTree(own uint64, page float64, now time.Time, buf *[]byte, s *sampler.Snapshot) {
	pages, count, err := t.read(now, buf)
	if err != nil {
		s.Warn(err)
	}
	s.Add(sampler.TreeRSS, float64(own+pages)*page)
	s.Add(sampler.TreeProcesses, float64(count+1))
}
