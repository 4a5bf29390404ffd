package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
)

// traceLine is an interval as --mode trace --format json prints it. What is not known is absent.
type traceLine struct {
	Time            time.Time      `json:"time"`
	From            time.Time      `json:"from"`
	Target          jsonTarget     `json:"target"`
	Bytes           *float64       `json:"allocated_bytes,omitempty"`
	Objects         *float64       `json:"allocated_objects,omitempty"`
	BytesPerSec     *float64       `json:"bytes_per_second,omitempty"`
	ObjectsPerSec   *float64       `json:"objects_per_second,omitempty"`
	FreedPerSec     *float64       `json:"freed_bytes_per_second,omitempty"`
	Collections     *float64       `json:"collections,omitempty"`
	Cycles          []traceCycle   `json:"cycles"`
	Lifetime        *traceLifetime `json:"lifetime,omitempty"`
	SitesFrom       *time.Time     `json:"sites_from,omitempty"`
	SitesTo         *time.Time     `json:"sites_to,omitempty"`
	BelowResolution bool           `json:"below_resolution"` // no newer profile was published
	Sites           []traceSite    `json:"sites"`
	Large           []traceObject  `json:"large"`
	Notes           []string       `json:"notes"`
	Warnings        []string       `json:"warnings"`
}

type traceCycle struct {
	Number uint64    `json:"number"`
	End    time.Time `json:"end"`
	Kind   string    `json:"kind,omitempty"`
	Before *float64  `json:"before_bytes,omitempty"`
	After  *float64  `json:"after_bytes,omitempty"`
	Live   *float64  `json:"live_bytes,omitempty"`
	Goal   *float64  `json:"goal_bytes,omitempty"`
	Pause  *float64  `json:"pause_seconds,omitempty"`
}

// traceLifetime has the bound "about", "below" or "above".
type traceLifetime struct {
	Seconds float64 `json:"seconds"`
	Bound   string  `json:"bound"`
}

type traceSite struct {
	Site          string         `json:"site"`
	Stack         []string       `json:"stack"`
	Bytes         float64        `json:"bytes"`
	Objects       float64        `json:"objects"`
	BytesPerSec   float64        `json:"bytes_per_second"`
	ObjectsPerSec float64        `json:"objects_per_second"`
	Uncertainty   float64        `json:"uncertainty_bytes"`
	Samples       int64          `json:"samples"`
	InUse         float64        `json:"in_use_bytes"`
	Lifetime      *traceLifetime `json:"lifetime,omitempty"`
}

type traceObject struct {
	Site  string   `json:"site"`
	Stack []string `json:"stack"`
	Size  float64  `json:"size_bytes"`
	Count float64  `json:"objects"`
	Seen  int64    `json:"seen"`
}

// traceJSON prints an interval as one JSON object a line.
type traceJSON struct{ w io.Writer }

func (p *traceJSON) print(ev traceEvent) error {
	t := &ev.trace
	line := traceLine{
		Time: t.To, From: t.From, Target: jsonTarget{ev.info.Target.Kind, ev.info.PID, ev.info.Name, ev.info.Source},
		Bytes: t.Bytes.Pointer(), Objects: t.Objects.Pointer(), BytesPerSec: t.BytesPerSec.Pointer(), ObjectsPerSec: t.ObjectsPerSec.Pointer(),
		FreedPerSec: t.FreedPerSec.Pointer(), Collections: t.Collections.Pointer(), Cycles: []traceCycle{}, Lifetime: lifetimeOf(t.Lifetime),
		BelowResolution: t.Unchanged, Sites: []traceSite{}, Large: []traceObject{}, Notes: append([]string{}, t.Notes...), Warnings: []string{},
	}
	if !t.SitesTo.IsZero() {
		line.SitesFrom, line.SitesTo = &t.SitesFrom, &t.SitesTo
	}
	for _, c := range t.Cycles {
		line.Cycles = append(line.Cycles, traceCycle{
			c.Number, c.End, c.Kind, c.Before.Pointer(), c.After.Pointer(), c.Live.Pointer(), c.Goal.Pointer(), c.Pause.Pointer(),
		})
	}
	for _, s := range t.Sites {
		line.Sites = append(line.Sites, traceSite{
			analysis.FrameText(s.Frame), analysis.FrameTexts(s.Stack), s.Bytes, s.Objects, s.BytesPerSec, s.ObjectsPerSec,
			s.Uncertainty, s.Samples, s.InUseBytes, lifetimeOf(s.Lifetime),
		})
	}
	for _, l := range t.Large {
		line.Large = append(line.Large, traceObject{analysis.FrameText(l.Frame), analysis.FrameTexts(l.Stack), l.Size, l.Count, l.Seen})
	}
	for _, w := range ev.warnings {
		line.Warnings = append(line.Warnings, w.Error())
	}
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode a trace: %w", err)
	}
	_, err = io.WriteString(p.w, escapeInvisible(string(data))+"\n")
	return err
}

func lifetimeOf(l analysis.Lifetime) *traceLifetime {
	words := map[analysis.Bound]string{
		analysis.LifetimeAbout: "about", analysis.LifetimeBelow: "below", analysis.LifetimeAbove: "above",
	}
	if words[l.Bound] == "" {
		return nil
	}
	return &traceLifetime{l.Seconds, words[l.Bound]}
}
