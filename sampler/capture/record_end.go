package capture

import (
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// logJSON is lines of the target's output.
type logJSON struct {
	Dropped int           `json:"dropped,omitempty"` // before these, since the line before
	Lines   []logLineJSON `json:"lines"`
}

type logLineJSON struct {
	Time   time.Time `json:"time"`
	Stderr bool      `json:"stderr,omitempty"`
	Text   string    `json:"text"`
}

// endJSON is the last line of a recording that was ended, not cut off. Gone is false when the target lived on.
type endJSON struct {
	At       time.Time `json:"at"`
	Gone     bool      `json:"gone"`
	ExitCode *float64  `json:"exit_code,omitempty"`
	Signal   string    `json:"signal,omitempty"`
	OOM      bool      `json:"oom,omitempty"`
	Reason   string    `json:"reason,omitempty"`
}

func fromGone(g *sampler.Gone) *endJSON {
	return &endJSON{At: g.At, Gone: true, ExitCode: g.ExitCode.Pointer(), Signal: g.Signal, OOM: g.OOM, Reason: g.Reason}
}

// gone returns how the target ended, nil when it lived on.
func (j *endJSON) gone() *sampler.Gone {
	if j == nil || !j.Gone {
		return nil
	}
	return &sampler.Gone{At: j.At, ExitCode: reading(j.ExitCode), Signal: j.Signal, OOM: j.OOM, Reason: j.Reason}
}

// header makes the first member of a recording.
func (p *packer) header(h headerJSON) (member, error) {
	at, ok := instant(h.Started)
	if !ok {
		return member{}, fmt.Errorf("a recording cannot start at %v", h.Started)
	}
	if err := p.line(lineJSON{Header: &h}); err != nil {
		return member{}, err
	}
	return p.seal(entry{kind: kindHeader, from: at, to: at})
}

// end makes the last one.
func (p *packer) end(j *endJSON) (member, error) {
	at, ok := instant(j.At)
	if !ok {
		return member{}, fmt.Errorf("a recording cannot end at %v", j.At)
	}
	if err := p.line(lineJSON{End: j}); err != nil {
		return member{}, err
	}
	return p.seal(entry{kind: kindEnd, from: at, to: at})
}

// What of the target's output a recording keeps: the last lines of what came since the member before.
const (
	maxLogLines = 1000
	maxLogText  = 64 << 10
	maxLogLine  = 4 << 10
)

// log makes a member of output lines, of which it keeps the last.
func (p *packer) log(lines []sampler.LogLine, dropped int, now time.Time) (member, error) {
	j := logJSON{Dropped: dropped}
	at, ok := instant(now)
	if !ok {
		return member{}, fmt.Errorf("output at %v cannot be recorded", now)
	}
	size, first := 0, len(lines)
	for ; first > 0 && len(lines)-first < maxLogLines; first-- {
		if size += min(len(lines[first-1].Text), maxLogLine); size > maxLogText {
			break
		}
	}
	j.Dropped += first
	for _, l := range lines[first:] {
		j.Lines = append(j.Lines, logLineJSON{l.Time, l.Stderr, l.Text[:min(len(l.Text), maxLogLine)]})
	}
	if err := p.line(lineJSON{Log: &j}); err != nil {
		p.lines.Reset()
		return member{}, err
	}
	return p.seal(entry{kind: kindLog, key: true, count: dropped + len(lines), from: at, to: at})
}

// logTail takes the lines that are new out of a log that shows the last ones and says how many came before.
type logTail struct{ seen int }

// news returns the lines that were not seen, and how many were lost between.
func (t *logTail) news(lines []sampler.LogLine, dropped int) (fresh []sampler.LogLine, lost int) {
	total := dropped + len(lines)
	fresh = tail(lines, max(0, total-t.seen))
	lost = max(0, total-t.seen-len(fresh))
	t.seen = max(t.seen, total)
	return fresh, lost
}
