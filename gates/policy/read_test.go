package policy_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

const documented = `# yaml-language-server: $schema=https://raw.githubusercontent.com/alloc-dev/heaptop/main/gates/policy/schema.json
version: 1
scenarios:
  - name: import
    build: go build -o bin/import ./cmd/import   # optional; with --against it runs in each side's worktree
    run: ./bin/import testdata/big.csv
    limits: { peak_rss: 256 MB }
  - name: parser
    bench: ./parser
    compare: { max_increase: 1% }           # allocs and bytes per operation are exact, so 1 % is safe
limits: { gc_pressure: 0.8 }                # for all scenarios
environments: { arm64: { limits: { gc_pressure: 0.7 } } }   # chosen by --environment
compare: { against: auto, max_increase: 10%, warn_increase: 2%, on_inconclusive: warn }
runs: auto
accept:
  - { scenario: import, metric: peak_rss, up_to: 15%, until: 2027-03-01, because: "new index" }
`

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestDocumentedPolicy reads the policy of the documentation into exactly what it says.
func TestDocumentedPolicy(t *testing.T) {
	got, err := policy.Parse("heaptop.yml", []byte(documented), policy.Options{Now: day("2026-12-01")})
	if err != nil {
		t.Fatal(err)
	}
	compare := gates.CompareSettings{MaxIncrease: .1, WarnIncrease: .02, OnInconclusive: "warn"}
	parser := compare
	parser.MaxIncrease = .01
	want := &policy.Policy{Path: "heaptop.yml", Scenarios: []policy.Scenario{
		{
			Name: "import", Kind: gates.KindCommand, Build: "go build -o bin/import ./cmd/import", Run: "./bin/import testdata/big.csv", Sessions: 1,
			Limits:  []gates.Limit{{Metric: "gc_pressure", Max: .8, From: "config"}, {Metric: "peak_rss", Max: 256e6, From: "config"}},
			Compare: compare, Against: "auto",
			Accept: []gates.Accept{{Scenario: "import", Metric: "peak_rss", UpTo: .15, Until: day("2027-03-02"), Because: "new index"}},
		},
		{Name: "parser", Kind: gates.KindBench, Bench: "./parser", Sessions: 1, Compare: parser, Against: "auto"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	got, err = policy.Parse("heaptop.yml", []byte(documented), policy.Options{Environment: "arm64", Now: day("2027-03-02")})
	if err != nil {
		t.Fatal(err)
	}
	if limit := got.Scenarios[0].Limits[0]; limit.Max != .7 {
		t.Errorf("with --environment arm64 the limit is %v", limit)
	}
	if len(got.Scenarios[0].Accept) != 0 || len(got.Warnings) != 1 ||
		got.Warnings[0] != "heaptop.yml:16: accepted growth of peak_rss in import expired after 2027-03-01 and no longer holds (new index)" {
		t.Errorf("expired: %+v, warnings %q", got.Scenarios[0].Accept, got.Warnings)
	}
}

var update = flag.Bool("update", false, "write what is said of the policies in testdata")

// TestProblems checks the words and the place of everything that is refused.
func TestProblems(t *testing.T) {
	const path = "testdata/problems.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) < 140 {
		t.Fatalf("%s has %d files", path, len(archive.Files))
	}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		in, want := archive.Files[i], &archive.Files[i+1]
		name := strings.TrimSuffix(in.Name, ".yml")
		t.Run(name, func(t *testing.T) {
			if want.Name != name+".want" {
				t.Fatalf("%s is followed by %s", in.Name, want.Name)
			}
			p, err := policy.Parse("heaptop.yml", in.Data, policy.Options{Now: day("2026-12-01")})
			if err == nil {
				t.Fatalf("was read as %+v, want\n%s", p, want.Data)
			}
			got := err.Error() + "\n"
			if *update {
				want.Data = []byte(got)
			}
			if got != string(want.Data) {
				t.Errorf("got\n%swant\n%s", got, want.Data)
			}
		})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// refused parses what must be refused, and returns what is said.
func refused(t *testing.T, data string, o policy.Options) string {
	t.Helper()
	p, err := policy.Parse("heaptop.yml", []byte(data), o)
	if err == nil {
		t.Fatalf("was read as %+v", p)
	}
	return err.Error()
}

// TestHostileFiles checks that what is meant to hurt is refused fast.
func TestHostileFiles(t *testing.T) {
	manyVariables := "version: 1\nlimits: { peak_rss: 1 MB }\nenv: &e\n"
	for i := range 400 {
		manyVariables += fmt.Sprintf("  V%d: x\n", i)
	}
	manyVariables += "scenarios:\n"
	for i := range 400 {
		manyVariables += fmt.Sprintf("  - { name: s%d, run: ./a, env: *e }\n", i)
	}
	for _, c := range []struct{ name, data, want string }{
		{"no text", "version: 1\nscenarios: \xff\n", "heaptop.yml:2:12: is no text in UTF-8"},
		{"a zero byte", "version: 1\nscenarios: \x00\n", "heaptop.yml:2:12: is no text in UTF-8"},
		{"aliases that unfold", manyVariables, "more than 100000 values, once aliases are followed"},
		{"large", strings.Repeat("#", 513<<10), "heaptop.yml: a policy of 513 kB; at most 512 kB are read"},
		{"deep brackets", strings.Repeat("[", 500_000), "heaptop.yml:1:17: is nested deeper than 16 levels"},
		{"deep braces", strings.Repeat("{a: ", 100_000), "is nested deeper than 16 levels"},
		{"deep lists", strings.Repeat("- ", 200_000) + "a", "is nested deeper than 16 levels"},
		{"deep keys", strings.Repeat("? ", 200_000) + "a", "is nested deeper than 16 levels"},
		{"deep anchors", "a: " + strings.Repeat("&a ", 100_000) + "b", "heaptop.yml"},
		{"deep tags", "a: " + strings.Repeat("!!str ", 80_000) + "b", "heaptop.yml"},
		{"long text", "name: " + strings.Repeat("x ", 250_000), "heaptop.yml:1:1: "},
		{"many keys", strings.Repeat("a:\n", 150_000), "heaptop.yml"},
		{"many documents", strings.Repeat("--- a\n", 80_000), "heaptop.yml"},
		{"open quote", "a: \"" + strings.Repeat("\n\n ", 120_000), "heaptop.yml"},
		{"indented", indented(900), "heaptop.yml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			said := refused(t, c.data, policy.Options{})
			if !strings.Contains(said, c.want) || len(said) > 20_000 {
				t.Errorf("got %.200q, want %q", said, c.want)
			}
			t.Logf("%s for %d kB", time.Since(began).Round(time.Millisecond), len(c.data)/1000)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// indented is a mapping in a mapping, so many levels deep.
func indented(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// TestEveryKey reads a policy that uses all keys, and checks what becomes of each and which layer wins.
func TestEveryKey(t *testing.T) {
	p, err := policy.Read("testdata/full.yml", policy.Options{Environment: "arm64", Now: day("2027-03-01")})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 0 || p.Path != "testdata/full.yml" {
		t.Errorf("path %s, warnings %q", p.Path, p.Warnings)
	}
	of := map[string]policy.Scenario{}
	for _, s := range p.Scenarios {
		of[s.Name] = s
	}
	limits := func(s policy.Scenario) string {
		var list []string
		for _, l := range s.Limits {
			list = append(list, fmt.Sprintf("%s %g %s", l.Metric, l.Max, l.From))
		}
		return strings.Join(list, ", ")
	}
	imp := of["import"]
	if got, want := limits(imp), "gc_pressure 0.7 config, peak_rss 2.56e+08 config, peak_heap 1.572864e+06 config, gc_cpu 10 config, "+
		"gc_pause_p99 0.01 config, growth 5 config, growth_rate 416666.6666666667 config, goroutines 0 config"; got != want {
		t.Errorf("import has the limits\n%s, want\n%s", got, want)
	}
	if imp.Build != "go build -o bin/import ./cmd/import\n" || imp.Dir != "tools" || imp.Sessions != 10 || imp.CheckpointOn != "^ready" ||
		imp.Runs != 0 || imp.Duration != 90*time.Second || imp.Warmup != 5*time.Second || imp.Timeout != 10*time.Minute {
		t.Errorf("import: %+v", imp)
	}
	if diff := cmp.Diff(map[string]string{"GOGC": "off", "DEBUG": "true", "NAME": "a b"}, imp.Env); diff != "" {
		t.Errorf("environment of import: %s", diff)
	}
	if diff := cmp.Diff(gates.CompareSettings{
		MaxIncrease: .1, WarnIncrease: .02, OnInconclusive: "fail", PerMetric: map[string]float64{"peak_rss": .15, "allocs": .01},
		Gated: []string{"peak_rss", "allocs"},
	}, imp.Compare); diff != "" {
		t.Errorf("compare: %s", diff)
	}
	if imp.Against != "origin/main" || imp.Anchor != "v1.2.0" || len(imp.Accept) != 1 {
		t.Errorf("import: against %q, anchor %q, accepted %+v", imp.Against, imp.Anchor, imp.Accept)
	}
	for name, want := range map[string]string{
		"parser": "allocs_per_op 12.5 config, bytes_per_op 0 config",
		"shop":   "peak_heap 4e+06 config, sustained_heap 2e+06 strict, gc_pressure 0.7 config, growth 5 strict",
		"api":    "gc_pressure 0.7 config, live_heap 1e+06 config",
		"cost":   "overhead_ratio 2.7 config",
	} {
		if got := limits(of[name]); got != want {
			t.Errorf("%s has the limits\n%s, want\n%s", name, got, want)
		}
	}
	if of["shop"].Duration != 20*time.Second || of["cart"].Target != "4242" || of["cost"].Overhead.Over != "shop" || of["parser"].Duration != 0 {
		t.Errorf("%+v", of)
	}
}

// TestFlags checks that the command line is stronger than the file.
func TestFlags(t *testing.T) {
	read := func(o policy.Options) []policy.Scenario {
		t.Helper()
		p, err := policy.Parse("heaptop.yml", []byte(documented), o)
		if err != nil {
			t.Fatal(err)
		}
		return p.Scenarios
	}
	s := read(policy.Options{Scenarios: []string{"import"}, Flags: policy.Flags{
		Preset: "strict", Limits: []gates.Limit{{Metric: "peak_rss", Max: 1e6, From: "flag"}}, Against: "none", Runs: 7, Duration: time.Second,
		OnInconclusive: "fail", CheckpointOn: "x",
	}})
	if len(s) != 1 || s[0].Preset != "strict" || s[0].Against != "" || s[0].Runs != 7 || s[0].Duration != time.Second ||
		s[0].Compare.OnInconclusive != "fail" || s[0].CheckpointOn != "x" {
		t.Errorf("%+v", s)
	}
	from := ""
	for _, l := range s[0].Limits {
		from += l.Metric + " " + l.From + ","
	}
	if want := "peak_heap strict,sustained_heap strict,gc_pressure config,growth strict,peak_rss flag,"; from != want {
		t.Errorf("limits are from %s, want %s", from, want)
	}
	if s := read(policy.Options{Flags: policy.Flags{Baseline: true}}); s[0].Against != "" || s[1].Against != "" {
		t.Errorf("--baseline leaves the comparison with git: %+v", s)
	}
	for _, c := range []struct {
		o    policy.Options
		want string
	}{
		{policy.Options{Scenarios: []string{"imprt"}}, `heaptop.yml: no scenario is named "imprt", did you mean "import"?`},
		{policy.Options{Environment: "arm"}, `heaptop.yml: no environment "arm", did you mean "arm64"?`},
		{policy.Options{Environment: "x"}, `heaptop.yml: no environment "x": known are arm64`},
		{policy.Options{Flags: policy.Flags{Against: "none"}},
			`heaptop.yml:8:11: scenario "parser" has no limit, no preset, and is compared with nothing, so it could never fail: give it limits, or compare: { against: auto }`},
		{policy.Options{Scenarios: []string{"import"}, Flags: policy.Flags{Limits: []gates.Limit{{Metric: "allocs_per_op", Max: 1}}}},
			`heaptop.yml: --limit allocs_per_op: none of the scenarios measures it`},
	} {
		if said := refused(t, documented, c.o); said != c.want {
			t.Errorf("got %s, want %s", said, c.want)
		}
	}
}

// TestOf makes policies of command lines.
func TestOf(t *testing.T) {
	limit := []gates.Limit{{Metric: "peak_rss", Max: 1, From: gates.FromFlag}}
	for _, c := range []struct {
		s    policy.Scenario
		name string
	}{
		{policy.Scenario{Kind: gates.KindCommand, Command: []string{"/usr/bin/sh", "-c", "true"}}, "sh"},
		{policy.Scenario{Kind: gates.KindCommand, Command: []string{"./\x1b[31m"}}, "31m"},
		{policy.Scenario{Kind: gates.KindCommand, Command: []string{"..."}}, "command"},
		{policy.Scenario{Kind: gates.KindTarget, Target: "http://localhost:6060"}, "http-localhost-6060"},
		{policy.Scenario{Kind: gates.KindTarget, Target: "4242"}, "4242"},
		{policy.Scenario{Kind: gates.KindBuiltin, Builtin: "demo"}, "demo"},
	} {
		p, err := policy.Of(policy.Flags{Limits: limit}, c.s)
		if err != nil {
			t.Fatal(err)
		}
		if s := p.Scenarios[0]; s.Name != c.name || s.Sessions != 1 || (s.Duration == 0) != (s.Kind == gates.KindCommand) {
			t.Errorf("%+v, want the name %s", s, c.name)
		}
	}
	_, err := policy.Of(policy.Flags{}, policy.Scenario{Kind: gates.KindCommand, Command: []string{"true"}})
	if err == nil || !strings.Contains(err.Error(), `true has no limit, no preset`) {
		t.Errorf("without a gate: %v", err)
	}
}

// TestReadmePolicy reads the policy that the README shows.
func TestReadmePolicy(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("the README shows no policy")
	}
	p, err := policy.Parse("README.md", block[1], policy.Options{Now: day("2026-12-01")})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Scenarios) != 2 || len(p.Warnings) != 0 {
		t.Errorf("%+v", p)
	}
	if err := validate(compile(t), block[1]); err != nil {
		t.Errorf("the schema refuses it: %v", err)
	}
}

// TestOwnPolicy reads the policy of this repository.
func TestOwnPolicy(t *testing.T) {
	if _, err := policy.Read("../../heaptop.yml", policy.Options{Now: time.Now()}); err != nil {
		t.Error(err)
	}
}
