package github_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// releaseConfig are the parts of .github/goreleaser.yml that the tests look at.
type releaseConfig struct {
	Version int
	Dist    string
	Before  struct{ Hooks []string }
	Builds  []struct {
		Main          string
		Env           []string
		Goos, Goarch  []string
		Flags         []string
		Ldflags       []string
		Mod_timestamp string
	}
	Archives []struct {
		Formats []string
		Files   []struct{ Src, Dst string }
	}
}

func readReleaseConfig(t *testing.T) releaseConfig {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, ".github", "goreleaser.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var c releaseConfig
	if err := yaml.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReleaseBuildsForEverySystem asks the go command whether every system of the matrix has all the packages it needs.
func TestReleaseBuildsForEverySystem(t *testing.T) {
	c := readReleaseConfig(t)
	if c.Version != 2 || len(c.Builds) != 1 || len(c.Builds[0].Goos) < 3 || len(c.Builds[0].Goarch) < 2 {
		t.Fatalf("the matrix is %+v", c)
	}
	b := c.Builds[0]
	if !slices.Contains(b.Flags, "-trimpath") || b.Mod_timestamp == "" || strings.Join(b.Ldflags, " ") != "-s -w" {
		t.Errorf("flags %v and %v, time %q: no two builds are the same", b.Flags, b.Ldflags, b.Mod_timestamp)
	}
	goTool := samplertest.Tool(t, "go")
	for _, system := range b.Goos {
		for _, arch := range b.Goarch {
			list := exec.Command(goTool, "list", "-deps", "-f", "{{.ImportPath}}", b.Main)
			list.Dir = root
			list.Env = append(append(os.Environ(), "GOOS="+system, "GOARCH="+arch), b.Env...)
			out, err := list.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("alloc-dev/heaptop/cmd/internal/cli\n")) {
				t.Errorf("%s/%s: %v: %.500s", system, arch, err, out)
			}
		}
	}
}

// TestReleaseHooksMakeWhatArchivesTake runs the hooks with a heaptop that is built already.
func TestReleaseHooksMakeWhatArchivesTake(t *testing.T) {
	samplertest.NotUnderRace(t)
	if testing.Short() {
		t.Skip("builds heaptop")
	}
	usesBuilt.Store(true)
	heaptop, err := built()
	if err != nil {
		t.Fatal(err)
	}
	c, dir := readReleaseConfig(t), t.TempDir()
	for _, hook := range c.Before.Hooks {
		line := strings.NewReplacer("go run ./cmd/heaptop", heaptop, "{{ .CommitTimestamp }}", "1795330000").Replace(hook)
		sh := exec.Command("bash", "-euo", "pipefail", "-c", line)
		sh.Dir = dir
		if out, err := sh.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", hook, err, out)
		}
	}
	made := 0
	for _, f := range c.Archives[0].Files {
		if !strings.HasPrefix(f.Src, "bin/") {
			if _, err := os.Stat(filepath.Join(root, f.Src)); err != nil {
				t.Error(err)
			}
			continue
		}
		list, err := filepath.Glob(filepath.Join(dir, f.Src))
		if err != nil || len(list) < 4 {
			t.Errorf("%s is %v, %v", f.Src, list, err)
		}
		for _, path := range list {
			if info, err := os.Stat(path); err != nil || info.Size() < 500 {
				t.Errorf("%s: %v, %v", path, info, err)
			}
			made++
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "bin", "man", "heaptop.1"))
	if err != nil || !bytes.HasPrefix(page, []byte(`.TH "HEAPTOP" "1" "2026-11-22"`)) {
		t.Errorf("the page begins %.60q, %v", page, err)
	}
	if made < 20 || !strings.HasPrefix(c.Dist, "bin/") {
		t.Errorf("%d files; dist is %s, which git would see as a change", made, c.Dist)
	}
}

// releaseRunner has a repository whose main branch is one commit behind a branch.
func releaseRunner(t *testing.T, tag string) *runner {
	t.Helper()
	samplertest.Tool(t, "git")
	event := map[string]any{"repository": map[string]any{"default_branch": "main"}}
	r := newRunner(t, event, nil)
	r.github["ref_name"], r.github["sha"] = tag, sha
	r.git("init", "-q")
	r.git("commit", "-q", "--allow-empty", "-m", "first")
	r.git("update-ref", "refs/remotes/origin/main", "HEAD")
	return r
}

