package profile_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"

	pb "github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// twoProfiles are taken of this test before and after it keeps more, and lets go of something.
func twoProfiles(t testing.TB) (before, after sampler.Profile) {
	t.Helper()
	var kept, dropped holder
	kept.small(2 << 10)
	dropped.large(8)
	before = heapProfile(t)
	runtime.KeepAlive(&dropped)
	dropped.blocks = nil
	kept.small(8 << 10)
	after = heapProfile(t)
	runtime.KeepAlive(&kept)
	return before, after
}

func join(t testing.TB, from, to sampler.Profile) *profile.Joined {
	t.Helper()
	a, b := parse(t, from), parse(t, to)
	j, err := profile.Join(&a, &b, false)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// pprofDiff asks `go tool pprof -top -diff_base` for the change of each function, in bytes, and of all.
func pprofDiff(t *testing.T, before, after sampler.Profile, options ...string) (flat map[string]float64, total float64) {
	t.Helper()
	samplertest.Tool(t, "go")
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "before.pb.gz"), filepath.Join(dir, "after.pb.gz")}
	for i, p := range []sampler.Profile{before, after} {
		if err := os.WriteFile(files[i], p.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"tool", "pprof", "-top", "-flat", "-nodecount=0", "-nodefraction=0", "-edgefraction=0", "-unit=B",
		"-symbolize=none", "-diff_base=" + files[0]}, options...)
	out, err := exec.Command("go", append(args, files[1])...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	flat = map[string]float64{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) >= 6 && strings.HasSuffix(fields[1], "%") {
			name := strings.TrimSuffix(strings.Join(fields[5:], " "), " (inline)")
			flat[name] += number(fields[0])
			total += number(fields[0])
		}
	}
	if len(flat) == 0 {
		t.Fatalf("pprof printed no rows:\n%s", out)
	}
	return flat, total
}

func TestDiffEqualsGoToolPprofToTheByte(t *testing.T) {
	before, after := twoProfiles(t)
	j := join(t, before, after)
	focus, ignore := regexp.MustCompile(`holder.*small`), regexp.MustCompile(`holder.*large`)
	for _, test := range []struct {
		name    string
		options []string
		filter  profile.Filter
		alloc   bool
	}{
		{"in use", []string{"-sample_index=inuse_space"}, profile.Filter{}, false},
		{"allocated", []string{"-sample_index=alloc_space"}, profile.Filter{}, true},
		{"focus", []string{"-sample_index=inuse_space", "-focus=" + focus.String()}, profile.Filter{Focus: focus}, false},
		{"ignore", []string{"-sample_index=inuse_space", "-ignore=" + ignore.String()}, profile.Filter{Ignore: ignore}, false},
		{"both", []string{"-sample_index=alloc_space", "-focus=Test", "-ignore=" + ignore.String()},
			profile.Filter{Focus: regexp.MustCompile("Test"), Ignore: ignore}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, total := pprofDiff(t, before, after, test.options...)
			got, sum := map[string]float64{}, 0.0
			for _, s := range j.Sites(test.filter) {
				change := s.Change()
				if test.alloc {
					change = s.AllocChange()
				}
				got[s.Frame.Function] += change
				sum += change
			}
			all := j.Total(test.filter)
			whole := all.Change()
			if test.alloc {
				whole = all.AllocChange()
			}
			if whole != total || sum != total {
				t.Errorf("the total changed by %.0f, the rows by %.0f, pprof says %.0f", whole, sum, total)
			}
			for name, change := range want {
				if got[name] != change {
					t.Errorf("%s changed by %.0f, pprof says %.0f", name, got[name], change)
				}
			}
			for name, change := range got {
				if _, known := want[name]; !known && change != 0 {
					t.Errorf("%s changed by %.0f, pprof has no such row", name, change)
				}
			}
		})
	}
}

func TestDiffOfAProfileWithItselfIsNothing(t *testing.T) {
	before, _ := twoProfiles(t)
	j := join(t, before, before)
	if !j.SameRun {
		t.Error("a profile and itself count as two runs")
	}
	for _, s := range j.Sites(profile.Filter{}) {
		if s.Change() != 0 || s.AllocChange() != 0 || s.Uncertainty != 0 || s.Certain() {
			t.Errorf("%s changed by %.0f ± %.0f", s.Frame.Function, s.Change(), s.Uncertainty)
		}
	}
}

