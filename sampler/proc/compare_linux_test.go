package proc

import (
	"context"
	"math"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/proc/internal/portable"
)

// sleepers starts n processes that do nothing, by a shell, so that starting them is quick, and returns the shell's id. They are
// one process group, which ends with the test.
func sleepers(tb testing.TB, n int) (shell int) {
	tb.Helper()
	cmd := exec.Command("sh", "-c", `i=0; while [ $i -lt $1 ]; do sleep 1000 & i=$((i+1)); done; echo ready; wait`, "sh", strconv.Itoa(n))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 8)); err != nil {
		tb.Fatal(err)
	}
	return cmd.Process.Pid
}

// crowd is how many processes are started for a comparison: 300, or 5,000 with HEAPTOP_FULL=1.
func crowd() int {
	if os.Getenv("HEAPTOP_FULL") != "" {
		return 5000
	}
	return 300
}

// The fast reader and gopsutil say the same of the same processes, and the fast one is fast.
func TestListAgainstGopsutil(t *testing.T) {
	shell := sleepers(t, crowd())
	ours, theirs := openLister(t, Options{}, 4000), portable.NewLister()
	var a, b sampler.ProcessTable
	until(t, "all of them sleep", func() bool { // identities are asked in these readings
		n := 0
		for _, p := range list(t, ours, sampler.ListOptions{}, &a) {
			if p.PPID == shell && p.Name == "sleep" && p.Command != "" {
				n++
			}
		}
		return n >= crowd()
	})
	list(t, theirs, sampler.ListOptions{}, &b)
	rows, others := list(t, ours, sampler.ListOptions{All: true}, &a), list(t, theirs, sampler.ListOptions{All: true}, &b)
	same := 0
	for pid, p := range rows {
		q, ok := others[pid]
		if !ok || p.PPID != shell { // those of other tests begin, end and find other parents meanwhile
			continue
		}
		same++
		// The start differs by rounding: gopsutil knows that of the system to the second, and cuts.
		if p.PPID != q.PPID || p.User != q.User || p.Threads != q.Threads || math.Abs(p.Started.Sub(q.Started).Seconds()) > 1.1 {
			t.Errorf("process %d: %+v, gopsutil %+v", pid, p, q)
		}
		if p.Command != q.Command || p.State != q.State || p.CPU != q.CPU {
			t.Errorf("process %d: %+v, gopsutil %+v", pid, p, q)
		}
		near(t, "RSS", p.RSS.Value, q.RSS.Value, mib)
	}
	if same < crowd() {
		t.Errorf("%d processes compared, want %d", same, crowd())
	}
	fast, slow := best(t, ours, &a), best(t, theirs, &b)
	t.Logf("%d processes: %v, gopsutil %v, %.1f times; %v a process", len(rows), fast, slow,
		float64(slow)/float64(fast), fast/time.Duration(len(rows)))
	if slow < 3*fast {
		t.Errorf("a reading takes %v, gopsutil's %v: want a third at most, and measure a tenth", fast, slow)
	}
}

// best returns the shortest of five readings.
func best(tb testing.TB, l sampler.Lister, into *sampler.ProcessTable) time.Duration {
	tb.Helper()
	shortest := time.Duration(math.MaxInt64)
	for range 5 {
		began := time.Now()
		list2(tb, l, sampler.ListOptions{}, into)
		shortest = min(shortest, time.Since(began))
	}
	return shortest
}

// A session of either reader says the same of one process.
func TestReadAgainstGopsutil(t *testing.T) {
	c := start(t)
	c.do(t, "grow 16")
	theirs, err := portable.Open(context.Background(), sampler.Target{Kind: sampler.KindProcess, PID: c.pid})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := readAllSamples(t, watch(t, c.pid))
	b, _ := readAllSamples(t, theirs)
	for _, m := range []sampler.Metric{
		sampler.ProcessRSS, sampler.TreeRSS, sampler.MachineMemory, sampler.MachineSwapTotal,
	} {
		near(t, string(m), a[m], b[m], mib)
	}
	for _, m := range []sampler.Metric{sampler.ProcessThreads, sampler.ProcessFDs, sampler.TreeProcesses} {
		if a[m] != b[m] {
			t.Errorf("%s: %v, gopsutil %v", m, a[m], b[m])
		}
	}
	if d := math.Abs(a[sampler.ProcessCPU] - b[sampler.ProcessCPU]); d > 0.05 {
		t.Errorf("CPU: %v, gopsutil %v", a[sampler.ProcessCPU], b[sampler.ProcessCPU])
	}
}

// BenchmarkTable reads the process table with 300 sleeping processes, 5,000 with HEAPTOP_FULL=1, and gopsutil's in the
// same run.
func BenchmarkTable(b *testing.B) {
	sleepers(b, crowd())
	var perRow [2]float64
	for i, c := range []struct {
		name string
		l    sampler.Lister
	}{{"ours", openLister(b, Options{}, 4000)}, {"gopsutil", portable.NewLister()}} {
		b.Run(c.name, func(b *testing.B) {
			var table sampler.ProcessTable
			list2(b, c.l, sampler.ListOptions{}, &table)
			b.ReportAllocs()
			for b.Loop() {
				list2(b, c.l, sampler.ListOptions{}, &table)
			}
			perRow[i] = float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(len(table.Processes))
			b.ReportMetric(perRow[i], "ns/process")
			if i == 1 && perRow[0] > 0 {
				b.ReportMetric(perRow[1]/perRow[0], "times-ours")
			}
		})
	}
}
