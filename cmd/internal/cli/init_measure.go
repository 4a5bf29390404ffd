package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// measure runs every draft. What fails is kept with its reason; only the end of ctx is an error.
func (o *initializing) measure(ctx context.Context, found *surveyed) error {
	began := o.now()
	h := headless{env: o.env}
	options, stop, err := h.options()
	if err != nil {
		return err
	}
	defer stop()
	options.Log = nil // what ends with an error is told with its last words
	for i := range found.drafts {
		d := &found.drafts[i]
		if left := o.time - o.now().Sub(began); left <= 0 {
			d.failed = "not measured: the time of --time was over"
			continue
		}
		if err := o.measureOne(ctx, d, options, o.time-o.now().Sub(began)); err != nil {
			return err
		}
	}
	return nil
}

// measureOne runs one draft. It may take twice the time that is left, so that what was begun is not lost at once.
func (o *initializing) measureOne(ctx context.Context, d *draft, options run.Options, left time.Duration) error {
	text := "version: 1\nscenarios:\n" + d.head("")
	p, err := policy.Parse(filepath.Join(o.dir, policy.Name), []byte(text), policy.Options{
		Flags: policy.Flags{NoGates: true, Runs: initRuns, Duration: o.duration}})
	if err != nil {
		d.failed = err.Error()
		return nil
	}
	options.Policy = p
	limited, stop := context.WithTimeout(ctx, 2*left)
	defer stop()
	report, err := run.Run(limited, options)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		d.failed = "not measured: it took longer than --time allows"
		return nil
	case err != nil:
		d.failed = err.Error()
		return nil
	}
	seconds := 0.0
	for _, s := range report.Scenarios {
		if s.Error != "" && s.Error != nothingJudged {
			d.failed = s.Error
			return nil
		}
		if s.Runs > 0 {
			seconds = s.DurationS / float64(s.Runs)
			d.results = append(d.results, s)
		}
	}
	d.ran = o.duration
	d.lasting = d.kind == gates.KindCommand && seconds >= .95*o.duration.Seconds()
	if len(d.results) == 0 {
		d.failed = "it has no benchmark that runs"
	} else if len(d.limits()) == 0 {
		d.failed, d.results = "none of its metrics could be measured", nil
	}
	return nil
}

func (s *surveyed) measured() int {
	n := 0
	for _, d := range s.drafts {
		if d.failed == "" && len(d.results) > 0 {
			n++
		}
	}
	return n
}

func (s *surveyed) builds() bool {
	return slices.ContainsFunc(s.drafts, func(d draft) bool { return d.build != "" && d.failed == "" })
}

// proposed is a limit and what it was made of.
type proposed struct {
	metric   gates.Metric
	limit    float64
	measured float64 // the largest run
	of       string  // the benchmark that it is of, "" where there is one thing
}

// room is how far above the largest run a limit is set.
type room struct {
	metric string
	factor float64
	least  float64
}

// rooms are the limits that init sets. Resident memory differs between machines with more and fewer processors, counts hardly.
func (d *draft) rooms() []room {
	switch {
	case d.kind == gates.KindBench:
		return []room{{"allocs_per_op", 1.25, 1}, {"bytes_per_op", 1.5, 64}}
	case d.lasting: // what it allocates follows from the time it is given
		return []room{{"peak_rss", 1.5, 1e6}}
	}
	return []room{{"peak_rss", 1.5, 1e6}, {"allocs", 1.25, 100}}
}

func (d *draft) limits() []proposed {
	var out []proposed
	for _, r := range d.rooms() {
		m, _ := gates.MetricOf(r.metric)
		p := proposed{metric: m, measured: -1}
		for _, s := range d.results {
			got := s.Metrics[r.metric]
			if len(got.Values) == 0 {
				p.measured = -1
				break // a limit would be unmeasured, and never pass
			}
			if v := slices.Max(got.Values); v > p.measured {
				p.measured = v
				_, p.of, _ = strings.Cut(s.Name, "/")
			}
		}
		if p.measured >= 0 {
			p.limit = roundUp(math.Max(p.measured*r.factor, r.least))
			out = append(out, p)
		}
	}
	return out
}

// roundUp returns the next number of two digits, as people write limits.
func roundUp(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) {
		return v
	}
	step := math.Pow(10, math.Floor(math.Log10(v))-1)
	return math.Max(1, math.Ceil(math.Ceil(v/step-1e-9)*step-1e-9))
}

