package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/alloc-dev/heaptop/sampler"
)

// jsonTarget says what was read.
type jsonTarget struct {
	Kind   sampler.Kind `json:"kind"`
	PID    int          `json:"pid,omitempty"`
	Name   string       `json:"name"`
	Source string       `json:"source"`
}

// jsonPrinter prints a reading as one JSON object a line. A reading that was not possible is a line without metrics, so
// that a gap is seen as one. It writes the bytes that package json would, and keeps what is the same in one line after
// the other: a recording of a day is millions of numbers.
type jsonPrinter struct {
	w   io.Writer
	now func() time.Time // of a reading that was not possible

	target  jsonTarget
	packed  []byte // of target; nil before the first line
	metrics []sampler.Metric
	names   []jsonName // of metrics, in alphabetical order
	line    []byte
}

// jsonName is a metric's name, as it stands before its value, and where its sample is.
type jsonName struct {
	text string
	at   int
}

func (p *jsonPrinter) print(ev sampler.Event) error {
	data, err := p.encode(ev)
	if err != nil {
		return fmt.Errorf("encode a reading: %w", err)
	}
	p.line = data
	_, err = p.w.Write(data)
	return err
}

// encode returns the line, which is good until the next one.
func (p *jsonPrinter) encode(ev sampler.Event) ([]byte, error) {
	s := ev.Snapshot
	if s == nil {
		s = &sampler.Snapshot{Time: p.now()}
	}
	warnings := []string{}
	if ev.Err != nil {
		warnings = append(warnings, ev.Err.Error())
	}
	for _, w := range s.Warnings {
		warnings = append(warnings, w.Error())
	}
	if t := (jsonTarget{ev.Info.Target.Kind, ev.Info.PID, ev.Info.Name, ev.Info.Source}); p.packed == nil || t != p.target {
		packed, err := appendJSON(nil, t)
		if err != nil {
			return nil, err
		}
		p.target, p.packed = t, packed
	}
	b := append(p.line[:0], `{"time":"`...)
	b = s.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(append(b, `","target":`...), p.packed...)
	b = strconv.AppendInt(append(b, `,"took_ns":`...), s.Took.Nanoseconds(), 10)
	if !s.Runtime.IsZero() {
		b = append(s.Runtime.AppendFormat(append(b, `,"runtime_time":"`...), time.RFC3339Nano), '"')
	}
	b, err := p.appendMetrics(append(b, `,"metrics":{`...), s.Samples)
	if err == nil {
		b, err = appendJSON(append(b, `},"warnings":`...), warnings)
	}
	return append(b, "}\n"...), err
}

// appendMetrics writes the samples in the order of their names.
func (p *jsonPrinter) appendMetrics(b []byte, samples []sampler.Sample) ([]byte, error) {
	same := slices.EqualFunc(p.metrics, samples, func(m sampler.Metric, s sampler.Sample) bool { return m == s.Metric })
	if !same {
		if err := p.layOut(samples); err != nil {
			return nil, err
		}
	}
	for i, n := range p.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, n.text...)
		switch v := samples[n.at].Value; {
		case v == math.Trunc(v) && math.Abs(v) < 1<<53 && (v != 0 || !math.Signbit(v)):
			b = strconv.AppendInt(b, int64(v), 10)
		case math.Abs(v) >= 1e-6 && math.Abs(v) < 1e21:
			b = strconv.AppendFloat(b, v, 'f', -1, 64)
		default: // very large, very small, or no number
			packed, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			b = append(b, packed...)
		}
	}
	return b, nil
}

// layOut finds the order in which such samples are written.
func (p *jsonPrinter) layOut(samples []sampler.Sample) error {
	last := make(map[sampler.Metric]int, len(samples))
	p.metrics, p.names = nil, nil
	for i, s := range samples {
		p.metrics = append(p.metrics, s.Metric)
		last[s.Metric] = i
	}
	for _, m := range slices.Sorted(maps.Keys(last)) {
		text, err := appendJSON(nil, m)
		if err != nil {
			return err
		}
		p.names = append(p.names, jsonName{string(text) + ":", last[m]})
	}
	return nil
}

// appendJSON appends what package json makes of v, fit for a terminal.
func appendJSON(b []byte, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	return append(b, escapeInvisible(string(data))...), err
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
