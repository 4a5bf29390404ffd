package capture

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// unknown returns the reading as a table has it: NaN for what is not known.
func unknown(r sampler.Reading) float64 {
	if !r.OK {
		return math.NaN()
	}
	return r.Value
}

func known(v float64) sampler.Reading {
	if math.IsNaN(v) {
		return sampler.Reading{}
	}
	return sampler.Known(v)
}

func texts(list []error) []string {
	var out []string
	for _, err := range tail(list, maxWarnings) {
		out = append(out, words(err))
	}
	return out
}

func errorsOf(list []string) []error {
	var out []error
	for _, w := range list[:min(len(list), maxWarnings)] {
		out = append(out, errors.New(w))
	}
	return out
}

// goroutines makes a member of goroutine groups.
func (p *packer) goroutines(g sampler.Goroutines) (member, error) {
	now := nowJSON{Time: g.Time, Took: g.Took, Source: g.Source, Total: g.Total, Warnings: texts(g.Warnings)}
	return p.tableOf(kindGoroutines, 3, now, func(c *chain, t *table) error {
		frame := func(f sampler.Frame) int64 { return c.node(c.text(f.Function), c.text(f.File), int64(f.Line)) }
		for _, x := range g.Groups {
			node := []int64{c.text(x.State), frame(x.CreatedBy)}
			for _, f := range x.Stack {
				node = append(node, frame(f))
			}
			t.rows = append(t.rows, int(c.node(node...)))
			t.values = append(t.values, float64(x.Count), unknown(x.WaitMin), unknown(x.WaitMax))
		}
		return nil
	})
}

func (t *table) goroutines() (*sampler.Goroutines, error) {
	if t.width != 3 {
		return nil, fmt.Errorf("goroutines: %d columns", t.width)
	}
	g := &sampler.Goroutines{Time: t.now.Time, Took: t.now.Took, Source: t.now.Source, Total: t.now.Total, Warnings: errorsOf(t.now.Warnings)}
	expanded := 0
	for i, n := range t.rows {
		row, v := t.nodes[n], t.row(i)
		if expanded += len(row); expanded > maxFrames || len(row) < 2 {
			return nil, fmt.Errorf("goroutines: group %d: a stack of %d, or more than %d references", i, len(row), maxFrames)
		}
		state, err := t.text(row[0])
		if err != nil {
			return nil, fmt.Errorf("goroutines: group %d: %w", i, err)
		}
		group := sampler.GoroutineGroup{State: state, WaitMin: known(v[1]), WaitMax: known(v[2])}
		if group.Count, err = count(v[0]); err != nil {
			return nil, fmt.Errorf("goroutines: group %d: %w", i, err)
		}
		if group.CreatedBy, err = t.frame(row[1]); err != nil {
			return nil, fmt.Errorf("goroutines: group %d: %w", i, err)
		}
		if len(row) > 2 {
			group.Stack = make([]sampler.Frame, 0, len(row)-2)
		}
		for _, n := range row[2:] {
			f, err := t.frame(n)
			if err != nil {
				return nil, fmt.Errorf("goroutines: group %d: %w", i, err)
			}
			group.Stack = append(group.Stack, f)
		}
		g.Groups = append(g.Groups, group)
	}
	return g, nil
}

// count returns v as a number of things.
func count(v float64) (int, error) {
	if !exact(v) || v < math.MinInt32 || v > math.MaxInt32 {
		return 0, fmt.Errorf("%v of them", v)
	}
	return int(v), nil
}

func (t *table) frame(n int64) (f sampler.Frame, err error) {
	node, err := t.node(n, 3)
	if err != nil {
		return f, err
	}
	if f.Function, err = t.text(node[0]); err != nil {
		return f, err
	}
	f.Line = int(node[2])
	f.File, err = t.text(node[1])
	return f, err
}

// goroutineProfile returns the groups as a profile in pprof's format, not gzipped: a sample for each group, its state as
// a label.
func goroutineProfile(g *sampler.Goroutines) *profile.Profile {
	count := &profile.ValueType{Type: "goroutine", Unit: "count"}
	p := &profile.Profile{SampleType: []*profile.ValueType{count}, PeriodType: count, Period: 1, TimeNanos: g.Time.UnixNano()}
	known := make(map[sampler.Frame]*profile.Location)
	for _, group := range g.Groups {
		s := &profile.Sample{Value: []int64{int64(group.Count)}}
		if group.State != "" {
			s.Label = map[string][]string{"state": {group.State}}
		}
		for _, f := range group.Stack {
			l := known[f]
			if l == nil {
				id := uint64(len(p.Location) + 1)
				fn := &profile.Function{ID: id, Name: f.Function, SystemName: f.Function, Filename: f.File}
				l = &profile.Location{ID: id, Line: []profile.Line{{Function: fn, Line: int64(f.Line)}}}
				known[f] = l
				p.Function, p.Location = append(p.Function, fn), append(p.Location, l)
			}
			s.Location = append(s.Location, l)
		}
		p.Sample = append(p.Sample, s)
	}
	return p
}

// mappings makes a member of the address space.
func (p *packer) mappings(m sampler.Mappings) (member, error) {
	return p.tableOf(kindMappings, 7, nowJSON{Time: m.Time, Took: m.Took}, func(c *chain, t *table) error {
		for _, x := range m.List {
			flags := int64(0)
			if x.Stack {
				flags |= 1
			}
			if x.Go {
				flags |= 2
			}
			t.rows = append(t.rows, int(c.node(c.text(x.Name), flags)))
			t.values = append(t.values, float64(x.Count), x.Size, x.RSS, x.PSS, x.Private, x.Anon, x.Swap)
		}
		return nil
	})
}

