package cli

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func TestVersionOfEachKindOfBuild(t *testing.T) {
	info := func(version string, settings ...string) *debug.BuildInfo {
		b := &debug.BuildInfo{Main: debug.Module{Version: version}}
		for i := 0; i < len(settings); i += 2 {
			b.Settings = append(b.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return b
	}
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, c := range []struct {
		what  string
		info  *debug.BuildInfo
		name  string
		words string // after the first line
		first string
	}{
		{"no information", nil, "development", "", "heaptop development ("},
		{"go build without git", info("(devel)"), "development", "", "heaptop development ("},
		{"go install of a release", info("v0.3.1"), "v0.3.1", "", "heaptop v0.3.1 ("},
		{"a release from git", info("v0.3.1", "vcs.revision", commit, "vcs.time", "2026-11-22T07:00:00Z", "vcs.modified", "false"),
			"v0.3.1, commit 0123456789ab", "commit " + commit + " of 2026-11-22T07:00:00Z\n", "heaptop v0.3.1 ("},
		{"changed sources", info("v0.3.2-0.20261122070000-0123456789ab+dirty", "vcs.revision", commit, "vcs.time", "2026-11-22T09:00:00+02:00", "vcs.modified", "true"),
			"v0.3.2-0.20261122070000-0123456789ab+dirty", "commit " + commit + " of 2026-11-22T07:00:00Z, with changes\n", "heaptop v0.3.2-0.20261122070000-0123456789ab+dirty ("},
		{"changed, and no version", info("(devel)", "vcs.revision", commit, "vcs.modified", "true"), "development, commit 0123456789ab with changes",
			"commit " + commit + ", with changes\n", "heaptop development ("},
		{"an odd commit", info("", "vcs.revision", "12", "vcs.time", "yesterday"), "development, commit 12", "commit 12\n", "heaptop development ("},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := buildOf(c.info)
			if got := b.name(); got != c.name {
				t.Errorf("name %q, want %q", got, c.name)
			}
			first, rest, _ := strings.Cut(b.words(), "\n")
			if !strings.HasPrefix(first, c.first) || rest != c.words {
				t.Errorf("words %q and %q, want %q and %q", first, rest, c.first, c.words)
			}
		})
	}
}

// TestVersionIsWhatGoBuildNotes builds a small program as heaptop is built, and reads what the toolchain notes in it.
func TestVersionIsWhatGoBuildNotes(t *testing.T) {
	goTool, git := samplertest.Tool(t, "go"), samplertest.Tool(t, "git")
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GIT_CONFIG_NOSYSTEM=1", "HOME="+dir, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		for _, key := range []string{"GOCACHE", "GOMODCACHE"} {
			out, err := exec.Command(goTool, "env", key).Output()
			if err != nil {
				t.Fatal(err)
			}
			c.Env = append(c.Env, key+"="+strings.TrimSpace(string(out)))
		}
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v: %s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	program := filepath.Join(dir, "program")
	built := func(args ...string) build {
		t.Helper()
		run(goTool, append([]string{"build", "-o", program}, args...)...)
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		return buildOf(info)
	}
	for name, text := range map[string]string{"go.mod": "module example.com/x\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() {}\n", ".gitignore": "/program\n/.*\n!.gitignore\n/go\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if b := built(); b.name() != "development" || b.commit != "" {
		t.Errorf("without git: %+v", b)
	}
	run(git, "init", "-q", "-b", "main")
	run(git, "add", ".")
	run(git, "commit", "-q", "-m", "first")
	head := run(git, "rev-parse", "HEAD")
	if b := built("-buildvcs=false"); b.name() != "development" {
		t.Errorf("without -buildvcs: %+v", b)
	}
	b := built("-buildvcs=true")
	if b.commit != head || b.changed || b.time.IsZero() || !regexp.MustCompile(`^v0\.0\.0-\d{14}-`+head[:12]+`$`).MatchString(b.name()) {
		t.Errorf("a commit: %+v, %s", b, b.name())
	}
	run(git, "tag", "v1.2.3")
	if b := built("-buildvcs=true", "-trimpath"); b.version != "v1.2.3" || b.commit != head || b.changed {
		t.Errorf("a tag: %+v", b)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { println() }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b := built("-buildvcs=true"); !b.changed || !strings.Contains(b.version, "+dirty") || !strings.HasSuffix(b.words(), ", with changes\n") {
		t.Errorf("changed sources: %+v", b)
	}
}
