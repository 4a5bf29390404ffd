package tab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/keys"
)

// leakSite is a row of the table of sites, as the site of a walk has it.
func leakSite(name string) *profile.SiteRow {
	f := sampler.Frame{Function: name, File: "/src/" + name + ".go", Line: 45}
	return &profile.SiteRow{Site: profile.Site{Function: f.Function, File: f.File, Line: f.Line, Stack: []sampler.Frame{f}}}
}

// heldBy is a walk that found the site held in the given ways.
func heldBy(row *profile.SiteRow, ways ...sampler.HoldPath) *sampler.HeapWalk {
	w := &sampler.HeapWalk{Time: at(9), Took: 12 * time.Millisecond, Objects: 9530, Reached: 17_400_000, Marked: sampler.Known(17_410_000), Read: 1_060_000}
	site := sampler.HeldSite{Stack: row.Stack, Paths: ways}
	for i := range ways {
		site.Samples += ways[i].Samples
		site.Objects += ways[i].Objects
		site.Bytes += ways[i].Bytes
		if !ways[i].Shared() {
			w.Roots = append(w.Roots, sampler.HeldRoot{HoldRoot: ways[i].Roots[0], Retained: ways[i].Bytes})
		}
	}
	w.Sites = []sampler.HeldSite{site}
	return w
}

func sessions() sampler.HoldPath {
	return sampler.HoldPath{
		Samples: 140, Objects: 2000, Bytes: 10_000_000,
		Roots: []sampler.HoldRoot{{Kind: sampler.RootGlobal, Name: "main.sessions"}},
		Steps: []sampler.HoldStep{
			{Kind: sampler.StepObject, Count: 1, Size: 4864, Type: "[]uint8", Label: "[]uint8"},
			{Kind: sampler.StepObject, Count: 1, Size: 80, Type: "main.session", Field: "blob"},
			{Kind: sampler.StepObject, Count: 1, Size: 27_264, Type: "map[string]*main.session", Field: "value"},
		},
	}
}

func waiting() sampler.HoldPath {
	return sampler.HoldPath{
		Samples: 5, Objects: 50, Bytes: 1_000_000, Function: "main.waitForJob",
		Roots: []sampler.HoldRoot{{Kind: sampler.RootGoroutine, Name: "main.worker", Goroutines: 50}},
		Steps: []sampler.HoldStep{{Kind: sampler.StepObject, Count: 1, Size: 20480}},
	}
}

// holdersDesk shows a site before anything is known of who holds it.
func holdersDesk(t *testing.T, row *profile.SiteRow) *desk {
	d := newDesk(t, NewHolders(row), samplertest.Options{}, samplertest.ListerOptions{})
	d.read(1)
	return d
}

func (d *desk) walked(w *sampler.HeapWalk, err error) {
	d.st.SetWalked(w, err)
	d.send(Heard{NewsWalk})
}

func (d *desk) sees(w, h int, words ...string) {
	d.t.Helper()
	screen := d.view(w, h)
	for _, word := range words {
		if !strings.Contains(screen, word) {
			d.t.Errorf("%dx%d does not show %q:\n%s", w, h, word, screen)
		}
	}
}

func TestHoldersNameVariableAndGoroutines(t *testing.T) {
	row := leakSite("main.newBlob")
	d := holdersDesk(t, row)
	d.walked(heldBy(row, sessions(), waiting()), nil)
	d.sees(120, 33, "reached 17.4 MB of 17.4 MB the collector marked", "Who holds main.newBlob", "global main.sessions", "10.0 MB", "91%",
		"50 goroutines main.worker in main.waitForJob", "~1.00 MB", "keeps 10.0 MB alone",
		"└ map[string]*main.session [value]", "└ main.session.blob", "└ []uint8", "× 2,000", "held by it alone")
	d.act(keys.Down)
	d.sees(120, 33, "└ a frame of main.waitForJob", "└ 20.5 kB object", "allocated at main.newBlob main.newBlob.go:45")
}

