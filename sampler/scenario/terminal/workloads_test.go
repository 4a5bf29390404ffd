package terminal_test

import (
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/scenario"
	"github.com/alloc-dev/heaptop/sampler/scenario/terminal"
)

// drawnScenarios are those of this package.
func drawnScenarios(t *testing.T) []scenario.Scenario {
	t.Helper()
	all := slices.DeleteFunc(scenario.All(), func(s scenario.Scenario) bool { return !drawn(s) })
	if len(all) != 8+7+3 {
		t.Fatalf("%d scenarios draw on a terminal", len(all))
	}
	return all
}

// heavy says that a step takes so long that a test makes only a few.
func heavy(s scenario.Scenario) bool { return s.Steps < 1000 }

func begin(t testing.TB, s scenario.Scenario, seed uint64) scenario.Workload {
	t.Helper()
	w, err := s.New(seed)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func steps(t testing.TB, w scenario.Workload, n int) {
	t.Helper()
	for range n {
		if err := w.Step(); err != nil {
			t.Fatal(err)
		}
	}
}

// seen is all that a person sees of a workload: text, colours and cursors.
func seen(w scenario.Workload) []string {
	var all []string
	for _, term := range w.(terminal.Screened).Screens() {
		x, y, _ := term.Cursor()
		all = append(all, term.Render()+"\x00"+string(rune(x))+string(rune(y)))
	}
	return all
}

func TestEveryStepChangesEveryScreen(t *testing.T) {
	for _, s := range drawnScenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			n := 120
			if heavy(s) {
				n = 3
			}
			w := begin(t, s, 1)
			before := seen(w)
			for i := range n {
				operations := w.Operations()
				steps(t, w, 1)
				now := seen(w)
				for j := range now {
					if now[j] == before[j] {
						t.Fatalf("step %d leaves screen %d as it was:\n%s", i+1, j, now[j])
					}
				}
				if w.Operations() <= operations {
					t.Fatalf("step %d does no operation", i+1)
				}
				before = now
			}
		})
	}
}

func TestSameSeedSameScreens(t *testing.T) {
	samplertest.NotUnderRace(t)
	for _, s := range drawnScenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			n := 110
			if heavy(s) {
				n = 4
			}
			a, b := begin(t, s, 7), begin(t, s, 7)
			steps(t, a, n)
			steps(t, b, n)
			if !slices.Equal(seen(a), seen(b)) {
				t.Error("two runs with one seed end with different screens")
			}
			if a.Operations() != b.Operations() {
				t.Errorf("%d operations and %d", a.Operations(), b.Operations())
			}
			switch s.Name {
			case "vim_session", "log_streaming", "interactive_shell", "cursor_management", "high_frequency_updates", "multi_session_simulation", "long_running_simulation":
				c := begin(t, s, 8)
				steps(t, c, n)
				if slices.Equal(seen(a), seen(c)) {
					t.Error("another seed ends with the same screens")
				}
			}
		})
	}
}

func TestSameSeedSameAllocations(t *testing.T) {
	samplertest.NotUnderRace(t)
	for _, s := range drawnScenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			n := 150
			if heavy(s) {
				n = 2
			}
			count := func() float64 {
				w := begin(t, s, 1)
				steps(t, w, 1)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				steps(t, w, n)
				runtime.ReadMemStats(&after)
				return float64(after.Mallocs - before.Mallocs)
			}
			first := count()
			if next := count(); math.Abs(next-first)/first > .005 {
				t.Errorf("%.0f allocations, and then %.0f", first, next)
			}
			if first < 100 {
				t.Errorf("%.0f allocations are nothing to measure", first)
			}
		})
	}
}

