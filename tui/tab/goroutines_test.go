package tab

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/keys"
)

func goroutineDesk(t *testing.T, o samplertest.Options) *desk {
	return newDesk(t, NewGoroutines(), o, samplertest.ListerOptions{})
}

func TestGoroutinesLook(t *testing.T) {
	d := goroutineDesk(t, samplertest.Options{})
	d.read(90)
	d.act(keys.Down)
	d.goldens("goroutines")
	d.act(keys.Open)
	d.goldens("stack")
}

func TestGoroutinesFitAnySize(t *testing.T) {
	d := goroutineDesk(t, samplertest.Options{Name: "\x1b[2J\x1b[31mred\x1b]0;title\x07"})
	d.anySize(60)
	d.read(3)
	d.anySize(250)
	d.act(keys.Open)
	d.anySize(250)
}

func TestGoroutinesChangeSinceTheMark(t *testing.T) {
	d := goroutineDesk(t, samplertest.Options{})
	d.read(1)
	s := d.screen.(*Goroutines)
	for _, r := range s.rows {
		if r.Change.Value != 0 {
			t.Errorf("%s changed by %v since the mark that was just set", r.Function, r.Change)
		}
	}
	d.read(95) // the made-up server leaks a goroutine in 30 s
	grown := 0.0
	for _, r := range s.rows {
		grown += r.Change.Value
	}
	if grown != 3 {
		t.Errorf("%v goroutines more than 95 s ago, want 3", grown)
	}
	d.mustShow("+3 since mark", "▲     +3")
	d.act(keys.Sort)
	if first := s.rows[s.shown[0]]; first.Change.Value != 3 {
		t.Errorf("sorted by change, %s with %v comes first", first.Function, first.Change)
	}
}

func TestGoroutineCountsAddUp(t *testing.T) {
	d := goroutineDesk(t, samplertest.Options{})
	d.read(1)
	sum := 0
	for _, r := range d.screen.(*Goroutines).rows {
		sum += r.Count
	}
	if want := d.st.Data().Goroutines.Total; sum != want {
		t.Errorf("the groups have %d goroutines, the program has %d", sum, want)
	}
}

func TestGoroutinesFilterByWords(t *testing.T) {
	d := goroutineDesk(t, samplertest.Options{})
	d.read(1)
	s := d.screen.(*Goroutines)
	all := len(s.shown)
	d.act(keys.Filter)
	d.typed("select")
	if n := len(s.shown); n == 0 || n >= all {
		t.Errorf("%d of %d groups speak of select", n, all)
	}
	d.act(keys.FilterKeep)
	d.mustShow("filter: select")
	d.act(keys.Back)
	if len(s.shown) != all {
		t.Error("Esc does not drop the filter")
	}
}

func TestEnterShowsTheWholeStack(t *testing.T) {
	d := goroutineDesk(t, samplertest.Options{})
	d.read(1)
	group := d.screen.(*Goroutines).selected()
	stack, creator := slices.Clone(group.Stack), group.CreatedBy
	d.act(keys.Open)
	out := d.view(200, 57)
	for _, f := range stack {
		if !strings.Contains(out, f.Function) {
			t.Errorf("the stack lacks %s:\n%s", f.Function, out)
		}
	}
	if creator.Function != "" && !strings.Contains(out, "created by "+creator.Function) {
		t.Errorf("the stack does not say that %s created it:\n%s", creator.Function, out)
	}
	s := d.screen.(*Stack)
	before := s.view.frame
	d.act(keys.Down)
	if s.view.frame == before {
		t.Error("↓ does not select the next frame")
	}
	s.row.Key = "another"
	s.refresh(d.st)
	d.mustShow("No goroutine of this group is left")
}

func TestGoroutinesSayWhyThereAreNone(t *testing.T) {
	d := goroutineDesk(t, samplertest.Options{Plain: true})
	d.mustShow("The goroutines are being read.")
	d.read(1)
	d.mustShow("api-server is not a Go program, as far as can be told", "→ This is not a Go program")
	if d.screen.Why(d.st, keys.Open) == "" {
		t.Error("Enter claims to work without a goroutine")
	}
	d = goroutineDesk(t, samplertest.Options{})
	d.read(1)
	d.st.SetGoroutines(nil, errors.New("read socket: timed out"))
	d.send(Heard{NewsGoroutines})
	d.mustShow("not read since 11:07:10: read socket: timed out")
}

func TestUnknownWaitIsNotZero(t *testing.T) {
	d := goroutineDesk(t, samplertest.Options{})
	d.read(1)
	d.st.SetGoroutines(&sampler.Goroutines{Total: 1, Groups: []sampler.GoroutineGroup{{Count: 1}}}, nil)
	d.send(Heard{NewsGoroutines})
	first := strings.Split(d.view(120, 33), "\n")[2]
	if strings.Count(first, "–") < 2 {
		t.Errorf("a group of which only the count is known: %q", first)
	}
	d.act(keys.Open)
	d.mustShow("waiting –", "The source reads no stack")
}
