package samplertest

import (
	"os"
	"os/exec"
	"testing"
)

// Tool returns the path of a program that a test needs. Without it the test ends as Missing says.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name+" is not installed")
	}
	return path
}

// Missing ends a test because the machine lacks something that can be installed: as skipped, or as failed where
// HEAPTOP_REQUIRE_SERVICES is 1, as in the project's own checks.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("HEAPTOP_REQUIRE_SERVICES") == "1" {
		t.Fatalf("%s, and HEAPTOP_REQUIRE_SERVICES=1 forbids to skip", what)
	}
	t.Skip(what)
}

// NotUnderRace skips a test that takes too long with the race detector and has nothing to tell it: pure arithmetic, or
// programs of their own that were built without it.
func NotUnderRace(t testing.TB) {
	t.Helper()
	if RaceDetector {
		t.Skip("takes too long with the race detector, and runs without it as well")
	}
}

// Full ends the test as skipped unless HEAPTOP_FULL is 1: it takes minutes, or thousands of processes.
func Full(t testing.TB) {
	t.Helper()
	if os.Getenv("HEAPTOP_FULL") != "1" {
		t.Skip("takes long: set HEAPTOP_FULL=1")
	}
}
