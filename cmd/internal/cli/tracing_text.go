package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

const (
	traceSites = 10 // rows of an interval, as text
	traceLarge = 5
)

// traceText prints an interval for people: a line of totals, then who allocated.
type traceText struct {
	w     io.Writer
	notes string // those printed last, which are not said again and again
}

func (p *traceText) print(ev traceEvent) error {
	t := &ev.trace
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s allocated, %s/s, %s objects/s  freed %s/s  %s  a byte lives %s\n",
		t.To.Format(time.TimeOnly), cell(t.Bytes, unit.Bytes), cell(t.BytesPerSec, unit.Bytes), cell(t.ObjectsPerSec, unit.Count),
		cell(t.FreedPerSec, unit.Bytes), collections(t), t.Lifetime)
	p.sites(&b, t)
	for i, l := range t.Large {
		if i == traceLarge {
			fmt.Fprintf(&b, "  and %d more large ones\n", len(t.Large)-traceLarge)
			break
		}
		fmt.Fprintf(&b, "  large: %s objects of %s (%d seen)  %s\n", unit.Count(l.Count), unit.Bytes(l.Size), l.Seen, place(l.Frame))
	}
	if notes := strings.Join(t.Notes, "\n"); notes != p.notes {
		p.notes = notes
		for _, n := range t.Notes {
			fmt.Fprintf(&b, "  ! %s\n", theme.Clean(n))
		}
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

func (p *traceText) sites(b *strings.Builder, t *analysis.Trace) {
	if len(t.Sites) == 0 {
		return
	}
	fmt.Fprintf(b, "  by site, from the collection of %s to that of %s\n", t.SitesFrom.Format(time.TimeOnly), t.SitesTo.Format(time.TimeOnly))
	fmt.Fprintf(b, "  %10s  %10s  %6s  %8s  %12s  %s\n", "BYTES/S", "OBJECTS/S", "±", "IN USE", "LIVES", "SITE")
	for i, s := range t.Sites {
		if i == traceSites {
			fmt.Fprintf(b, "  and %d more sites\n", len(t.Sites)-traceSites)
			return
		}
		fmt.Fprintf(b, "  %10s  %10s  %6s  %8s  %12s  %s\n", unit.Bytes(s.BytesPerSec), unit.Count(s.ObjectsPerSec),
			unit.Percent(s.Uncertainty/s.Bytes), unit.Bytes(s.InUseBytes), s.Lifetime, place(s.Frame))
	}
}

func collections(t *analysis.Trace) string {
	switch {
	case !t.Collections.OK:
		return "collections unknown"
	case t.Collections.Value == 1:
		return "1 collection"
	}
	return unit.Count(t.Collections.Value) + " collections"
}

// place is a line of code as a row shows it, without the folders of package and file.
func place(f sampler.Frame) string {
	text := profile.ShortName(f.Function)
	if f.File != "" {
		text += fmt.Sprintf("  %s:%d", filepath.Base(f.File), f.Line)
	}
	return theme.Clean(text)
}
