package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const leaksLong = `Watch a target and say whether it leaks, how fast, and what the cause is.

Of a Go program the live heap is judged, the memory that the Go heap does not explain, goroutines, open files and threads;
of another its own memory. Each series gets a verdict: growing, flat, settling (it has grown, but does not carry on),
inconclusive or insufficient, with a rate and its 95 % interval. What grows is named: allocation sites, the stacks of
goroutines, or mappings, each with its share of the growth. A cache that fills cannot be told from a leak while it fills.

The target is named as for the dashboard, or is a command behind "--", or a recording, which is judged as a whole.
--series judges columns of a CSV file instead: a header, the time in seconds or as RFC 3339 in the first column, an empty
cell for a reading that is missing.

A verdict needs 60 readings and 60 s at least, 5 minutes for most programs. Ctrl-C ends the watch and reports on what was seen.

Exit codes: 0 growth is excluded, or nothing is proven (see --on-inconclusive); 1 a leak is proven; 2 could not measure, or
the target ended too early; 3 what was typed is wrong, or the file cannot be read; 130 interrupted.`

const leaksExample = `  heaptop debug leaks 4242
  heaptop debug leaks --monitoring-duration 30m --holders api-server
  heaptop debug leaks --per /gc/heap/allocs:objects --format json --output leaks.json http://localhost:6060
  heaptop debug leaks --on-inconclusive fail -- ./server -x
  heaptop debug leaks night.heaprec
  heaptop debug leaks --series memory.csv --growth 10%`

// What an inconclusive verdict means.
const (
	onPass = "pass"
	onWarn = "warn"
	onFail = "fail"
)

// defaultGrowth is the share of the level per hour below which growth is not called so.
const defaultGrowth = 0.03

// leaks are the options of heaptop debug leaks.
type leaks struct {
	env            *environment
	target         sampler.Target
	duration       time.Duration
	given          bool          // whether the duration was typed
	interval       time.Duration // 0: by the duration
	series         string
	per            string
	material       float64 // share of the level per hour
	limits         []analysis.Limit
	threshold      float64
	onInconclusive string
	holders        bool
	format         string
	output         string
}

