package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// measured is what the program under test says of itself: see testdata/whatif.
type measured struct {
	PeakHeap float64 `json:"peak_heap_bytes"`
	GCCPU    float64 `json:"gc_cpu_percent"`
	Cycles   float64 `json:"cycles"`
}

// whatIfRun is one setting of one workload.
type whatIfRun struct {
	load            string
	warmup, measure time.Duration
	gogc, limit     string
}

func (r *whatIfRun) command(binary string) *exec.Cmd {
	c := exec.Command(binary, "-load", r.load, "-warmup", r.warmup.String(), "-measure", r.measure.String())
	c.Env = append(os.Environ(), "GOGC="+r.gogc, "GOMEMLIMIT="+r.limit)
	c.Stderr = os.Stderr
	return c
}

func (r *whatIfRun) result(t *testing.T, out []byte) measured {
	t.Helper()
	var m measured
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("%s: %v: %s", r.load, err, out)
	}
	return m
}

// predict watches a run for all the time that it measures itself, and returns what heaptop says of other settings.
func (r *whatIfRun) predict(t *testing.T, heaptop, binary string) ([]analysis.FoundRow, measured) {
	t.Helper()
	c := r.command(binary)
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(r.warmup)
	watch := exec.Command(heaptop, "debug", "optimize", "--format", "json", "--monitoring-duration",
		(r.measure - r.measure/10).String(), strconv.Itoa(c.Process.Pid))
	watch.Stderr = os.Stderr
	report, err := watch.Output()
	if endErr := c.Wait(); endErr != nil {
		t.Fatal(endErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var f analysis.Findings
	if err := json.Unmarshal(report, &f); err != nil {
		t.Fatal(err)
	}
	for i := range f.Findings {
		if f.Findings[i].Analyzer == "whatif" {
			return f.Findings[i].Rows, r.result(t, out.Bytes())
		}
	}
	if f.Target.Source != "memory" && f.Target.Source != "agent" {
		samplertest.Missing(t, "a system that lets one process read another's memory")
	}
	t.Fatalf("no prediction in %s", report)
	return nil, measured{}
}

func (r *whatIfRun) run(t *testing.T, binary string) measured {
	t.Helper()
	out, err := r.command(binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	return r.result(t, out)
}

func compileWhatIf(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "whatif")
	if out, err := exec.Command("go", "build", "-o", binary, "./testdata/whatif").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// settings picks the rows to try: four times GOGC, and two limits with GOGC off.
func settings(rows []analysis.FoundRow) []analysis.FoundRow {
	var out []analysis.FoundRow
	limits := 0
	for _, r := range rows {
		_, limited := r.Numbers["gomemlimit_bytes"]
		gogc, on := r.Numbers["gogc_percent"]
		switch {
		case !limited && on && slices.Contains([]float64{50, 100, 200, 400}, gogc):
			out = append(out, r)
		case limited && !on:
			if limits++; limits == 2 || limits == 4 {
				out = append(out, r)
			}
		}
	}
	return out
}

// try runs a workload with the setting of a row.
func try(t *testing.T, r whatIfRun, row *analysis.FoundRow, binary string) measured {
	t.Helper()
	r.gogc, r.limit = "off", "off"
	if v, on := row.Numbers["gogc_percent"]; on {
		r.gogc = strconv.Itoa(int(v))
	}
	if v, limited := row.Numbers["gomemlimit_bytes"]; limited {
		r.limit = strconv.Itoa(int(v))
	}
	return r.run(t, binary)
}

// What is predicted from a run with GOGC=100 is what the program itself measures with other settings. The short form looks
// at the peak of the heap of one workload; with HEAPTOP_FULL=1 three workloads are run three times, and GC CPU is compared
// too. docs/whatif.md has its table.
func TestWhatIfComesTrue(t *testing.T) {
	samplertest.NotUnderRace(t)
	binary, tool := compileWhatIf(t), heaptop(t)
	if os.Getenv("HEAPTOP_FULL") != "1" {
		comesTrueAtAll(t, whatIfRun{"fast", 300 * time.Millisecond, 1200 * time.Millisecond, "100", "off"}, tool, binary)
		return
	}
	for _, r := range []whatIfRun{
		{"large", 18 * time.Second, 14 * time.Second, "100", "off"}, // long enough for the pacer to forget the beginning
		{"fast", 2 * time.Second, 8 * time.Second, "100", "off"},
		{"demo", 10 * time.Second, 40 * time.Second, "100", "off"},
	} {
		t.Run(r.load, func(t *testing.T) { compareWhatIf(t, r, tool, binary) })
	}
}

// comesTrueAtAll compares the peaks of two settings. A second on a busy machine is easily disturbed: it is tried three times.
func comesTrueAtAll(t *testing.T, r whatIfRun, tool, binary string) {
	t.Helper()
	const tries, within = 3, 0.25
	for i := range tries {
		rows, _ := r.predict(t, tool, binary)
		double := slices.IndexFunc(rows, func(row analysis.FoundRow) bool { return row.Name == "GOGC=200" })
		limit := len(rows) - 3 // one and a half of what it needs now
		if double < 0 || limit < 0 || !strings.HasPrefix(rows[limit].Name, "GOGC=off GOMEMLIMIT") {
			t.Fatalf("no such settings in %+v", rows)
		}
		var wrong []string
		for _, row := range []*analysis.FoundRow{&rows[double], &rows[limit]} {
			peak, got := row.Numbers["peak_heap_bytes"], try(t, r, row, binary)
			if math.Abs(relative(peak, got.PeakHeap)) > within {
				wrong = append(wrong, fmt.Sprintf("%s: predicted a peak of %.1f MB, it was %.1f MB", row.Name, peak/1e6, got.PeakHeap/1e6))
			}
		}
		if len(wrong) == 0 {
			return
		}
		if t.Log(wrong); i == tries-1 {
			t.Errorf("%d times: %q", tries, wrong)
		}
	}
}

func relative(predicted, measured float64) float64 { return predicted/measured - 1 }

// slot is what was predicted and measured of one setting, in several runs.
type slot struct {
	name                                string
	peaks, gotPeaks, percents, gotTimes []float64
}

// compareWhatIf prints the rows of the table for one workload, medians of three runs. A limit is chosen by what the first
// run needs, so it differs a little from run to run.
func compareWhatIf(t *testing.T, r whatIfRun, tool, binary string) {
	t.Helper()
	const runs = 3
	var slots []slot
	for range runs {
		rows, _ := r.predict(t, tool, binary)
		for i, row := range settings(rows) {
			if i == len(slots) {
				slots = append(slots, slot{name: row.Name})
			}
			got, s := try(t, r, &row, binary), &slots[i]
			s.peaks, s.gotPeaks = append(s.peaks, row.Numbers["peak_heap_bytes"]), append(s.gotPeaks, got.PeakHeap)
			s.percents, s.gotTimes = append(s.percents, row.Numbers["gc_cpu_percent"]), append(s.gotTimes, got.GCCPU)
		}
	}
	for i := range slots {
		s := &slots[i]
		peak, gotPeak, cpu, gotCPU := middle(s.peaks), middle(s.gotPeaks), middle(s.percents), middle(s.gotTimes)
		peakOff, cpuOff := relative(peak, gotPeak), relative(cpu, gotCPU)
		fmt.Printf("| %s | %s | %.1f MB | %.1f MB | %+.0f %% | %.2f %% | %.2f %% | %+.0f %% |\n",
			r.load, s.name, peak/1e6, gotPeak/1e6, 100*peakOff, cpu, gotCPU, 100*cpuOff)
		if math.Abs(peakOff) > 0.15 {
			t.Errorf("%s, %s: the peak of the heap is %.0f %% off: predicted %.0f, measured %.0f", r.load, s.name, 100*peakOff, s.peaks, s.gotPeaks)
		}
		if math.Abs(cpuOff) > 0.25 {
			t.Errorf("%s, %s: GC CPU is %.0f %% off: predicted %.2f, measured %.2f", r.load, s.name, 100*cpuOff, s.percents, s.gotTimes)
		}
	}
}

func middle(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// A program that wastes in many ways is told of each, with the line; one that does not is left alone. On a busy machine the
// first seconds may hold too little of it: one looks again, as a person would.
func TestAdviceNamesTheWaste(t *testing.T) {
	binary, tool := filepath.Join(t.TempDir(), "wasteful"), heaptop(t)
	if out, err := exec.Command("go", "build", "-o", binary, "./testdata/wasteful").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pid := start(t, binary)
	for deadline := time.Now().Add(time.Minute); ; {
		missing := notTold(adviceOn(t, tool, pid, "6s"))
		if len(missing) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("not told: %q", missing)
			break
		}
	}
	calm := adviceOn(t, tool, start(t, binary, "calm"), "2500ms")
	for analyzer, f := range calm {
		if f.Advice != "" {
			t.Errorf("a calm program is advised on %s: %+v", analyzer, f)
		}
	}
	if !strings.Contains(calm["optimize"].Title, "Nothing was found") {
		t.Errorf("of a calm program: %+v", calm)
	}
}

// notTold returns what the wasteful program does and no finding names.
func notTold(found map[string]analysis.Finding) []string {
	var missing []string
	for analyzer, line := range map[string]string{
		"short_lived": "main.render main.go:", "append_growth": "main.collect main.go:", "map_growth": "main.index main.go:",
		"goroutines": "main.forgotten main.go:", "stacks": "",
	} {
		f := found[analyzer]
		named := line == "" || slices.ContainsFunc(f.Sites, func(s analysis.FoundSite) bool { return strings.HasPrefix(s.Site, line) }) ||
			slices.ContainsFunc(f.Rows, func(r analysis.FoundRow) bool { return strings.HasPrefix(r.Name, line) })
		if f.Advice == "" || !named || len(f.Evidence) == 0 {
			missing = append(missing, analyzer+" "+line)
		}
	}
	return missing
}

// start starts a program that says when it is ready, and ends with the test.
func start(t *testing.T, binary string, args ...string) (pid int) {
	t.Helper()
	c := exec.Command(binary, args...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it ends by it
		_ = c.Wait()
	})
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}

// adviceOn returns what heaptop finds in a process that it watches so long, by analyzer.
func adviceOn(t *testing.T, tool string, pid int, watch string) map[string]analysis.Finding {
	t.Helper()
	look := exec.Command(tool, "debug", "optimize", "--format", "json", "--monitoring-duration", watch, strconv.Itoa(pid))
	look.Stderr = os.Stderr
	report, err := look.Output()
	if err != nil {
		t.Fatal(err)
	}
	var f analysis.Findings
	if err := json.Unmarshal(report, &f); err != nil {
		t.Fatal(err)
	}
	if f.Target.Source != "memory" {
		samplertest.Missing(t, "a system that lets one process read another's memory")
	}
	found := map[string]analysis.Finding{}
	for _, one := range f.Findings {
		found[one.Analyzer] = one
	}
	return found
}
