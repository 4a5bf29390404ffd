// Package schema makes the JSON Schema of heaptop.yml, which editors read. It stands apart from gates/policy so that the
// program does not carry what only the generator of the file needs. It refuses to know limits and words of its own: all
// are the reader's.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/invopop/jsonschema"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

// schemaID is where the committed schema can be fetched from.
const schemaID = "https://raw.githubusercontent.com/alloc-dev/heaptop/main/gates/policy/schema.json"

//go:generate go run ../../../cmd/internal/gen

// JSON returns the JSON Schema of heaptop.yml, as gates/policy/schema.json has it. An editor that knows it completes
// keys and marks what the reader would refuse; what needs more than one place of the file to be seen (two scenarios of one
// name, a scenario that nothing judges) only the reader finds.
func JSON() ([]byte, error) {
	r := jsonschema.Reflector{BaseSchemaID: "", Anonymous: true, RequiredFromJSONSchemaTags: true}
	s := r.Reflect(&policyDoc{})
	s.ID = schemaID
	s.Title = "heaptop.yml"
	s.Description = "What heaptop --headless measures, and what it allows."
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("make the schema: %w", err)
	}
	return b.Bytes(), nil
}

// grammar is what the reader accepts.
func grammar() policy.Grammar { return policy.GrammarOf() }

// The types below are the file as the schema has it. They hold nothing; a test compares their keys with the reader's.
type policyDoc struct {
	Version      versionDoc                `json:"version" jsonschema:"required" jsonschema_description:"The version of this format: 1."`
	Scenarios    []scenarioDoc             `json:"scenarios" jsonschema:"required,minItems=1" jsonschema_description:"What is measured."`
	Environments map[string]environmentDoc `json:"environments,omitempty" jsonschema_description:"Settings for one place to run, chosen by --environment."`
	Accept       []acceptDoc               `json:"accept,omitempty" jsonschema_description:"Growth that is known and wanted, each with a ceiling, a last day and a reason."`
	settingsDoc
}

type settingsDoc struct {
	Limits       limitsDoc   `json:"limits,omitempty" jsonschema_description:"The most that each metric may measure."`
	Compare      *compareDoc `json:"compare,omitempty" jsonschema_description:"What is compared with, and what growth is too much."`
	Preset       presetDoc   `json:"preset,omitempty" jsonschema_description:"Built-in limits, below all others. Built-in workloads have standard without it."`
	Runs         runsDoc     `json:"runs,omitempty" jsonschema_description:"How often a scenario runs: auto runs as often as its verdicts need."`
	Duration     spanDoc     `json:"duration,omitempty" jsonschema_description:"Ends the run: a command that goes on, a target, a built-in workload, which makes a fixed number of steps without it."`
	Warmup       spanDoc     `json:"warmup,omitempty" jsonschema_description:"Left out of sustained figures and of growth: what comes before the program's agent.Phase of the name work when nothing is said."`
	Timeout      spanDoc     `json:"timeout,omitempty" jsonschema_description:"A run that takes longer is ended and unmeasured."`
	Sessions     sessionsDoc `json:"sessions,omitempty" jsonschema_description:"What peak_heap, sustained_heap and live_heap are divided by: what the program says itself by agent.Sessions, else 1, when nothing is said."`
	Seed         seedDoc     `json:"seed,omitempty" jsonschema_description:"What built-in workloads draw from: 1 when nothing is said. --seed is stronger."`
	CheckpointOn string      `json:"checkpoint_on,omitempty" jsonschema:"minLength=1,format=regex,pattern=\\S" jsonschema_description:"A line of stdout that matches this regular expression is the checkpoint."`
	Env          envDoc      `json:"env,omitempty" jsonschema_description:"Added to the environment."`
}

type scenarioDoc struct {
	Name     nameDoc      `json:"name" jsonschema:"required" jsonschema_description:"Its own in the policy."`
	Run      string       `json:"run,omitempty" jsonschema:"pattern=\\S" jsonschema_description:"A shell command, measured with the processes that it starts."`
	Bench    string       `json:"bench,omitempty" jsonschema:"pattern=^[^-\\s]\\S*$" jsonschema_description:"A package whose Go benchmarks are measured."`
	Builtin  builtinDoc   `json:"builtin,omitempty" jsonschema_description:"A built-in workload, or a suite of them, which makes a scenario of each: NAME.WORKLOAD."`
	Target   targetDoc    `json:"target,omitempty" jsonschema_description:"A process that runs already: its id, its name, or a URL."`
	Overhead *overheadDoc `json:"overhead,omitempty" jsonschema_description:"The ratio of two other scenarios, measured as overhead_ratio."`
	Build    string       `json:"build,omitempty" jsonschema:"pattern=\\S" jsonschema_description:"A shell command that is run first, in each side of a comparison."`
	Dir      string       `json:"dir,omitempty" jsonschema:"pattern=^[^/\\\\\\\\].*$" jsonschema_description:"The folder it runs in, relative to the policy's."`
	settingsDoc
}

