package tab

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/keys"
)

func itoa(n int) string { return strconv.Itoa(n) }

func processDesk(t testing.TB, machine samplertest.ListerOptions) *desk {
	return newDesk(t, NewProcesses(), samplertest.Options{}, machine)
}

// pids returns the process ids shown, from top to bottom.
func (d *desk) pids() []int {
	s := d.screen.(*Processes)
	var out []int
	for _, i := range s.shown {
		out = append(out, s.all[i].p.PID)
	}
	return out
}

func TestProcessesLook(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{})
	d.read(70)
	d.act(keys.Down, keys.Down)
	d.goldens("processes")
	d.act(keys.Tree)
	d.goldens("processes-tree")
	d.act(keys.Tree, keys.Filter)
	d.typed("mem>1xb")
	d.goldens("processes-filter")
}

func TestProcessesFitAnySize(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{Processes: 300})
	d.anySize(60)
	d.read(3)
	d.anySize(250)
	d.act(keys.Tree)
	d.anySize(150)
	d.act(keys.Filter)
	d.typed("name~" + strings.Repeat("x", 300))
	d.anySize(100)
}

func TestProcessesShowStrangersNamesSafely(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{Processes: 200})
	d.read(2)
	for _, tree := range []bool{false, true} {
		if tree {
			d.act(keys.Tree)
		}
		out := d.view(400, 205)
		for _, r := range out {
			if r < 0x20 && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e' || r == '\u200d' {
				t.Fatalf("%U reaches the terminal", r)
			}
		}
		if !strings.Contains(out, "two␊lines") {
			t.Error("a line break in a name is not made visible")
		}
	}
}

func TestUnknownNumbersAreNeverZero(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{})
	table := &sampler.ProcessTable{Time: samplertest.DefaultStart(), Processes: []sampler.Process{{PID: 77, Name: "dark"}}}
	d.st.SetProcesses(table, nil)
	d.send(Heard{NewsProcesses})
	for line := range strings.SplitSeq(d.view(200, 57), "\n") {
		if strings.Contains(line, "dark") {
			if strings.Contains(line, "0") || strings.Count(line, "–") < 9 {
				t.Errorf("a process of which nothing is known: %q", line)
			}
			return
		}
	}
	t.Error("the process is not shown")
}

func TestProcessesSortByEveryColumn(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{Processes: 120})
	d.read(20)
	d.view(200, 57)
	s := d.screen.(*Processes)
	seen := map[processColumn]bool{}
	for range 12 {
		for _, reverse := range []bool{false, true} {
			if reverse {
				d.act(keys.Reverse)
			}
			d.read(1) // peak and swap are read when they are sorted by
			checkOrder(t, s)
		}
		seen[s.column()] = true
		d.act(keys.Sort)
	}
	if len(seen) != 11 {
		t.Errorf("o goes through %d columns, want 11", len(seen))
	}
}

func checkOrder(t *testing.T, s *Processes) {
	t.Helper()
	c, ascending := s.column(), s.table.Ascending()
	for i := 1; i < len(s.shown); i++ {
		a, b := &s.all[s.shown[i-1]], &s.all[s.shown[i]]
		if x, ok := a.text(c); ok {
			y, _ := b.text(c)
			if (x > y) == ascending && x != y {
				t.Fatalf("%q before %q (ascending %v)", x, y, ascending)
			}
			continue
		}
		x, y := a.number(c), b.number(c)
		if !x.OK && y.OK || x.OK && y.OK && x.Value != y.Value && (x.Value > y.Value) == ascending {
			t.Fatalf("column %d: %v before %v (ascending %v)", c, x, y, ascending)
		}
	}
}

