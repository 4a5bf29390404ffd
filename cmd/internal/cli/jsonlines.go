package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/alloc-dev/heaptop/sampler"
)

// jsonLine is one reading as `--format json` prints it.
type jsonLine struct {
	Time     string                     `json:"time"` // RFC 3339 with nanoseconds
	Target   jsonTarget                 `json:"target"`
	TookNS   int64                      `json:"took_ns"`
	Runtime  string                     `json:"runtime_time,omitempty"` // of the Go runtime's figures, where they are older
	Metrics  map[sampler.Metric]float64 `json:"metrics"`
	Warnings []string                   `json:"warnings"`
}

type jsonTarget struct {
	Kind   sampler.Kind `json:"kind"`
	PID    int          `json:"pid,omitempty"`
	Name   string       `json:"name"`
	Source string       `json:"source"`
}

// jsonPrinter prints a reading as one JSON object a line. A reading that was not possible is a line without metrics, so
// that a gap is seen as one.
type jsonPrinter struct {
	w   io.Writer
	now func() time.Time // of a reading that was not possible
}

func (p *jsonPrinter) print(ev sampler.Event) error {
	line := jsonLine{
		Target:   jsonTarget{ev.Info.Target.Kind, ev.Info.PID, ev.Info.Name, ev.Info.Source},
		Metrics:  map[sampler.Metric]float64{},
		Warnings: []string{},
	}
	at := p.now()
	if ev.Err != nil {
		line.Warnings = append(line.Warnings, ev.Err.Error())
	}
	if s := ev.Snapshot; s != nil {
		at = s.Time
		line.TookNS = s.Took.Nanoseconds()
		if !s.Runtime.IsZero() {
			line.Runtime = s.Runtime.Format(time.RFC3339Nano)
		}
		for _, sample := range s.Samples {
			line.Metrics[sample.Metric] = sample.Value
		}
		for _, w := range s.Warnings {
			line.Warnings = append(line.Warnings, w.Error())
		}
	}
	line.Time = at.Format(time.RFC3339Nano)
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode a reading: %w", err)
	}
	_, err = io.WriteString(p.w, escapeInvisible(string(data))+"\n")
	return err
}

// escapeInvisible writes the control and direction characters that JSON allows as they are, and a terminal obeys, as
// \uXXXX. The value is the same to every reader.
func escapeInvisible(s string) string {
	invisible := func(r rune) bool {
		return r >= 0x7f && r <= 0xffff && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r))
	}
	if !strings.ContainsFunc(s, invisible) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if invisible(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