// limitText writes a limit as a policy has it.
func limitText(m gates.Metric, v float64) string {
	if !strings.HasPrefix(m.Unit, "bytes") {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if v >= u.size {
			return strconv.FormatFloat(v/u.size, 'f', -1, 64) + " " + u.name
		}
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + " B"
}

// increases are the growths that init allows, the first that the noise lets be found.
func increases() []float64 { return []float64{.10, .25, .50} }

// compared is a metric that is compared, and by how much it may grow.
type compared struct {
	metric string
	most   float64
}

// compare chooses the metrics whose growth is proven in the runs that a comparison takes, and what may be allowed of it.
func (d *draft) compare() (list []compared, left []string) {
	for _, m := range gates.Metrics() {
		if !m.Gated || !policy.Measures(d.kind, m.Name) || d.lasting && m.Name != "peak_rss" {
			continue
		}
		most, seen := 0.0, false
		for _, s := range d.results {
			values := s.Metrics[m.Name].Values
			if len(values) < initRuns || slices.Min(values) <= 0 {
				continue
			}
			seen = true
			most = max(most, smallest(m.Name, values))
		}
		switch {
		case !seen:
		case most > 1:
			left = append(left, m.Name)
		default:
			list = append(list, compared{m.Name, most})
		}
	}
	return list, left
}

// smallest is the least of the increases by which a growth half as large again is called a regression nearly always; above 1 where
// none is. Three runs show less noise than there is, so it is taken for half as wide again.
func smallest(metric string, values []float64) float64 {
	if slices.Max(values)/slices.Min(values) > 1.001 {
		wider, middle := slices.Clone(values), stats.Median(values)
		for i, v := range wider {
			wider[i] = max(middle+1.5*(v-middle), middle/10)
		}
		values = wider
	}
	for _, most := range increases() {
		o, ok := gates.Foresee(gates.CompareSettings{MaxIncrease: most}, metric, values)
		if ok && o.Found > 0 && o.Found <= 1.45*most {
			return most
		}
	}
	return math.Inf(1)
}

// head is a scenario without its limits.
func (d *draft) head(prefix string) string {
	lines := []string{"  - name: " + d.nameText()}
	if d.build != "" {
		lines = append(lines, "    build: "+yamlText(d.build))
	}
	key := "run"
	if d.kind == gates.KindBench {
		key = "bench"
	}
	lines = append(lines, "    "+key+": "+yamlText(d.what))
	return prefix + strings.Join(lines, "\n"+prefix) + "\n"
}

// nameText is the name as YAML takes it for a text.
func (d *draft) nameText() string {
	words := []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
	if c := d.name[0] | 0x20; c < 'a' || c > 'z' || slices.Contains(words, strings.ToLower(d.name)) {
		return strconv.Quote(d.name)
	}
	return d.name
}

// yamlText quotes a text where YAML could take it for something else.
func yamlText(s string) string {
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-= ") == ""
	if plain && strings.TrimSpace(s) == s && s != "" && strings.ContainsAny(s[:1], "./abcdefghijklmnopqrstuvwxyz") && strings.Contains(s, "/") {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == 0xfffd || r > 0xffff || r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// policy is the text of heaptop.yml.
func (s *surveyed) policy(now time.Time) string {
	day := now.Format(time.DateOnly)
	var b strings.Builder
	b.WriteString("# Memory gates. heaptop check says in plain words what is gated, heaptop --headless measures and judges.\n" +
		"# heaptop init wrote this on " + day + ". Beside each limit stands the largest value of the runs that it was made of; set it to what your\n" +
		"# users can bear. Programs ran without arguments: give them the work that matters.\nversion: 1\n")
	if s.against {
		b.WriteString("compare: { against: auto } # growth against the merge base with the default branch\n")
	} else {
		b.WriteString("# compare: { against: auto } # growth against another commit; left out: " + oneLine(s.noAgainst) + "\n")
	}
	b.WriteString("scenarios:\n")
	for i := range s.drafts {
		d := &s.drafts[i]
		if d.failed != "" || len(d.results) == 0 {
			b.WriteString("  # Not measured: " + oneLine(cmp.Or(d.failed, "nothing was run")) + "\n" + d.head("  #") + "  #    limits: { peak_rss: 256 MB }\n")
			continue
		}
		b.WriteString(d.head(""))
		d.settings(&b, s.against, day)
	}
	return b.String()
}

// settings are the limits of a scenario, and what is compared.
func (d *draft) settings(b *strings.Builder, against bool, day string) {
	if d.lasting {
		fmt.Fprintf(b, "    duration: %s # it goes on until it is ended. Nobody asks anything of it here: let a script do that\n", d.ran)
	}
	b.WriteString("    limits:\n")
	for _, l := range d.limits() {
		of := ""
		if l.of != "" {
			of = " in " + oneLine(l.of)
		}
		fmt.Fprintf(b, "      %s: %s # measured %s%s (%d runs, %s)\n", l.metric.Name, limitText(l.metric, l.limit), l.metric.Format(l.measured), of, d.results[0].Runs, day)
	}
	if !against {
		return
	}
	list, left := d.compare()
	var names, own []string
	for _, c := range list {
		names = append(names, c.metric)
		if c.most != increases()[0] {
			own = append(own, fmt.Sprintf("%s: %.0f%%", c.metric, 100*c.most))
		}
	}
	if len(left) > 0 {
		b.WriteString("    # too noisy to be compared: " + strings.Join(left, ", ") + "\n")
	}
	switch {
	case len(list) == 0:
		b.WriteString("    compare: { against: none }\n")
	case len(own) > 0:
		b.WriteString("    compare: { gated: [" + strings.Join(names, ", ") + "], per_metric: { " + strings.Join(own, ", ") + " } }\n")
	default:
		b.WriteString("    compare: { gated: [" + strings.Join(names, ", ") + "] }\n")
	}
}

// oneLine makes a comment of a text from elsewhere.
func oneLine(s string) string {
	const most = 300
	text := strings.Join(strings.Fields(theme.Clean(s)), " ")
	return theme.Truncate(text, most)
}
