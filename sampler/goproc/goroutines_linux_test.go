package goproc

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestGoroutines compares the goroutines we read with the profile the target makes of itself, stack by stack, and the
// count with its runtime.NumGoroutine.
func TestGoroutines(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			if v.name == "race" && testing.Short() {
				t.Skip("the race runtime takes a minute to build")
			}
			c := startTarget(t, v)
			s := c.open(Options{})
			compareGoroutines(t, c, s)
			c.ask("go 300")
			compareGoroutines(t, c, s)
		})
	}
}

func compareGoroutines(t *testing.T, c *child, s *Session) {
	t.Helper()
	eventually(t, "goroutines, ours (+) and the target's (-)", func() string {
		all, err := s.Goroutines(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if n := c.ask("stats").Goroutines; all.Total != n {
			return fmt.Sprintf("%d goroutines, NumGoroutine says %d", all.Total, n)
		}
		data := c.ask("goroutine").Profile
		if data == nil { // a target without pprof
			return ""
		}
		own, err := profile.ParseData(data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.GoroutineProfile(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		p, err := profile.ParseData(ours.Data)
		if err != nil {
			t.Fatal(err)
		}
		return cmp.Diff(withoutMain(stacks(own)), withoutMain(stacks(p)))
	})
}

// withoutMain leaves out the goroutine that answers us, which cannot wait and answer at once.
func withoutMain(m map[string][4]int64) map[string][4]int64 {
	maps.DeleteFunc(m, func(k string, _ [4]int64) bool { return strings.Contains(k, "main.loop ") })
	return m
}

func TestGoroutineStates(t *testing.T) {
	c := startTarget(t, stripped(), "TARGET_GOROUTINES=20")
	s := c.open(Options{})
	c.ask("gc") // stamps those that wait
	var all sampler.Goroutines
	eventually(t, "states", func() string {
		time.Sleep(50 * time.Millisecond)
		var err error
		if all, err = s.Goroutines(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, g := range all.Groups {
			if strings.HasPrefix(g.Start.Function, "main.") {
				got[g.Start.Function+": "+g.State] += g.Count
			}
		}
		return cmp.Diff(map[string]int{"main.blockedReceive: chan receive": 20, "main.blockedSelect: select": 10,
			"main.blockedMutex: sync.Mutex.Lock": 5, "main.sleeper: sleep": 2, "main.nested: chan receive": 1}, got)
	})
	for _, g := range all.Groups {
		if g.Start.Function != "main.nested" {
			continue
		}
		var names []string
		for _, f := range g.Stack {
			names = append(names, f.Function)
		}
		want := "runtime.gopark runtime.chanrecv runtime.chanrecv1 main.blockedReceive" + strings.Repeat(" main.nested", 6)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("stack %s, want %s", got, want)
		}
		if g.CreatedBy.Function != "main.main" || !strings.HasSuffix(g.CreatedBy.File, "testdata/target/main.go") {
			t.Errorf("created by %+v, want main.main", g.CreatedBy)
		}
		if !g.WaitMin.OK || g.WaitMin.Value < 0.01 || g.WaitMin.Value > 60 || g.WaitMax.Value < g.WaitMin.Value {
			t.Errorf("waited %v to %v seconds", g.WaitMin, g.WaitMax)
		}
	}
}

// The stacks of all goroutines come to what the runtime counts as stacks in use, less the spare ones and its own.
func TestStacksComeToWhatTheRuntimeCounts(t *testing.T) {
	c := startTarget(t, stripped(), "TARGET_GOROUTINES=4000")
	s := c.open(Options{})
	c.ask("gc")
	all, err := s.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, g := range all.Groups {
		if !g.Stacks.OK || g.Stacks.Value < 2048*float64(g.Count) {
			t.Errorf("%d goroutines in %s have stacks of %v bytes", g.Count, g.Start.Function, g.Stacks)
		}
		sum += g.Stacks.Value
	}
	if want := float64(c.ask("stats").MemStats.StackInuse); sum > want || sum < 0.8*want {
		t.Errorf("stacks of %.0f bytes, the runtime counts %.0f", sum, want)
	}
}

// TestGoroutinesUnderChurn reads a target whose goroutines come and go all the time: nothing that is shown may be
// torn, so every stack ends where a goroutine starts.
func TestGoroutinesUnderChurn(t *testing.T) {
	c := startTarget(t, stripped(), "TARGET_GOROUTINES=200")
	s := c.open(Options{})
	c.ask("churn 4")
	if _, err := s.Goroutines(context.Background()); err != nil {
		t.Fatal(err)
	}
	total, broken, dropped := 0, 0, 0
	for range 100 {
		err := s.goroutines.each(context.Background(), func(g *goroutine, stack []uint64) {
			total++
			if n := len(stack); n > 0 && s.p.symbols.name(stack[n-1]) != s.p.symbols.name(g.startPC) {
				broken++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		dropped += s.goroutines.torn
	}
	t.Logf("%d goroutines read, %d moved and were dropped", total, dropped)
	if total < 100*200 || broken > 0 || dropped > total/20 {
		t.Errorf("%d goroutines read, %d with a broken stack, %d dropped", total, broken, dropped)
	}
}
