package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler"
)

func openLister(tb testing.TB, o Options, keep int) *lister {
	tb.Helper()
	l, err := newLister(o, keep)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}

func list(tb testing.TB, l sampler.Lister, o sampler.ListOptions, into *sampler.ProcessTable) map[int]sampler.Process {
	tb.Helper()
	if err := l.List(context.Background(), o, into); err != nil {
		tb.Fatal(err)
	}
	rows := map[int]sampler.Process{}
	for _, p := range into.Processes {
		rows[p.PID] = p
	}
	if len(rows) != len(into.Processes) {
		tb.Errorf("a process is in the table twice")
	}
	if !slices.IsSortedFunc(into.Processes, func(a, b sampler.Process) int { return a.PID - b.PID }) {
		tb.Errorf("the table is not in ascending order")
	}
	return rows
}

// fakeSystem is a root of /proc with n processes, which no one but the test changes.
func fakeSystem(tb testing.TB, n int) Options {
	tb.Helper()
	o := fixture(tb, "hybrid-v1.txtar")
	for pid := 100; pid < 100+n; pid++ {
		fakeProcess(tb, o, pid, "worker", 1000+pid, 50)
	}
	write(tb, o.Root+"/version", "no process\n")
	return o
}

func fakeProcess(tb testing.TB, o Options, pid int, name string, start, pages int) {
	tb.Helper()
	base := fmt.Sprintf("%s/%d/", o.Root, pid)
	write(tb, base+"stat", fmt.Sprintf("%d (%s) S 1 1 1 0 -1 0 7 0 1 0 150 50 0 0 20 0 3 0 %d 0 %d\n", pid, name, start, pages))
	write(tb, base+"status", fmt.Sprintf("Tgid:\t%d\nUid:\t0\t0\t0\t0\nVmHWM:\t 400 kB\nVmSwap:\t 8 kB\n", pid))
	write(tb, base+"cmdline", "/usr/bin/"+name+"\x00--flag\x00")
	write(tb, base+"cgroup", "0::/system.slice/"+name+".service\n")
}

func TestListRows(t *testing.T) {
	o := fakeSystem(t, 3)
	l := openLister(t, o, 100)
	var table sampler.ProcessTable
	rows := list(t, l, sampler.ListOptions{PIDs: map[int]bool{101: true}}, &table)
	want := sampler.Process{
		PID: 101, PPID: 1, Started: time.Unix(1795296540+11, int64(10*time.Millisecond)), Name: "worker", Command: "/usr/bin/worker --flag",
		User: "root", Container: "worker.service", State: 'S', RSS: sampler.Known(float64(50 * os.Getpagesize())),
		Peak: sampler.Known(400 << 10), Swap: sampler.Known(8 << 10), Threads: sampler.Known(3), CPU: sampler.Known(2),
	}
	if d := cmp.Diff(want, rows[101]); d != "" {
		t.Errorf("row (-want +got):\n%s", d)
	}
	if p := rows[102]; p.Peak.OK || p.Swap.OK {
		t.Errorf("peak and swap of a row that was not asked for: %v, %v", p.Peak, p.Swap)
	}
	if len(rows) != 4 || table.Machine.CPUs != 1 || table.Machine.Total != sampler.Known(24684112<<10) {
		t.Errorf("%d rows, machine %+v", len(rows), table.Machine)
	}
	if rows = list(t, l, sampler.ListOptions{All: true}, &table); !rows[102].Peak.OK {
		t.Error("no peak, though all were asked for")
	}
	if rows = list(t, l, sampler.ListOptions{}, &table); rows[102].Peak.OK {
		t.Error("an old peak is shown as if it were read now")
	}
}

// Processes come, go, take over an id and run other programs, with descriptors kept and without.
func TestListFollowsChanges(t *testing.T) {
	for _, keep := range []int{0, 2, 100} {
		o := fakeSystem(t, 4)
		l := openLister(t, o, keep)
		var table sampler.ProcessTable
		before := list(t, l, sampler.ListOptions{}, &table)
		if err := os.RemoveAll(o.Root + "/100"); err != nil {
			t.Fatal(err)
		}
		fakeProcess(t, o, 101, "usurper", 9000, 60) // another process with this id
		edit(t, o.Root+"/102/stat", "(worker)", "(exec)")
		write(t, o.Root+"/102/cmdline", "/bin/exec\x00")
		fakeProcess(t, o, 200, "newcomer", 9100, 70)
		after := list(t, l, sampler.ListOptions{}, &table)
		if _, there := after[100]; there {
			t.Errorf("keep %d: a process that has ended is in the table", keep)
		}
		if p := after[101]; p.Name != "usurper" || p.Container != "usurper.service" || p.Started.Equal(before[101].Started) {
			t.Errorf("keep %d: row of the id that was used again: %+v", keep, p)
		}
		if p := after[102]; p.Name != "exec" || p.Command != "/bin/exec" || !p.Started.Equal(before[102].Started) {
			t.Errorf("keep %d: row after exec: %+v", keep, p)
		}
		if d := cmp.Diff(before[103], after[103]); d != "" {
			t.Errorf("keep %d: a row that did not change (-before +after):\n%s", keep, d)
		}
		if after[200].Name != "newcomer" || len(after) != len(before) {
			t.Errorf("keep %d: %d rows, then %d", keep, len(before), len(after))
		}
		if l.kept > keep {
			t.Errorf("%d descriptors kept, %d allowed", l.kept, keep)
		}
	}
}

