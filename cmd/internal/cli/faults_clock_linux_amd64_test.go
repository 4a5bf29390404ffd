package cli_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// setClock makes a running process believe that the machine's clock was set, and leaves the clock of the machine alone: it
// replaces the function by which the kernel lets a process tell the time (in the vDSO, of which a process gets a copy of its
// own when it is written to) with one that asks the kernel and adds by. The clock that only runs forward stays as it is.
func setClock(t testing.TB, pid int, by time.Duration) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	var begin, end uint64
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(line, "[vdso]\n") {
			fmt.Sscanf(line, "%x-%x", &begin, &end)
		}
	}
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil || end == 0 {
		t.Skipf("the clock of a process cannot be set here: %v", err)
	}
	defer mem.Close()
	image := make([]byte, end-begin)
	if _, err := mem.ReadAt(image, int64(begin)); err != nil {
		t.Fatal(err)
	}
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	// mov $clock_gettime, %eax; syscall; test %edi, %edi; jne end; movabs $by, %rcx; add %rcx, (%rsi); end: ret
	code := []byte{0xb8, syscall.SYS_CLOCK_GETTIME, 0, 0, 0, 0x0f, 0x05, 0x85, 0xff, 0x75, 13, 0x48, 0xb9}
	code = append(binary.LittleEndian.AppendUint64(code, uint64(by/time.Second)), 0x48, 0x01, 0x0e, 0xc3)
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" {
			if _, err := mem.WriteAt(code, int64(begin+s.Value)); err != nil {
				t.Skipf("the clock of a process cannot be set here: %v", err)
			}
			return
		}
	}
	t.Skip("this kernel tells the time in another way")
}

// noNumber matches what a rate over no time, or over one that ran backwards, would be.
var noNumber = regexp.MustCompile(`\b(NaN|Inf)\b|-[0-9.]+(%| ?[kMG]?B/s)`)

// TestFaultClockIsSet sets the clock back by two hours and ahead by three under a watch: readings go on in their rhythm, the
// moment is told once, and the recording is whole and can be judged.
func TestFaultClockIsSet(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	target := goVictim(t, bin)
	pid, recording := fmt.Sprint(target.Process.Pid), filepath.Join(dir, "a.heaprec")
	out, err := os.Create(filepath.Join(dir, "out.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var stderr bytes.Buffer
	watch := exec.Command(bin, "--format", "json", "--interval", "50ms", "--record", recording, pid)
	watch.Stdout, watch.Stderr = out, &stderr
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { watch.Process.Kill() })
	printed := func() string {
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	further := func() {
		from := strings.Count(printed(), "\n")
		until(t, "readings go on", func() bool { return strings.Count(printed(), "\n") >= from+10 })
	}
	further()
	setClock(t, watch.Process.Pid, -2*time.Hour)
	until(t, "it is told that the clock was set back", func() bool { return strings.Contains(printed(), "was set back by 2h0m0s: charts begin anew") })
	further()
	setClock(t, watch.Process.Pid, time.Hour)
	until(t, "it is told that the clock went ahead", func() bool { return strings.Contains(printed(), "went ahead by 3h0m0s") })
	further()
	watch.Process.Signal(syscall.SIGINT)
	watch.Wait()
	if code := watch.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit %d:\n%s", code, stderr.String())
	}
	for _, told := range []string{"was set back by", "went ahead by"} {
		if a, b := strings.Count(printed(), told), strings.Count(stderr.String(), told); a != 1 || b != 1 {
			t.Errorf("%q is in %d readings, and %d times on stderr:\n%s", told, a, b, stderr.String())
		}
	}
	replays(t, bin, recording, printed())
	for _, args := range [][]string{
		{"replay", recording}, {"replay", "--format", "html", "--output", filepath.Join(dir, "a.html"), recording},
		{"debug", "analyze", recording}, {"debug", "hotspots", recording}, {"debug", "leaks", recording}, {"debug", "optimize", recording},
	} {
		o := run(t, nil, bin, args...)
		o.ends(0)
		if found := noNumber.FindString(o.out + o.stderr); found != "" {
			t.Errorf("%q prints %s:\n%s", args, found, o.out)
		}
	}
	o := run(t, nil, bin, "debug", "leaks", recording)
	if !strings.Contains(o.out+o.stderr, "the clock was set back after ") {
		t.Errorf("debug leaks does not say that the clock was set back:\n%s%s", o.out, o.stderr)
	}

	screen := on(t, nil, bin, "--interval", "100ms", pid)
	screen.shows("cost ")
	setClock(t, screen.cmd.Process.Pid, -2*time.Hour)
	screen.shows("this machine's clock was set back by 2h0m0s: charts begin anew")
	screen.typed("2", "▸2 Processes")
	setClock(t, screen.cmd.Process.Pid, time.Hour)
	screen.shows("this machine's clock went ahead by 3h0m0s")
	screen.press("q")
	if code := screen.exits(); code != 0 || noNumber.MatchString(screen.text()) {
		t.Errorf("the dashboard: exit %d, %q", code, noNumber.FindString(screen.text()))
	}
	screen.restored()
}
