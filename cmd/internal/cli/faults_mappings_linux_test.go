package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFaultMappingsChild is the program of the test below: it makes as many mappings as the kernel permits.
func TestFaultMappingsChild(t *testing.T) {
	if os.Getenv("HEAPTOP_TEST_MAPPINGS") == "" {
		t.Skip("part of TestFaultTargetHasManyMappings")
	}
	most, err := strconv.Atoi(os.Getenv("HEAPTOP_TEST_MAPPINGS"))
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	area, err := syscall.Mmap(-1, 0, 2*most*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < most; i += 2 { // neighbours with other rights do not become one
		if syscall.Mprotect(area[i*page:(i+1)*page], syscall.PROT_READ) != nil {
			break // vm.max_map_count
		}
	}
	if err := syscall.Mprotect(area[:page], syscall.PROT_READ); err != nil {
		t.Fatal(err)
	}
	fmt.Println("mapped")
	time.Sleep(5 * time.Minute)
}

// mostMappings is how many mappings the child shall make: almost as many as the kernel permits as it comes. With
// HEAPTOP_FULL=1 it is permitted more while the test runs.
func mostMappings(t testing.TB) int {
	t.Helper()
	const limit, more = "/proc/sys/vm/max_map_count", 100_000
	before, err := os.ReadFile(limit)
	if os.Getenv("HEAPTOP_FULL") != "1" || err != nil || os.WriteFile(limit, []byte(fmt.Sprint(more+1000)), 0o644) != nil {
		return 65_200
	}
	t.Cleanup(func() {
		if err := os.WriteFile(limit, before, 0o644); err != nil {
			t.Error(err)
		}
	})
	return more
}

// TestFaultTargetHasManyMappings: reading that many of them takes long, and is done seldom.
func TestFaultTargetHasManyMappings(t *testing.T) {
	bin, most := heaptop(t), mostMappings(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestFaultMappingsChild$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("HEAPTOP_TEST_MAPPINGS=%d", most), "XDG_RUNTIME_DIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprint(cmd.Process.Pid)
	maps, err := os.ReadFile("/proc/" + pid + "/maps")
	if n := strings.Count(string(maps), "\n"); err != nil || n < most*9/10 {
		t.Fatalf("it has %d mappings, %v", n, err)
	}
	began := time.Now()
	o := run(t, nil, bin, "--format", "json", "--interval", "200ms", "--duration", "2s", pid)
	o.ends(0)
	n := len(o.readings())
	t.Logf("%d mappings: %d readings in %s", strings.Count(string(maps), "\n"), n, time.Since(began).Round(time.Millisecond))
	if l := o.last(); n < 3 || l.Metrics["/process/rss:bytes"] <= 0 || l.Metrics["/gc/gogc:percent"] != 100 {
		t.Errorf("%d readings, the last is %v", n, l)
	}
	file := filepath.Join(t.TempDir(), "a.heapsnap")
	run(t, nil, bin, "snapshot", "-o", file, pid).ends(0)
	run(t, nil, bin, "debug", "analyze", file).ends(0)
}
