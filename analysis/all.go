package analysis

import "github.com/alloc-dev/heaptop/sampler"

// Analyzer turns what was read of a target into findings.
type Analyzer struct {
	Name string // its findings' Analyzer, but that "hotspots" also tells of "holders"
	What string // what it tells, as the rest of a sentence
	// Find returns nothing where what it needs was not read; warnings is what weakens its numbers.
	Find func(*Sight) (found []Finding, warnings []string)
}

// All returns the analyzers that make up the complete picture of a target, in the order in which they are shown. Those that
// need more than one reading stand apart: LeakWatch, FindHotspots and Advise.
func All() []Analyzer {
	return []Analyzer{
		{"ledger", "where RSS is", func(s *Sight) ([]Finding, []string) {
			if s.Snapshot == nil {
				return nil, nil
			}
			return ledgerFinding(s.Snapshot, s.Mappings)
		}},
		{"limits", "how far the limits are", ofSnapshot(limitsFinding)},
		{"process", "what the kernel counts of the process", ofSnapshot(kernelFinding)},
		{"collector", "what the garbage collector does", func(s *Sight) ([]Finding, []string) {
			if s.Snapshot == nil {
				return nil, nil
			}
			return collectorFinding(s.Snapshot, s.Info.Started), nil
		}},
		{"hotspots", "which allocation sites hold memory, and who holds it", func(s *Sight) ([]Finding, []string) {
			return Hotspots(s.Heap, s.Walk, s.Threshold), nil
		}},
		{"types", "of which types the objects are", func(s *Sight) ([]Finding, []string) {
			if s.Walk == nil {
				return nil, nil
			}
			return typesFinding(s.Walk), nil
		}},
		{"fragmentation", "how well spans are filled, by size class", func(s *Sight) ([]Finding, []string) {
			if s.Spans == nil {
				return nil, nil
			}
			return classesFinding(s.Spans), nil
		}},
		{"mappings", "which mappings are resident", func(s *Sight) ([]Finding, []string) {
			if s.Mappings == nil {
				return nil, nil
			}
			return []Finding{mappingsFinding(s.Mappings)}, nil
		}},
		{"goroutines", "what goroutines do, and what their stacks hold", func(s *Sight) ([]Finding, []string) {
			if s.Goroutines == nil {
				return nil, nil
			}
			return goroutinesFinding(s.Goroutines, s.Snapshot), nil
		}},
	}
}

func ofSnapshot(find func(*sampler.Snapshot) []Finding) func(*Sight) ([]Finding, []string) {
	return func(s *Sight) ([]Finding, []string) {
		if s.Snapshot == nil {
			return nil, nil
		}
		return find(s.Snapshot), nil
	}
}