func TestProcessesFollowChangesFromTheMark(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{})
	proc := func(pid int, rss, cpu float64) sampler.Process {
		return sampler.Process{PID: pid, Started: samplertest.DefaultStart(), Name: "p", RSS: sampler.Known(rss), CPU: sampler.Known(cpu)}
	}
	at := samplertest.DefaultStart()
	list := func(after time.Duration, ps ...sampler.Process) {
		at = at.Add(after)
		d.st.SetProcesses(&sampler.ProcessTable{Time: at, Processes: ps}, nil)
		d.send(Heard{NewsProcesses})
	}
	row := func(pid int) *processRow {
		s := d.screen.(*Processes)
		i := slices.IndexFunc(s.all, func(r processRow) bool { return r.p.PID == pid })
		return &s.all[i]
	}
	list(0, proc(10, 50e6, 1), proc(30, 8e6, 1))
	list(10*time.Second, proc(10, 60e6, 6), proc(20, 5e6, 0), proc(30, 8e6, 1))
	if r := row(10); r.change.Value != 10e6 || r.rate.Value != 1e6 || r.share.Value != 0.5 {
		t.Errorf("after 10 s: change %v, rate %v a second, CPU %v", r.change, r.rate, r.share)
	}
	if !row(20).fresh || row(10).fresh {
		t.Error("only the process that appeared after the mark is new")
	}
	reused := proc(30, 1e6, 0)
	reused.Started = at
	list(10*time.Second, proc(10, 61e6, 6), proc(20, 5e6, 0), reused)
	if r := row(30); !r.fresh || r.share.OK || r.rate.OK {
		t.Errorf("a reused pid inherits from its predecessor: %+v", r)
	}
	d.st.SetMark()
	d.send(Heard{NewsMark})
	if r := row(10); r.change.Value != 0 || row(20).fresh {
		t.Errorf("the mark was set, yet the change is %v", r.change)
	}
	list(10*time.Second, proc(10, 58e6, 6), proc(20, 5e6, 0))
	if r := row(10); r.change.Value != -3e6 {
		t.Errorf("since the mark: %v", r.change)
	}
}

func TestPausedProcessesStayAndCanBeSorted(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{})
	d.read(10)
	d.pause()
	before := d.view(120, 33)
	d.read(20)
	if after := d.view(120, 33); after != before {
		t.Errorf("paused, but it changed:\n%s\n%s", before, after)
	}
	first := d.pids()
	d.act(keys.Reverse)
	if slices.Equal(first, d.pids()) {
		t.Error("paused, it cannot be sorted")
	}
	d.act(keys.Reverse)
	d.resume()
	if d.view(120, 33) == before {
		t.Error("live again, it still shows the old table")
	}
}

func TestNeedsNameTheRowsOnScreen(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{Processes: 1000})
	d.read(3)
	d.view(120, 33)
	needs := d.screen.(Needer).Needs(d.st)
	s := d.screen.(*Processes)
	from, to := s.table.Visible()
	if needs.List.All || len(needs.List.PIDs) > 3*(to-from) {
		t.Errorf("%d rows are on screen, %d are asked for", to-from, len(needs.List.PIDs))
	}
	for _, pid := range d.pids()[from:to] {
		if !needs.List.PIDs[pid] {
			t.Errorf("pid %d is on screen and not asked for", pid)
		}
	}
	d.act(keys.Filter)
	d.typed("swap>1mb")
	if !d.screen.(Needer).Needs(d.st).List.All {
		t.Error("a filter by swap does not ask for all rows")
	}
}

func TestFilterKeepsAndDrops(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{})
	d.read(3)
	all := len(d.pids())
	d.act(keys.Filter)
	if d.screen.Mode() != Filtering || d.screen.Place() != keys.InFilter {
		t.Fatal("/ does not begin a filter")
	}
	d.typed("name~postgres")
	some := len(d.pids())
	if some == 0 || some >= all {
		t.Fatalf("%d of %d processes pass", some, all)
	}
	d.typed(" mem>1xb")
	d.mustShow(`! column`, "1xb")
	if len(d.pids()) != some {
		t.Error("a filter that is wrong so far changes the rows")
	}
	d.send(Act{keys.FilterKeep})
	if len(d.asked) != 1 || !d.asked[0].(Notice).Bad {
		t.Errorf("a wrong filter is kept without a word: %v", d.asked)
	}
	d.act(keys.Filter)
	d.typed("name~postgres")
	d.act(keys.FilterKeep)
	if d.screen.Mode() != Normal || !d.screen.(BackHandler).Closable() {
		t.Error("the filter was not kept")
	}
	d.mustShow("filter name~postgres")
	d.act(keys.Back)
	if len(d.pids()) != all {
		t.Error("Esc does not drop the filter")
	}
}

