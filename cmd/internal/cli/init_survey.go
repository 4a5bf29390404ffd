package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/tui/theme"
)

const (
	binDir       = ".heaptop/bin"
	mostDrafts   = 12 // programs, and packages with benchmarks
	surveyTime   = time.Minute
	maxTextFile  = 4 << 20
	mostPackages = 10_000
)

// draft is a scenario that init proposes.
type draft struct {
	name    string
	kind    gates.Kind
	build   string        // "" for none
	what    string        // the command, or the package pattern
	lasting bool          // it went on until it was ended
	ran     time.Duration // how long it was given
	results []gates.Scenario
	failed  string // why it could not be measured
}

// surveyed is what there is in a folder.
type surveyed struct {
	module    string // "" for no Go module
	noModule  string // why not
	drafts    []draft
	left      []string // what is there and was not taken, in words
	makefile  []string // targets
	workflows []string
	against   bool   // a comparison with another commit is possible
	noAgainst string // why not
}

// survey looks at a folder and runs nothing of it.
func survey(ctx context.Context, dir string) (*surveyed, error) {
	s := &surveyed{}
	ctx, stop := context.WithTimeout(ctx, surveyTime)
	defer stop()
	if err := s.packages(ctx, dir); err != nil {
		return nil, err
	}
	s.makefile = makeTargets(dir)
	for _, pattern := range []string{"*.yml", "*.yaml"} {
		list, err := filepath.Glob(filepath.Join(globQuote(dir), ".github", "workflows", pattern))
		if err != nil {
			return nil, fmt.Errorf("look for workflows: %w", err)
		}
		for _, path := range list {
			s.workflows = append(s.workflows, filepath.Base(path))
		}
	}
	repo, err := worktree.Open(ctx, dir)
	if err == nil {
		_, err = repo.Resolve(ctx, worktree.Auto)
	}
	if s.against = err == nil; err != nil {
		s.noAgainst = err.Error()
	}
	if errors.Is(err, exec.ErrNotFound) {
		s.noAgainst = "git is not installed"
	}
	return s, nil
}

// goPackage is what go list says of a package.
type goPackage struct {
	Dir          string
	ImportPath   string
	Name         string
	Standard     bool
	TestGoFiles  []string
	XTestGoFiles []string
	Module       *struct{ Path string }
	Error        *struct{ Err string }
}

// packages finds programs and benchmarks.
func (s *surveyed) packages(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		s.noModule = "there is no go.mod here"
		return nil
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	list, err := goList(ctx, root)
	if err != nil {
		s.noModule = err.Error()
		return nil
	}
	for _, p := range list {
		rel, err := filepath.Rel(root, p.Dir)
		switch {
		case p.Error != nil:
			s.left = append(s.left, p.ImportPath+": "+p.Error.Err)
			continue
		case err != nil || strings.HasPrefix(rel, ".."):
			continue
		}
		if p.Module != nil {
			s.module = p.Module.Path
		}
		path := "./" + filepath.ToSlash(rel)
		if rel == "." {
			path = "."
		}
		if p.Name == "main" {
			s.take(programDraft(p.ImportPath, path, s.drafts), path)
		}
		if benchmarks(&p) {
			s.take(draft{name: freeName("bench-"+lastPart(p.ImportPath), s.drafts), kind: gates.KindBench, what: path}, path+" (benchmarks)")
		}
	}
	return nil
}

func (s *surveyed) take(d draft, words string) {
	if len(s.drafts) < mostDrafts {
		s.drafts = append(s.drafts, d)
		return
	}
	s.left = append(s.left, fmt.Sprintf("%s: there are %d others already", words, mostDrafts))
}

// goList asks the go command for the packages of a module.
func goList(ctx context.Context, dir string) ([]goPackage, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-e", "-json=Dir,ImportPath,Name,Standard,TestGoFiles,XTestGoFiles,Module,Error", "./...")
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, worktree.Environment(os.Environ()), time.Second
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(exit.Stderr) > 0 {
			first, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
			return nil, fmt.Errorf("go list: %s", first)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	var list []goPackage
	d := json.NewDecoder(strings.NewReader(string(out)))
	for len(list) < mostPackages {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		list = append(list, p)
	}
	return list, nil
}

// benchmarks reports whether a package's tests have a benchmark.
func benchmarks(p *goPackage) bool {
	declared := regexp.MustCompile(`(?m)^func Benchmark[^a-z(]?\w*\(\w+ \*testing\.B\)`)
	return slices.ContainsFunc(slices.Concat(p.TestGoFiles, p.XTestGoFiles), func(name string) bool {
		data, err := readText(filepath.Join(p.Dir, name))
		return err == nil && declared.Match(data)
	})
}

func readText(path string) ([]byte, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxTextFile))
}

