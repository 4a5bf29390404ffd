package tab

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// desk drives one screen over a made-up server and machine, as the root model would.
type desk struct {
	t      testing.TB
	st     *State
	screen Screen
	fake   *samplertest.Fake
	lister *samplertest.FakeLister
	asked  []tea.Msg // requests to the root model
}

func newDesk(t testing.TB, screen Screen, server samplertest.Options, machine samplertest.ListerOptions) *desk {
	t.Helper()
	d := &desk{
		t: t, st: NewState(theme.Plain(), time.Second, nil), screen: screen,
		fake: samplertest.New(server), lister: samplertest.NewLister(machine),
	}
	d.st.Retarget(d.fake.Describe(), d.fake)
	d.send(Size{120, 33})
	return d
}

func (d *desk) send(msg tea.Msg) {
	cmd := d.screen.Update(d.st, msg)
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case Push:
		d.screen = msg.Screen
		d.send(Size{120, 33})
	case Watch, Notice:
		d.asked = append(d.asked, msg)
	case nil:
	default:
		d.send(msg)
	}
}

// read lets n readings arrive, with what the screen needs besides.
func (d *desk) read(n int) {
	d.t.Helper()
	ctx := context.Background()
	for range n {
		var s sampler.Snapshot
		if err := d.fake.Read(ctx, &s); err != nil {
			d.st.Hear(d.st.Now, sampler.Event{Info: d.fake.Describe(), Err: err})
		} else {
			d.st.Hear(s.Time, sampler.Event{Info: d.fake.Describe(), Snapshot: s.Clone()})
		}
		d.send(Heard{NewsSnapshot})
		needs := Needs{}
		if n, ok := d.screen.(Needer); ok {
			needs = n.Needs(d.st)
		}
		if needs.Processes {
			table := d.st.SpareTable()
			err := d.lister.List(ctx, needs.List, table)
			d.st.SetProcesses(table, err)
			d.send(Heard{NewsProcesses})
		}
		if needs.Goroutines {
			g, err := d.fake.Goroutines(ctx)
			d.st.SetGoroutines(&g, err)
			d.send(Heard{NewsGoroutines})
		}
	}
}

func (d *desk) act(ids ...keys.ID) {
	for _, id := range ids {
		if why := d.screen.Why(d.st, id); why != "" {
			d.t.Errorf("%s cannot work: %s", id, why)
		}
		d.send(Act{id})
	}
}

func (d *desk) typed(text string) {
	for _, r := range text {
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
	}
}

func (d *desk) pause() { d.st.Freeze(); d.send(Heard{NewsPause}) }

func (d *desk) resume() { d.st.Resume(); d.send(Heard{NewsPause}) }

// view draws the screen at a size and fails when it does not fit.
func (d *desk) view(w, h int) string {
	d.t.Helper()
	d.send(Size{w, h})
	out := d.screen.View(d.st, w, h)
	lines := strings.Split(out, "\n")
	if len(lines) != h {
		d.t.Errorf("%d lines at %dx%d", len(lines), w, h)
	}
	for i, line := range lines {
		if n := ansi.StringWidth(line); n > w {
			d.t.Errorf("line %d takes %d cells at %dx%d: %q", i+1, n, w, h, line)
		}
	}
	return out
}

func (d *desk) mustShow(words ...string) {
	d.t.Helper()
	out := d.view(120, 33)
	for _, w := range words {
		if !strings.Contains(out, w) {
			d.t.Errorf("the screen does not show %q:\n%s", w, out)
		}
	}
}

// frameLines is what header and footer take of the terminal.
const frameLines = 3

// goldens compares the screen at the three terminal sizes with testdata.
func (d *desk) goldens(name string) {
	d.t.Helper()
	for _, size := range [][2]int{{80, 24}, {120, 36}, {200, 60}} {
		var b strings.Builder
		for line := range strings.SplitSeq(d.view(size[0], size[1]-frameLines), "\n") {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		path := filepath.Join("testdata", name+"-"+itoa(size[0])+"x"+itoa(size[1])+".txt")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				d.t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				d.t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			d.t.Fatal(err)
		}
		if b.String() != string(want) {
			d.t.Errorf("%s differs (go test ./tui/tab -update writes it anew; look at it first)\ngot:\n%s\nwant:\n%s", path, b.String(), want)
		}
	}
}

// anySize draws the screen at random sizes; view fails when one does not fit.
func (d *desk) anySize(n int) {
	d.t.Helper()
	rnd := rand.New(rand.NewPCG(11, 12))
	for range n {
		w, h := 20+rnd.IntN(381), 2+rnd.IntN(99)
		if rnd.IntN(3) == 0 {
			w, h = 1+rnd.IntN(60), 1+rnd.IntN(16)
		}
		d.view(w, h)
		if d.t.Failed() {
			d.t.Fatalf("%s does not fit at %dx%d", d.screen.Title(), w, h)
		}
	}
}
