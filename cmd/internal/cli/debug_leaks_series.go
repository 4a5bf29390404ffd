package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// The bounds of a file of series.
const (
	seriesBytes   = 256 << 20
	seriesColumns = 256
	seriesRows    = 2_000_000
	seriesCells   = 8_000_000 // what is kept
	seriesSpan    = 100 * 365 * 24 * time.Hour
)

// seriesTable is what a CSV file of series holds: a column for each, with a reading for every time, but for what is missing.
type seriesTable struct {
	names  []string // without the time's
	times  []time.Time
	values [][]float64 // by column; NaN where it is missing
	unix   bool        // the times are seconds
}

// readSeries reads a CSV file: a header, then a line for each time, in ascending order. The first column is the time, all
// in seconds or all as RFC 3339. An empty cell, and NaN, is a reading that is missing. Errors name the line and the column.
func readSeries(in io.Reader) (*seriesTable, error) {
	limited := &io.LimitedReader{R: in, N: seriesBytes + 1}
	r := csv.NewReader(limited)
	r.ReuseRecord = true
	header, err := r.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty: want a header, the time and a column for each series")
	case err != nil:
		return nil, err
	}
	t := &seriesTable{}
	if err := t.setHeader(r, header); err != nil {
		return nil, err
	}
	for {
		record, err := r.Read()
		switch {
		case limited.N <= 0:
			return nil, fmt.Errorf("it is larger than %d MiB", seriesBytes>>20)
		case errors.Is(err, io.EOF):
			if len(t.times) == 0 {
				return nil, errors.New("there is no line below the header")
			}
			return t, nil
		case err != nil:
			return nil, err
		}
		if len(t.times) >= seriesRows || (len(t.times)+1)*len(t.names) > seriesCells {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("line %d: more than %d lines, or %d cells", line, seriesRows, seriesCells)
		}
		if err := t.addLine(r, record); err != nil {
			return nil, err
		}
	}
}

// at is an error at a cell.
func at(r *csv.Reader, field int, format string, args ...any) error {
	line, column := r.FieldPos(field)
	return fmt.Errorf("line %d, column %d: %w", line, column, fmt.Errorf(format, args...))
}

func (t *seriesTable) setHeader(r *csv.Reader, header []string) error {
	switch {
	case len(header) < 2:
		return at(r, 0, "only one column: want the time, and a column for each series, with commas between")
	case len(header) > seriesColumns+1:
		return at(r, seriesColumns+1, "more than %d series", seriesColumns)
	}
	for i, name := range header {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		_, err := strconv.ParseFloat(name, 64)
		switch {
		case err == nil:
			return at(r, i, "%q is a number: the first line must name the columns", clipped(name))
		case i == 0:
			continue
		case name == "":
			return at(r, i, "a column without a name")
		case slices.Contains(t.names, name):
			return at(r, i, "two columns are named %q", clipped(name))
		}
		t.names = append(t.names, name)
	}
	t.values = make([][]float64, len(t.names))
	return nil
}

func (t *seriesTable) addLine(r *csv.Reader, record []string) error {
	when, unix, err := parseWhen(record[0])
	n := len(t.times)
	switch {
	case err != nil:
		return at(r, 0, "%w", err)
	case n == 0:
		t.unix = unix
	case unix != t.unix:
		return at(r, 0, "%q: the other times are written in another way", clipped(record[0]))
	case !when.After(t.times[n-1]):
		return at(r, 0, "%q is not after the time before it", clipped(record[0]))
	case when.Sub(t.times[0]) > seriesSpan:
		return at(r, 0, "%q is more than a hundred years after the first time", clipped(record[0]))
	}
	t.times = append(t.times, when)
	for i, cell := range record[1:] {
		v := math.NaN()
		if cell = strings.TrimSpace(cell); cell != "" {
			if v, err = strconv.ParseFloat(cell, 64); err != nil || math.Abs(v) > 1e300 {
				return at(r, i+1, "%q is no number", clipped(cell))
			}
		}
		t.values[i] = append(t.values[i], v)
	}
	return nil
}

// parseWhen reads a time. Seconds may count from anywhere.
func parseWhen(text string) (t time.Time, unix bool, err error) {
	text = strings.TrimSpace(text)
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		const most = 1e11 // seconds, 3000 years
		if math.IsNaN(v) || math.Abs(v) > most {
			return t, true, fmt.Errorf("%q: out of range for seconds", clipped(text))
		}
		whole, part := math.Modf(v)
		return time.Unix(int64(whole), int64(part*1e9)), true, nil
	}
	if t, err = time.Parse(time.RFC3339, text); err != nil {
		return t, false, fmt.Errorf("%q is no time: want seconds, or RFC 3339 as in 2026-01-02T15:04:05Z", clipped(text))
	}
	return t, false, nil
}

// clipped shortens what a stranger wrote so that the message stays a line.
func clipped(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}

// end is the last time; the zero time where times are seconds, which may count from anywhere.
func (t *seriesTable) end() time.Time {
	if t.unix && t.times[len(t.times)-1].Year() < 2000 {
		return time.Time{}
	}
	return t.times[len(t.times)-1]
}

// points returns the readings of a column.
func (t *seriesTable) points(column int) []sampler.Point {
	points := make([]sampler.Point, 0, len(t.times))
	for i, v := range t.values[column] {
		if !math.IsNaN(v) {
			points = append(points, sampler.Point{Time: t.times[i], Min: v, Max: v, Last: v})
		}
	}
	return points
}

// judge judges each column but the counter of work.
func (t *seriesTable) judge(per string, material float64) (list []analysis.LeakSeries, warnings []string, err error) {
	var work []sampler.Point
	if per != "" {
		i := slices.Index(t.names, per)
		if i < 0 {
			return nil, nil, fmt.Errorf("it has no column %q for --per: the columns are %s%s", clipped(per), strings.Join(t.names, ", "), didYouMean("", per, t.names))
		}
		if work = t.points(i); len(t.names) == 1 {
			return nil, nil, fmt.Errorf("%q, the counter of work, is its only series", clipped(per))
		}
	}
	for i, name := range t.names {
		if name == per {
			continue
		}
		points := t.points(i)
		if missing := len(t.times) - len(points); missing > 0 {
			warnings = append(warnings, fmt.Sprintf("%s: %d of %d readings are missing", name, missing, len(t.times)))
		}
		list = append(list, analysis.JudgeColumn(name, points, per, work, material))
	}
	return list, warnings, nil
}
