// Command bench measures what heaptop costs, side by side with the tools that do the same and are installed on this
// machine, in one run: go run ./cmd/internal/bench. It prints Markdown on stdout and its progress on stderr. Every figure
// is taken from outside, of whole programs: their CPU time and resident memory as the kernel counts them, the wall time
// until they answer, and the latencies of a program that is watched.
//
// It refuses to give one number where the machine gives several: what varies is measured in turns (one tool after the
// other, and again) and told as the median with the smallest and the largest. A tool that is not there is left out, and
// named.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// bench is one run of this command.
type bench struct {
	heaptop string        // the program, built from this tree
	dir     string        // for its files; removed at the end
	watch   time.Duration // how long a screen is watched
	turns   int
	quick   bool
	out     io.Writer
	began   time.Time
}

// section is one table. To add one, write its function and add a line.
type section struct {
	name, title string
	run         func(*bench, context.Context) (*table, error)
}

func sections() []section {
	return []section{
		{"start", "Start, size and frames", (*bench).start},
		{"screens", "Screens at one reading a second", (*bench).screens},
		{"rates", "One process at 1, 10 and 100 readings a second", (*bench).rates},
		{"target", "What the watched program feels", (*bench).target},
		{"attach", "Attaching to Go programs, and asking again", (*bench).attach},
		{"recording", "A recording of 24 hours", (*bench).recording},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 1 && args[0] == "child" {
		return child(args[1:])
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var names []string
	for _, s := range sections() {
		names = append(names, s.name)
	}
	only := flags.String("run", ".", "measure the sections that match: "+strings.Join(names, ", "))
	quick := flags.Bool("quick", false, "smaller sizes and shorter times: a minute, to see that everything works")
	watch := flags.Duration("watch", 20*time.Second, "how long each program is watched")
	program := flags.String("heaptop", "", "measure this `FILE` rather than what is built from this tree")
	if err := flags.Parse(args); err != nil {
		return err
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-run %s: %w", *only, err)
	}
	dir, err := os.MkdirTemp("", "heaptop-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of this run alone
	b := &bench{dir: dir, heaptop: filepath.Join(dir, "heaptop"), watch: *watch, turns: 3, quick: *quick, out: os.Stdout, began: time.Now()}
	if b.quick {
		b.watch, b.turns = 2*time.Second, 1
	}
	if err := b.build(ctx, *program); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "Measured on %s, %s/%s, %d CPUs, %s.\n", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	for _, s := range sections() {
		if !pattern.MatchString(s.name) {
			continue
		}
		b.say("%s", s.title)
		t, err := s.run(b, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(b.out, "\n## %s\n\n%s", s.title, t)
	}
	return nil
}

// build makes the program, unless there is one.
func (b *bench) build(ctx context.Context, program string) error {
	if program != "" {
		b.heaptop = program
		return nil
	}
	b.say("building heaptop")
	return compile(ctx, b.heaptop)
}

// compile builds heaptop of this tree with more flags of go build, if there are.
func compile(ctx context.Context, path string, more ...string) error {
	args := append(append([]string{"build"}, more...), "-o", path, "github.com/alloc-dev/heaptop/cmd/heaptop")
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build heaptop: %w\n%s", err, out)
	}
	return nil
}

// say tells what is being done.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench %4.0fs: %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// table is a Markdown table with notes under it.
type table struct {
	columns []string
	rows    [][]string
	notes   []string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) String() string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.columns)
	line(strings.Split(strings.Repeat("---,", len(t.columns)-1)+"---", ","))
	for _, row := range t.rows {
		line(row)
	}
	for _, note := range t.notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	return b.String()
}
