//go:build unix

package cli_test

import (
	"os"
	"strings"
	"testing"
)

func TestPanicLeavesTheTerminalAsItWas(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := on(t, []string{"HEAPTOP_TEST_PANIC=1"}, self)
	c.shows(enterScreen)
	if code := c.exits(); code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
	c.restored()
	if out := c.text(); !strings.Contains(out, "the list is broken") {
		t.Errorf("the panic is not told:\n%s", out)
	}
}
