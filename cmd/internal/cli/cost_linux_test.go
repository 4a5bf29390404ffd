package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestDashboardCost measures what the dashboard itself takes at one reading a second: of one CPU, and of memory. The
// bounds are the design's for an idle machine; a machine that does other work gets twice as much before the test fails.
func TestDashboardCost(t *testing.T) {
	samplertest.Full(t)
	for _, c := range []struct {
		processes int
		tab       string
		percent   float64
		megabytes float64
	}{
		{400, "1", 1, 40},
		{400, "2", 1, 40},
		{5000, "2", 6, 0},
	} {
		t.Run(fmt.Sprintf("%d processes, tab %s", c.processes, c.tab), func(t *testing.T) {
			crowd(t, c.processes)
			// Not this process: the crowd are its descendants, and it would be watched with all of them.
			watched := exec.Command("sleep", "1000")
			if err := watched.Start(); err != nil {
				t.Fatal(err)
			}
			defer watched.Wait()
			defer watched.Process.Kill()
			screen := on(t, nil, heaptop(t), strconv.Itoa(watched.Process.Pid))
			screen.shows(enterScreen)
			screen.press(c.tab)
			time.Sleep(8 * time.Second) // past the start, and the first look at every process
			pid := screen.cmd.Process.Pid
			cpu, began := cpuTime(t, pid), time.Now()
			written := len(screen.text())
			time.Sleep(20 * time.Second)
			percent := 100 * (cpuTime(t, pid) - cpu).Seconds() / time.Since(began).Seconds()
			rss := residentMB(t, pid)
			t.Logf("%d processes, tab %s: %.2f %% of a CPU, %.1f MB RSS, %d bytes/s to the terminal",
				c.processes, c.tab, percent, rss, (len(screen.text())-written)/20)
			if percent > 2*c.percent {
				t.Errorf("%.2f %% of a CPU, the bound is %.0f %%", percent, c.percent)
			}
			if c.megabytes > 0 && rss > c.megabytes {
				t.Errorf("%.1f MB RSS, the bound is %.0f MB", rss, c.megabytes)
			}
			screen.press("q")
			screen.exits()
		})
	}
}

// crowd starts so many processes that sleep, and ends them with the test.
func crowd(t *testing.T, n int) {
	t.Helper()
	sh := exec.Command("sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do sleep 1000 & i=$((i+1)); done; wait", n))
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-sh.Process.Pid, syscall.SIGKILL)
		sh.Wait()
	})
	until(t, fmt.Sprintf("%d processes run", n), func() bool {
		time.Sleep(100 * time.Millisecond)
		all, _ := filepath.Glob("/proc/[0-9]*")
		return len(all) > n
	})
}

// cpuTime is utime and stime of /proc/PID/stat, in ticks of 10 ms.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	user, err1 := strconv.Atoi(string(fields[11]))
	system, err2 := strconv.Atoi(string(fields[12]))
	if err1 != nil || err2 != nil {
		t.Fatalf("stat: %q", data)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

func residentMB(t *testing.T, pid int) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(data)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / 1e6
}
