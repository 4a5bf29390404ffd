package run

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	t.Setenv("GOGC", "50")
	e := describe(t.Context(), ".", "ci")
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	if e.Kernel != strings.TrimSpace(string(release)) || e.CPUs != runtime.NumCPU() || e.GOGC != "50" || e.Name != "ci" || e.MemoryBytes < 64<<20 || !strings.HasPrefix(e.Go, "go") {
		t.Errorf("%+v", e)
	}
	for text, want := range map[string]string{
		"processor\t: 0\nmodel name\t: Some CPU @ 2GHz\nmodel name\t: Another\n": "Some CPU @ 2GHz",
		"CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n":                           "implementer 0x41 part 0xd0c",
		"": "",
	} {
		if got := cpuName(text); got != want {
			t.Errorf("cpuName(%q) = %q, want %q", text, got, want)
		}
	}
}
