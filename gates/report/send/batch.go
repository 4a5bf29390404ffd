package send

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report"
)

// What one request holds at most; both servers take several times as much.
const (
	batchPoints = 1000
	batchBytes  = 400 << 10
)

// Batch is the body of one request.
type Batch struct {
	Points int
	Body   []byte
}

// Batches renders a report in what the destination reads. It fails on a report that does not say when it was finished: its
// points would have no time, and each try would write them anew.
func (d *Destination) Batches(r *gates.Report) ([]Batch, error) {
	if r.FinishedAt.Unix() <= 0 {
		return nil, errors.New("the report does not say when it was finished, and each point has a time")
	}
	var b bytes.Buffer
	if d.kind == Influx {
		if err := report.Influx(&b, r); err != nil {
			return nil, err
		}
		lines := bytes.SplitAfter(b.Bytes(), []byte("\n"))
		return pack(lines[:len(lines)-1], "", "", ""), nil // behind the last end of a line is nothing
	}
	if err := report.Datadog(&b, r); err != nil {
		return nil, err
	}
	var whole struct {
		Series []json.RawMessage `json:"series"`
	}
	if err := json.Unmarshal(b.Bytes(), &whole); err != nil {
		return nil, fmt.Errorf("split the series: %w", err)
	}
	series := make([][]byte, len(whole.Series))
	for i, s := range whole.Series {
		var c bytes.Buffer
		if err := json.Compact(&c, s); err != nil {
			return nil, fmt.Errorf("split the series: %w", err)
		}
		series[i] = c.Bytes()
	}
	return pack(series, `{"series":[`, ",", "]}\n"), nil
}

// pack puts points into as few batches as their limits allow. A point that is larger than a batch has one of its own.
func pack(points [][]byte, before, between, behind string) []Batch {
	var out []Batch
	var now Batch
	finish := func() {
		if now.Points > 0 {
			now.Body = append(now.Body, behind...)
			out = append(out, now)
			now = Batch{}
		}
	}
	for _, p := range points {
		if now.Points == batchPoints || len(now.Body)+len(p) > batchBytes {
			finish()
		}
		if now.Points == 0 {
			now.Body = append(now.Body, before...)
		} else {
			now.Body = append(now.Body, between...)
		}
		now.Body = append(now.Body, p...)
		now.Points++
	}
	finish()
	return out
}
