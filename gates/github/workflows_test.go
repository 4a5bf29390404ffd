package github_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates/github"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

var update = flag.Bool("update", false, "write the workflows of this repository, and the golden files")

// own is what this repository's workflows are rendered with.
func own() github.WorkflowOptions {
	return github.WorkflowOptions{Self: true, Redis: true, Stability: true}
}

const root = "../.."

func TestWorkflowsOfThisRepositoryAreTheRendered(t *testing.T) {
	for _, f := range github.Workflows(own()) {
		path := filepath.Join(root, filepath.FromSlash(f.Path))
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, f.Data) {
			t.Errorf("%s is not what is rendered; go test ./gates/github -update writes it", f.Path)
		}
	}
}

// everyKind are the workflows that can be rendered.
func everyKind() map[string]github.WorkflowOptions {
	return map[string]github.WorkflowOptions{
		"own": own(), "other": {}, "redis": {Redis: true, Config: "ci/memory.yml"}, "all": {Redis: true, Stability: true, Version: "v0.3.1"},
	}
}

func TestActionlintHasNothingToSay(t *testing.T) {
	actionlint := samplertest.Tool(t, "actionlint")
	for kind, o := range everyKind() {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for _, f := range github.Workflows(o) {
				write(t, filepath.Join(dir, filepath.FromSlash(f.Path)), f.Data)
			}
			c := exec.Command(actionlint)
			c.Dir = dir
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestActionsArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	for kind, o := range everyKind() {
		for _, f := range github.Workflows(o) {
			for line := range strings.Lines(string(f.Data)) {
				_, what, ok := strings.Cut(strings.TrimSpace(line), "uses: ")
				if !ok || strings.HasPrefix(what, "./") || strings.HasPrefix(what, "alloc-dev/heaptop/.github/actions/heaptop@v") {
					continue
				}
				if !pinned.MatchString(what) {
					t.Errorf("%s %s: %s is not pinned by commit with its version beside it", kind, f.Path, what)
				}
			}
		}
	}
	for _, p := range github.Pins() {
		if len(p.SeenIn) < 2 {
			t.Errorf("%s was seen in %d places only", p.Name, len(p.SeenIn))
		}
	}
}
