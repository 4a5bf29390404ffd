package goproc

import (
	"os"
	"testing"
)

// TestReleases runs every comparison against programs of older Go releases, with and without a symbol table. It fetches
// their toolchains, 250 MB each, and so runs only where HEAPTOP_FULL=1 asks for it.
func TestReleases(t *testing.T) {
	if os.Getenv("HEAPTOP_FULL") != "1" {
		t.Skip("HEAPTOP_FULL=1 runs it: it needs the toolchains of Go 1.20 to 1.25")
	}
	for _, version := range []string{"go1.20.14", "go1.21.13", "go1.22.0", "go1.22.12", "go1.23.12", "go1.24.13", "go1.25.8", "go1.26.0"} {
		t.Run("arm64 "+version, func(t *testing.T) { hearAll(t, version, "arm64", nil) })
		t.Run("arm64 PIE "+version, func(t *testing.T) { hearAll(t, version, "arm64", []string{"-buildmode=pie"}) })
		for _, v := range []variant{normal(), {name: "stripped PIE", args: []string{"-buildmode=pie", "-ldflags=-s -w"}}} {
			v.name += " " + version
			v.env = append(v.env, "GOTOOLCHAIN="+version)
			t.Run(v.name, func(t *testing.T) {
				c := startTarget(t, v)
				s := c.open(Options{AllowWrite: true})
				if got := s.Describe().GoVersion; got != version {
					t.Fatalf("read a program of %s, want %s", got, version)
				}
				compareStatistics(t, c, s)
				c.ask("gogc 100")
				compareSites(t, c, s)
				compareGoroutines(t, c, s)
				compareSpans(t, c, s)
				c.ask("gogc 100000")
				c.ask("churn 1")
				if err := s.Collect(t.Context()); err != nil {
					t.Error(err)
				}
				c.ask("quiet")
				compareSites(t, c, s)
			})
		}
	}
}
