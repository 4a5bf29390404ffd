package schema

import (
	"encoding/json"
	"strconv"

	"github.com/invopop/jsonschema"

	ratios "github.com/alloc-dev/heaptop/gates/overhead"
)

// overheadDoc is the section overhead: of two scenarios, or of documents in a server.
type overheadDoc struct {
	Of     string    `json:"of,omitempty" jsonschema:"pattern=\\S" jsonschema_description:"The scenario above the line."`
	Over   string    `json:"over,omitempty" jsonschema:"pattern=\\S" jsonschema_description:"The scenario below the line."`
	Metric metricDoc `json:"metric,omitempty" jsonschema_description:"The metric of both."`

	Redis           redisDoc       `json:"redis,omitempty" jsonschema_description:"A Redis server, in whose database documents are stored and measured, in place of two scenarios. Name an empty database."`
	Threshold       ratioDoc       `json:"threshold,omitempty" jsonschema_description:"The most that the overall ratio of json may be: 2.7 when nothing is said."`
	MaxVsString     ratioDoc       `json:"max_vs_string,omitempty" jsonschema_description:"The most that each document may take as json, over what it takes as a string: 3.5 when nothing is said."`
	Representations []representDoc `json:"representations,omitempty" jsonschema:"minItems=1" jsonschema_description:"What documents are stored as: all when nothing is said. string is always measured."`
	AllowNonempty   bool           `json:"allow_nonempty,omitempty" jsonschema_description:"Writes to a database that holds keys already."`
	Budgets         budgetsDoc     `json:"budgets,omitempty" jsonschema_description:"What documents may take, in place of the built-in budgets."`
}

// JSONSchemaExtend says that it is one of the two.
func (overheadDoc) JSONSchemaExtend(s *jsonschema.Schema) {
	only := func(required, refused []string) *jsonschema.Schema {
		own := jsonschema.NewProperties()
		for _, k := range refused {
			own.Set(k, jsonschema.FalseSchema)
		}
		return &jsonschema.Schema{Required: required, Properties: own}
	}
	two := []string{"of", "over", "metric"}
	server := []string{"redis", "threshold", "max_vs_string", "representations", "allow_nonempty", "budgets"}
	s.OneOf = []*jsonschema.Schema{only(two, server), only(server[:1], two)}
	for _, as := range ratios.Representations() {
		if as != ratios.String { // which is always stored
			s.AllOf = append(s.AllOf, unstored(as))
		}
	}
}

// unstored refuses what is said of a representation where documents are not stored as that.
func unstored(as string) *jsonschema.Schema {
	left, refused, budget := jsonschema.NewProperties(), jsonschema.NewProperties(), jsonschema.NewProperties()
	left.Set("representations", &jsonschema.Schema{Not: &jsonschema.Schema{Contains: &jsonschema.Schema{Const: as}}})
	budget.Set(as, jsonschema.FalseSchema)
	refused.Set("budgets", &jsonschema.Schema{AdditionalProperties: &jsonschema.Schema{Properties: budget}})
	if as == ratios.JSON {
		refused.Set("threshold", jsonschema.FalseSchema)
		refused.Set("max_vs_string", jsonschema.FalseSchema)
	}
	return &jsonschema.Schema{
		If:   &jsonschema.Schema{Required: []string{"representations"}, Properties: left},
		Then: &jsonschema.Schema{Properties: refused},
	}
}

type (
	redisDoc     string
	ratioDoc     float64
	representDoc string
	budgetsDoc   map[string]any
)

func above(most float64) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "number", ExclusiveMinimum: "0", Maximum: json.Number(strconv.FormatFloat(most, 'f', -1, 64))}
}

// JSONSchema is the form of each in the file.
func (redisDoc) JSONSchema() *jsonschema.Schema     { return pattern(grammar().Redis) }
func (ratioDoc) JSONSchema() *jsonschema.Schema     { return above(grammar().MaxRatio) }
func (representDoc) JSONSchema() *jsonschema.Schema { return words(ratios.Representations()...) }

func (budgetsDoc) JSONSchema() *jsonschema.Schema {
	number := func(most float64, what string) *jsonschema.Schema {
		s := above(most)
		s.Description = what
		return s
	}
	date := dateDoc("").JSONSchema()
	date.Description = "The day of that measurement."
	one := closed(
		property{"max", number(grammar().MaxRatio, "Of overhead_text: memory over the bytes of the text.")},
		property{"bytes", number(grammar().MaxBytes, "Of memory.")},
		property{"measured", number(grammar().MaxRatio, "overhead_text when the budget was set.")},
		property{"date", date},
	)
	one.AnyOf = []*jsonschema.Schema{{Required: []string{"max"}}, {Required: []string{"bytes"}}}
	one.DependentRequired = map[string][]string{"measured": {"date"}, "date": {"measured"}}
	named := func(names []string, value *jsonschema.Schema) *jsonschema.Schema {
		return filled(&jsonschema.Schema{Type: "object", PropertyNames: words(names...), AdditionalProperties: value})
	}
	return named(ratios.Names(), named(ratios.Representations(), one))
}

type property struct {
	name string
	form *jsonschema.Schema
}

// closed is an object with these properties and no other.
func closed(list ...property) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, p := range list {
		s.Properties.Set(p.name, p.form)
	}
	return s
}
