package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// jsonLine is one reading as `--format json` prints it: what jsonPrinter writes by hand.
type jsonLine struct {
	Time     string                     `json:"time"` // RFC 3339 with nanoseconds
	Target   jsonTarget                 `json:"target"`
	TookNS   int64                      `json:"took_ns"`
	Runtime  string                     `json:"runtime_time,omitempty"` // of the Go runtime's figures, where they are older
	Metrics  map[sampler.Metric]float64 `json:"metrics"`
	Warnings []string                   `json:"warnings"`
}

// packageJSON writes the line of a reading with package json.
func packageJSON(ev sampler.Event) (string, error) {
	s := ev.Snapshot
	line := jsonLine{
		Time:    s.Time.Format(time.RFC3339Nano),
		Target:  jsonTarget{ev.Info.Target.Kind, ev.Info.PID, ev.Info.Name, ev.Info.Source},
		TookNS:  s.Took.Nanoseconds(),
		Metrics: map[sampler.Metric]float64{}, Warnings: []string{},
	}
	if !s.Runtime.IsZero() {
		line.Runtime = s.Runtime.Format(time.RFC3339Nano)
	}
	for _, sample := range s.Samples {
		line.Metrics[sample.Metric] = sample.Value
	}
	for _, w := range s.Warnings {
		line.Warnings = append(line.Warnings, w.Error())
	}
	data, err := json.Marshal(line)
	return escapeInvisible(string(data)) + "\n", err
}

// oddEvents are readings one after the other: other metrics, names that need care, numbers of every size.
func oddEvents() []sampler.Event {
	var list []sampler.Event
	odd := []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, -2.5, 1e-6, 9.9e-7, 1e-9, 5e-324, 1<<53 - 1, 1 << 53, 1e20, 1e21, 1.5e21, -1e300,
		math.MaxFloat64, math.MaxInt64, math.MinInt64, 123456.789,
	}
	for i, v := range odd {
		ev := server(noon.Add(time.Duration(i)*time.Second), v)
		ev.Snapshot.Samples[3].Value = -v
		switch i % 5 {
		case 1:
			ev.Snapshot.Samples = ev.Snapshot.Samples[2:]
			ev.Snapshot.Runtime = noon.In(time.FixedZone("", 3600))
		case 2:
			ev.Snapshot.Add("/a\u202e\"<b>:bytes", v)
			ev.Info.Name = "a\x1b[31m<&\xff\u009b"
		case 3:
			ev.Snapshot.Warn(errors.New("read \u2028 <smaps>: \x1b put off"))
		case 4:
			ev.Snapshot.Samples, ev.Info.PID = nil, 0
		}
		list = append(list, ev)
	}
	return list
}

func TestJSONLinesAreThoseOfPackageJSON(t *testing.T) {
	var out bytes.Buffer
	p := newJSON(&out)
	for _, ev := range oddEvents() {
		want, err := packageJSON(ev)
		if err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if err := p.print(ev); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
	}
}

func TestJSONLinesHaveNoNumberThatJSONHasNot(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		var out bytes.Buffer
		if err := newJSON(&out).print(server(noon, v)); err == nil || !strings.Contains(err.Error(), "encode a reading") || out.Len() > 0 {
			t.Errorf("%v: %q, %v", v, out.String(), err)
		}
	}
}

// BenchmarkJSONLines is a line of 80 metrics, written by hand and with package json.
func BenchmarkJSONLines(b *testing.B) {
	ev := server(noon, 1e6)
	for i := len(ev.Snapshot.Samples); i < 80; i++ {
		ev.Snapshot.Add(sampler.Metric(fmt.Sprintf("/made/up/%d:bytes", i)), float64(i)*[]float64{1, 4096, 0.001}[i%3])
	}
	p := newJSON(io.Discard)
	for _, v := range []struct {
		name  string
		print func() error
	}{
		{"json", func() error { _, err := packageJSON(ev); return err }},
		{"ours", func() error { return p.print(ev) }},
	} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := v.print(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
