package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// defaultBaseline is the folder of stored reports when none is named.
const defaultBaseline = ".heaptop/baseline"

const baselineLong = `Keep the reports that heaptop --headless --baseline compares with.

A place is a folder with one report a scenario, NAME.json, or one file that ends in .json. Runs that are compared with a
stored report were made at another time, perhaps on another machine: --against GITREF measures both sides in turns, and
excludes that. A baseline is for what has no other side: a target that runs elsewhere, a service, a nightly run.`

func newBaseline(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "baseline accept|show",
		Short: "Keep and show the reports that later runs are compared with",
		Long:  baselineLong,
		Example: `  heaptop --headless --output report.json
  heaptop baseline accept report.json
  heaptop baseline show
  heaptop --headless --baseline ` + defaultBaseline,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			known := commandNames(c)
			return usagef("see heaptop baseline --help", "no command %q: heaptop baseline knows %s%s", args[0], strings.Join(known, ", "), didYouMean("", args[0], known))
		},
	}
	c.AddCommand(newBaselineAccept(env), newBaselineShow(env))
	return c
}

// acceptance are the options of heaptop baseline accept.
type acceptance struct {
	env     *environment
	report  string
	place   string
	because string
}

func newBaselineAccept(env *environment) *cobra.Command {
	o := &acceptance{env: env}
	c := &cobra.Command{
		Use:   "accept FILE",
		Short: "Make a report the baseline of later runs",
		Long: `Make a report the baseline of later runs. What was not wholly measured, and what is above a limit, never becomes one.
Growth that is wanted does with --because; the reason is kept with it.

Exit codes: 0 done; 1 the report failed; 2 something in it was not measured; 3 what was typed is wrong, or no report.`,
		Example: "  heaptop baseline accept report.json\n  heaptop baseline accept report.json --because \"the new index\"",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("see heaptop baseline accept --help", "want one report that heaptop --headless --output wrote")
			}
			o.report = args[0]
			return o.run()
		},
		ValidArgsFunction: cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
	}
	c.Flags().StringVar(&o.place, "baseline", defaultBaseline, "the folder, or the `FILE` that ends in .json, where it is kept")
	c.Flags().StringVar(&o.because, "because", "", "the `REASON` for which growth in it is accepted")
	return c
}

func (o *acceptance) run() error {
	r, err := readReportFile(o.report)
	if err != nil {
		return err
	}
	if err := o.acceptable(r); err != nil {
		return err
	}
	before, err := readBaseline(o.place)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	list := []stored{{o.place, r}}
	if !oneFile(o.place) {
		list = split(o.place, r)
	}
	for _, s := range list {
		data, err := s.report.JSON()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(s.path), 0o777); err != nil {
			return fmt.Errorf("write the baseline: %w", err)
		}
		if err := writeReport(o.env, s.path, func() ([]byte, error) { return data, nil }); err != nil {
			return err
		}
		printLines(o.env.Err, "heaptop: ", "wrote "+s.path)
	}
	printChanges(o.env, before, r)
	return nil
}

// acceptable refuses a report that is not wholly measured or failed, but for growth that there is a reason for: that is
// marked as accepted.
func (o *acceptance) acceptable(r *gates.Report) error {
	if o.because != "" {
		for i := range r.Scenarios {
			for j := range r.Scenarios[i].Comparisons {
				c := &r.Scenarios[i].Comparisons[j]
				if (c.Verdict == gates.Regressed || c.Verdict == gates.Grew) && c.Accepted == "" {
					c.Accepted = o.because
				}
			}
		}
	}
	r.Judge()
	switch r.Verdict {
	case gates.Passed, gates.Warned:
		return nil
	case gates.Failed:
		printLines(o.env.Err, "heaptop: ", o.report+" failed, and what failed never becomes a baseline: "+failedWords(r))
		if o.because == "" && regressed(r) {
			printLines(o.env.Err, "  ", `growth that is wanted is accepted with a reason: --because "..."`)
		}
		return &failed{"the report failed; the baseline is as it was"}
	}
	return &unmeasured{o.report + " is not wholly measured, and so never becomes a baseline: " + unmeasuredWords(r)}
}

func regressed(r *gates.Report) bool {
	return slices.ContainsFunc(r.Scenarios, func(s gates.Scenario) bool {
		return slices.ContainsFunc(s.Comparisons, func(c gates.Comparison) bool { return c.Verdict == gates.Regressed })
	})
}

// stored is a report and where it is kept.
type stored struct {
	path   string
	report *gates.Report
}

func oneFile(place string) bool { return filepath.Ext(place) == ".json" }

// split makes a report of each scenario, the benchmarks of a package in one.
func split(dir string, r *gates.Report) []stored {
	var list []stored
	for _, s := range r.Scenarios {
		name, _, _ := strings.Cut(s.Name, "/")
		path := filepath.Join(dir, filepath.Base(name)+".json") // a name from a file may be anything
		i := slices.IndexFunc(list, func(s stored) bool { return s.path == path })
		if i < 0 {
			one := *r
			one.Scenarios = nil
			list = append(list, stored{path, &one})
			i = len(list) - 1
		}
		list[i].report.Scenarios = append(list[i].report.Scenarios, s)
	}
	for _, s := range list {
		s.report.Judge()
	}
	return list
}

