package cli

import (
	"context"
	"errors"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// machineProcesses is how many processes the machine has, for the lines of text and JSON.
const machineProcesses sampler.Metric = "/machine/processes:processes"

// machine is the session over no target: the machine's memory, for the line modes. The dashboard lists processes instead.
type machine struct {
	lister sampler.Lister
	table  sampler.ProcessTable
}

func (m *machine) Read(ctx context.Context, s *sampler.Snapshot) error {
	began := time.Now()
	s.Reset(began)
	if err := m.lister.List(ctx, sampler.ListOptions{}, &m.table); err != nil {
		return err
	}
	of := &m.table.Machine
	for _, r := range []struct {
		metric  sampler.Metric
		reading sampler.Reading
	}{
		{sampler.MachineMemory, of.Total},
		{sampler.MachineAvailable, of.Available},
		{sampler.MachineSwapTotal, of.SwapTotal},
		{sampler.MachineSwapFree, of.SwapFree},
		{sampler.PressureSome10, of.PressureSome10},
		{sampler.PressureFull10, of.PressureFull10},
	} {
		if r.reading.OK {
			s.Add(r.metric, r.reading.Value)
		}
	}
	s.Add(machineProcesses, float64(len(m.table.Processes)))
	for _, w := range m.table.Warnings {
		s.Warn(w)
	}
	s.Took = time.Since(began)
	return nil
}

func (m *machine) Close() error { return m.lister.Close() }

func (m *machine) Describe() sampler.Info {
	return sampler.Info{Target: sampler.Target{Kind: sampler.KindMachine}, Name: "this machine", Source: "proc"}
}

// noLister stands where the process table cannot be read at all.
type noLister struct{ err error }

func (n noLister) List(context.Context, sampler.ListOptions, *sampler.ProcessTable) error {
	return errors.Join(n.err, sampler.ErrUnsupported)
}

func (n noLister) Close() error { return nil }
