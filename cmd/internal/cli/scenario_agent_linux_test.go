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

// TestAgentInAUsersProgram measures programs that import sampler/agent, as their authors do. They share the cache of builds,
// or the standard library would be compiled for each.
func TestAgentInAUsersProgram(t *testing.T) {
	samplertest.NotUnderRace(t)
	caches, err := exec.Command(samplertest.Tool(t, "go"), "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	folders := strings.Fields(string(caches))
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/agent",
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"GOCACHE": folders[0], "GOMODCACHE": folders[1], "GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOWORK": "off", "HOME": env.WorkDir, "XDG_RUNTIME_DIR": env.WorkDir,
			} {
				env.Setenv(name, value)
			}
			return os.Symlink(root, filepath.Join(env.WorkDir, "heaptop"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"lastline": lastLine},
	})
}