// programDraft is a program that is built and run.
func programDraft(importPath, path string, others []draft) draft {
	name := freeName(lastPart(importPath), others)
	return draft{name: name, kind: gates.KindCommand, build: "go build -o " + binDir + "/" + name + " " + shellQuote(path), what: binDir + "/" + name}
}

// commandDraft is a command that was typed.
func commandDraft(args []string, others []draft) draft {
	var words []string
	for _, a := range args {
		words = append(words, shellQuote(a))
	}
	return draft{name: freeName(filepath.Base(args[0]), others), kind: gates.KindCommand, what: strings.Join(words, " ")}
}

// shellQuote makes one word of the shell of a text.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-=,:@%+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// lastPart is the name that go build gives the program of an import path.
func lastPart(importPath string) string {
	parts := strings.Split(importPath, "/")
	last := parts[len(parts)-1]
	if len(parts) > 1 && regexp.MustCompile(`^v[0-9]+$`).MatchString(last) {
		return parts[len(parts)-2]
	}
	return last
}

// freeName makes a scenario's name that no other has.
func freeName(text string, others []draft) string {
	name := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9_.-]+`).ReplaceAllString(text, "-"), "-.")
	if name = name[:min(len(name), 60)]; name == "" {
		name = "program"
	}
	taken := func(n string) bool { return slices.ContainsFunc(others, func(d draft) bool { return d.name == n }) }
	for n, base := 2, name; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// makeTargets are the targets of a Makefile that are no patterns and no variables.
func makeTargets(dir string) []string {
	for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} {
		data, err := readText(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		var list []string
		for _, m := range regexp.MustCompile(`(?m)^([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*:(?:[^=]|$)`).FindAllSubmatch(data, 1000) {
			if target := string(m[1]); !slices.Contains(list, target) {
				list = append(list, target)
			}
		}
		return list
	}
	return nil
}

// words says what was found.
func (s *surveyed) words() string {
	var b strings.Builder
	if s.module != "" {
		wrap(&b, "", "  ", "Go module "+theme.Clean(s.module))
	} else if s.noModule != "" {
		wrap(&b, "", "  ", "no Go module is read: "+theme.Clean(s.noModule))
	}
	for _, d := range s.drafts {
		kind := "program   "
		if d.kind == gates.KindBench {
			kind = "benchmarks"
		}
		wrap(&b, "  "+kind+"  ", "              ", theme.Clean(d.name+": "+strings.TrimPrefix(d.build+"; ", "; ")+d.what))
	}
	for _, l := range s.left {
		wrap(&b, "  left out    ", "              ", theme.Clean(l))
	}
	if len(s.makefile) > 0 {
		wrap(&b, "Makefile: ", "  ", theme.Clean(some(s.makefile, ""))+"; its targets are not run: heaptop init -- make TARGET measures one")
	}
	if len(s.workflows) > 0 {
		wrap(&b, "workflows: ", "  ", theme.Clean(strings.Join(s.workflows, ", ")))
	}
	if !s.against {
		wrap(&b, "", "  ", "growth against another commit cannot be measured here: "+theme.Clean(s.noAgainst))
	}
	return b.String()
}

// example is what a person can go on with where nothing was found.
func (s *surveyed) example() string {
	command := "./script.sh"
	if len(s.makefile) > 0 {
		command = "make " + s.makefile[0]
		for _, likely := range []string{"bench", "benchmark", "run", "test"} {
			if slices.Contains(s.makefile, likely) {
				command = "make " + likely
				break
			}
		}
	}
	return `
A policy measures any command, for example
  version: 1
  scenarios:
    - name: work
      run: ` + command + `
      limits: { peak_rss: 256 MB }
and heaptop init -- ` + command + ` writes one with the limits that it measures.
`
}
