package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/history"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const historyLong = `Show how the metrics of stored reports moved over time: a chart of each, where its level changed, and how far it has come
since an anchor. Reports are those of heaptop --headless --output; of a folder its *.json are read, and those of the folders
in it.

A change is judged by a permutation test of the medians of the reports, with five reports at least on each side of it, and a
series of nights that are independent of each other gets a false one in less than 5 of 100 cases. Reports from another processor, system, kernel,
Go version or with other settings are an epoch of their own and compared with none. What was not measured is a gap.

Without --all, --scenario and --metric, it shows what gates are on and what changed. It judges nothing anew and fails no
build: the exit code is 0 whatever it finds, 3 when there is no report to read.`

// The formats of a history.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatMarkdown = "markdown"
)

func historyFormats() []string { return []string{formatText, formatJSON, formatMarkdown, formatHTML} }

// remembering are the options of heaptop history.
type remembering struct {
	env       *environment
	paths     []string
	scenarios []string
	metrics   []string
	since     string
	branch    string
	anchor    string
	format    string
	output    string
	all       bool
	keep      int
	now       func() time.Time
}

func newHistory(env *environment) *cobra.Command {
	o := &remembering{env: env, format: formatText, now: time.Now}
	c := &cobra.Command{
		Use:   "history DIR|FILE...",
		Short: "Show how stored reports moved over time, and where they changed",
		Long:  historyLong,
		Example: `  heaptop history reports
  heaptop history --metric peak_rss --since 90d reports
  heaptop history --anchor v1-report.json --format markdown reports
  heaptop history --format html --output history.html reports
  heaptop history --keep 400 reports`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("see heaptop history --help", "want a folder of reports, or reports")
			}
			o.paths = args
			return o.run(c.Flags().Changed("keep"))
		},
		ValidArgsFunction: completeReports,
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&names{&o.scenarios}, "scenario", "only these scenarios")
	f.Var(&names{&o.metrics}, "metric", "only these metrics")
	f.StringVar(&o.since, "since", "", "only reports from this `TIME` on: a date such as 2026-11-01, or an age such as 90d")
	f.StringVar(&o.branch, "branch", "", "only reports of this branch, by its `NAME`")
	f.StringVar(&o.anchor, "anchor", "", "what growth is counted from: a `COMMIT` of the history, or a report's file (default: the first report)")
	f.BoolVar(&o.all, "all", false, "every metric of every scenario")
	f.Var(&choice{&o.format, historyFormats(), "unknown format, known are"}, "format", "text, json, markdown or html: a page for a browser")
	f.StringVar(&o.output, "output", "", "write it to this `FILE`, complete or not at all")
	f.IntVar(&o.keep, "keep", 0, "first remove the oldest reports of the folder until this `NUMBER` is left")
	for name, f := range map[string]cobra.CompletionFunc{
		"scenario": cobra.NoFileCompletions, "since": cobra.NoFileCompletions, "branch": cobra.NoFileCompletions, "keep": cobra.NoFileCompletions,
		"metric": cobra.FixedCompletions(gateMetrics(), cobra.ShellCompDirectiveNoFileComp),
	} {
		if err := c.RegisterFlagCompletionFunc(name, f); err != nil {
			panic(err) // the flag was bound before
		}
	}
	c.AddCommand(newHistoryAdd(env))
	return c
}

func gateMetrics() []string {
	var list []string
	for _, m := range gates.Metrics() {
		list = append(list, m.Name)
	}
	return list
}

func (o *remembering) run(prune bool) error {
	for _, m := range o.metrics {
		if _, ok := gates.MetricOf(m); !ok {
			return &usageError{policy.UnknownMetric(m), ""}
		}
	}
	if prune {
		if err := o.prune(); err != nil {
			return err
		}
	}
	h, err := o.read()
	if err != nil {
		return err
	}
	all := h.Series()
	shown, err := o.chosen(all)
	if err != nil {
		return err
	}
	p := picture{history: h, series: shown, hidden: len(all) - len(shown), drift: history.DriftOf(shown)}
	return writeReport(o.env, o.output, func() ([]byte, error) {
		switch o.format {
		case formatJSON:
			return p.json()
		case formatMarkdown:
			return []byte(p.markdown()), nil
		case formatHTML:
			return p.html()
		}
		return []byte(p.text(textWidth(o.env.Out))), nil
	})
}

// prune removes old reports, of one folder only.
func (o *remembering) prune() error {
	if len(o.paths) != 1 {
		return usagef("", "--keep removes reports of one folder, and %d places are named", len(o.paths))
	}
	if info, err := os.Stat(o.paths[0]); err != nil || !info.IsDir() {
		return usagef("", "--keep removes reports of a folder, which %s is not", o.paths[0])
	}
	if o.keep < 1 {
		return usagef("", "--keep %d: want 1 at least", o.keep)
	}
	removed, err := history.Prune(o.paths[0], o.keep)
	if len(removed) > 0 {
		printLines(o.env.Err, "heaptop: ", "removed "+unit.Things(len(removed), "report")+" from "+o.paths[0])
	}
	return err
}

// read reads the reports and says which files are none.
func (o *remembering) read() (*history.History, error) {
	h, err := history.Read(o.paths)
	if err != nil {
		return nil, &usageError{err, "a report is what heaptop --headless --output FILE writes"}
	}
	o.sayTold(h.Skipped)
	if len(h.Reports) == 0 {
		return nil, usagef("a report is what heaptop --headless --output FILE writes", "there is no report in %s", strings.Join(o.paths, ", "))
	}
	if o.anchor != "" { // before anything is left out: the anchor may be older
		if h, err = h.Anchored(o.anchor); err != nil {
			return nil, &usageError{err, ""}
		}
	}
	branches := map[string]bool{}
	for _, e := range h.Reports {
		branches[e.Report.Environment.Branch] = true
	}
	if o.branch != "" {
		if h = h.Branch(o.branch); len(h.Reports) == 0 {
			return nil, usagef("", "no report is of branch %s%s", o.branch, didYouMean("", o.branch, keys(branches)))
		}
	}
	if o.since != "" {
		from, err := sinceTime(o.since, o.now())
		if err != nil {
			return nil, &usageError{err, ""}
		}
		if h = h.Since(from); len(h.Reports) == 0 {
			return nil, usagef("", "no report is from %s or later", from.Format(time.DateOnly))
		}
	}
	return h, nil
}

// sayTold lists the files that were left out, the first few with their reasons.
func (o *remembering) sayTold(list []history.Skipped) {
	const most = 5
	for i, s := range list {
		if i == most {
			printLines(o.env.Err, "heaptop: ", counted(len(list)-most, "more file was left out", "more files were left out"))
			return
		}
		printLines(o.env.Err, "heaptop: ", s.Path+" is left out: "+s.Reason)
	}
}

func keys(m map[string]bool) []string {
	var list []string
	for k := range m {
		if k != "" {
			list = append(list, k)
		}
	}
	slices.Sort(list)
	return list
}

// sinceTime reads a date, a time, or an age.
func sinceTime(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if d, err := unit.ParseDuration(days + "h"); err == nil && d > 0 && d < 100_000*time.Hour {
			return now.Add(-24 * d), nil
		}
	}
	if d, err := unit.ParseDuration(s); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("--since %s: want a date such as 2026-11-01, or an age such as 90d or 12h", s)
}

// chosen are the series that are asked for, or else those that gates are on, and those that changed.
func (o *remembering) chosen(all []history.Series) ([]history.Series, error) {
	scenarios, metrics := map[string]bool{}, map[string]bool{}
	var out []history.Series
	for _, s := range all {
		scenarios[s.Scenario], metrics[s.Metric] = true, true
		named := len(o.scenarios) > 0 || len(o.metrics) > 0
		switch {
		case len(o.scenarios) > 0 && !slices.Contains(o.scenarios, s.Scenario):
		case len(o.metrics) > 0 && !slices.Contains(o.metrics, s.Metric):
		case o.all || named && len(o.metrics) > 0 || s.Gated || moved(&s):
			out = append(out, s)
		}
	}
	for _, name := range o.scenarios {
		if !scenarios[name] {
			return nil, usagef("", "no report has a scenario %s%s", name, cmp.Or(didYouMean("", name, keys(scenarios)), ": known are "+some(keys(scenarios), "none")))
		}
	}
	for _, name := range o.metrics {
		if !metrics[name] {
			return nil, usagef("", "no report has the metric %s: known are %s", name, strings.Join(keys(metrics), ", "))
		}
	}
	return out, nil
}

// moved says that a change of the series is worth a chart where nobody asked for it.
func moved(s *history.Series) bool {
	return slices.ContainsFunc(s.Changes, func(c history.Change) bool {
		return c.Percent == nil || *c.Percent >= history.Material || *c.Percent <= -history.Material
	})
}

// newHistoryAdd is the command that puts a report into a folder, under a name of its own.
func newHistoryAdd(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "add REPORT DIR",
		Short: "Put a report into a folder of reports, under a name that tells its time",
		Long: `Put a report into a folder of reports, under a name that tells its time, its commit and where it was measured. The folder is
made where there is none. A report that is there already stays as it is. The name is printed.

Exit codes: 0 done; 2 it could not be written; 3 the file is no report.`,
		Example: "  heaptop history add report.json reports",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("see heaptop history add --help", "want a report, and the folder it goes to")
			}
			return addReport(env, args[0], args[1])
		},
		ValidArgsFunction: cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
	}
}

func addReport(env *environment, file, dir string) error {
	r, err := readReportFile(file)
	if err != nil {
		return err
	}
	data, err := r.JSON()
	if err != nil {
		return err
	}
	path, err := history.Add(dir, r, data)
	if errors.Is(err, fs.ErrExist) {
		printLines(env.Err, "heaptop: ", path+" is there already")
		err = nil
	}
	if err == nil {
		fmt.Fprintln(env.Out, path)
	}
	return err
}
