// Package testenv helps the tests of the command line: tools that may be missing, programs built once.
//
// It refuses to skip in silence: where HEAPTOP_REQUIRE_SERVICES is 1, as in the project's own checks, a missing tool
// fails the test. Only tests import it.
package testenv

import (
	"os"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// Tool returns the path of a program that the test needs, as samplertest.Tool does.
func Tool(t testing.TB, name string) string {
	t.Helper()
	return samplertest.Tool(t, name)
}

// Missing ends the test because the machine lacks something, as samplertest.Missing does.
func Missing(t testing.TB, what string) {
	t.Helper()
	samplertest.Missing(t, what)
}

// Full ends the test as skipped unless HEAPTOP_FULL is 1: it takes minutes, or thousands of processes.
func Full(t testing.TB) {
	t.Helper()
	if os.Getenv("HEAPTOP_FULL") != "1" {
		t.Skip("takes long: set HEAPTOP_FULL=1")
	}
}