func newLeaks(env *environment) *cobra.Command {
	o := &leaks{env: env, duration: 5 * time.Minute, material: defaultGrowth, onInconclusive: onWarn, format: "text"}
	c := &cobra.Command{
		Use:               "leaks TARGET|FILE | -- COMMAND...",
		Short:             "Whether it leaks, how fast, and what the cause is",
		Long:              leaksLong,
		Example:           leaksExample,
		ValidArgsFunction: completeTarget,
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.readArgs(c, args); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	o.bind(c)
	return c
}

func (o *leaks) bind(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.Var(&span{&o.duration, time.Second, 1000 * time.Hour}, "monitoring-duration", "how long to watch; 10m by default for a URL, which answers more rarely")
	f.Var(&span{&o.interval, sampler.MinInterval, sampler.MaxInterval}, "interval", "time between readings; by default there are 300")
	f.StringVar(&o.series, "series", "", "judge the columns of this CSV `FILE` instead; - is stdin")
	f.StringVar(&o.per, "per", "", "also divide growth by this counter of work done, a `METRIC` or a column")
	f.Var(&growthRate{&o.material}, "growth", "slower growth than this share of the level per hour is not called growth")
	f.Var(&limits{&o.limits}, "limit", "also tell when this limit is reached, such as rss=500MB; may be repeated")
	f.Var(&size{&o.threshold}, "threshold", "name only sites that grew by at least this much")
	inconclusive := []string{onPass, onWarn, onFail}
	f.Var(&choice{&o.onInconclusive, inconclusive, "want one of"}, "on-inconclusive", "what it means when neither growth nor its absence is proven")
	f.BoolVar(&o.holders, "holders", false, "at the end also tell who holds the objects, by following every pointer of the heap")
	f.Var(&choice{&o.format, debugFormats(), "unknown format, debug knows"}, "format", "how to show it")
	f.StringVar(&o.output, "output", "", "write to this `FILE`, complete or not at all")
	if err := c.RegisterFlagCompletionFunc("per", cobra.FixedCompletions(workCounters(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was bound above
	}
}

// growthRate is a flag that takes a share per hour, in percent.
type growthRate struct{ value *float64 }

func (g *growthRate) String() string { return unit.Percent(*g.value) + "/h" }
func (g *growthRate) Type() string   { return "PERCENT/h" }

func (g *growthRate) Set(s string) error {
	text := strings.TrimSuffix(strings.ReplaceAll(s, " ", ""), "/h")
	text, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !percent || !(v > 0 && v <= 1000) {
		return errors.New("want percents per hour above 0, such as 10%/h")
	}
	*g.value = v / 100
	return nil
}

// readArgs finds the target and refuses what does not go together. Nothing is opened.
func (o *leaks) readArgs(c *cobra.Command, args []string) error {
	const help = "see heaptop debug leaks --help"
	o.given = c.Flags().Changed("monitoring-duration")
	command := []string(nil)
	if dash := c.ArgsLenAtDash(); dash >= 0 {
		args, command = args[:dash], args[dash:]
		if len(command) == 0 {
			return usagef(help, "-- is not followed by a command")
		}
	}
	targets := len(args)
	if len(command) > 0 {
		targets++
	}
	if o.series != "" {
		targets++
	}
	switch {
	case targets == 0:
		return usagef(help, "name a process, a URL or a recording to watch, or a file with --series")
	case targets > 1:
		return usagef(help, "%d targets: one at a time", targets)
	case o.series != "":
		return o.refuse(c, "with --series", "monitoring-duration", "interval", "holders", "limit", "threshold")
	case len(command) > 0:
		o.target = sampler.Target{Kind: sampler.KindCommand, Command: slices.Clone(command)}
	default:
		t, err := sampler.ParseTarget(args[0])
		if err != nil {
			return &usageError{err, help}
		}
		o.target = t
	}
	if o.per != "" && (!strings.HasPrefix(o.per, "/") || sampler.Metric(o.per).Unit() == "") {
		return usagef("", "--per %s: want a metric, such as %s or %s", o.per, sampler.GoHeapAllocCount, sampler.ProcessCPU)
	}
	if err := checkRedis(o.target); err != nil {
		return err
	}
	if o.target.Kind == sampler.KindFile {
		if filepath.Ext(o.target.Path) != capture.RecordingExtension {
			return usagef("record one: heaptop --record FILE"+capture.RecordingExtension+" TARGET", "%s: a snapshot is one moment, and a leak takes time to be seen", o.target.Path)
		}
		return o.refuse(c, "with a recording", "monitoring-duration", "interval", "holders")
	}
	return nil
}

// refuse returns an error when one of the flags was typed that make no sense there.
func (o *leaks) refuse(c *cobra.Command, where string, flags ...string) error {
	for _, name := range flags {
		if c.Flags().Changed(name) {
			return usagef("see heaptop debug leaks --help", "--%s makes no sense %s", name, where)
		}
	}
	return nil
}

// run judges what was asked for, writes the report, and returns what the verdict means.
func (o *leaks) run(ctx context.Context) error {
	switch {
	case o.series != "":
		return o.runSeries()
	case o.target.Kind == sampler.KindFile:
		return o.runRecording(ctx)
	}
	return o.runWatch(ctx)
}

// runSeries judges the columns of a file.
func (o *leaks) runSeries() error {
	in, name := o.env.In, "stdin"
	if o.series != "-" {
		file, err := os.Open(o.series)
		if err != nil {
			return &usageError{fmt.Errorf("read --series: %w", err), ""}
		}
		defer file.Close()
		in, name = file, o.series
	}
	table, err := readSeries(in)
	if err != nil {
		return &usageError{fmt.Errorf("read %s: %w", name, err), "see heaptop debug leaks --help for what such a file holds"}
	}
	list, warnings, err := table.judge(o.per, o.material)
	if err != nil {
		return &usageError{fmt.Errorf("read %s: %w", name, err), ""}
	}
	report := analysis.JudgeSeries(list)
	report.Warnings = append(report.Warnings, warnings...)
	return o.conclude(report, analysis.FindingTarget{Kind: "series", Name: filepath.Base(name)}, table.end(), nil)
}

// conclude writes the report, and returns end, which says why the watch ended early, or what the verdict means.
func (o *leaks) conclude(report *analysis.LeakReport, target analysis.FindingTarget, at time.Time, end error) error {
	r := &analysis.Findings{
		Schema: analysis.FindingsSchema, Command: "leaks", Time: at, Target: target, Verdict: string(report.Verdict),
		Reason: report.Reason, Findings: report.Findings, Warnings: report.Warnings,
	}
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	if r.Findings == nil {
		r.Findings = []analysis.Finding{}
	}
	if err := writeReport(o.env, o.output, func() ([]byte, error) { return findings(r, o.format) }); err != nil {
		return err
	}
	if end != nil {
		return end
	}
	switch {
	case report.Verdict == analysis.LeakGrowing:
		return &failed{"a leak is proven"}
	case report.Verdict == analysis.LeakFlat, o.onInconclusive == onPass:
		return nil
	case o.onInconclusive == onFail:
		return &failed{"neither growth nor its absence is proven, and --on-inconclusive is fail"}
	}
	printLines(o.env.Err, "heaptop: ", fmt.Sprintf("warning: %s, which is no proof: %s", report.Verdict, report.Reason))
	return nil
}