// live is the heap in use after a collection.
func live() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestMemoryIsFlatAndClosingReleasesIt(t *testing.T) {
	samplertest.NotUnderRace(t)
	for _, s := range drawnScenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			n := min(s.Warmup, 200)
			if os.Getenv("HEAPTOP_FULL") != "" {
				n = min(s.Warmup, 1000)
			}
			before := live()
			w := begin(t, s, 1)
			steps(t, w, n)
			middle := live()
			steps(t, w, 2*n)
			end := live()
			held := middle - before
			// The lengths of what is held vary by the seed.
			if room := held/4 + 128<<10; end-middle > room {
				t.Errorf("%d bytes are held after %d steps and %d more after %d: more than %d", held, n, end-middle, 3*n, room)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got := w.(terminal.Screened).Screens(); len(got) != 0 {
				t.Errorf("%d screens are left", len(got))
			}
			if left := live() - before; left > 64<<10 {
				t.Errorf("%d bytes are left after closing, %d were held", left, end-before)
			}
			runtime.KeepAlive(w)
		})
	}
}

func TestSizesOfScreens(t *testing.T) {
	want := map[string][3]int{
		"small_buffer_create": {1, 80, 24}, "medium_buffer_create": {1, 120, 40}, "large_buffer_create": {1, 200, 60},
		"buffer_write_operations": {1, 80, 24}, "ansi_sequence_processing": {1, 80, 24}, "cursor_management": {1, 80, 24},
		"large_screen_render": {1, 200, 60}, "memory_intensive_ops": {5, 100, 30},
		"concurrent_buffers": {10, 100, 30}, "high_frequency_updates": {1, 80, 24}, "multi_session_simulation": {5, 120, 40},
		"stress_ansi_processing": {5, 100, 50}, "memory_pressure_test": {10, 200, 100}, "long_running_simulation": {1, 80, 24},
		"memory_leak_detection": {1, 50, 20},
		"vim_session":           {1, 120, 40}, "log_streaming": {1, 100, 50}, "interactive_shell": {1, 80, 24},
	}
	for _, s := range drawnScenarios(t) {
		screens := begin(t, s, 1).(terminal.Screened).Screens()
		width, height := screens[0].Size()
		if got := [3]int{len(screens), width, height}; got != want[s.Name] {
			t.Errorf("%s has screens %v, not %v", s.Name, got, want[s.Name])
		}
		if concurrent := s.Sessions > 1; concurrent && s.Sessions != len(screens) {
			t.Errorf("%s: %d sessions on %d screens", s.Name, s.Sessions, len(screens))
		}
	}
}

// TestPiecesOfAScreen looks at what pieces draw.
func TestPiecesOfAScreen(t *testing.T) {
	for _, tt := range []struct {
		scenario string
		row      int
		text     string
	}{
		{"small_buffer_create", 0, "┌─ 80x24, screen 3 ─"},
		{"large_buffer_create", 59, "└" + strings.Repeat("─", 198) + "┘"},
		{"buffer_write_operations", 23, "Line 30: test test test test test test test test test test"},
		{"ansi_sequence_processing", 3, "3 style 31 style 1;32 style 4;34 style 7;35 style 48;5;214"},
		{"cursor_management", 0, "Round 3"},
		{"large_screen_render", 30, strings.Repeat("█", 200)},
		{"memory_intensive_ops", 0, "Complex 0 of 3"},
		{"concurrent_buffers", 7, "Buffer 0, round 3, row 7: concurrent text"},
		{"multi_session_simulation", 4, "round 3, session 0, line 4: "},
		{"stress_ansi_processing", 0, "Stress 0 of 1 Stress 1 of 1 "},
		{"memory_pressure_test", 99, "0030 pressure 0030 pressure "},
		{"long_running_simulation", 1, "Iteration 1 "},
		{"memory_leak_detection", 10, "sequence 0"},
	} {
		s, _ := scenario.Find(tt.scenario)
		w := begin(t, s, 1)
		steps(t, w, 3)
		if got := w.(terminal.Screened).Screens()[0].Row(tt.row); !strings.HasPrefix(got, tt.text) {
			t.Errorf("%s: row %d is %q, not %q", tt.scenario, tt.row, got, tt.text)
		}
	}
}
