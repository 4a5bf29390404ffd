package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestInit runs heaptop init in repositories of several shapes: what it writes holds at once, and turns red.
func TestInit(t *testing.T) {
	samplertest.NotUnderRace(t)
	initScripts(t, "testdata/init")
}

// TestInitOfManyPrograms is a repository with everything.
func TestInitOfManyPrograms(t *testing.T) {
	samplertest.Full(t)
	samplertest.NotUnderRace(t)
	initScripts(t, "testdata/init_full")
}

// initScripts runs the scripts of a folder. They share the cache of builds, or the standard library would be compiled for each.
func initScripts(t *testing.T, dir string) {
	samplertest.Tool(t, "git")
	cache, err := exec.Command(samplertest.Tool(t, "go"), "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"GOCACHE": strings.TrimSpace(string(cache)), "HOME": env.WorkDir, "HOSTILE": "$(touch pwned)", "GIT_CONFIG_NOSYSTEM": "1",
				"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
			} {
				env.Setenv(name, value)
			}
			script := filepath.Join(env.WorkDir, "script.sh")
			if _, err := os.Stat(script); err == nil {
				return os.Chmod(script, 0o755)
			}
			return nil
		},
		Condition: func(name string) (bool, error) { return name == "full" && os.Getenv("HEAPTOP_FULL") == "1", nil },
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"lastline": lastLine, "git-init": gitInit, "holds": initHolds, "turns-red": initTurnsRed},
	})
}

// gitInit makes a repository of the current folder, with one commit.
func gitInit(ts *testscript.TestScript, _ bool, _ []string) {
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"commit", "-q", "-m", "first"}} {
		ts.Check(ts.Exec("git", args...))
	}
}

// initHolds commits what heaptop init wrote: it passes, and leaves nothing behind that git would take.
func initHolds(ts *testscript.TestScript, _ bool, _ []string) {
	for _, args := range [][]string{{"add", "heaptop.yml", ".github"}, {"commit", "-q", "-m", "gates"}} {
		ts.Check(ts.Exec("git", args...))
	}
	ts.Check(ts.Exec("heaptop", "check", "--no-runs"))
	ts.Check(ts.Exec("heaptop", "--headless"))
	if said := ts.ReadFile("stderr"); !strings.Contains(said, "heaptop: exit 0: passed: ") {
		ts.Fatalf("the gates do not pass: %s", said)
	}
	ts.Check(ts.Exec("git", "status", "--porcelain"))
	if left := ts.ReadFile("stdout"); left != "" {
		ts.Fatalf("left behind: %s", left)
	}
}

// initTurnsRed plants regressions: each is found.
func initTurnsRed(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Exec("heaptop", "--headless", "--selftest"))
	if strings.Contains(ts.ReadFile("stdout"), "MISSED") || !strings.Contains(ts.ReadFile("stderr"), "this configuration turns red") {
		ts.Fatalf("it does not turn red: %s", ts.ReadFile("stdout"))
	}
}
