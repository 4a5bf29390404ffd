package cli

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report/send"
)

// rendering are the options of heaptop report.
type rendering struct {
	env     *environment
	files   []string
	formats []string
	sending sending
	page    onPage
}

func newReport(env *environment) *cobra.Command {
	o := &rendering{env: env}
	c := &cobra.Command{
		Use:   "report FILE...",
		Short: "Write stored reports again, in any format, or send them on",
		Long: `Write the reports that heaptop --headless --output wrote again, in any format. Several become one report, with the
worst of their verdicts; scenarios of one name are told apart by the names of their files.

--send influx=URL sends the numbers to InfluxDB, whose URL names a database (http://localhost:8086?db=heaptop) or a bucket
(https://example.com?org=me&bucket=heaptop); --send datadog sends them to Datadog at DD_SITE. Tokens are read from the
environment alone: INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD; DD_API_KEY. What fails in a way that may pass is
tried five times. Nothing is written to stdout then, unless --format asks for it. A report that is sent twice is the same
points.

The format html is a page of its own that opens anywhere, offline: the verdict, a table of all scenarios, each of them with
its limits, comparisons and causes. Of several reports it is the page of a night: it names each of them, and with --history,
which is what heaptop history reads, it shows the trend of every gate and where its level changed. --link puts an address on
the page; the run of GitHub Actions is linked where heaptop runs in one.

The exit code is 0 whatever the verdict inside, 2 when not all was sent, 3 when a file is no report.`,
		Example: `  heaptop report report.json
  heaptop report --format json=all.json linux.json arm64.json
  heaptop report gates.json stability.json --history reports --format html=night.html
  heaptop report report.json --link profiles=https://example.com/profiles --format html=report.html
  heaptop report report.json --send "influx=http://localhost:8086?db=heaptop" --dry-run`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("see heaptop report --help", "want a report at least")
			}
			o.files = args
			return o.run(c.Context())
		},
		ValidArgsFunction: cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
	}
	c.Flags().Var(&wordList{&o.formats, "NAME[=FILE]"}, "format", "one of "+strings.Join(reportFormats(), ", ")+"; to a file with NAME=FILE; may be repeated")
	c.Flags().Var(&wordList{&o.page.history, "DIR|FILE"}, "history", "with the format html: reports whose trends are shown; may be repeated")
	c.Flags().Var(&wordList{&o.page.typed, "NAME=URL"}, "link", "with the format html: an https address that the page links to; may be repeated")
	c.Flags().Var(&wordList{&o.sending.typed, "WHERE"}, "send", "send the numbers to influx=URL or datadog; may be repeated")
	c.Flags().BoolVar(&o.sending.dryRun, "dry-run", false, "with --send: print what would be sent, without a token; send nothing")
	if err := c.RegisterFlagCompletionFunc("send", cobra.FixedCompletions([]string{send.Influx + "=", send.Datadog},
		cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)); err != nil {
		panic(err) // the flag was bound before
	}
	if err := c.RegisterFlagCompletionFunc("link", cobra.NoFileCompletions); err != nil {
		panic(err) // the flag was bound before
	}
	if err := c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(reportFormats(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was bound before
	}
	return c
}

func (o *rendering) run(ctx context.Context) error {
	if err := checkReportFormats(o.formats, ""); err != nil {
		return err
	}
	if err := o.sending.parse(o.env.Getenv); err != nil {
		return err
	}
	if err := o.page.parse(o.env, o.formats); err != nil {
		return err
	}
	var list []stored
	for _, path := range o.files {
		r, err := readReportFile(path)
		if err != nil {
			return err
		}
		list = append(list, stored{path, r})
	}
	if err := o.page.read(o.env); err != nil {
		return err
	}
	all := merge(list)
	if len(o.sending.list) == 0 || len(o.formats) > 0 {
		outputs, err := openReports(o.env, o.formats, "")
		if err != nil {
			return err
		}
		defer outputs.discard()
		outputs.withPage(&o.page, list)
		if err := outputs.write(all); err != nil {
			return err
		}
	}
	return o.sending.send(ctx, o.env, all)
}

// merge makes one report of several.
func merge(list []stored) *gates.Report {
	if len(list) == 1 {
		return list[0].report
	}
	all := *list[0].report
	all.Scenarios, all.Warnings = nil, nil
	names, places := map[string]int{}, map[string]bool{}
	for _, s := range list {
		for _, sc := range s.report.Scenarios {
			names[sc.Name]++
		}
	}
	prefixes := prefixesOf(list)
	for i, s := range list {
		if s.report.StartedAt.Before(all.StartedAt) {
			all.StartedAt = s.report.StartedAt
		}
		if s.report.FinishedAt.After(all.FinishedAt) {
			all.FinishedAt = s.report.FinishedAt
		}
		e := s.report.Environment
		places[strings.Join([]string{e.OS + "/" + e.Arch, e.CPU, e.Go}, ", ")] = true
		all.Warnings = append(all.Warnings, s.report.Warnings...)
		for _, sc := range s.report.Scenarios {
			if names[sc.Name] > 1 {
				sc.Name = prefixes[i] + "/" + sc.Name
			}
			all.Scenarios = append(all.Scenarios, sc)
		}
	}
	if len(places) > 1 {
		all.Warnings = append(all.Warnings, "measured in different places: "+strings.Join(slices.Sorted(maps.Keys(places)), "; "))
	}
	all.Judge()
	return &all
}

// prefixesOf tells files apart: by their names, and by their paths where two have the same name.
func prefixesOf(list []stored) []string {
	var prefixes []string
	for _, s := range list {
		prefixes = append(prefixes, strings.TrimSuffix(filepath.Base(s.path), ".json"))
	}
	if len(slices.Compact(slices.Sorted(slices.Values(prefixes)))) == len(list) {
		return prefixes
	}
	for i, s := range list {
		prefixes[i] = s.path
	}
	return prefixes
}
