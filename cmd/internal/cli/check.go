package cli

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const checkLong = `Say in plain words what heaptop --headless will gate with the same flags: what is run, what fails, how small a growth is
found, and how long it takes. The figures come from the report that --baseline names, else from two quick runs now, which
judge nothing. With --no-runs nothing is started.

A policy is

  version: 1
  scenarios:
    - name: import
      build: go build -o bin/import ./cmd/import
      run: ./bin/import testdata/big.csv
      limits: { peak_rss: 256 MB }
    - name: parser
      bench: ./parser
  compare: { against: auto, max_increase: 10% }

Exit codes: 0 done; 2 a scenario could not be measured; 3 the policy, or what was typed, is wrong.`

// checkRuns is how often a scenario runs for a first idea of its noise.
const checkRuns = 2

// checking are the options of heaptop check.
type checking struct {
	headless
	noRuns bool
}

func newCheck(env *environment) *cobra.Command {
	o, l := &checking{headless: headless{env: env}}, newLive(env)
	c := &cobra.Command{
		Use:     "check [TARGET | -- COMMAND...]",
		Short:   "Say what will be gated, how precisely, and how long it takes",
		Long:    checkLong,
		Example: "  heaptop check --no-runs\n  heaptop check --baseline report.json\n  heaptop check --limit peak_rss=64MB -- ./server --once",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			l.given = c.Flags().Changed
			if err := l.readTarget(c, args); err != nil {
				return err
			}
			if err := o.read(c.Context(), l); err != nil {
				return err
			}
			return o.run(c.Context())
		},
		ValidArgsFunction: completeTarget,
	}
	f := c.Flags()
	f.SortFlags = false
	o.asked.bind(c)
	f.Var(&wordList{&l.typedLimits, "METRIC=VALUE"}, "limit", "what is allowed, such as peak_rss=64MB; may be repeated")
	f.Var(&span{&l.duration, 0, 1000 * time.Hour}, "duration", "how long a command that goes on, a target or a built-in workload is measured")
	f.BoolVar(&o.noRuns, "no-runs", false, "start nothing: only read the policy")
	if err := c.RegisterFlagCompletionFunc("limit", beginnings(gateLimits)); err != nil {
		panic(err) // the flag was bound before
	}
	return c
}

// run says what would happen.
func (o *checking) run(ctx context.Context) error {
	measured, from, err := o.measured(ctx)
	if err != nil {
		return err
	}
	text := checkText(o.policy, &o.asked, measured, from)
	if err := writeReport(o.env, "", func() ([]byte, error) { return []byte(text), nil }); err != nil {
		return err
	}
	var broken []string
	for _, name := range slices.Sorted(maps.Keys(measured)) {
		if e := measured[name].Error; e != "" {
			broken = append(broken, name+": "+e)
		}
	}
	if len(broken) > 0 {
		return &unmeasured{some(broken, "")}
	}
	return nil
}

// measured returns what earlier runs gave, or two quick ones, by the names of scenarios; from says which. It is empty when
// nothing is to be run.
func (o *checking) measured(ctx context.Context) (of map[string]*gates.Scenario, from string, err error) {
	of = map[string]*gates.Scenario{}
	if o.asked.baseline != "" {
		list, err := readBaseline(o.asked.baseline)
		if err != nil {
			return nil, "", err
		}
		for _, s := range list {
			for i := range s.report.Scenarios {
				of[s.report.Scenarios[i].Name] = &s.report.Scenarios[i]
			}
		}
		return of, o.asked.baseline, nil
	}
	if o.noRuns {
		return of, "", nil
	}
	options, stop, err := o.options()
	if err != nil {
		return nil, "", err
	}
	options.Policy = quick(o.policy)
	report, err := run.Run(ctx, options)
	stop()
	if err != nil {
		return nil, "", runError(err)
	}
	for i := range report.Scenarios {
		s := &report.Scenarios[i]
		if s.Error == nothingJudged {
			s.Error = ""
		}
		of[s.Name] = s
	}
	return of, unit.Things(checkRuns, "run") + " just now", nil
}

// nothingJudged is what a report says of a scenario without a gate. Here that is no fault: only the values are wanted.
const nothingJudged = "no limit and no comparison: nothing was judged"

// quick is the policy with as few runs as tell something about noise, and without a second side.
func quick(p *policy.Policy) *policy.Policy {
	q := *p
	q.Scenarios = slices.Clone(p.Scenarios)
	for i := range q.Scenarios {
		s := &q.Scenarios[i]
		s.Against, s.Anchor = "", ""
		s.Runs = checkRuns
		if s.Kind == gates.KindTarget {
			s.Runs = 1
		}
	}
	return &q
}
