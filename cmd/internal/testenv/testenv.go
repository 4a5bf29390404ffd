// Package testenv helps the tests of the command line: tools that may be missing, programs built once.
//
// It refuses to skip in silence: where HEAPTOP_REQUIRE_SERVICES is 1, as in the project's own checks, a missing tool
// fails the test. Only tests import it.
package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// Tool returns the path of a program that the test needs. Without it the test is skipped, or fails where
// HEAPTOP_REQUIRE_SERVICES is 1.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name+" is not installed")
	}
	return path
}

// Missing ends the test because the machine lacks something: as skipped, or as failed where
// HEAPTOP_REQUIRE_SERVICES is 1.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("HEAPTOP_REQUIRE_SERVICES") == "1" {
		t.Fatalf("%s, and HEAPTOP_REQUIRE_SERVICES=1 forbids to skip", what)
	}
	t.Skip(what)
}

// Full ends the test as skipped unless HEAPTOP_FULL is 1: it takes minutes, or thousands of processes.
func Full(t testing.TB) {
	t.Helper()
	if os.Getenv("HEAPTOP_FULL") != "1" {
		t.Skip("takes long: set HEAPTOP_FULL=1")
	}
}