// JSONSchemaExtend says that a scenario is exactly one thing, and which keys go with it.
func (scenarioDoc) JSONSchemaExtend(s *jsonschema.Schema) {
	s.DependentSchemas = map[string]*jsonschema.Schema{}
	for _, f := range grammar().Forms {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{f.Key}})
		allowed := append([]string{"name", "limits", "compare", f.Key}, f.Also...)
		own := jsonschema.NewProperties()
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			if !slices.Contains(allowed, p.Key) && !isForm(p.Key) {
				own.Set(p.Key, jsonschema.FalseSchema)
			}
		}
		limits := jsonschema.NewProperties()
		for _, m := range gates.Metrics() {
			if !policy.Measures(f.Kind, m.Name) {
				limits.Set(m.Name, jsonschema.FalseSchema)
			}
		}
		own.Set("limits", &jsonschema.Schema{Properties: limits})
		if f.Kind == gates.KindTarget || f.Kind == gates.KindOverhead { // which have no other commit
			refs := jsonschema.NewProperties()
			refs.Set("against", &jsonschema.Schema{Const: grammar().None})
			refs.Set("anchor", &jsonschema.Schema{Const: grammar().None})
			own.Set("compare", &jsonschema.Schema{Properties: refs})
		}
		s.DependentSchemas[f.Key] = &jsonschema.Schema{Properties: own}
	}
}

func isForm(key string) bool {
	return slices.ContainsFunc(grammar().Forms, func(f policy.Form) bool { return f.Key == key })
}

type environmentDoc struct {
	Scenarios map[string]settingsDoc `json:"scenarios,omitempty" jsonschema_description:"Settings for single scenarios."`
	settingsDoc
}

type compareDoc struct {
	Against        refDoc            `json:"against,omitempty" jsonschema_description:"A git ref; auto is the merge base with the default branch."`
	Anchor         refDoc            `json:"anchor,omitempty" jsonschema_description:"A git ref besides, such as the last release, to find growth in many small steps."`
	MaxIncrease    increaseDoc       `json:"max_increase,omitempty" jsonschema_description:"From here on a proven growth fails: 10% when nothing is said."`
	WarnIncrease   increaseDoc       `json:"warn_increase,omitempty" jsonschema_description:"Above it a proven growth warns: 2% when nothing is said."`
	OnInconclusive onInconclusiveDoc `json:"on_inconclusive,omitempty" jsonschema_description:"What becomes of a comparison that the runs could not decide: warn when nothing is said."`
	PerMetric      perMetricDoc      `json:"per_metric,omitempty" jsonschema_description:"max_increase of single metrics."`
	Gated          []metricDoc       `json:"gated,omitempty" jsonschema_description:"The metrics whose growth may fail; others are watched."`
}

// JSONSchemaExtend refuses a comparison of which nothing is said.
func (compareDoc) JSONSchemaExtend(s *jsonschema.Schema) { filled(s) }

type acceptDoc struct {
	Scenario string      `json:"scenario" jsonschema:"required,pattern=\\S" jsonschema_description:"The scenario, or scenario/benchmark as reports name it."`
	Metric   metricDoc   `json:"metric" jsonschema:"required" jsonschema_description:"What may grow."`
	UpTo     increaseDoc `json:"up_to" jsonschema:"required" jsonschema_description:"The ceiling."`
	Until    dateDoc     `json:"until" jsonschema:"required" jsonschema_description:"The last day on which it holds."`
	Because  string      `json:"because" jsonschema:"required,pattern=\\S" jsonschema_description:"Why the growth is wanted; reports repeat it."`
}

// Scalars that Go types do not describe.
type (
	versionDoc        int
	sessionsDoc       int
	runsDoc           string
	seedDoc           int
	spanDoc           string
	presetDoc         string
	nameDoc           string
	builtinDoc        string
	targetDoc         string
	refDoc            string
	increaseDoc       string
	onInconclusiveDoc string
	metricDoc         string
	dateDoc           string
	limitsDoc         map[string]any
	perMetricDoc      map[string]any
	envDoc            map[string]any
)

