package proc

import (
	"strings"
	"testing"
)

// Whoever is root already is told what it lacks.
func TestRootIsNotAdvisedToBecomeRoot(t *testing.T) {
	if text := moreMappings("root", 0); strings.Contains(text, "as root") || !strings.Contains(text, "CAP_SYS_PTRACE") {
		t.Error(text)
	}
	if text := moreMappings("www", 1000); text != "Run heaptop as root, or as www, to see PSS, USS and the mappings." {
		t.Error(text)
	}
}
