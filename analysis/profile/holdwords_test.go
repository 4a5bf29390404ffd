package profile_test

import (
	"testing"

	"github.com/alloc-dev/heaptop/analysis/profile"
)

func TestShortName(t *testing.T) {
	for name, want := range map[string]string{
		"github.com/a/b.(*T).F":              "b.(*T).F",
		"github.com/a/b.F[github.com/c/d.T]": "b.F[github.com/c/d.T]",
		"/usr/lib/":                          "/usr/lib/",
		"main.main":                          "main.main",
		"":                                   "",
	} {
		if got := profile.ShortName(name); got != want {
			t.Errorf("%q is %q in short, want %q", name, got, want)
		}
	}
}
