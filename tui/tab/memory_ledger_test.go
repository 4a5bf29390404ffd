package tab

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func TestLedgerTellsFilesApartByTheirEnds(t *testing.T) {
	l := analysis.Ledger{Rows: []analysis.Row{
		{Key: "file:/usr/lib/x86_64-linux-gnu/libc.so.6", Name: "/usr/lib/x86_64-linux-gnu/libc.so.6", Bytes: 9e5, Share: .9},
		{Key: "file:/usr/lib/x86_64-linux-gnu/libm.so.6", Name: "/usr/lib/x86_64-linux-gnu/libm.so.6", Bytes: 1e5, Share: .1},
		{Key: "unexplained", Name: "unexplained"},
	}}
	out := ansi.Strip(strings.Join(ledgerRows(theme.Plain(), l, 38, 3, 1), "\n"))
	for _, want := range []string{"libc.so.6 ", "libm.so.6 ", "…", "unexplained"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// Two rows are all that the smallest screens have: nothing unexplained needs none of them.
func TestTwoRowsShowTheLargestPart(t *testing.T) {
	rows := func(unexplained float64) string {
		l := analysis.Ledger{Total: 100e6, Rows: []analysis.Row{
			{Key: "heap_live", Name: "heap, live", Bytes: 40e6, Share: .4}, {Key: "heap_garbage", Name: "heap, uncollected", Bytes: 60e6 - unexplained, Share: .6 - unexplained/100e6},
			{Key: "unexplained", Name: "unexplained", Bytes: unexplained, Share: unexplained / 100e6},
		}}
		return ansi.Strip(strings.Join(ledgerRows(theme.Plain(), l, 60, 2, 1), "\n"))
	}
	if out := rows(0); !strings.Contains(out, "heap, uncollected") || !strings.Contains(out, "60.0 MB  60%") || !strings.Contains(out, "the rest") || !strings.Contains(out, "40.0 MB  40%") || strings.Contains(out, "unexplained") {
		t.Error(out)
	}
	if out := rows(25e6); !strings.Contains(out, "the rest") || !strings.Contains(out, "75.0 MB  75%") || !strings.Contains(out, "unexplained") || !strings.Contains(out, "25.0 MB  25%") {
		t.Error(out)
	}
}

// The sentence ends with a whole part where it has no room for all of them.
func TestTheSentenceOfTheLedgerIsNotCutInTheMiddle(t *testing.T) {
	const all = "RSS 200 MB is 2.2 times the live heap of 90.0 MB: 40.0 MB free, 25.0 MB on stacks, 18.0 MB mapped files."
	for _, c := range []struct {
		width, rows int
		want        string
	}{
		{120, 1, all},
		{60, 2, all},
		{100, 1, "RSS 200 MB is 2.2 times the live heap of 90.0 MB: above all 40.0 MB free, 25.0 MB on stacks."},
		{76, 1, "RSS 200 MB is 2.2 times the live heap of 90.0 MB: above all 40.0 MB free."},
		{60, 1, "RSS 200 MB is 2.2 times the live heap of 90.0 MB."},
		{20, 1, "RSS 200 MB is 2.2…"},
	} {
		if got := strings.Join(wholeClauses(all, c.width, c.rows), " "); got != c.want {
			t.Errorf("%d x %d: %q, want %q", c.width, c.rows, got, c.want)
		}
	}
}

// PSS of a large process costs it so much that not every reading has it: the last one stays, with its age.
func TestWhatIsReadSeldomStaysWithItsAge(t *testing.T) {
	s := watching(1)
	facts := func() string {
		return ansi.Strip(strings.Join(processFacts(theme.Plain(), s.Data(), 200, 1), "\n"))
	}
	if out := facts(); strings.Contains(out, "pss") {
		t.Errorf("%q, and nobody read PSS", out)
	}
	e := reading(10, 100e6)
	e.Snapshot.Add(sampler.ProcessPSS, 90e6)
	s.Hear(at(10), e)
	if out := facts(); !strings.Contains(out, "pss 90.0 MB") || strings.Contains(out, "ago") {
		t.Errorf("%q right after the reading", out)
	}
	s.Hear(at(18), reading(18, 100e6))
	if out := facts(); !strings.Contains(out, "pss 90.0 MB 8.0s ago") {
		t.Errorf("%q eight seconds later", out)
	}
	s.Retarget(sampler.Info{}, nil)
	s.Hear(at(30), reading(30, 100e6))
	if out := facts(); strings.Contains(out, "pss") {
		t.Errorf("%q of another target", out)
	}
}
