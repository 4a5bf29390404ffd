package cli_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alloc-dev/heaptop/cmd/internal/testenv"
)

// TestInit runs heaptop init in repositories of several shapes. They share the cache of builds, or the standard library would
// be compiled for each.
func TestInit(t *testing.T) {
	testenv.Tool(t, "git")
	cache, err := exec.Command(testenv.Tool(t, "go"), "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/init",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"lastline": lastLine},
	})
}
