package cli

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// talk is what a headless run says on stderr while it works: how far it is, and what the programs it runs print. Several
// goroutines use it.
type talk struct {
	mu      sync.Mutex
	w       io.Writer
	state   *progress
	last    string // scenario and stage
	partial bool   // the last output did not end its line
}

func newTalk(env *environment) *talk {
	return &talk{w: env.Err, state: newProgress(env.Err)}
}

// progress tells how far the work is: at once where a scenario or a stage begins, else now and then.
func (t *talk) progress(p run.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lineEnd()
	stage := p.Scenario
	if _, running := sideOf(p); !running {
		stage += " " + p.Stage
	}
	if stage != t.last {
		t.last = stage
		t.state.said = time.Time{}
	}
	t.state.say(time.Now(), progressWords(p, t.state.terminal))
}

// progressWords is one line: the scenario, the stage, the run, the time that is left.
func progressWords(p run.Progress, bar bool) string {
	var b strings.Builder
	if bar && p.Most > 0 {
		const cells = 20
		done := min(cells, max(0, p.Run-1)*cells/p.Most)
		b.WriteString("[" + strings.Repeat("#", done) + strings.Repeat(".", cells-done) + "] ")
	}
	b.WriteString(p.Scenario)
	if p.Of > 1 {
		fmt.Fprintf(&b, " (%d of %d)", p.Number, p.Of)
	}
	side, running := sideOf(p)
	switch {
	case running:
		fmt.Fprintf(&b, ": run %d", p.Run)
		if p.Most > 0 {
			fmt.Fprintf(&b, " of at most %d", p.Most)
		}
		if side != "" {
			b.WriteString(", " + side)
		}
	case p.Stage != "":
		b.WriteString(": " + p.Stage)
	}
	if p.Left >= time.Second {
		b.WriteString(", at most " + unit.Duration(p.Left.Round(time.Second)) + " left")
	}
	return b.String()
}

// sideOf says whether a run is going on, and of which side of a comparison.
func sideOf(p run.Progress) (side string, running bool) {
	side, running = strings.CutPrefix(p.Stage, "run")
	return strings.TrimSpace(side), running && p.Run > 0
}

// Write passes on what a program printed.
func (t *talk) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.clear()
	n, err := t.w.Write(b)
	if n > 0 {
		t.partial = b[n-1] != '\n'
	}
	return n, err
}

// end leaves the line to what comes next.
func (t *talk) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lineEnd()
	t.state.clear()
}

func (t *talk) lineEnd() {
	if t.partial {
		fmt.Fprintln(t.w)
		t.partial = false
	}
}

// tool names this program in reports.
func tool() gates.Tool { return gates.Tool{Version: version(), Go: runtime.Version()} }