// The forms of those scalars.
func words(list ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, w := range list {
		s.Enum = append(s.Enum, w)
	}
	return s
}

func pattern(p string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Pattern: p} }

func wholeFrom(least, most int) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "integer", Minimum: json.Number(strconv.Itoa(least)), Maximum: json.Number(strconv.Itoa(most))}
}

func either(list ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: list} }

func metricKeys(value func(gates.Metric) *jsonschema.Schema) *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	for _, m := range gates.Metrics() {
		s := value(m)
		s.Description = "In " + m.Unit + ": " + m.Definition + "."
		properties.Set(m.Name, s)
	}
	return filled(&jsonschema.Schema{Type: "object", Properties: properties, AdditionalProperties: jsonschema.FalseSchema})
}

// filled refuses a mapping of nothing.
func filled(s *jsonschema.Schema) *jsonschema.Schema {
	least := uint64(1)
	s.MinProperties = &least
	return s
}

// JSONSchema is the form of each in the file.
func (versionDoc) JSONSchema() *jsonschema.Schema  { return &jsonschema.Schema{Const: policy.Version} }
func (sessionsDoc) JSONSchema() *jsonschema.Schema { return wholeFrom(1, grammar().MaxSessions) }
func (seedDoc) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: json.Number(strconv.FormatUint(grammar().MaxSeed, 10))}
}

func (runsDoc) JSONSchema() *jsonschema.Schema {
	return either(words(grammar().Auto), wholeFrom(1, grammar().MaxRuns))
}
func (presetDoc) JSONSchema() *jsonschema.Schema {
	return words(append(gates.Presets(), grammar().None)...)
}
func (nameDoc) JSONSchema() *jsonschema.Schema    { return pattern(grammar().Name) }
func (builtinDoc) JSONSchema() *jsonschema.Schema { return words(grammar().Builtins...) }
func (refDoc) JSONSchema() *jsonschema.Schema     { return pattern(grammar().Ref) }
func (metricDoc) JSONSchema() *jsonschema.Schema  { return words(grammar().Metrics...) }
func (onInconclusiveDoc) JSONSchema() *jsonschema.Schema {
	return words(policy.OnInconclusive()...)
}

func (spanDoc) JSONSchema() *jsonschema.Schema {
	return either(
		&jsonschema.Schema{Type: "number", Minimum: "0", Maximum: json.Number(strconv.Itoa(int(grammar().MaxSpan.Seconds())))},
		pattern(`^\s*(`+grammar().Number+`|(`+grammar().Number+`(ns|us|µs|μs|ms|s|m|h))+)\s*$`),
	)
}

func (targetDoc) JSONSchema() *jsonschema.Schema {
	name := pattern(`^((https?|unix|rediss?|redis\+unix)://.+|[^-:][^:]*)$`)
	name.Not = pattern(`\.(heaprec|heapsnap)$`)
	return either(wholeFrom(1, 1<<31-1), name)
}

// increaseDoc is a percentage that is not 0.
func (increaseDoc) JSONSchema() *jsonschema.Schema {
	s := pattern(`^\s*` + grammar().Number + `\s*%\s*$`)
	s.Not = pattern(`^[\s0.]*%`)
	return s
}

func (dateDoc) JSONSchema() *jsonschema.Schema {
	s := pattern(grammar().Day)
	s.Format = "date"
	return s
}

func (limitsDoc) JSONSchema() *jsonschema.Schema {
	return metricKeys(func(m gates.Metric) *jsonschema.Schema {
		q := policy.QuantityOf(m)
		text := pattern(q.Pattern)
		text.Examples = []any{q.Example}
		if !q.Bare {
			return text
		}
		number := &jsonschema.Schema{Type: "number", Minimum: "0"}
		if q.Most > 0 {
			number.ExclusiveMaximum = json.Number(strconv.FormatFloat(q.Most, 'g', -1, 64))
		}
		return either(number, text)
	})
}

func (perMetricDoc) JSONSchema() *jsonschema.Schema {
	return metricKeys(func(gates.Metric) *jsonschema.Schema { return increaseDoc("").JSONSchema() })
}

func (envDoc) JSONSchema() *jsonschema.Schema {
	scalar := either(&jsonschema.Schema{Type: "string"}, &jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "boolean"})
	return filled(&jsonschema.Schema{Type: "object", PropertyNames: pattern(grammar().Variable), AdditionalProperties: scalar})
}
