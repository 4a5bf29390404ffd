package terminal_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"

	"github.com/alloc-dev/heaptop/tui/terminal"
)

func TestDark(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "15;0": true, "7;8": true, "15;default;0": true, "12;6": true,
		"0;15": false, "0;7": false, "0;default;15": false,
		"15": true, "0;default": true, "0;99": true, "0;-1": true, ";": true,
	} {
		if got := terminal.Dark(func(string) string { return value }); got != want {
			t.Errorf("COLORFGBG=%q: dark %v, want %v", value, got, want)
		}
	}
}

func TestThemeForAPipeHasNoEscapeCode(t *testing.T) {
	var pipe bytes.Buffer
	for _, dark := range []bool{true, false} {
		th := terminal.Theme(&pipe, dark)
		if got := th.Bad.Render("x"); strings.Contains(got, "\x1b") {
			t.Errorf("dark %v: %q", dark, got)
		}
		if th.Dark != dark {
			t.Errorf("dark %v became %v", dark, th.Dark)
		}
	}
}

func TestLipglossNeedNotAsk(t *testing.T) {
	if !lipgloss.HasDarkBackground() {
		t.Error("the default renderer's background was not settled")
	}
}
