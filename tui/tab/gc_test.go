package tab

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func gcDesk(t testing.TB, o samplertest.Options) *desk {
	return newDesk(t, NewGC(), o, samplertest.ListerOptions{})
}

func (d *desk) collect() {
	d.t.Helper()
	before := d.st.Data().Snapshot
	if err := d.fake.Collect(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	d.read(1)
	after := d.st.Data().Snapshot
	d.st.SetCollected(&Collected{At: after.Time, Took: 8 * time.Millisecond, Before: before, After: after})
	d.send(Heard{NewsCollected})
}

func TestGCLooks(t *testing.T) {
	d := gcDesk(t, samplertest.Options{})
	d.read(186)
	d.goldens("gc")
	d.collect()
	d.act(keys.Down)
	d.pause()
	d.goldens("gc-forced")
	d = gcDesk(t, samplertest.Options{Plain: true})
	d.read(3)
	d.goldens("gc-notgo")
}

func TestGCFitsAnySize(t *testing.T) {
	d := gcDesk(t, samplertest.Options{})
	d.anySize(60)
	d.read(40)
	d.anySize(250)
	d.collect()
	d.anySize(100)
	d = gcDesk(t, samplertest.Options{Plain: true, Name: samplertest.HostileNames()[0]})
	d.read(1)
	d.anySize(100)
}

func TestGCShowsWhatTheSnapshotSays(t *testing.T) {
	d := gcDesk(t, samplertest.Options{})
	d.read(70)
	s := d.st.Data().Snapshot
	for _, m := range []sampler.Metric{sampler.GoHeapLive, sampler.GoHeapGoal, sampler.GoClassObjects} {
		v, _ := s.Get(m)
		d.mustShow(unit.Bytes(v))
	}
	last := d.st.Data().Cycles[len(d.st.Data().Cycles)-1]
	d.mustShow(last.End.Format(time.TimeOnly), "  automatic  ", unit.Bytes(last.Before.Value)+" → "+theme.PadLeft(unit.Bytes(last.Live.Value), 7))
	d.mustShow(theme.Pad("GOGC", factName)+" "+theme.PadLeft("100", factText), theme.Pad("GOMEMLIMIT", factName)+" "+theme.PadLeft("off", factText), unit.Rate(d.st.Data().GC.AllocRate.Value))
}

func TestGCTellsWhatACollectionFreed(t *testing.T) {
	d := gcDesk(t, samplertest.Options{})
	d.read(68) // just before a cycle: the heap is full of garbage
	d.mustShow("g collects and shows what it freed")
	d.collect()
	c := d.st.Data().Collected
	before, after := c.Before.Reading(sampler.GoClassObjects).Value, c.After.Reading(sampler.GoClassObjects).Value
	if before-after < 20e6 {
		t.Fatalf("the made-up server freed only %v", before-after)
	}
	d.mustShow("forced at 11:08:18", unit.Bytes(before)+" → "+theme.PadLeft(unit.Bytes(after), 7), "▼ "+theme.PadLeft(unit.Change(after-before), 8))
	d.mustShow("  forced ")
}

// The heap is at its largest when marking ends, and swept after: only the live heap tells what a cycle freed.
func TestCyclesTellWhatTheyLeftAlive(t *testing.T) {
	d := gcDesk(t, samplertest.Options{})
	at := samplertest.DefaultStart()
	cycle := func(live sampler.Reading) sampler.GCCycle {
		at = at.Add(time.Second)
		return sampler.GCCycle{End: at, Before: sampler.Known(70e6), After: sampler.Known(71e6), Live: live}
	}
	s := &sampler.Snapshot{Time: at, Cycles: []sampler.GCCycle{cycle(sampler.Known(35e6)), cycle(sampler.Reading{})}}
	s.Add(sampler.GoHeapLive, 35e6)
	d.st.Hear(s.Time, sampler.Event{Snapshot: s, Info: sampler.Info{Name: "api", Source: "agent", GoVersion: "go1.26"}})
	d.send(Heard{NewsSnapshot})
	d.mustShow("70.0 MB → 35.0 MB", "70.0 MB → 71.0 MB")
	out := d.view(200, 57)
	if freed, live := strings.Count(out, "░")-1, strings.Count(out, "▓")-1; freed < 5 || live < 3*freed-5 || live > 3*freed+5 {
		t.Errorf("half of one heap of two was freed, the bars show %d cells live and %d freed:\n%s", live, freed, out)
	}
}

func TestGCPausesAreThoseSinceTheMark(t *testing.T) {
	d := gcDesk(t, samplertest.Options{})
	d.read(1)
	d.mustShow("Pauses since start")
	d.read(60)
	d.st.SetMark()
	d.send(Heard{NewsMark})
	d.read(30)
	p, _, ok := pausesOf(d.st, 8)
	now, _ := d.st.Data().Snapshot.Histogram(sampler.GoGCPauses)
	before, _ := d.st.Data().Mark.Snapshot.Histogram(sampler.GoGCPauses)
	var want uint64
	for i := range now.Counts {
		want += now.Counts[i] - before.Counts[i]
	}
	if !ok || want == 0 || p.Count != want {
		t.Errorf("%d pauses, the histograms differ by %d", p.Count, want)
	}
	d.mustShow("Pauses since mark", "of "+unit.Count(float64(want)), "← ")
}

func TestGCSaysWhyNothingCanBeShown(t *testing.T) {
	snap := func(warnings ...error) *sampler.Snapshot {
		s := &sampler.Snapshot{Time: samplertest.DefaultStart(), Warnings: warnings}
		s.Add(sampler.ProcessRSS, 1e6)
		return s
	}
	tests := []struct {
		name string
		tell func(d *desk)
		want []string
	}{
		{"nothing read", func(*desk) {}, []string{"Nothing was read yet."}},
		{"no target", func(d *desk) { d.st.Watching = false }, []string{"No program is watched."}},
		{"not Go", func(d *desk) {
			d.st.Hear(samplertest.DefaultStart(), sampler.Event{Snapshot: snap(), Info: sampler.Info{Name: "nginx", Source: "proc", Hints: []string{"Run it as root."}}})
		}, []string{"nginx is not a Go program, as far as can be told", "→ Run it as root."}},
		{"Go, not readable", func(d *desk) {
			d.st.Hear(samplertest.DefaultStart(), sampler.Event{
				Snapshot: snap(sampler.ErrPermission),
				Info:     sampler.Info{Name: "api", Source: "proc", GoVersion: "go1.26", Hints: []string{"Import the agent."}},
			})
		}, []string{"api is a Go program, but its collector cannot be seen", "permission denied.", "→ Import the agent."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := gcDesk(t, samplertest.Options{})
			tt.tell(d)
			d.send(Heard{NewsSnapshot})
			d.mustShow(tt.want...)
			d.view(80, 21)
			if d.screen.Why(d.st, keys.WhatIf) == "" {
				t.Error("w is offered although there is no collector whose settings could be others")
			}
		})
	}
}

func TestGCNumbersThatAreUnknownAreNotZero(t *testing.T) {
	d := gcDesk(t, samplertest.Options{})
	s := &sampler.Snapshot{Time: samplertest.DefaultStart(), Cycles: []sampler.GCCycle{{End: samplertest.DefaultStart()}}}
	s.Add(sampler.GoHeapLive, 5e6)
	d.st.Hear(s.Time, sampler.Event{Snapshot: s, Info: sampler.Info{Name: "api", Source: "pprof", GoVersion: "go1.26"}})
	d.send(Heard{NewsSnapshot})
	out := d.view(200, 57)
	for line := range strings.SplitSeq(out, "\n") {
		if i := strings.Index(line, "11:02:10"); i >= 0 && strings.Count(line[i:], "–") < 6 {
			t.Errorf("a cycle of which only the end is known: %q", line)
		}
	}
	for _, name := range []string{"GC CPU", "gc_pressure", "cycles", "allocation", "heap goal", "GOGC", "GOMEMLIMIT"} {
		if want := theme.Pad(name, factName) + " " + theme.PadLeft("–", factText); !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestSettingsThatAreOff(t *testing.T) {
	for v, want := range map[float64]string{100: "100", -1: "off", math.MaxUint64: "off", 0: "0"} {
		if got := gogc(v); got != want {
			t.Errorf("GOGC %v is %q, want %q", v, got, want)
		}
	}
	if got := memLimit(math.MaxInt64); got != "off" {
		t.Errorf("GOMEMLIMIT without a limit is %q", got)
	}
}

func TestCyclesSortAndFollow(t *testing.T) {
	d := gcDesk(t, samplertest.Options{})
	d.read(60)
	g := d.screen.(*GC)
	d.view(120, 33)
	d.act(keys.Down, keys.Down)
	chosen, _ := g.table.Selected()
	d.read(10)
	if now, _ := g.table.Selected(); now != chosen {
		t.Errorf("new cycles moved the selection from %v to %v", chosen, now)
	}
	title := strings.Split(d.view(120, 33), "\n")
	for y, line := range title {
		if i := strings.Index(line, "pause "); i > 0 && strings.Contains(line, "kind") {
			d.send(Click{X: len([]rune(line[:i])) + 2, Y: y})
		}
	}
	for i := 1; i < len(g.cycles); i++ {
		if g.cycles[i-1].Pause.Value < g.cycles[i].Pause.Value {
			t.Fatalf("a click on pause does not sort by it: %v before %v", g.cycles[i-1].Pause, g.cycles[i].Pause)
		}
	}
}

func BenchmarkGCFrame(b *testing.B) {
	d := gcDesk(b, samplertest.Options{})
	d.st.Theme = colourTheme()
	d.read(400)
	d.view(200, 57)
	b.ReportAllocs()
	for b.Loop() {
		d.st.Version++
		d.screen.View(d.st, 200, 57)
	}
}

// TestColourIsNotNeeded draws each screen with and without colour: the words and signs are the same.
func TestColourIsNotNeeded(t *testing.T) {
	for _, open := range []func() Screen{
		func() Screen { return NewGC() }, func() Screen { return NewProcesses() }, func() Screen { return NewGoroutines() },
	} {
		d := newDesk(t, open(), samplertest.Options{}, samplertest.ListerOptions{})
		d.read(40)
		plain := d.view(120, 33)
		d.st.Theme = colourTheme()
		d.st.Version++
		colour := d.view(120, 33)
		if strings.Contains(plain, "\x1b") || !strings.Contains(colour, "\x1b[") {
			t.Errorf("%s: escape codes without colour, or none with it", d.screen.Title())
		}
		if ansi.Strip(colour) != plain {
			t.Errorf("%s says something else in colour:\n%s\n%s", d.screen.Title(), plain, ansi.Strip(colour))
		}
	}
}