func TestPlantedGrowthComesFirstWithinItsUncertainty(t *testing.T) {
	before, after := twoProfiles(t)
	sites := join(t, before, after).Sites(profile.Filter{})
	first, last := sites[0], sites[len(sites)-1]
	if !strings.HasSuffix(first.Frame.Function, "(*holder).small") || !first.Certain() {
		t.Fatalf("first row: %s %+.0f ± %.0f", first.Frame.Function, first.Change(), first.Uncertainty)
	}
	const truth = 8 << 10 << 12
	if off := math.Abs(first.Change() - truth); off > 2*first.Uncertainty { // four deviations: a test must not fail by luck
		t.Errorf("the growth of %d was measured as %.0f ± %.0f", truth, first.Change(), first.Uncertainty)
	}
	if !strings.HasSuffix(last.Frame.Function, "(*holder).large") || last.Change() > -20<<20 {
		t.Errorf("last row: %s %+.0f", last.Frame.Function, last.Change())
	}
	top := first.Stacks[0]
	if top.Frames[0] != first.Frame || !strings.Contains(top.Frames[1].Function, "twoProfiles") {
		t.Errorf("the stack is %v", top.Frames)
	}
}

// written writes a profile that a test made.
func written(t testing.TB, pr *pb.Profile) sampler.Profile {
	t.Helper()
	var b bytes.Buffer
	if err := pr.Write(&b); err != nil {
		t.Fatal(err)
	}
	return sampler.Profile{Data: b.Bytes()}
}

func TestProfilesOfTwoRunsAreSeenAndLessCertain(t *testing.T) {
	before, after := twoProfiles(t)
	one, two := join(t, before, after), join(t, after, before)
	if !one.SameRun || two.SameRun {
		t.Errorf("in order: same run %v, the other way round: %v", one.SameRun, two.SameRun)
	}
	a, b := parse(t, before), parse(t, after)
	apart, err := profile.Join(&a, &b, true)
	if err != nil {
		t.Fatal(err)
	}
	together, separate := one.Total(profile.Filter{}), apart.Total(profile.Filter{})
	if apart.SameRun || together.Uncertainty >= separate.Uncertainty {
		t.Errorf("one run ± %.0f, two runs ± %.0f", together.Uncertainty, separate.Uncertainty)
	}
	if _, err := apart.Flame(profile.MeasureAllocSince, profile.Filter{}); err == nil {
		t.Error("what was allocated between two runs has a flame graph")
	}
}

func TestMineBlamesTheProgramsOwnLine(t *testing.T) {
	var kept [][]byte
	for range 64 {
		var b bytes.Buffer
		b.Write(make([]byte, 1<<20)) // the buffer's memory is allocated in package bytes
		kept = append(kept, b.Bytes())
	}
	p := heapProfile(t)
	runtime.KeepAlive(kept)
	j := join(t, p, p)
	library, mine := 0.0, 0.0
	for _, s := range j.Sites(profile.Filter{}) {
		if strings.HasPrefix(s.Frame.Function, "bytes.") {
			library += s.To.InUseBytes
		}
	}
	for _, s := range j.Sites(profile.Filter{Mine: true}) {
		if strings.HasPrefix(s.Frame.Function, "bytes.") || strings.HasPrefix(s.Frame.Function, "testing.") || strings.HasPrefix(s.Frame.Function, "runtime/") {
			t.Errorf("%s is not this module's", s.Frame.Function)
		}
		if strings.HasSuffix(s.Frame.Function, "TestMineBlamesTheProgramsOwnLine") {
			mine += s.To.InUseBytes
		}
	}
	if library < 32<<20 || mine < library {
		t.Errorf("package bytes holds %.0f, and this test is blamed for %.0f", library, mine)
	}
}

func TestParseGoroutines(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for range 7 {
		go waitHere(stop)
	}
	var b bytes.Buffer
	ok := false
	for range 1000 {
		b.Reset()
		if err := pprof.Lookup("goroutine").WriteTo(&b, 0); err != nil {
			t.Fatal(err)
		}
		g, err := profile.ParseGoroutines(sampler.Profile{Data: b.Bytes()})
		if err != nil {
			t.Fatal(err)
		}
		found, total := 0, 0
		for _, x := range g.Groups {
			total += x.Count
			for _, f := range x.Stack {
				if strings.HasSuffix(f.Function, "waitHere") {
					found += x.Count
				}
			}
		}
		if total != g.Total {
			t.Fatalf("groups have %d, total %d", total, g.Total)
		}
		if ok = found == 7; ok {
			break
		}
		runtime.Gosched() // they have yet to begin
	}
	if !ok {
		t.Errorf("seven goroutines were not found")
	}
	if _, err := profile.ParseGoroutines(heapProfile(t)); !errors.Is(err, profile.ErrNotGoroutines) || !strings.Contains(err.Error(), "inuse_space") {
		t.Errorf("a heap profile: %v", err)
	}
}

//go:noinline
func waitHere(stop chan struct{}) { <-stop }
