package policy_test

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/policy/schema"
)

func TestSchemaIsCurrent(t *testing.T) {
	want, err := schema.JSON()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("schema.json has drifted from the code: run go generate ./gates/policy/schema\n%s", diff)
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate returns what the schema says of a policy.
func validate(s *jsonschema.Schema, data []byte) error {
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(asJSON)))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// TestSchemaAgreesWithTheReader gives policies that are read, and policies that are refused, to both.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	s := compile(t)
	full, err := os.ReadFile("testdata/full.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"documented": documented, "full": string(full)} {
		if err := validate(s, []byte(data)); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
	}
	archive, err := txtar.ParseFile("testdata/problems.txtar")
	if err != nil {
		t.Fatal(err)
	}
	// What cannot be seen at one place of the file, or is not of the data: only the reader refuses these.
	readerOnly := []string{
		"two-of-one-name", "no-gate", "warn-above-max", "overhead-unknown", "overhead-of-itself", "environment-scenario",
		"merge", "second-document", "redis-limit-without-json", "redis-threshold-twice", "redis-accept", "redis-sessions", "seed-of-demo",
		"overhead-before", "target-compared-only", "against-of-targets-alone", "gated-of-another-kind", "gated-measured-of-none",
		"shared-goes-with-none", "environment-scenario-of-another-kind", "growth-not-gated", "anchor-is-against",
	}
	for i := 0; i < len(archive.Files); i += 2 {
		name := strings.TrimSuffix(archive.Files[i].Name, ".yml")
		if strings.HasPrefix(name, "alias-") {
			continue // what turns YAML into JSON here unfolds them without end
		}
		err := validate(s, archive.Files[i].Data)
		if refused := err != nil; refused == slices.Contains(readerOnly, name) {
			t.Errorf("%s: refused by the schema: %t (%v)", name, refused, err)
		}
	}
}

// TestSchemaHasTheReadersKeys compares the keys of every section.
func TestSchemaHasTheReadersKeys(t *testing.T) {
	data, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]string{
		"policyDoc":      "zzzz: 1",
		"scenarioDoc":    "scenarios: [ { zzzz: 1 } ]",
		"environmentDoc": "environments: { a: { zzzz: 1 } }",
		"settingsDoc":    "environments: { a: { scenarios: { b: { zzzz: 1 } } } }",
		"compareDoc":     "compare: { zzzz: 1 }",
		"overheadDoc":    "scenarios: [ { overhead: { zzzz: 1 } } ]",
		"acceptDoc":      "accept: [ { zzzz: 1 } ]",
	} {
		_, err := policy.Parse("p", []byte(wrong), policy.Options{Now: time.Now()})
		var problems policy.Problems
		if !errors.As(err, &problems) {
			t.Fatalf("%s: %v", name, err)
		}
		said := regexp.MustCompile(`unknown key "zzzz": .+ has (.+)`).FindStringSubmatch(problems.Error())
		if said == nil {
			t.Fatalf("%s: the reader says %s", name, problems)
		}
		known := strings.Split(said[1], ", ")
		slices.Sort(known)
		var keys []string
		for key := range schema.Defs[name].Properties {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		if diff := cmp.Diff(known, keys); diff != "" {
			t.Errorf("%s: -reader +schema\n%s", name, diff)
		}
	}
}