func TestHoldersThatShareAnObjectAreASet(t *testing.T) {
	row, both := leakSite("main.newBlob"), sessions()
	both.Roots = append(both.Roots, sampler.HoldRoot{Kind: sampler.RootGlobal, Name: "main.byIndex"})
	d := holdersDesk(t, row)
	d.walked(heldBy(row, both), nil)
	d.sees(120, 33, "global main.sessions + main.byIndex", "freed when both let go", "and global main.byIndex")
	both.MoreRoots = true
	d.walked(heldBy(row, both), nil)
	d.sees(160, 33, "+ main.byIndex + more", "freed when all let go")
}

func TestWhatNothingHoldsIsSaid(t *testing.T) {
	row := leakSite("main.newBlob")
	d := holdersDesk(t, row)
	d.walked(&sampler.HeapWalk{}, nil)
	d.sees(120, 33, "The walk met no sampled object of this site")
	garbage := &sampler.HeapWalk{Sites: []sampler.HeldSite{{Stack: row.Stack, Dead: 12}}}
	d.walked(garbage, nil)
	d.sees(120, 33, "Nothing holds the 12 sampled objects of this site any more")
	d.walked(&sampler.HeapWalk{Warnings: []error{errors.New("this program records no allocation stacks")}}, nil)
	d.sees(120, 33, "is not known: this program records no allocation stacks", "! this program records")
}

func TestASmallHeapIsWalkedAtOnceAndALargeOneAfterAQuestion(t *testing.T) {
	s := NewHolders(leakSite("main.newBlob"))
	d := newDesk(t, NewGC(), samplertest.Options{}, samplertest.ListerOptions{})
	d.read(1)
	if cmd := s.Update(d.st, Size{120, 33}); cmd == nil || cmd() != (WalkHeap{}) {
		t.Error("a heap of 60 MB is not walked at once")
	}
	big := d.st.Live().Snapshot.Clone()
	for i := range big.Samples {
		if big.Samples[i].Metric == sampler.GoClassObjects {
			big.Samples[i].Value = 4e9
		}
	}
	d.st.Hear(big.Time.Add(time.Second), sampler.Event{Snapshot: big})
	s = NewHolders(leakSite("main.newBlob"))
	if cmd := s.Update(d.st, Size{120, 33}); cmd != nil {
		t.Errorf("a heap of 4 GB is walked without asking: %#v", cmd())
	}
	d.screen = s
	d.sees(120, 33, "every pointer of a heap of 4.00 GB is followed", "nothing is written, and the program is not stopped", "Enter walks the heap")
	if cmd := s.Update(d.st, Act{keys.Walk}); cmd == nil || cmd() != (WalkHeap{}) {
		t.Error("Enter does not walk it")
	}
}

func TestAWalkThatWasRefusedSaysWhyAndWhatEnterDoes(t *testing.T) {
	d := holdersDesk(t, leakSite("main.newBlob"))
	d.walked(nil, fmt.Errorf("3481 kB of it are swapped out: %w", sampler.ErrSwapped))
	d.sees(80, 21, "3481 kB of it are swapped out", "would be read back into memory", "Enter walks all the same")
	if cmd := d.screen.Update(d.st, Act{keys.Walk}); cmd() != (WalkHeap{Force: true}) {
		t.Error("Enter does not force the walk that the screen offers")
	}
	d.walked(nil, fmt.Errorf("the pointers would take 12 MB more: %w", sampler.ErrWalkTooLarge))
	d.sees(80, 21, "the heap is too large to walk", "Enter tries again")
	if cmd := d.screen.Update(d.st, Act{keys.Walk}); cmd() != (WalkHeap{}) {
		t.Error("Enter forces a walk that was refused for its size")
	}
}

func TestProgressIsShownAndEscStops(t *testing.T) {
	d := holdersDesk(t, leakSite("main.newBlob"))
	d.st.SetWalkProgress(sampler.WalkProgress{Stage: "read objects", Part: 0.62})
	d.send(Heard{NewsWalk})
	d.sees(80, 21, "62%", "read objects", "Esc stops it")
	if c := d.screen.(BackHandler); !c.Closable() {
		t.Error("Esc would close the screen instead of stopping the walk")
	}
	if cmd := d.screen.Update(d.st, Act{keys.Back}); cmd() != (StopWalk{}) {
		t.Error("Esc does not stop the walk")
	}
	d.walked(nil, nil)
	if d.screen.(BackHandler).Closable() {
		t.Error("Esc does not close the screen once the walk has stopped")
	}
}