func TestListGivesDescriptorsBack(t *testing.T) {
	before := openDescriptors(t)
	o := fakeSystem(t, 20)
	l := openLister(t, o, 100)
	var table sampler.ProcessTable
	list(t, l, sampler.ListOptions{}, &table)
	for pid := 100; pid < 110; pid++ {
		if err := os.RemoveAll(fmt.Sprintf("%s/%d", o.Root, pid)); err != nil {
			t.Fatal(err)
		}
	}
	full := openDescriptors(t)
	list(t, l, sampler.ListOptions{}, &table)
	if freed := full - openDescriptors(t); freed != 10 {
		t.Errorf("10 processes ended, %d descriptors came back", freed)
	}
	_ = l.Close()
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors after Close, %d before", after, before)
	}
}

func TestListIsCancelled(t *testing.T) {
	l := openLister(t, fakeSystem(t, 4), 100)
	var table sampler.ProcessTable
	list(t, l, sampler.ListOptions{}, &table)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.List(ctx, sampler.ListOptions{}, &table); !errors.Is(err, context.Canceled) {
		t.Errorf("List: %v", err)
	}
	if rows := list(t, l, sampler.ListOptions{}, &table); len(rows) != 5 {
		t.Errorf("%d rows after a cancelled reading, want 5", len(rows))
	}
}

// Our row of the running system, against what the kernel and the user database say of us.
func TestListOurselves(t *testing.T) {
	l := openLister(t, Options{}, 4000)
	var table sampler.ProcessTable
	rows := list(t, l, sampler.ListOptions{PIDs: map[int]bool{os.Getpid(): true}}, &table)
	p, ok := rows[os.Getpid()]
	if !ok {
		t.Fatal("we are not in the table")
	}
	near(t, "RSS", p.RSS.Value, kernel(t, p.PID, "smaps_rollup", "Rss"), 4*mib)
	near(t, "peak", p.Peak.Value, kernel(t, p.PID, "status", "VmHWM"), mib)
	if want := strings.Join(os.Args, " "); p.Command != want[:min(len(want), maxCommand)] {
		t.Errorf("command %q, want %q", p.Command, want)
	}
	if u, err := user.Current(); err == nil && p.User != u.Username {
		t.Errorf("user %q, want %q", p.User, u.Username)
	}
	if age := time.Since(p.Started); age < -2*time.Second || age > time.Hour {
		t.Errorf("started %v ago", age)
	}
	if p.PPID != os.Getppid() || p.Kernel {
		t.Errorf("parent %d, want %d; kernel thread: %v", p.PPID, os.Getppid(), p.Kernel)
	}
	if p := rows[2]; p.Name == "kthreadd" && (!p.Kernel || p.Command != "") {
		t.Errorf("kthreadd: %+v", p)
	}
}

func TestFind(t *testing.T) {
	pid := sleeper(t)
	var found []sampler.Process
	until(t, "sleep is found by name", func() bool {
		found, _ = Find(context.Background(), "sleep")
		return slices.ContainsFunc(found, func(p sampler.Process) bool { return p.PID == pid })
	})
	if _, err := Find(context.Background(), "no such program"); !errors.Is(err, sampler.ErrNotFound) || !strings.Contains(err.Error(), `"no such program"`) {
		t.Errorf("Find: %v", err)
	}
	// The kernel cuts names after 15 bytes.
	long := filepath.Join(t.TempDir(), "a-program-with-a-long-name")
	if err := os.Symlink(os.Args[0], long); err != nil {
		t.Fatal(err)
	}
	c := start(t, long)
	until(t, "the program is found by its whole name", func() bool {
		found, _ = Find(context.Background(), filepath.Base(long))
		return len(found) == 1 && found[0].PID == c.pid
	})
}

// In the steady state nothing is allocated, neither for kept rows nor for those that are opened each time.
func TestNoAllocationInTheSteadyState(t *testing.T) {
	o := fakeSystem(t, 300)
	var table sampler.ProcessTable
	for _, keep := range []int{0, 1000} {
		l := openLister(t, o, keep)
		for _, lo := range []sampler.ListOptions{{}, {All: true}} {
			list(t, l, lo, &table)
			if n := testing.AllocsPerRun(10, func() { list2(t, l, lo, &table) }); n > 0 {
				t.Errorf("keep %d, %+v: %v allocations for 300 rows", keep, lo, n)
			}
		}
	}
	s := watch(t, sleeper(t))
	s.rollupBudget.share, s.tree.budget.share = 1e9, 1e9
	var snap sampler.Snapshot
	read := func() {
		if err := s.Read(context.Background(), &snap); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if n := testing.AllocsPerRun(50, read); n > 0 {
		t.Errorf("one process: %v allocations a reading", n)
	}
}

func list2(tb testing.TB, l sampler.Lister, o sampler.ListOptions, into *sampler.ProcessTable) {
	if err := l.List(context.Background(), o, into); err != nil {
		tb.Fatal(err)
	}
}

// A process is new, gets its command line, changes its user, settles: each is noticed, and then nothing is asked again.
func TestWhenIdentitiesAreAsked(t *testing.T) {
	var a asking
	for _, c := range []struct {
		what          string
		renamed, bare bool
		age           time.Duration
		want          bool
	}{
		{"new", true, true, 0, true},
		{"no command line yet", false, true, time.Second, true},
		{"young", false, false, 2 * time.Second, false},
		{"settled", false, false, settleAfter, true},
		{"old", false, false, time.Hour, false},
		{"old without a command line", false, true, time.Hour, false},
		{"another program", true, false, time.Hour, true},
	} {
		if got := a.due(c.renamed, c.bare, c.age); got != c.want {
			t.Errorf("%s: due %v, want %v", c.what, got, c.want)
		}
	}
}
