package run_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/agent"
)

// childEnv makes the test binary a program to be measured. It records allocation stacks, as every test binary.
const childEnv = "HEAPTOP_RUN_CHILD"

// plantedCommand makes such a program a planted workload, the name of which follows.
const plantedCommand = "planted"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	if len(os.Args) == 2 && os.Args[1] == markedCommand {
		os.Exit(playMarked())
	}
	if len(os.Args) > 2 && os.Args[1] == plantedCommand {
		os.Exit(playPlanted(os.Args[2:]))
	}
	os.Exit(child(os.Args[1:]))
}

var (
	held []([]byte)
	last []byte
)

// child holds, allocates, sleeps, prints its totals, and ends as it is told.
func child(args []string) int {
	f := flag.NewFlagSet("child", flag.ContinueOnError)
	hold := f.Int("hold", 0, "bytes that stay")
	garbage := f.Int("garbage", 0, "bytes that do not")
	late := f.Int("late", 0, "bytes that are allocated at the very end")
	sleep := f.Duration("sleep", 0, "how long to wait before the end")
	exit := f.Int("exit", 0, "exit code")
	kill := f.Bool("kill", false, "killed by a signal")
	stubborn := f.Bool("stubborn", false, "SIGTERM is ignored")
	spawn := f.Int("spawn", 0, "children that do the same")
	mark := f.String("mark", "", "a checkpoint")
	carry := f.Bool("carry", false, "carry the argument")
	fail := f.Bool("panic", false, "crash as Go programs do")
	linger := f.Bool("linger", false, "a child stays behind")
	grow := f.Duration("grow", 0, "allocate and keep for so long")
	workload := f.String("workload", "", "a workload in place of all this")
	root := f.String("root", "", "GOROOT, for the workload")
	ballast := f.Int("ballast", 0, "bytes outside of the heap, for the workload")
	extra := f.Int("extra", 0, "allocations more for each operation of the workload")
	if err := f.Parse(args); err != nil {
		return 97
	}
	if *carry {
		n, err := strconv.ParseInt(f.Arg(0), 10, 64)
		if err := errors.Join(err, run.Carry(n)); err != nil {
			return 98
		}
		return 0
	}
	if *workload != "" {
		if err := work(*workload, *root, *ballast, *extra); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 99
		}
		return 0
	}
	if *stubborn {
		signal.Ignore(syscall.SIGTERM)
	}
	keep(*hold)
	for n := *garbage; n > 0; n -= 1000 {
		last = make([]byte, 1000)
	}
	for end := time.Now().Add(*grow); time.Now().Before(end); time.Sleep(time.Millisecond) {
		keep(64 << 10)
	}
	for range *spawn {
		again(&exec.Cmd{}, "-garbage", strconv.Itoa(*garbage), "-hold", strconv.Itoa(*hold)).Run()
	}
	if *linger {
		again(&exec.Cmd{}, "-sleep", "1h").Start()
	}
	if *mark != "" {
		agent.Checkpoint(*mark)
		runtime.KeepAlive(held)
	}
	time.Sleep(*sleep)
	keep(*late)
	if *fail {
		panic("boom")
	}
	if *kill {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println("totals", m.Mallocs, m.TotalAlloc, m.NumGC)
	return *exit
}

//go:noinline
func keep(n int) {
	for ; n > 0; n -= 64 << 10 {
		b := make([]byte, min(n, 64<<10))
		for i := 0; i < len(b); i += 512 {
			b[i] = 1
		}
		held = append(held, b)
	}
}

func again(cmd *exec.Cmd, args ...string) *exec.Cmd {
	cmd.Path, cmd.Args = "/proc/self/exe", append([]string{"child"}, args...)
	return cmd
}

// childScenario measures the test binary as a program.
func childScenario(t *testing.T, args ...string) policy.Scenario {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return policy.Scenario{Name: "child", Kind: gates.KindCommand, Command: append([]string{exe}, args...), Env: map[string]string{childEnv: "1"},
		Sessions: 1, Runs: 1, Timeout: time.Minute}
}

// limit is one on a metric.
func limit(metric string, most float64) []gates.Limit {
	return []gates.Limit{{Metric: metric, Max: most, From: gates.FromConfig}}
}
