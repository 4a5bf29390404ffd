package run

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

const (
	benchTime     = 20 * time.Millisecond  // for which all benchmarks run to be counted
	benchWall     = 200 * time.Millisecond // that a run should take: a benchmark that stops its timer takes longer than it says
	benchStretch  = 15                     // how many times as many operations as were counted a run makes at most
	leastOps      = 20
	maxOps        = 100_000_000
	maxBenchmarks = 1000
	maxBenchText  = 4 << 20 // of output that is looked through
)

// suite is the compiled benchmarks of one package on one side.
type suite struct {
	pkg    string // import path
	dir    string // of the package: where its tests run
	binary string
	sum    [sha256.Size]byte
}

// bench measures the benchmarks of a package pattern: each is a scenario of its own. Test binaries are built once a side
// and run as they are, in the package's folder, as go test does.
func (r *runner) bench(ctx context.Context, s *policy.Scenario) (all []gates.Scenario, err error) {
	j := &job{scenario: s, name: s.Name}
	if err := r.prepare(ctx, j); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "heaptop-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for test binaries: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	suites := map[*side][]suite{}
	for i, at := range append([]*side{j.at}, sidesOf(j.rivals)...) {
		r.say(Progress{Scenario: s.Name, Stage: "build the benchmarks of " + at.label})
		suites[at], err = r.compile(ctx, s, at, filepath.Join(folder, fmt.Sprint(i)))
		if err != nil && at != j.at && ctx.Err() == nil && r.isNew(s, at) {
			why := fmt.Sprintf("the scenario is new: there is nothing to compare with in %s (%v)", at.describe(), err)
			j.fresh, err = append(j.fresh, why), nil
			j.rivals = slices.DeleteFunc(j.rivals, func(v *rival) bool { return v.at == at })
		}
		if err != nil {
			return nil, err
		}
	}
	for _, v := range j.rivals {
		if v.identical, err = r.sameSuites(ctx, j.at, v.at, suites); err != nil {
			return nil, err
		}
	}
	return r.benchmarks(ctx, j, suites)
}

func sidesOf(rivals []*rival) []*side {
	var out []*side
	for _, v := range rivals {
		out = append(out, v.at)
	}
	return out
}

// benchmarks runs every benchmark of the current side.
func (r *runner) benchmarks(ctx context.Context, whole *job, suites map[*side][]suite) (all []gates.Scenario, err error) {
	s := whole.scenario
	known := map[*side]map[string]counted{}
	for at, list := range suites {
		r.say(Progress{Scenario: s.Name, Stage: "count the operations of " + at.label})
		if known[at], err = r.count(ctx, s, at, list); err != nil {
			return nil, err
		}
	}
	for _, b := range inOrder(known[whole.at]) {
		j := *whole
		j.name, j.rivals = s.Name+"/"+b.name, nil
		for _, v := range whole.rivals {
			if _, found := known[v.at][b.name]; found {
				j.rivals = append(j.rivals, v)
			} else {
				j.fresh = append(slices.Clone(j.fresh), "the benchmark is new: "+v.at.describe()+" does not have it")
			}
		}
		if err := r.benchmark(ctx, &j, b, known); err != nil {
			return all, err
		}
		out, err := r.judge(ctx, &j)
		all = append(all, *out)
		if err != nil {
			return all, err
		}
	}
	for _, v := range whole.rivals {
		for _, b := range inOrder(known[v.at]) {
			if _, found := known[whole.at][b.name]; !found {
				r.report.Warnings = append(r.report.Warnings, fmt.Sprintf("benchmark %s/%s is gone: only %s has it", s.Name, b.name, v.at.describe()))
			}
		}
	}
	return all, nil
}

// benchmark sets how a job runs one benchmark.
func (r *runner) benchmark(ctx context.Context, j *job, b counted, known map[*side]map[string]counted) error {
	ops, err := r.ops(ctx, j, b)
	if err != nil {
		return fmt.Errorf("benchmark %s: %w", b.name, err)
	}
	j.run = func(ctx context.Context, at *side, profiles bool) (*once, error) {
		return r.operate(ctx, j.scenario, at, known[at][b.name], ops, j.quanta != nil, profiles)
	}
	trial, err := r.operate(ctx, j.scenario, j.at, b, ops, true, false)
	if err != nil {
		return fmt.Errorf("benchmark %s: %w", b.name, err)
	}
	_, allocs := trial.values["allocs_per_op"]
	_, bytes := trial.values["bytes_per_op"]
	if allocs && bytes { // the totals agree with what is printed, so that they can tell the fractions
		j.quanta = map[string]float64{"allocs_per_op": 0, "bytes_per_op": 0}
	}
	return nil
}

// ops chooses the number of operations by how long those that were counted really take.
func (r *runner) ops(ctx context.Context, j *job, b counted) (int, error) {
	_, o, err := r.runSuite(ctx, j.scenario, j.at, b.suite, exactly(b.full), "-test.benchtime="+strconv.Itoa(b.ops)+"x", false)
	if err != nil {
		return 0, err
	}
	stretch := min(float64(benchWall)/float64(max(o.took, time.Millisecond)), benchStretch)
	return min(max(int(float64(b.ops)*stretch), leastOps), maxOps), nil
}

// compile builds the test binaries of a pattern's packages that have benchmarks.
func (r *runner) compile(ctx context.Context, s *policy.Scenario, at *side, folder string) ([]suite, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, fmt.Errorf("run benchmarks: the go command is not installed: %w", err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for test binaries: %w", err)
	}
	var list bytes.Buffer
	env := append(slices.Clone(at.env), settings(s.Env)...)
	cmd := exec.CommandContext(ctx, "go", "list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}\t{{.ImportPath}}{{end}}", "--", s.Bench)
	if err := r.execute(ctx, cmd, at.folder(s), env, &limited{w: &list, left: maxBenchText}); err != nil {
		return nil, fmt.Errorf("list the packages of %s (%s): %w", s.Bench, at.describe(), err)
	}
	var out []suite
	for line := range strings.Lines(list.String()) {
		dir, pkg, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			continue
		}
		b := suite{pkg: pkg, dir: dir, binary: filepath.Join(folder, fmt.Sprintf("p%03d.test", len(out)))}
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", b.binary, pkg) // an import path, which is no flag
		if err := r.execute(ctx, cmd, at.folder(s), env, nil); err != nil {
			return nil, fmt.Errorf("build the benchmarks of %s (%s): %w", pkg, at.describe(), err)
		}
		data, err := os.ReadFile(b.binary)
		if err != nil {
			return nil, fmt.Errorf("build the benchmarks of %s (%s): %w", pkg, at.describe(), err)
		}
		b.sum = sha256.Sum256(data)
		out = append(out, b)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("run benchmarks: %s (%s) has no package with tests", s.Bench, at.describe())
	}
	return out, nil
}

// sameSuites reports whether both sides have the same test binaries and nothing else differs that a benchmark could read.
func (r *runner) sameSuites(ctx context.Context, a, b *side, suites map[*side][]suite) (bool, error) {
	changed, err := r.trees.sides.Changed(ctx, a.tree, b.tree)
	if err != nil || len(changed) == 0 {
		return err == nil, err
	}
	if !onlySource(changed) {
		return false, nil
	}
	return slices.EqualFunc(suites[a], suites[b], func(x, y suite) bool { return x.pkg == y.pkg && x.sum == y.sum }), nil
}

// limited passes on so many bytes and drops the rest.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	if n > 0 {
		if _, err := l.w.Write(p[:n]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// errNoResult says that a benchmark printed no line.
var errNoResult = errors.New("it printed no result")
