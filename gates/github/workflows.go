package github

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"text/template"
)

// WorkflowOptions say for whom the workflows are. The zero value is for a repository that uses heaptop.
type WorkflowOptions struct {
	Self      bool   // heaptop's own repository: the action is taken from the checkout, and is among the files, as is the workflow of releases
	Version   string // of the action, "" is DefaultVersion
	Config    string // the policy, "" is heaptop.yml
	Redis     bool   // the nightly run starts Redis and measures the suite redis-overhead
	Stability bool   // the nightly run watches heaptop's built-in workloads for long
}

// DefaultVersion is the tag of the action that other repositories use.
const DefaultVersion = "v0"

// actionPath is where the action is in heaptop's repository.
const actionPath = ".github/actions/heaptop"

// goreleaser is the version that makes releases: one that go.mod's Go builds.
const goreleaser = "v2.15.1"

// File is one file to write. Path is relative to the root of the repository, with slashes.
type File struct {
	Path string
	Data []byte
}

// Pin is an action at a commit. SeenIn are workflows of public repositories that use it at this commit.
type Pin struct {
	Name, Commit, Version string
	SeenIn                []string
}

// Pins returns the actions that the workflows use, each at a commit that others use too.
func Pins() []Pin {
	return []Pin{
		{"actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1",
			[]string{"sigstore/cosign .github/workflows/conformance-nightly.yml", "prometheus/prometheus .github/workflows/fuzzing.yml"}},
		{"actions/setup-go", "924ae3a1cded613372ab5595356fb5720e22ba16", "v6.5.0",
			[]string{"sigstore/cosign .github/workflows/conformance-nightly.yml", "prometheus/prometheus .github/workflows/fuzzing.yml"}},
		{"actions/upload-artifact", "043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1",
			[]string{"prometheus/prometheus .github/workflows/fuzzing.yml", "open-telemetry/opentelemetry-go .github/workflows/scorecard.yml"}},
	}
}

//go:embed templates/*.yml
var templates embed.FS

var configForm = pattern(`^[A-Za-z0-9_./-]{1,200}$`)

// Workflows renders the workflows, in the order of their paths. They are the same each time. A Config that is not made of
// letters, digits, dots, dashes, underscores and slashes is replaced by heaptop.yml, as it would mean something to YAML.
func Workflows(o WorkflowOptions) []File {
	if !configForm.MatchString(o.Config) {
		o.Config = "heaptop.yml"
	}
	if !configForm.MatchString(o.Version) {
		o.Version = DefaultVersion
	}
	data := struct {
		WorkflowOptions
		Action, Goreleaser string
	}{o, "alloc-dev/heaptop/" + actionPath + "@" + o.Version, goreleaser}
	if o.Self {
		data.Action = "./" + actionPath
	}
	all := template.New("").Delims("<%", "%>").Funcs(template.FuncMap{"uses": uses})
	all = template.Must(all.ParseFS(templates, "templates/*.yml"))
	var out []File
	names := []string{"event-ci.yml", "event-nightly.yml", "flow-memory-nightly.yml", "flow-memory-regression.yml", "memory-report.yml"}
	if o.Self {
		names = append(names, "release.yml")
	}
	for _, name := range names {
		var b bytes.Buffer
		if err := all.ExecuteTemplate(&b, name, data); err != nil {
			panic(err) // the templates are ours, and tested
		}
		out = append(out, File{".github/workflows/" + name, b.Bytes()})
	}
	if o.Self {
		action, err := templates.ReadFile("templates/action.yml")
		if err != nil {
			panic(err) // it is embedded
		}
		out = append([]File{{actionPath + "/action.yml", action}}, out...)
	}
	return out
}

// uses is an action at its commit, with the version beside it.
func uses(name string) (string, error) {
	pins := Pins()
	i := slices.IndexFunc(pins, func(p Pin) bool { return p.Name == name })
	if i < 0 {
		return "", fmt.Errorf("no commit of %s is known", name)
	}
	return name + "@" + pins[i].Commit + " # " + pins[i].Version, nil
}