// strange is a text that a target could have as any name.
func strange(r *rand.Rand) string {
	parts := []string{"\x1b[31mred\x1b[0m", "\x1b]0;owned\x07", "\r\n", "\u202egnp.exe", "\u200b", "世界", "\x9b2J", "main.f", "[...]", "/", strings.Repeat("A", 300), "", "│"}
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

func strangeWalk(r *rand.Rand, row *profile.SiteRow) *sampler.HeapWalk {
	var ways []sampler.HoldPath
	for range r.IntN(5) {
		p := sampler.HoldPath{Samples: r.IntN(30), Objects: r.IntN(1 << 40), Bytes: r.Int64N(1 << 50), Function: strange(r), MoreRoots: r.IntN(4) == 0}
		for range 1 + r.IntN(4) {
			kinds := []sampler.RootKind{sampler.RootGlobal, sampler.RootGoroutine, sampler.RootFinalizer}
			p.Roots = append(p.Roots, sampler.HoldRoot{Kind: kinds[r.IntN(3)], Name: strange(r), Goroutines: r.IntN(1000)})
		}
		for range r.IntN(30) {
			kinds := []sampler.StepKind{sampler.StepObject, sampler.StepChain, sampler.StepOmit}
			p.Steps = append(p.Steps, sampler.HoldStep{Kind: kinds[r.IntN(3)], Count: r.IntN(1 << 30), Size: r.Int64N(1 << 40), Type: strange(r), Field: strange(r)})
		}
		ways = append(ways, p)
	}
	w := heldBy(row, ways...)
	w.Shared = r.Int64N(1 << 40)
	if r.IntN(2) == 0 {
		w.Warnings = append(w.Warnings, errors.New(strange(r)), errors.New("x"))
	}
	return w
}

// No state of the screen is too large for the terminal, and nothing that the target is called reaches it as it is.
func TestHoldersFitAnyTerminalWhateverTheNames(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		row := leakSite(strange(r) + "main.f")
		if r.IntN(4) == 0 {
			row = nil
		}
		d := holdersDesk(t, row)
		site := row
		if site == nil {
			site = leakSite("x")
		}
		switch r.IntN(8) {
		case 0:
			d.st.SetWalkProgress(sampler.WalkProgress{Stage: strange(r), Part: r.Float64() * 1.2})
		case 1:
			d.walked(nil, fmt.Errorf("%s: %w", strange(r), sampler.ErrSwapped))
		case 2:
		default:
			d.walked(strangeWalk(r, site), nil)
		}
		for range 6 {
			d.send(Act{[]keys.ID{keys.Up, keys.Down, keys.PageDown, keys.End}[r.IntN(4)]})
			w, h := 1+r.IntN(220), 1+r.IntN(70)
			out := d.view(w, h)
			for _, bad := range []string{"\x1b", "\r", "\x07", "\u202e", "\u200b", "\x9b2J"} {
				if strings.Contains(out, bad) {
					t.Fatalf("seed %d at %dx%d: %q on the screen", seed, w, h, bad)
				}
			}
			for line := range strings.SplitSeq(out, "\n") {
				if ansi.StringWidth(line) > w {
					t.Fatalf("seed %d at %dx%d: a line of %d cells", seed, w, h, ansi.StringWidth(line))
				}
			}
		}
	}
}

// The walk of a real session is told the same way: this is the one of the made-up server.
func TestAWalkOfASessionFillsTheScreen(t *testing.T) {
	d := newDesk(t, NewMemory(), samplertest.Options{}, samplertest.ListerOptions{})
	d.read(400)
	p, err := d.fake.HeapProfile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	heap, err := profile.ParseHeap(p)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.fake.Walk(context.Background(), sampler.WalkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.st.SetWalked(&w, nil)
	for _, site := range heap.Sites {
		h := d.st.Walk.Of(site.Key())
		if h == nil {
			t.Errorf("%s is in the profile and not in the walk", site.Key())
			continue
		}
		if diff := float64(h.Bytes) - site.InUseBytes; diff > 1 || diff < -1 {
			t.Errorf("%s holds %d bytes by the walk, %.0f by the profile", site.Key(), h.Bytes, site.InUseBytes)
		}
	}
}
