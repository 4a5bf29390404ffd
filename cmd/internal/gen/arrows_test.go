package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/alloc-dev/heaptop"

// The skeleton has one empty package at every path that an arrow names.
var (
	ourPackages = []string{
		"cmd/heaptop", "cmd/internal/cli", "tui", "tui/tab", "tui/chart", "gates", "gates/run", "analysis", "sampler", "sampler/unit",
		"sampler/proc", "sampler/goproc", "sampler/goruntime", "sampler/agent", "sampler/redis", "sampler/launch",
		"sampler/scenario", "sampler/capture",
	}
	foreignPackages = []string{
		"github.com/charmbracelet/bubbletea", "github.com/charmbracelet/lipgloss", "github.com/charmbracelet/bubbles/help",
		"github.com/guptarohit/asciigraph", "github.com/shirou/gopsutil/v3/process", "github.com/charmbracelet/x/ansi",
	}
)

type arrow struct{ from, to string }

// forbidden is one violation for every arrow of the design; the linter must see each.
var forbidden = []arrow{
	{"sampler", "github.com/charmbracelet/x/ansi"},
	{"sampler", module + "/sampler/unit"},
	{"sampler/agent", module + "/sampler/unit"},
	{"sampler/agent", "github.com/shirou/gopsutil/v3/process"},
	{"sampler/unit", module + "/sampler/capture"},
	{"sampler/proc", module + "/analysis"},
	{"sampler/proc", module + "/gates"},
	{"sampler/proc", module + "/tui"},
	{"sampler/proc", module + "/cmd/heaptop"},
	{"sampler/proc", module + "/sampler/agent"},
	{"sampler/goproc", module + "/sampler/proc"},
	{"sampler/redis", module + "/sampler/goruntime"},
	{"sampler/capture", module + "/sampler/redis"},
	{"sampler/capture", module + "/sampler/goproc"},
	{"analysis", module + "/gates"},
	{"analysis", module + "/tui"},
	{"analysis", module + "/cmd/heaptop"},
	{"analysis", module + "/sampler/proc"},
	{"analysis", "github.com/charmbracelet/lipgloss"},
	{"analysis", "github.com/shirou/gopsutil/v3/process"},
	{"gates", module + "/tui"},
	{"gates", module + "/cmd/heaptop"},
	{"gates", module + "/sampler/goruntime"},
	{"gates/run", "github.com/charmbracelet/bubbletea"},
	{"tui", module + "/cmd/heaptop"},
	{"tui/tab", module + "/sampler/agent"},
	{"tui/tab", module + "/sampler/launch"},
	{"tui/tab", "github.com/guptarohit/asciigraph"},
	{"tui/tab", "github.com/shirou/gopsutil/v3/process"},
	{"cmd/internal/cli", "github.com/charmbracelet/bubbles/help"},
	{"cmd/internal/cli", "github.com/charmbracelet/bubbletea"},
}

// allowed must pass, so that a rule which forbids everything is found out too.
var allowed = []arrow{
	{"cmd/internal/cli", module + "/tui"},
	{"cmd/internal/cli", module + "/sampler/proc"},
	{"gates/run", module + "/sampler/launch"},
	{"tui", "github.com/charmbracelet/bubbletea"},
	{"tui/tab", module + "/analysis"},
	{"tui/tab", module + "/sampler/capture"},
	{"tui/chart", "github.com/guptarohit/asciigraph"},
	{"analysis", module + "/sampler"},
	{"sampler/goruntime", module + "/sampler/goproc"},
	{"sampler/proc", "github.com/shirou/gopsutil/v3/process"},
	{"sampler/scenario", module + "/sampler/agent"},
}

// TestArrows plants one violation of every arrow in a copy of the tree's skeleton and sees the linter report it.
func TestArrows(t *testing.T) {
	linter, err := exec.LookPath("golangci-lint")
	if err != nil {
		if os.Getenv("HEAPTOP_REQUIRE_SERVICES") == "1" {
			t.Fatal("golangci-lint is required and not installed")
		}
		t.Skip("golangci-lint is not installed: go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@latest")
	}
	config, err := filepath.Abs("../../../.github/golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	skeleton(t, dir)
	plant(t, dir, "forbidden", forbidden)
	plant(t, dir, "allowed", allowed)

	cmd := exec.Command(linter, "run", "--config", config, "--enable-only", "depguard", "--output.text.colors=false", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off", "GOLANGCI_LINT_CACHE="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("the linter found nothing:\n%s", out)
	}
	for i, a := range forbidden {
		if !bytes.Contains(out, fmt.Appendf(nil, "%s/forbidden%d.go:", a.from, i)) {
			t.Errorf("%s may import %s: no rule fired", a.from, a.to)
		}
	}
	for i, a := range allowed {
		if bytes.Contains(out, fmt.Appendf(nil, "%s/allowed%d.go:", a.from, i)) {
			t.Errorf("%s may not import %s: a rule fired", a.from, a.to)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

func skeleton(t *testing.T, dir string) {
	t.Helper()
	var mod strings.Builder
	fmt.Fprintf(&mod, "module %s\n\ngo 1.26\n", module)
	for _, p := range ourPackages {
		write(t, filepath.Join(dir, p, "doc.go"), "package p\n")
		write(t, filepath.Join(dir, p, "leaf", "doc.go"), "package leaf\n")
	}
	seen := map[string]bool{}
	for _, p := range foreignPackages {
		root := foreignModule(p)
		write(t, filepath.Join(dir, "stub", p, "doc.go"), "package p\n")
		if !seen[root] {
			seen[root] = true
			write(t, filepath.Join(dir, "stub", root, "go.mod"), "module "+root+"\n\ngo 1.26\n")
			version := "v1.0.0"
			if strings.HasSuffix(root, "/v3") {
				version = "v3.0.0"
			}
			fmt.Fprintf(&mod, "require %s %s\nreplace %s => ./stub/%s\n", root, version, root, root)
		}
	}
	write(t, filepath.Join(dir, "go.mod"), mod.String())
}

// foreignModule returns the module of a foreign package: three path elements, and a fourth where it is a version.
func foreignModule(pkg string) string {
	parts := strings.Split(pkg, "/")
	if len(parts) > 3 && (parts[3] == "v3" || parts[2] == "x") {
		return strings.Join(parts[:4], "/")
	}
	return strings.Join(parts[:3], "/")
}

func plant(t *testing.T, dir, name string, arrows []arrow) {
	t.Helper()
	for i, a := range arrows {
		file := filepath.Join(dir, a.from, fmt.Sprintf("%s%d.go", name, i))
		to := a.to
		if strings.HasPrefix(to, module) {
			to += "/leaf" // a package below it, which imports nothing: arrows both ways would be a cycle
		}
		write(t, file, fmt.Sprintf("package p\n\nimport _ %q\n", to))
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
