package nearest_test

import (
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/nearest"
)

func TestWord(t *testing.T) {
	keys := []string{"limits", "scenarios", "compare", "runs", "run", "name", ""}
	for _, c := range []struct{ typed, want string }{
		{"limit", "limits"},
		{"Limits", "limits"},
		{"scenarois", "scenarios"},
		{"sce", "scenarios"},
		{"nam", "name"},
		{"rn", "run"},
		{"budget", ""},
		{"", ""},
		{strings.Repeat("limits", 100000), ""},
	} {
		if got := nearest.Word(c.typed, keys); got != c.want {
			t.Errorf("Word(%.20q) = %q, want %q", c.typed, got, c.want)
		}
	}
	words := []string{"version", "help", "completion", "dashboard", "text", "json", "interval", "snapshot-dir"}
	for typed, want := range map[string]string{
		"vresion": "version", "VERSION": "version", "comp": "completion", "jsno": "json", "tex": "text",
		"intervall": "interval", "snapshotdir": "snapshot-dir", "redis": "", "x": "", "api-server": "",
	} {
		if got := nearest.Word(typed, words); got != want {
			t.Errorf("Word(%q) = %q, want %q", typed, got, want)
		}
	}
	if got := nearest.Word("fsh", []string{"bash", "zsh", "fish"}); got != "fish" {
		t.Errorf("fsh: %q, want fish", got)
	}
	if got := nearest.DidYouMean("limit", keys); got != `, did you mean "limits"?` {
		t.Errorf("DidYouMean: %s", got)
	}
	if got := nearest.DidYouMean("budget", keys); got != "" {
		t.Errorf("DidYouMean: %s", got)
	}
}

// FuzzWord checks that whatever is typed, the answer is a candidate or nothing.
func FuzzWord(f *testing.F) {
	f.Add("limit", "limits")
	f.Add("\xff\x00", "a")
	f.Fuzz(func(t *testing.T, typed, candidate string) {
		if got := nearest.Word(typed, []string{candidate}); got != "" && got != candidate {
			t.Errorf("Word(%q, %q) = %q", typed, candidate, got)
		}
	})
}
