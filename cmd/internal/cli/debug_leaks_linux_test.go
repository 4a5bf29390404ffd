package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/cmd/internal/cli"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// leakCase is a program that leaks, or only looks like it, and what is to be found out about it.
type leakCase struct {
	name   string
	series string // that grows; "" for a program that does not leak
	cause  string // begins the name of what is named first
	holder string // who keeps its objects alive; asked of the running program alone
}

func leakCases() []leakCase {
	live := string(sampler.GoHeapLive)
	return []leakCase{
		{"map", live, "main.remember main.go:", "global main.sessions"},
		{"append", live, "main.record main.go:", "global main.logs"},
		{"goroutines", string(sampler.GoGoroutines), "main.wait", ""},
		{"mmap", analysis.NativeSeries, "anonymous memory", ""},
		{"malloc", analysis.NativeSeries, "anonymous memory", ""},
		{"cache", "", "", ""},
		{"load", "", "", ""},
		{"flat", "", "", ""},
	}
}

// check compares a report with what is true of the program.
func (c leakCase) check(t *testing.T, report []byte, code int) {
	t.Helper()
	var r analysis.Findings
	if err := json.Unmarshal(report, &r); err != nil {
		t.Fatalf("%v in\n%s", err, report)
	}
	if c.series == "" {
		if code != 0 || r.Verdict != string(analysis.LeakFlat) && r.Verdict != string(analysis.LeakSettling) {
			t.Errorf("exit %d, %s: %s", code, r.Verdict, r.Reason)
		}
		return
	}
	i := slices.IndexFunc(r.Findings, func(f analysis.Finding) bool { return f.Series == c.series && f.Verdict == analysis.LeakGrowing })
	if code != 1 || r.Verdict != string(analysis.LeakGrowing) || i < 0 {
		t.Fatalf("exit %d, %s: %s", code, r.Verdict, r.Reason)
	}
	var names []string
	for _, s := range r.Findings[i].Sites {
		names = append(names, s.Site)
	}
	for _, row := range r.Findings[i].Rows {
		names = append(names, row.Name)
	}
	if len(names) == 0 || !strings.HasPrefix(names[0], c.cause) {
		t.Errorf("the cause is %q, want %s", names, c.cause)
	}
	if c.series == analysis.NativeSeries {
		for _, f := range r.Findings {
			if f.Series == string(sampler.GoHeapLive) && f.Verdict != analysis.LeakFlat {
				t.Errorf("the live heap: %s", f.Verdict)
			}
		}
	}
}

// TestLeaksInRecordings judges recordings of the programs under testdata/leaky, two minutes of each.
func TestLeaksInRecordings(t *testing.T) {
	for _, c := range leakCases() {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			streams := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(string) string { return "" }}
			code := cli.Main(t.Context(), streams, []string{"debug", "leaks", "--format", "json", filepath.Join("testdata", "leaks", c.name+".heaprec")})
			c.check(t, out.Bytes(), code)
			if t.Failed() {
				t.Logf("%s", errs.String())
			}
		})
	}
}

// TestLeaksInRealPrograms watches each of them for two minutes, three times in a row: with -parallel 8 all at the same time.
func TestLeaksInRealPrograms(t *testing.T) {
	samplertest.Full(t)
	dir := t.TempDir()
	for name, cgo := range map[string]string{"pure": "0", "cgo": "1"} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), ".")
		cmd.Dir = filepath.Join("testdata", "leaky")
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED="+cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build the program: %v\n%s", err, out)
		}
	}
	bin := heaptop(t)
	for round := range 3 {
		t.Run("round "+strconv.Itoa(round+1), func(t *testing.T) {
			for _, c := range leakCases() {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					program := filepath.Join(dir, "pure")
					if c.name == "malloc" {
						samplertest.Tool(t, "cc")
						program = filepath.Join(dir, "cgo")
					}
					c.live(t, bin, program)
				})
			}
		})
	}
}

// live starts the program, lets heaptop watch it, and checks the report.
func (c leakCase) live(t *testing.T, bin, program string) {
	server := exec.Command(program, c.name)
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "running\n" {
		t.Fatalf("the program says %q: %v", line, err)
	}
	args := []string{"debug", "leaks", "--format", "json", "--interval", "250ms", "--monitoring-duration", "2m", strconv.Itoa(server.Process.Pid)}
	if c.holder != "" {
		args = append(args, "--holders")
	}
	watch := exec.Command(bin, args...)
	var report, errs bytes.Buffer
	watch.Stdout, watch.Stderr = &report, &errs
	if err := watch.Run(); err != nil && watch.ProcessState == nil {
		t.Fatal(err)
	}
	c.check(t, report.Bytes(), watch.ProcessState.ExitCode())
	if c.holder != "" && !strings.Contains(report.String(), c.holder) {
		t.Errorf("%s is not said to hold it", c.holder)
	}
	if t.Failed() {
		t.Logf("%s\n%s", report.String(), errs.String())
	}
}
