package run_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// source is a program that holds -hold bytes, allocates -garbage more in objects of 1,000 bytes, and prints its own totals.
const source = `package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	%s
	"time"
)

var kept [][]byte

func hold(n int) {
	for ; n > 0; n -= 64 << 10 {
		b := make([]byte, 64<<10)
		for i := range b {
			b[i] = 1
		}
		kept = append(kept, b)
	}
}

//go:noinline
func churn(n int) (sum int) {
	for ; n > 0; n -= 1000 {
		b := make([]byte, 1000)
		sum += len(b) + cap(b)
		last = b
	}
	return sum
}

var last []byte

func main() {
	holding := flag.Int("hold", %d, "")
	garbage := flag.Int("garbage", %d, "")
	sleep := flag.Duration("sleep", 0, "")
	code := flag.Int("exit", 0, "")
	flag.Parse()
	hold(*holding)
	churn(*garbage)
	%s
	time.Sleep(*sleep)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintln(os.Stdout, m.Mallocs, m.TotalAlloc)
	os.Exit(*code)
}
`

// program is a variant of source.
type program struct {
	hold, garbage int
	imports, more string
}

func (p program) text() string { return fmt.Sprintf(source, p.imports, p.hold, p.garbage, p.more) }

// usual is what most tests run.
var usual = program{hold: 8 << 20, garbage: 20 << 20, imports: `"runtime/pprof"`, more: `pprof.Lookup("heap")`}

// plain is the same without allocation stacks, and built faster.
var plain = program{hold: 8 << 20, garbage: 20 << 20}

// isolate keeps a test's temporary files in a folder of its own, and checks at its end that nothing is left in it.
func isolate(t *testing.T) {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("GITHUB_BASE_REF", "")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GOFLAGS", "")
	t.Cleanup(func() {
		left, err := filepath.Glob(filepath.Join(temp, "heaptop-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// module writes a module with one program into a new folder.
func module(t *testing.T, p program) string {
	t.Helper()
	dir := t.TempDir()
	samplertest.WriteFile(t, dir, "go.mod", "module example.com/prog\n\ngo 1.24\n")
	samplertest.WriteFile(t, dir, "main.go", p.text())
	return dir
}

// repository is a module in a git repository with one commit.
func repository(t *testing.T, p program) string {
	t.Helper()
	samplertest.Tool(t, "git")
	dir := module(t, p)
	samplertest.WriteFile(t, dir, ".gitignore", "/prog\n")
	samplertest.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	samplertest.Commit(t, dir, "state")
	return dir
}

// scenario is a command that is built and run, with one limit that it keeps.
func scenario() policy.Scenario {
	return policy.Scenario{Name: "work", Kind: gates.KindCommand, Build: "go build -o prog .", Run: "./prog", Sessions: 1,
		Limits: []gates.Limit{{Metric: "peak_rss", Max: 1e9, From: gates.FromConfig}}}
}

// policyIn is a policy of a folder.
func policyIn(dir string, scenarios ...policy.Scenario) *policy.Policy {
	return &policy.Policy{Path: filepath.Join(dir, policy.Name), Scenarios: scenarios}
}

// measure runs a policy that can be run.
func measure(t *testing.T, o run.Options) *gates.Report {
	t.Helper()
	r, err := run.Run(context.WithoutCancel(t.Context()), o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gates.ReadReport("the report", data); err != nil {
		t.Errorf("the report is none: %v\n%s", err, data)
	}
	return r
}

// only is a report's one scenario.
func only(t *testing.T, r *gates.Report) *gates.Scenario {
	t.Helper()
	if len(r.Scenarios) != 1 {
		t.Fatalf("%d scenarios, want one: %+v", len(r.Scenarios), r.Scenarios)
	}
	return &r.Scenarios[0]
}

// comparison is the comparison of one metric.
func comparison(t *testing.T, s *gates.Scenario, metric string) gates.Comparison {
	t.Helper()
	for _, c := range s.Comparisons {
		if c.Metric == metric {
			return c
		}
	}
	t.Fatalf("%s is not compared: %+v; error %q", metric, s.Comparisons, s.Error)
	return gates.Comparison{}
}