func TestTreeSums(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{})
	p := func(pid, ppid int, rss float64) sampler.Process {
		return sampler.Process{PID: pid, PPID: ppid, Name: fmt.Sprint("p", pid), RSS: sampler.Known(rss)}
	}
	lost := p(50, 60, 3e6)
	lost.RSS = sampler.Reading{}
	d.st.SetProcesses(&sampler.ProcessTable{Time: samplertest.DefaultStart(), Processes: []sampler.Process{
		p(1, 0, 1e6), p(10, 1, 2e6), p(11, 10, 4e6), p(20, 1, 8e6), lost, p(60, 50, 16e6), p(70, 99, 32e6),
	}}, nil)
	d.send(Heard{NewsProcesses})
	d.act(keys.Tree)
	if got, want := fmt.Sprint(d.pids()), "[70 50 60 1 20 10 11]"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
	s := d.screen.(*Processes)
	sums := map[int]float64{}
	for i := range s.all {
		sums[s.all[i].p.PID] = s.all[i].sum.Value
	}
	if sums[1] != 15e6 || sums[10] != 6e6 || sums[50] != 16e6 {
		t.Errorf("sums %v", sums)
	}
	d.mustShow("├ p20", "└ p10", "  └ p11")
	d.act(keys.Filter)
	d.typed("name~p11")
	if got := fmt.Sprint(d.pids()); got != "[1 10 11]" {
		t.Errorf("the filter leaves %s; ancestors stay", got)
	}
}

func TestEnterWatchesTheProcess(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{})
	d.read(2)
	pid := d.pids()[1]
	d.act(keys.Down, keys.Open)
	if len(d.asked) != 1 {
		t.Fatalf("asked %v", d.asked)
	}
	w, ok := d.asked[0].(Watch)
	if !ok || w.Target.PID != pid || w.Target.Kind != sampler.KindProcess {
		t.Errorf("asked for %+v, selected was %d", w, pid)
	}
}

func TestProcessesTakeTheMouse(t *testing.T) {
	d := processDesk(t, samplertest.ListerOptions{})
	d.read(2)
	lines := strings.Split(d.view(120, 33), "\n")
	pids := d.pids()
	d.send(Click{X: 10, Y: 6})
	if got := d.screen.(*Processes).selected().p.PID; got != pids[3] {
		t.Errorf("a click on %q selects %d, want %d", lines[6], got, pids[3])
	}
	x := strings.Index(lines[2], "pid")
	d.send(Click{X: x, Y: 2})
	if now := d.pids(); !slices.IsSorted(now) {
		t.Errorf("a click on the title pid does not sort by it: %v", now)
	}
	d.send(Wheel{Lines: 3})
	if from, _ := d.screen.(*Processes).table.Visible(); from != 3 {
		t.Errorf("the wheel scrolls to %d", from)
	}
}

func TestProcessesSayWhyThereAreNone(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"unsupported": {fmt.Errorf("list processes: %w", sampler.ErrUnsupported), "There is no process table here"},
		"failed":      {errors.New("read /proc: no"), "cannot be read: read /proc: no"},
	} {
		t.Run(name, func(t *testing.T) {
			d := processDesk(t, samplertest.ListerOptions{Fail: tt.err})
			d.mustShow("Reading the process table")
			d.read(1)
			d.mustShow(tt.want)
			if d.screen.Why(d.st, keys.Open) == "" {
				t.Error("Enter claims to work without a process")
			}
		})
	}
}

// BenchmarkProcessesFrame draws 5,000 processes at 200x60 after a key, when nothing of the data changed.
func BenchmarkProcessesFrame(b *testing.B) {
	d := processDesk(b, samplertest.ListerOptions{Processes: 5000})
	d.st.Theme = colourTheme()
	d.read(40)
	d.view(200, 57)
	b.ReportAllocs()
	for b.Loop() {
		d.st.Version++
		d.screen.View(d.st, 200, 57)
	}
}

// BenchmarkProcessesTick takes a table of 5,000 processes, sorts it and draws it.
func BenchmarkProcessesTick(b *testing.B) {
	d := processDesk(b, samplertest.ListerOptions{Processes: 5000})
	d.st.Theme = colourTheme()
	d.read(40)
	d.view(200, 57)
	table := d.st.Live().Processes
	b.ReportAllocs()
	for b.Loop() {
		table.Time = table.Time.Add(time.Second)
		d.st.SetProcesses(table, nil)
		d.screen.Update(d.st, Heard{NewsProcesses})
		d.screen.View(d.st, 200, 57)
	}
}