func TestReleasesAreOfTheDefaultBranch(t *testing.T) {
	for name, c := range map[string]struct {
		before func(r *runner)
		ok     bool
	}{
		"the branch's commit": {func(*runner) {}, true},
		"an older one": {func(r *runner) {
			r.git("commit", "-q", "--allow-empty", "-m", "x")
			r.git("update-ref", "refs/remotes/origin/main", "HEAD")
			r.git("checkout", "-q", "HEAD^")
		}, true},
		"one of a change": {func(r *runner) { r.git("commit", "-q", "--allow-empty", "-m", "x") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := releaseRunner(t, "v1.2.3")
			c.before(r)
			if ok := r.runStep("release.yml", "release", "See that the tag is of the default branch"); ok != c.ok {
				t.Errorf("released: %t\n%s", ok, &r.log)
			}
		})
	}
}

func TestTheTagOfTheActionFollows(t *testing.T) {
	for name, c := range map[string]struct{ tag, there, want string }{
		"a new major version": {"v1.0.0", "", "--method POST repos/o/r/git/refs -f ref=refs/tags/v1 -f sha=" + sha},
		"another of it":       {"v1.2.3", "v1", "--method PATCH repos/o/r/git/refs/tags/v1 -f sha=" + sha + " -F force=true"},
		"a prerelease":        {"v1.3.0-rc.1", "v1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := releaseRunner(t, c.tag)
			if c.there != "" {
				write(t, filepath.Join(r.temp, "gh", "tags", c.there), nil)
			}
			if !r.runStep("release.yml", "release", "Let the action's tag follow") {
				t.Fatalf("the step fails:\n%s", &r.log)
			}
			got, err := os.ReadFile(filepath.Join(r.temp, "gh", "api"))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if strings.TrimSpace(string(got)) != c.want {
				t.Errorf("GitHub was asked %q, want %q", got, c.want)
			}
		})
	}
}

// TestGoreleaser makes a snapshot of the commit twice: the same archives, with a heaptop that knows its commit.
func TestGoreleaser(t *testing.T) {
	if os.Getenv("HEAPTOP_FULL") != "1" {
		t.Skip("builds for six systems, twice: set HEAPTOP_FULL=1")
	}
	samplertest.NotUnderRace(t)
	goreleaser, err := exec.LookPath("goreleaser")
	if err != nil {
		t.Skip("goreleaser is not in PATH: its modules cannot be had from everywhere")
	}
	var first map[string]string
	for range 2 {
		dir := filepath.Join(t.TempDir(), "heaptop")
		for _, args := range [][]string{{"git", "clone", "-q", root, dir}, {goreleaser, "check", "--config", ".github/goreleaser.yml"},
			{goreleaser, "release", "--snapshot", "--clean", "--config", ".github/goreleaser.yml"}} {
			c := exec.Command(args[0], args[1:]...)
			if args[0] != "git" {
				c.Dir = dir
			}
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%q: %v\n%s", args, err, out)
			}
		}
		files := archivesOf(t, filepath.Join(dir, "bin", "dist"))
		if first == nil {
			first = files
			checkArchive(t, filepath.Join(dir, "bin", "dist"))
			continue
		}
		if len(files) != 7 {
			t.Errorf("%d archives and checksums, want 7: %v", len(files), files)
		}
		for name, sum := range files {
			if first[name] != sum {
				t.Errorf("%s is another the second time", name)
			}
		}
	}
}

func archivesOf(t *testing.T, dist string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, pattern := range []string{"*.tar.gz", "*.zip", "checksums.txt"} {
		list, err := filepath.Glob(filepath.Join(dist, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range list {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sums[filepath.Base(path)] = fmt.Sprintf("%x", sha256.Sum256(data))
		}
	}
	return sums
}

// checkArchive unpacks the archive of this system, and asks the heaptop in it who it is.
func checkArchive(t *testing.T, dist string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dist, "heaptop_*_linux_amd64.tar.gz"))
	if err != nil || len(list) != 1 {
		t.Fatalf("archives %v, %v", list, err)
	}
	file, err := os.Open(list[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	in, names := tar.NewReader(packed), []string{}
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Name == "heaptop" {
			data, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "heaptop")
			write(t, path, data)
			out, err := exec.Command(path, "version").CombinedOutput()
			if err != nil || !regexp.MustCompile(`\ncommit [0-9a-f]{40} of 20\S+Z\n$`).Match(out) {
				t.Errorf("version: %v: %s", err, out)
			}
		}
	}
	for _, want := range []string{"heaptop", "LICENSE", "README.md", "man/heaptop.1", "man/heaptop-diff.1", "completions/heaptop.bash", "completions/_heaptop", "completions/heaptop.fish", "completions/heaptop.ps1"} {
		if !slices.Contains(names, want) {
			t.Errorf("the archive has no %s: %v", want, names)
		}
	}
}
