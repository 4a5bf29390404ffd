package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// metaJSON is meta.json.
type metaJSON struct {
	Schema string    `json:"schema"`
	Tool   toolJSON  `json:"tool"`
	Time   time.Time `json:"time"`
	Note   string    `json:"note,omitempty"`
	Target infoJSON  `json:"target"`
	// Heap and Goroutine say where the profiles beside come from.
	Heap      *originJSON `json:"heap,omitempty"`
	Goroutine *originJSON `json:"goroutine,omitempty"`
}

type toolJSON struct {
	Version string `json:"version,omitempty"`
	Go      string `json:"go,omitempty"`
}

type originJSON struct {
	Time   time.Time     `json:"time"`
	Took   time.Duration `json:"took_ns,omitempty"`
	Source string        `json:"source,omitempty"`
}

// infoJSON is sampler.Info with its Target.
type infoJSON struct {
	Kind      sampler.Kind `json:"kind"`
	PID       int          `json:"pid,omitempty"`
	Name      string       `json:"name,omitempty"`
	Asked     *askedJSON   `json:"asked,omitempty"`
	Command   string       `json:"command,omitempty"`
	User      string       `json:"user,omitempty"`
	Container string       `json:"container,omitempty"`
	Started   *time.Time   `json:"started_at,omitempty"`
	Source    string       `json:"source,omitempty"`
	GoVersion string       `json:"go_version,omitempty"`
	Hints     []string     `json:"hints,omitempty"`
	Facts     []factJSON   `json:"facts,omitempty"`
}

// factJSON is a sampler.Fact.
type factJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// askedJSON is what the user named, besides its kind.
type askedJSON struct {
	PID     int      `json:"pid,omitempty"`
	Name    string   `json:"name,omitempty"`
	Command []string `json:"command,omitempty"`
	URL     string   `json:"url,omitempty"`
	Path    string   `json:"path,omitempty"`
}

func fromInfo(i sampler.Info) infoJSON {
	j := infoJSON{
		Kind: i.Target.Kind, PID: i.PID, Name: i.Name, Command: i.Command, User: i.User, Container: i.Container,
		Source: i.Source, GoVersion: i.GoVersion, Hints: i.Hints,
		Asked: &askedJSON{
			PID: i.Target.PID, Name: i.Target.Name, Command: i.Target.Command, URL: sampler.WithoutPassword(i.Target.URL), Path: i.Target.Path,
		},
	}
	if !i.Started.IsZero() {
		j.Started = &i.Started
	}
	for _, f := range i.Facts {
		j.Facts = append(j.Facts, factJSON(f))
	}
	return j
}

func (j infoJSON) info() sampler.Info {
	i := sampler.Info{
		Target: sampler.Target{Kind: j.Kind}, PID: j.PID, Name: j.Name, Command: j.Command, User: j.User,
		Container: j.Container, Source: j.Source, GoVersion: j.GoVersion, Hints: j.Hints,
	}
	if a := j.Asked; a != nil {
		i.Target = sampler.Target{Kind: j.Kind, PID: a.PID, Name: a.Name, Command: a.Command, URL: a.URL, Path: a.Path}
	}
	if j.Started != nil {
		i.Started = *j.Started
	}
	for _, f := range j.Facts {
		i.Facts = append(i.Facts, sampler.Fact(f))
	}
	return i
}

// metricsJSON is metrics.json.
type metricsJSON struct {
	Time       time.Time                 `json:"time"`
	Took       time.Duration             `json:"took_ns"`
	Runtime    time.Time                 `json:"runtime_time,omitzero"`
	Metrics    map[sampler.Metric]number `json:"metrics"`
	Histograms []histogramJSON           `json:"histograms,omitempty"`
	Cycles     []cycleJSON               `json:"cycles,omitempty"`
	Warnings   []string                  `json:"warnings,omitempty"`
}

// number is a float64 that null is not: package json would read that as 0, and absent is never 0.
type number float64

// UnmarshalJSON reads a number.
func (n *number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return errors.New("null where a number belongs")
	}
	return json.Unmarshal(data, (*float64)(n))
}

type histogramJSON struct {
	Metric  sampler.Metric `json:"metric"`
	Buckets []boundary     `json:"buckets"`
	Counts  []uint64       `json:"counts"`
}

// boundary is a float64 that may be infinite, which JSON has no number for: "-Inf", "+Inf".
type boundary float64

