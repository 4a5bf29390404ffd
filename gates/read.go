package gates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// What a report may hold at most. Files come from strangers.
const (
	maxReport  = 64 << 20 // bytes
	maxEntries = 10_000   // scenarios, and metrics, gates, comparisons and runs of one
	maxDepth   = 32
)

// JSON returns the report as a file holds it, indented, with a newline at its end. It fails on numbers that are not finite.
func (r *Report) JSON() ([]byte, error) {
	out := *r
	out.Schema = ReportSchema
	out.Scenarios = slices.Clone(r.Scenarios)
	if out.Scenarios == nil {
		out.Scenarios = []Scenario{}
	}
	for i := range out.Scenarios {
		s := &out.Scenarios[i]
		if s.Metrics == nil {
			s.Metrics = map[string]Measured{}
		}
		if s.Gates == nil {
			s.Gates = []Gate{}
		}
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return append(data, '\n'), nil
}

// ReadReport reads what JSON wrote. name says in errors where the data are from. Keys that it does not know are ignored.
// Another schema is refused, and what is cut off, nested too deep, too large, twice the same key, null, out of range or
// contradictory: with the offset in the data, or the scenario and metric.
func ReadReport(name string, data []byte) (*Report, error) {
	r, err := readReport(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return r, nil
}

func readReport(data []byte) (*Report, error) {
	switch {
	case len(data) > maxReport:
		return nil, fmt.Errorf("larger than %d MiB", maxReport>>20)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("it is empty")
	}
	if err := scan(data); err != nil {
		return nil, err
	}
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := unmarshal(data, &head); err != nil {
		return nil, err
	}
	switch {
	case head.Schema == nil:
		return nil, fmt.Errorf("it is no report: it has no schema, want %q", ReportSchema)
	case *head.Schema != ReportSchema:
		return nil, fmt.Errorf("its schema is %.60q; this program reads %q", *head.Schema, ReportSchema)
	}
	r := &Report{}
	if err := unmarshal(data, r); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// unmarshal puts the offset of what it stumbles over in the error.
func unmarshal(data []byte, to any) error {
	err := json.Unmarshal(data, to)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("byte %d: %s is a %s, which does not fit", kind.Offset, kind.Field, kind.Value)
	}
	return err
}

// frame is an object or a list that has been begun.
type frame struct {
	keys  map[string]bool // of an object
	isKey bool            // the next token is a key
}

// scan walks over all tokens before anything is built of them.
func scan(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var open []frame
	for {
		token, err := d.Token()
		at := d.InputOffset()
		var syntax *json.SyntaxError
		switch {
		case errors.Is(err, io.EOF) && len(open) == 0:
			return nil
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("it is cut off at byte %d", len(data))
		case errors.As(err, &syntax):
			return fmt.Errorf("byte %d: %w", syntax.Offset, err)
		case err != nil:
			return fmt.Errorf("byte %d: %w", at, err)
		}
		if open, err = step(open, token); err != nil {
			return fmt.Errorf("byte %d: %w", at, err)
		}
		if len(open) == 0 && len(bytes.TrimSpace(data[at:])) > 0 {
			return fmt.Errorf("byte %d: something follows the report", at)
		}
	}
}

func step(open []frame, token json.Token) ([]frame, error) {
	top := len(open) - 1
	switch t := token.(type) {
	case json.Delim:
		if t == '}' || t == ']' {
			return open[:top], nil
		}
		if top >= 0 {
			open[top].isKey = open[top].keys != nil
		}
		if len(open) == maxDepth {
			return nil, fmt.Errorf("nested deeper than %d", maxDepth)
		}
		if t == '{' {
			return append(open, frame{keys: map[string]bool{}, isKey: true}), nil
		}
		return append(open, frame{}), nil
	case nil:
		return nil, errors.New("null: a number that does not exist is left out")
	case string:
		if top >= 0 && open[top].isKey {
			if open[top].keys[t] {
				return nil, fmt.Errorf("key %.60q twice", t)
			}
			open[top].keys[t], open[top].isKey = true, false
			return open, nil
		}
	}
	if top < 0 {
		return nil, errors.New("it is no report, but a single value")
	}
	open[top].isKey = open[top].keys != nil
	return open, nil
}

func (v Verdict) check() error {
	if rank(v) == rank(Unmeasured) && v != Unmeasured {
		return fmt.Errorf("verdict %.40q is none", v)
	}
	return nil
}

// check refuses what no run could have written.
func (r *Report) check() error {
	if len(r.Scenarios) > maxEntries {
		return fmt.Errorf("more than %d scenarios", maxEntries)
	}
	if err := r.Verdict.check(); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		if s.Name == "" || names[s.Name] {
			return fmt.Errorf("scenario %d: its name %.60q is empty or taken", i+1, s.Name)
		}
		names[s.Name] = true
		if err := s.check(); err != nil {
			return fmt.Errorf("scenario %.60q: %w", s.Name, err)
		}
	}
	return nil
}

func (s *Scenario) check() error {
	if err := s.Verdict.check(); err != nil {
		return err
	}
	if !slices.Contains([]Kind{KindBuiltin, KindCommand, KindBench, KindTarget, KindOverhead}, s.Kind) {
		return fmt.Errorf("kind %.40q is none", s.Kind)
	}
	if max(len(s.Metrics), len(s.Gates), len(s.Comparisons), len(s.Blame), s.Runs) > maxEntries || s.Runs < 0 {
		return fmt.Errorf("below 0 or more than %d of something", maxEntries)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Metrics)) {
		m := s.Metrics[name]
		if len(m.Values) > maxEntries {
			return fmt.Errorf("metric %.60q: more than %d values", name, maxEntries)
		}
		if err := m.check(); err != nil {
			return fmt.Errorf("metric %.60q: %w", name, err)
		}
	}
	for _, g := range s.Gates {
		if err := g.Verdict.check(); err != nil {
			return fmt.Errorf("gate %.60q: %w", g.Metric, err)
		}
	}
	if err := s.checkParts(); err != nil {
		return err
	}
	verdicts := []string{Stable, Improved, Grew, Regressed, Inconclusive, string(Unmeasured)}
	for _, c := range s.Comparisons {
		if !slices.Contains(verdicts, c.Verdict) {
			return fmt.Errorf("comparison %.60q: verdict %.40q is none", c.Metric, c.Verdict)
		}
	}
	return nil
}

// checkParts checks what only some kinds of scenarios have.
func (s *Scenario) checkParts() error {
	if s.Stability != nil {
		if err := s.Stability.check(); err != nil {
			return fmt.Errorf("stability: %w", err)
		}
	}
	if s.Overhead != nil {
		if err := s.Overhead.check(); err != nil {
			return fmt.Errorf("overhead: %w", err)
		}
	}
	return nil
}

// check compares the summary with the values it is of.
func (m Measured) check() error {
	if len(m.Values) == 0 {
		return nil
	}
	again := m
	again.summarize()
	for _, pair := range [][2]float64{{m.Median, again.Median}, {m.Low, again.Low}, {m.High, again.High}} {
		if math.Abs(pair[0]-pair[1]) > 1e-6*math.Abs(pair[1]) {
			return fmt.Errorf("its median and interval are not those of its values: %g, where it should be %g", pair[0], pair[1])
		}
	}
	return nil
}
