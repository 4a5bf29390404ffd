package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// stabilityTalk tells how far a watch is: on a terminal in one line for all subjects, elsewhere in a line for each at every
// interval.
type stabilityTalk struct {
	talk     *talk
	duration time.Duration
	names    []string
	last     map[string]run.StabilityProgress
}

func newStabilityTalk(o *stability) *stabilityTalk {
	return &stabilityTalk{talk: newTalk(o.env), duration: o.duration, last: map[string]run.StabilityProgress{}}
}

// progress is called by one goroutine at a time.
func (t *stabilityTalk) progress(p run.StabilityProgress) {
	before, seen := t.last[p.Subject]
	if !seen {
		t.names = append(t.names, p.Subject)
	}
	if p.Ended {
		before.Ended, before.Subject = true, p.Subject
		p = before
	}
	t.last[p.Subject] = p
	t.talk.mu.Lock()
	defer t.talk.mu.Unlock()
	state := t.talk.state
	switch {
	case state.terminal:
		t.talk.lineEnd()
		state.say(time.Now(), t.line())
	case p.Moment || p.Ended:
		t.talk.lineEnd()
		state.said = time.Time{} // each interval is told
		state.say(time.Now(), subjectWords(p, t.duration))
	}
}

// line is a bar of the subject that is the furthest behind, and what each holds.
func (t *stabilityTalk) line() string {
	const cells = 20
	left, going := time.Duration(0), false
	var parts []string
	for _, name := range t.names {
		p := t.last[name]
		if !p.Ended {
			left, going = max(left, p.Left), true
		}
		parts = append(parts, name+" "+strings.Join(holdings(p), ", "))
	}
	done := cells
	if going {
		done = min(cells, max(0, int(float64(cells)*float64(t.duration-left)/float64(t.duration))))
	}
	bar := "[" + strings.Repeat("#", done) + strings.Repeat(".", cells-done) + "] "
	return bar + unit.Duration(left.Round(time.Second)) + " left · " + strings.Join(parts, " · ")
}

// subjectWords is one line about one subject.
func subjectWords(p run.StabilityProgress, duration time.Duration) string {
	text := fmt.Sprintf("%s: %s of %s", p.Subject, unit.Duration(p.Watched.Round(time.Second)), unit.Duration(duration))
	if p.Ended {
		text += ", over"
	}
	return strings.Join(append([]string{text}, holdings(p)...), ", ")
}

func holdings(p run.StabilityProgress) []string {
	var out []string
	if p.RSS.OK {
		out = append(out, "RSS "+unit.Bytes(p.RSS.Value))
	}
	if p.Live.OK {
		out = append(out, "live heap "+unit.Bytes(p.Live.Value))
	}
	if p.Used.OK {
		out = append(out, "used_memory "+unit.Bytes(p.Used.Value))
	}
	if p.Operations.OK {
		out = append(out, unit.Count(p.Operations.Value)+" operations")
	}
	return out
}
