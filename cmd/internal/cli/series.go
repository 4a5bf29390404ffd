package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

const (
	defaultSeries = 30 * time.Second // between two snapshots of a series, where --interval is not given
	stepRows      = 5                // of each list of the comparison of a snapshot with the one before
	totalRows     = 20               // the same of the first and the last
)

// seriesSchema is what the JSON of a series says it is.
const seriesSchema = "heaptop.series/v1"

// runSeries takes a snapshot every interval and compares them when all is over: each with the one before, and the first
// with the last. It does so after an interruption too.
func (o *live) runSeries(ctx context.Context, b *backend) error {
	every := o.interval
	if !o.given("interval") {
		every = defaultSeries
	}
	if every < leastEvery {
		return usagef("", "--interval %s: --mode snapshot takes one a second at most, because a heap profile may stop the target", every)
	}
	s, done, err := o.newShots(ctx, b, min(every, sampler.DefaultInterval), "")
	if err != nil {
		return err
	}
	defer done()
	s.every = every
	end := s.run(ctx)
	if len(s.paths) == 0 {
		return end
	}
	err = o.writeReport(func(w io.Writer) error { return o.compareSeries(w, s.paths) })
	switch {
	case errors.Is(err, syscall.EPIPE):
		return nil // who reads has seen enough
	case err != nil:
		return err
	}
	return end
}

// writeReport writes what is on stdout unless --output names a file.
func (o *live) writeReport(write func(io.Writer) error) error {
	if o.output == "" {
		return write(o.env.Out)
	}
	return writeOutput(o.output, write)
}

// compareSeries reads the files one after the other and prints the comparisons. It holds three of them at most.
func (o *live) compareSeries(w io.Writer, paths []string) error {
	var p seriesPrinter = &seriesText{w: w}
	if o.format == "json" {
		p = &seriesJSON{w: w}
	}
	if err := p.begin(); err != nil {
		return err
	}
	var first, before *analysis.Side
	for _, path := range paths {
		side, err := sideFromFile(path)
		if err != nil {
			return err
		}
		if err := p.snapshot(path, side); err != nil {
			return err
		}
		if first == nil {
			first = side
		} else {
			d := analysis.Compare(before, side, profile.Filter{})
			if err := p.step(&d); err != nil {
				return err
			}
		}
		before = side
	}
	if len(paths) < 2 {
		return p.end(nil)
	}
	d := analysis.Compare(first, before, profile.Filter{})
	return p.end(&d)
}

// seriesPrinter prints a series: each snapshot, the comparison with the one before, and at the end that of first and
// last, nil where there is only one.
type seriesPrinter interface {
	begin() error
	snapshot(path string, s *analysis.Side) error
	step(d *analysis.Diff) error
	end(total *analysis.Diff) error
}

// seriesText prints a series for people.
type seriesText struct {
	w io.Writer
	n int
}

func (p *seriesText) begin() error { return nil }

func (p *seriesText) snapshot(path string, s *analysis.Side) error {
	p.n++
	rss := unknown
	if s.Sample != nil {
		rss = cell(s.Sample.Reading(sampler.ProcessRSS), unit.Bytes)
	}
	_, err := fmt.Fprintf(p.w, "snapshot %d  %s  RSS %s  %s\n", p.n, s.Time.Format(time.TimeOnly), rss, theme.Clean(path))
	return err
}

func (p *seriesText) step(d *analysis.Diff) error {
	_, err := io.WriteString(p.w, "\n"+diffText(newDiffReport(d, stepRows, detailStacks), textWidth(p.w))+"\n")
	return err
}

func (p *seriesText) end(total *analysis.Diff) error {
	text := "only one was taken: there is nothing to compare\n"
	if total != nil {
		text = "\nfrom the first to the last\n" + diffText(newDiffReport(total, totalRows, detailStacks), textWidth(p.w))
	}
	_, err := io.WriteString(p.w, text)
	return err
}

// seriesJSON prints a series as one JSON object. A step is a comparison of the schema heaptop.diff/v1.
type seriesJSON struct {
	w     io.Writer
	files []seriesFile
	steps int
}

// seriesFile is a snapshot of a series.
type seriesFile struct {
	Path string    `json:"path"`
	Time time.Time `json:"time"`
	RSS  *float64  `json:"rss_bytes,omitempty"`
}

func (p *seriesJSON) begin() error {
	_, err := fmt.Fprintf(p.w, `{"schema":%q,"steps":[`, seriesSchema)
	return err
}

func (p *seriesJSON) snapshot(path string, s *analysis.Side) error {
	f := seriesFile{Path: filepath.ToSlash(path), Time: s.Time}
	if s.Sample != nil {
		if rss, ok := s.Sample.Get(sampler.ProcessRSS); ok {
			f.RSS = &rss
		}
	}
	p.files = append(p.files, f)
	return nil
}

func (p *seriesJSON) step(d *analysis.Diff) error {
	if p.steps++; p.steps > 1 {
		if _, err := io.WriteString(p.w, ",\n"); err != nil {
			return err
		}
	}
	return p.diff(d)
}

func (p *seriesJSON) diff(d *analysis.Diff) error {
	var b invisible
	if err := d.WriteJSON(&b); err != nil {
		return err
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

func (p *seriesJSON) end(total *analysis.Diff) error {
	files, err := json.Marshal(p.files)
	if err != nil {
		return fmt.Errorf("encode the series: %w", err)
	}
	if _, err := fmt.Fprintf(p.w, `],"snapshots":%s`, escapeInvisible(string(files))); err != nil {
		return err
	}
	if total != nil {
		if _, err := io.WriteString(p.w, `,"total":`); err != nil {
			return err
		}
		if err := p.diff(total); err != nil {
			return err
		}
	}
	_, err = io.WriteString(p.w, "}\n")
	return err
}