// readReportFile reads a report. Every error says that what was typed names none.
func readReportFile(path string) (*gates.Report, error) {
	r, err := reportFromFile(path)
	if err != nil {
		return nil, &usageError{err, "a report is what heaptop --headless --output FILE writes"}
	}
	return r, nil
}

// maxReportFile is more than the largest report that is read, which gates bounds.
const maxReportFile = 65 << 20

func reportFromFile(path string) (*gates.Report, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReportFile))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return gates.ReadReport(path, data)
}

// readBaseline reads all reports of a place.
func readBaseline(place string) ([]stored, error) {
	paths := []string{place}
	info, err := os.Stat(place)
	if err != nil {
		return nil, usagef("make one: heaptop baseline accept FILE", "read the baseline: %w", err)
	}
	if info.IsDir() {
		if paths, err = filepath.Glob(filepath.Join(globQuote(place), "*.json")); err != nil {
			return nil, fmt.Errorf("read the baseline %s: %w", place, err)
		}
	}
	var list []stored
	for _, p := range paths {
		r, err := readReportFile(p)
		if err != nil {
			return nil, err
		}
		list = append(list, stored{p, r})
	}
	return list, nil
}

// globQuote takes the meaning from the letters of a folder's name.
func globQuote(s string) string {
	return strings.NewReplacer(`[`, `[[]`, `*`, `[*]`, `?`, `[?]`).Replace(s)
}

func newBaselineShow(env *environment) *cobra.Command {
	place := defaultBaseline
	return &cobra.Command{
		Use:     "show [PLACE]",
		Short:   "Show what a baseline holds, and where and when it was measured",
		Example: "  heaptop baseline show\n  heaptop baseline show baselines/linux-arm64",
		RunE: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
			case 1:
				place = args[0]
			default:
				return usagef("see heaptop baseline show --help", "want one place")
			}
			list, err := readBaseline(place)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				return usagef("make one: heaptop baseline accept FILE", "%s has no report in it", place)
			}
			return writeReport(env, "", func() ([]byte, error) { return []byte(baselineText(list)), nil })
		},
	}
}

// baselineText is a paragraph and a table for each report.
func baselineText(list []stored) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteByte('\n')
		}
		e := s.report.Environment
		parts := []string{theme.Clean(s.path), string(s.report.Verdict), s.report.FinishedAt.Format(time.DateTime), theme.Clean(e.OS + "/" + e.Arch)}
		for _, part := range []string{e.CPU, s.report.Tool.Go, shortCommit(e.Commit)} {
			if part != "" {
				parts = append(parts, theme.Clean(part))
			}
		}
		wrap(&b, "", "  ", strings.Join(parts, " · "))
		t := table{titles: []string{"median", "lowest", "highest", "runs"}, of: "metric"}
		for j := range s.report.Scenarios {
			t.rows = append(t.rows, metricRows(&s.report.Scenarios[j])...)
		}
		l := newTableText(&b, &t)
		for j := range t.rows {
			l.row(&t.rows[j])
		}
		for _, a := range acceptedIn(s.report) {
			wrap(&b, "  accepted: ", "            ", theme.Clean(a))
		}
	}
	return b.String()
}

func shortCommit(c string) string {
	if len(c) > 12 {
		return "commit " + c[:12]
	}
	return c
}

// metricRows are the metrics of a scenario that have a value, in the order of the table of metrics.
func metricRows(s *gates.Scenario) []tableRow {
	var rows []tableRow
	for _, m := range gates.Metrics() {
		v, ok := s.Metrics[m.Name]
		if !ok || len(v.Values) == 0 {
			continue
		}
		rows = append(rows, tableRow{
			cells: []string{m.Format(v.Median), m.Format(slices.Min(v.Values)), m.Format(slices.Max(v.Values)), unit.Count(float64(len(v.Values)))},
			name:  s.Name + "." + m.Name,
		})
	}
	return rows
}

func acceptedIn(r *gates.Report) []string {
	var list []string
	for _, s := range r.Scenarios {
		for _, c := range s.Comparisons {
			if c.Accepted != "" {
				list = append(list, s.Name+"."+c.Metric+": "+c.Accepted)
			}
		}
	}
	return list
}

// printChanges says what the new baseline has moved.
func printChanges(env *environment, before []stored, r *gates.Report) {
	old := map[string]gates.Measured{}
	for _, s := range before {
		for _, sc := range s.report.Scenarios {
			for name, m := range sc.Metrics {
				if len(m.Values) > 0 {
					old[sc.Name+"."+name] = m
				}
			}
		}
	}
	for _, s := range r.Scenarios {
		for _, m := range gates.Metrics() {
			now, was := s.Metrics[m.Name], old[s.Name+"."+m.Name]
			if len(now.Values) == 0 || len(was.Values) == 0 || was.Median <= 0 || now.Median == was.Median {
				continue
			}
			printLines(env.Err, "  ", fmt.Sprintf("%s.%s was %s, is %s (%+.1f%%)", s.Name, m.Name, m.Format(was.Median), m.Format(now.Median), 100*(now.Median/was.Median-1)))
		}
	}
}
