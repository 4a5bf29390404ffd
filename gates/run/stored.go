package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// maxStored is how large a stored report may be that is read.
const maxStored = 64 << 20

// stored is a baseline of earlier reports.
type stored struct {
	path      string
	reports   []*gates.Report
	scenarios map[string]*gates.Scenario
	absent    map[string]string // scenarios that it does not have, and why
}

// readStored reads a report, or those of a folder by the names of the policy's scenarios. The error wraps ErrUsage: a
// baseline that is cut off, of another schema, of other scenarios, or that itself could not be measured is refused before
// anything is run.
func readStored(path string, p *policy.Policy) (*stored, error) {
	b := &stored{path: path, scenarios: map[string]*gates.Scenario{}, absent: map[string]string{}}
	info, err := os.Stat(path)
	if err != nil {
		return nil, worktree.Usage("read the baseline: %w", err)
	}
	if !info.IsDir() {
		r, err := readReport(path)
		if err != nil {
			return nil, err
		}
		b.take(r)
	} else if err := b.readFolder(path, p); err != nil {
		return nil, err
	}
	found := 0
	for i := range p.Scenarios {
		n, err := b.fits(&p.Scenarios[i])
		if err != nil {
			return nil, err
		}
		found += n
	}
	if found == 0 {
		return nil, worktree.Usage("read the baseline %s: it has none of these scenarios, but %s", path, b.names())
	}
	return b, nil
}

func readReport(path string) (*gates.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, worktree.Usage("read the baseline: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxStored+1))
	if err != nil {
		return nil, worktree.Usage("read the baseline %s: %w", path, err)
	}
	if len(data) > maxStored {
		return nil, worktree.Usage("read the baseline %s: larger than %d MiB", path, maxStored>>20)
	}
	r, err := gates.ReadReport(path, data)
	if err != nil {
		return nil, worktree.Usage("%w: write one with heaptop --headless --output FILE", err)
	}
	return r, nil
}

func (b *stored) take(r *gates.Report) {
	b.reports = append(b.reports, r)
	for i := range r.Scenarios {
		b.scenarios[r.Scenarios[i].Name] = &r.Scenarios[i]
	}
}

// readFolder reads <scenario>.json for each scenario. A report there without that scenario is somebody else's.
func (b *stored) readFolder(dir string, p *policy.Policy) error {
	for i := range p.Scenarios {
		name := p.Scenarios[i].Name
		path := filepath.Join(dir, name+".json")
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			b.absent[name] = fmt.Sprintf("the baseline has no %s.json", name)
			continue
		}
		r, err := readReport(path)
		if err != nil {
			return err
		}
		fits := false
		for j := range r.Scenarios {
			fits = fits || base(r.Scenarios[j].Name) == name
		}
		if !fits {
			return worktree.Usage("read the baseline %s: it is of another scenario: %s", path, (&stored{reports: []*gates.Report{r}}).names())
		}
		b.take(r)
	}
	return nil
}

// base is the scenario that a benchmark is of.
func base(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}

// fits counts the entries of a scenario, and refuses those that are no measure of it.
func (b *stored) fits(s *policy.Scenario) (n int, err error) {
	for name, e := range b.scenarios {
		if base(name) != s.Name {
			continue
		}
		n++
		switch {
		case e.Kind != s.Kind:
			err = fmt.Errorf("its kind is %s, and that of the policy's is %s", e.Kind, s.Kind)
		case e.Error != "":
			err = fmt.Errorf("it could not be measured then: %s", e.Error)
		case (s.SessionsSaid || s.Kind == gates.KindBuiltin) && max(e.Sessions, 1) != max(s.Sessions, 1):
			err = fmt.Errorf("it was measured with %s, and the policy has %d", unit.Things(max(e.Sessions, 1), "session"), max(s.Sessions, 1))
		}
		if err != nil {
			return 0, worktree.Usage("read the baseline %s: scenario %s: %w", b.path, name, err)
		}
	}
	if n == 0 && b.absent[s.Name] == "" {
		b.absent[s.Name] = "the baseline has no such scenario"
	}
	return n, nil
}

func (b *stored) names() string {
	var names []string
	for _, r := range b.reports {
		for i := range r.Scenarios {
			names = append(names, r.Scenarios[i].Name)
		}
	}
	const most = 5
	switch {
	case len(names) == 0:
		return "no scenario at all"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// runs is how many runs the baseline has of a scenario.
func (b *stored) runs(name string) int {
	if s := b.scenarios[name]; s != nil {
		return s.Runs
	}
	return 0
}

// warnings say in which ways the baseline was measured elsewhere.
func (b *stored) warnings(now gates.Environment) []string {
	var out []string
	for _, r := range b.reports {
		for _, w := range gates.EnvironmentWarnings(r.Environment, now) {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// compareStored compares a job's runs with the baseline, where there is one.
func (r *runner) compareStored(j *job, out *gates.Scenario) error {
	if r.baseline == nil || j.scenario.Helper {
		return nil
	}
	settings := j.scenario.Compare
	settings.Against, settings.Quanta = "baseline "+r.baseline.path, j.quanta
	then := r.baseline.scenarios[j.name]
	if then == nil {
		why := "the scenario is new: " + r.baseline.absent[base(j.name)]
		if r.baseline.absent[base(j.name)] == "" {
			why = "the benchmark is new: the baseline does not have it"
		}
		out.Warnings = append(out.Warnings, why)
		out.Comparisons = append(out.Comparisons, undecided(j.scenario, settings, why)...)
		return nil
	}
	if max(then.Sessions, 1) != max(out.Sessions, 1) {
		why := fmt.Sprintf("the baseline was measured with %s, and the program now says %d", unit.Things(max(then.Sessions, 1), "session"), max(out.Sessions, 1))
		out.Comparisons = append(out.Comparisons, undecided(j.scenario, settings, why)...)
		return nil
	}
	if then.Seed != 0 && out.Seed != 0 && then.Seed != out.Seed {
		why := fmt.Sprintf("the baseline's workload drew from the seed %d, and this one from %d: its work was another", then.Seed, out.Seed)
		out.Comparisons = append(out.Comparisons, undecided(j.scenario, settings, why)...)
		return nil
	}
	baseline, current := map[string][]float64{}, map[string][]float64{}
	for _, name := range comparable(settings) {
		if m, ok := then.Metrics[name]; ok && len(m.Values) > 0 {
			baseline[name] = m.Values
		}
		if m, ok := out.Metrics[name]; ok && len(m.Values) > 0 {
			current[name] = m.Values
		}
	}
	out.Comparisons = append(out.Comparisons, gates.CompareStored(settings, baseline, current)...)
	return nil
}