// MarshalJSON writes infinities as strings.
func (b boundary) MarshalJSON() ([]byte, error) {
	switch v := float64(b); {
	case math.IsInf(v, 1):
		return []byte(`"+Inf"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Inf"`), nil
	default:
		return json.Marshal(v)
	}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *boundary) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"+Inf"`:
		*b = boundary(math.Inf(1))
		return nil
	case `"-Inf"`:
		*b = boundary(math.Inf(-1))
		return nil
	}
	return (*number)(b).UnmarshalJSON(data)
}

type cycleJSON struct {
	Number uint64    `json:"number"`
	End    time.Time `json:"end"`
	Kind   string    `json:"kind,omitempty"`
	Before *float64  `json:"before_bytes,omitempty"`
	After  *float64  `json:"after_bytes,omitempty"`
	Live   *float64  `json:"live_bytes,omitempty"`
	Goal   *float64  `json:"goal_bytes,omitempty"`
	Pause  *float64  `json:"pause_seconds,omitempty"`
	CPU    *float64  `json:"cpu_percent,omitempty"`
}

func reading(v *float64) sampler.Reading {
	if v == nil {
		return sampler.Reading{}
	}
	return sampler.Known(*v)
}

func fromSample(s *sampler.Snapshot) (metricsJSON, error) {
	j := metricsJSON{Time: s.Time, Took: s.Took, Runtime: s.Runtime, Metrics: make(map[sampler.Metric]number, len(s.Samples))}
	for _, m := range s.Samples {
		if _, twice := j.Metrics[m.Metric]; twice {
			return j, fmt.Errorf("metric %s: read twice", m.Metric)
		}
		j.Metrics[m.Metric] = number(m.Value)
	}
	for _, h := range s.Histograms {
		buckets := make([]boundary, len(h.Buckets))
		for i, b := range h.Buckets {
			buckets[i] = boundary(b)
		}
		j.Histograms = append(j.Histograms, histogramJSON{h.Metric, buckets, h.Counts})
	}
	for _, c := range s.Cycles {
		j.Cycles = append(j.Cycles, cycleJSON{
			Number: c.Number, End: c.End, Kind: c.Kind, Before: c.Before.Pointer(), After: c.After.Pointer(),
			Live: c.Live.Pointer(), Goal: c.Goal.Pointer(), Pause: c.Pause.Pointer(), CPU: c.CPU.Pointer(),
		})
	}
	for _, w := range s.Warnings {
		j.Warnings = append(j.Warnings, w.Error())
	}
	return j, nil
}

// sample returns the snapshot, its samples in alphabetical order.
func (j metricsJSON) sample() (*sampler.Snapshot, error) {
	s := &sampler.Snapshot{Time: j.Time, Took: j.Took, Runtime: j.Runtime}
	for m, v := range j.Metrics {
		s.Add(m, float64(v))
	}
	slices.SortFunc(s.Samples, func(a, b sampler.Sample) int { return strings.Compare(string(a.Metric), string(b.Metric)) })
	for _, h := range j.Histograms {
		if len(h.Counts) == 0 || len(h.Buckets) != len(h.Counts)+1 || !slices.IsSorted(h.Buckets) {
			return nil, fmt.Errorf("histogram %s: %d boundaries do not go with %d counts, or are out of order",
				clip(string(h.Metric)), len(h.Buckets), len(h.Counts))
		}
		buckets := make([]float64, len(h.Buckets))
		for i, b := range h.Buckets {
			buckets[i] = float64(b)
		}
		s.Histograms = append(s.Histograms, sampler.Histogram{Metric: h.Metric, Buckets: buckets, Counts: h.Counts})
	}
	for _, c := range j.Cycles {
		s.Cycles = append(s.Cycles, sampler.GCCycle{
			Number: c.Number, End: c.End, Kind: c.Kind, Before: reading(c.Before), After: reading(c.After),
			Live: reading(c.Live), Goal: reading(c.Goal), Pause: reading(c.Pause), CPU: reading(c.CPU),
		})
	}
	for _, w := range j.Warnings {
		s.Warnings = append(s.Warnings, errors.New(w))
	}
	return s, nil
}

// mapsJSON is maps.json.
type mapsJSON struct {
	Time time.Time     `json:"time"`
	Took time.Duration `json:"took_ns"`
	List []mappingJSON `json:"mappings"`
}

// mappingJSON is sampler.Mapping; the conversion between the two keeps them alike.
type mappingJSON struct {
	Name    string  `json:"name"`
	Count   int     `json:"count"`
	Size    float64 `json:"size_bytes"`
	RSS     float64 `json:"rss_bytes"`
	PSS     float64 `json:"pss_bytes"`
	Private float64 `json:"private_bytes"`
	Anon    float64 `json:"anon_bytes"`
	Swap    float64 `json:"swap_bytes"`
	Stack   bool    `json:"stack,omitempty"`
	Go      bool    `json:"go,omitempty"`
}

func fromMappings(m *sampler.Mappings) mapsJSON {
	j := mapsJSON{Time: m.Time, Took: m.Took, List: make([]mappingJSON, len(m.List))}
	for i, x := range m.List {
		j.List[i] = mappingJSON(x)
	}
	return j
}

func (j mapsJSON) mappings() *sampler.Mappings {
	m := &sampler.Mappings{Time: j.Time, Took: j.Took, List: make([]sampler.Mapping, len(j.List))}
	for i, x := range j.List {
		m.List[i] = sampler.Mapping(x)
	}
	return m
}

// clip shortens a stranger's text for a message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Trim(fmt.Sprintf("%q", s), `"`)
}