func (t *table) mappings() (*sampler.Mappings, error) {
	if t.width != 7 {
		return nil, fmt.Errorf("mappings: %d columns", t.width)
	}
	m := &sampler.Mappings{Time: t.now.Time, Took: t.now.Took}
	for i, n := range t.rows {
		node, err := t.node(int64(n), 2)
		if err != nil {
			return nil, fmt.Errorf("mappings: row %d: %w", i, err)
		}
		v := t.row(i)
		if slices.ContainsFunc(v, math.IsNaN) {
			return nil, fmt.Errorf("mappings: row %d lacks a number", i)
		}
		x := sampler.Mapping{Size: v[1], RSS: v[2], PSS: v[3], Private: v[4], Anon: v[5], Swap: v[6], Stack: node[1]&1 != 0, Go: node[1]&2 != 0}
		if x.Name, err = t.text(node[0]); err != nil {
			return nil, fmt.Errorf("mappings: row %d: %w", i, err)
		}
		if x.Count, err = count(v[0]); err != nil {
			return nil, fmt.Errorf("mappings: row %d: %w", i, err)
		}
		m.List = append(m.List, x)
	}
	return m, nil
}

// machineJSON is sampler.Machine.
type machineJSON struct {
	Total     *float64 `json:"total_bytes,omitempty"`
	Available *float64 `json:"available_bytes,omitempty"`
	SwapTotal *float64 `json:"swap_total_bytes,omitempty"`
	SwapFree  *float64 `json:"swap_free_bytes,omitempty"`
	Some      *float64 `json:"pressure_some_percent,omitempty"`
	Full      *float64 `json:"pressure_full_percent,omitempty"`
	CPUs      int      `json:"cpus,omitempty"`
}

// processes makes a member of the most processes that have the largest RSS, in the table's order.
func (p *packer) processes(in *sampler.ProcessTable, most int) (member, error) {
	m := in.Machine
	now := nowJSON{Time: in.Time, Took: in.Took, Total: len(in.Processes), Warnings: texts(in.Warnings), Machine: &machineJSON{
		m.Total.Pointer(), m.Available.Pointer(), m.SwapTotal.Pointer(), m.SwapFree.Pointer(),
		m.PressureSome10.Pointer(), m.PressureFull10.Pointer(), m.CPUs,
	}}
	return p.tableOf(kindProcesses, 6, now, func(c *chain, t *table) error {
		for _, x := range largest(in.Processes, most) {
			started, ok := instant(x.Started)
			if !ok {
				started = -1
			}
			kernel := int64(0)
			if x.Kernel {
				kernel = 1
			}
			t.rows = append(t.rows, int(c.node(int64(x.PID), int64(x.PPID), started, c.text(x.Name), c.text(x.Command),
				c.text(x.User), c.text(x.Container), kernel)))
			t.values = append(t.values, float64(x.State), unknown(x.RSS), unknown(x.Peak), unknown(x.Swap), unknown(x.Threads), unknown(x.CPU))
		}
		return nil
	})
}

// largest returns the most processes with the largest RSS, in the order they came in.
func largest(list []sampler.Process, most int) []sampler.Process {
	if len(list) <= most {
		return list
	}
	kept := slices.Clone(list)
	slices.SortStableFunc(kept, func(a, b sampler.Process) int { return cmp.Compare(b.RSS.Value, a.RSS.Value) })
	kept = kept[:most]
	slices.SortFunc(kept, func(a, b sampler.Process) int { return cmp.Compare(a.PID, b.PID) })
	return kept
}

func (t *table) processes() (*sampler.ProcessTable, error) {
	if t.width != 6 {
		return nil, fmt.Errorf("processes: %d columns", t.width)
	}
	out := &sampler.ProcessTable{Time: t.now.Time, Took: t.now.Took, Warnings: errorsOf(t.now.Warnings)}
	if m := t.now.Machine; m != nil {
		out.Machine = sampler.Machine{
			Total: reading(m.Total), Available: reading(m.Available), SwapTotal: reading(m.SwapTotal), SwapFree: reading(m.SwapFree),
			PressureSome10: reading(m.Some), PressureFull10: reading(m.Full), CPUs: m.CPUs,
		}
	}
	for i, n := range t.rows {
		node, err := t.node(int64(n), 8)
		if err != nil {
			return nil, fmt.Errorf("processes: row %d: %w", i, err)
		}
		v := t.row(i)
		if math.IsNaN(v[0]) || v[0] < 0 || v[0] > 255 {
			return nil, fmt.Errorf("processes: row %d has the state %v", i, v[0])
		}
		x := sampler.Process{
			PID: int(node[0]), PPID: int(node[1]), Kernel: node[7] != 0, State: byte(v[0]),
			RSS: known(v[1]), Peak: known(v[2]), Swap: known(v[3]), Threads: known(v[4]), CPU: known(v[5]),
		}
		if node[2] >= 0 {
			x.Started = time.Unix(0, node[2])
		}
		for k, into := range []*string{&x.Name, &x.Command, &x.User, &x.Container} {
			if *into, err = t.text(node[3+k]); err != nil {
				return nil, fmt.Errorf("processes: row %d: %w", i, err)
			}
		}
		out.Processes = append(out.Processes, x)
	}
	if rest := t.now.Total - len(out.Processes); rest > 0 {
		out.Warnings = append(out.Warnings, fmt.Errorf("%d processes with less memory were not recorded", rest))
	}
	return out, nil
}
