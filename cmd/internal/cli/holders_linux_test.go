package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// leakServer builds and starts the server with two leaks and no endpoint, and returns its process id.
func leakServer(t *testing.T, build ...string) int {
	t.Helper()
	samplertest.Tool(t, "go")
	path := filepath.Join(t.TempDir(), "leakserver")
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, build...), ".")...)
	cmd.Dir = filepath.Join("testdata", "leakserver")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GO111MODULE=on")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	server := exec.Command(path)
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "serving\n" {
		t.Fatalf("the server says %q: %v", line, err)
	}
	return server.Process.Pid
}

// after returns once the program has written text behind what it had written when f began.
func (c *console) after(f func(), text string) {
	c.t.Helper()
	from := len(c.text())
	f()
	until(c.t, "on the screen: "+text, func() bool { return strings.Contains(c.text()[from:], text) })
}

func (c *console) typed(keys, text string) {
	c.t.Helper()
	c.after(func() { c.press(keys) }, text)
}

// find leaves only the allocation site of that name in the table.
func (c *console) find(name string) {
	c.t.Helper()
	c.after(func() { // the line of the filter moves the rows, so that the one that is left is drawn anew
		c.typed("/", "filter: ")
		c.typed("\x15"+name, "filter: "+name)
	}, "› main."+name)
	c.press("\r")
}

// TestALeakIsNamedInAServerWithoutAnyEndpoint is what a person does who has nothing but a process id.
func TestALeakIsNamedInAServerWithoutAnyEndpoint(t *testing.T) {
	for _, v := range []struct{ name, flags, variable string }{
		{"stripped", "-ldflags=-s -w", "global .bss+0x"},
		{"normal", "-ldflags=", "global main.sessions"},
	} {
		t.Run(v.name, func(t *testing.T) {
			pid := leakServer(t, v.flags)
			c := on(t, []string{"NO_COLOR=1"}, heaptop(t), "--interval", "200ms", strconv.Itoa(pid))
			c.shows("· memory")
			c.shows("main.remember")
			c.typed("v", "main.wait")
			c.shows("chan receive")
			c.typed("\x1b", "Allocation sites")
			c.typed("3", "Pauses since")
			c.typed("1", "Allocation sites")
			c.find("remember")
			c.typed("w", "Who holds main.remember")
			c.shows(v.variable)
			c.shows("map[string]*main.session [value]")
			c.shows("the collector marked")
			c.typed("\x1b", "Allocation sites")
			c.find("subscriber")
			c.typed("w", "40 goroutines main.subscriber in main.wait")
			c.press("q")
			if code := c.exits(); code != 0 {
				t.Errorf("exit %d", code)
			}
		})
	}
}

func TestTheDashboardWritesOnlyWithTheFlagAndAfterYes(t *testing.T) {
	pid := leakServer(t, "-tags=nopprof", "-ldflags=-s -w")
	c := on(t, []string{"NO_COLOR=1"}, heaptop(t), "--interval", "200ms", strconv.Itoa(pid))
	c.shows("records no allocation stacks")
	c.typed("g", "--allow-write")
	c.typed("P", "which --allow-write permits")
	c.press("q")
	c.exits()

	c = on(t, []string{"NO_COLOR=1"}, heaptop(t), "--allow-write", "--interval", "200ms", strconv.Itoa(pid))
	c.shows("P record sites")
	c.typed("g", "write 8 bytes into process "+strconv.Itoa(pid)+" to make it collect?")
	c.typed("n", "nothing was written")
	c.typed("g", "to make it collect?")
	c.typed("y", "freed ")
	c.typed("P", "to make it record allocation sites?")
	c.typed("y", "what is allocated from now on is recorded")
	c.shows("› main.")
	c.press("q")
	if code := c.exits(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if dead(pid) {
		t.Error("the server did not outlive what was written into it")
	}
}

func TestHotspotsNameTheHolders(t *testing.T) {
	pid := leakServer(t, "-ldflags=")
	want := map[string]string{
		"main.remember": "global main.sessions", "main.subscriber": "40 goroutines main.subscriber in main.wait",
	}
	var r analysis.Findings
	holders := map[string]string{}
	// The runtime publishes a site up to two collections after its objects were allocated.
	for deadline := time.Now().Add(20 * time.Second); ; {
		r = hotspotsWithHolders(t, pid)
		clear(holders)
		for _, s := range r.Findings[0].Sites {
			name, _, _ := strings.Cut(s.Site, " ")
			if len(s.Holders) > 0 && want[name] != "" && holders[name] == "" {
				holders[name] = s.Holders[0].Text
			}
		}
		if maps.Equal(holders, want) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("held by %q, want %q", holders, want)
		}
	}
	e := r.Findings[1].Evidence
	if e["reached_bytes"] < 0.5*e["marked_bytes"] || e["marked_bytes"] < 20e6 {
		t.Errorf("reached %.0f of %.0f bytes", e["reached_bytes"], e["marked_bytes"])
	}
	if root := r.Findings[1].Holders[0]; root.Root != "global main.sessions" || root.RetainedBytes < 20e6 {
		t.Errorf("the largest holder is %+v, want main.sessions with more than 20 MB", root)
	}
}

func hotspotsWithHolders(t *testing.T, pid int) (r analysis.Findings) {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(heaptop(t), "debug", "hotspots", "--monitoring-duration", "0", "--holders", "--format", "json", strconv.Itoa(pid))
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if r.Schema != analysis.FindingsSchema || r.Target.PID != pid || len(r.Findings) < 2 || r.Findings[1].Analyzer != "holders" {
		t.Fatalf("report %+v", r)
	}
	return r
}

// What cannot tell its sites is not measured, and says what would help.
func TestHotspotsOfAProgramWithoutSites(t *testing.T) {
	pid := leakServer(t, "-tags=nopprof", "-ldflags=-s -w")
	out, err := exec.Command(heaptop(t), "debug", "hotspots", strconv.Itoa(pid)).CombinedOutput()
	if code := exitCode(err); code != 2 || !strings.Contains(string(out), "hotspots --holders "+strconv.Itoa(pid)) ||
		!strings.Contains(string(out), "nothing in it asks runtime/pprof for a profile") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	out, err = exec.Command(heaptop(t), "debug", "hotspots", "--holders", strconv.Itoa(pid)).CombinedOutput()
	if code := exitCode(err); code != 0 || !strings.Contains(string(out), "40 goroutines main.subscriber") || !strings.Contains(string(out), "! ") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
