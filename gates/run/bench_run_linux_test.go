package run_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
)

// What measuring costs: a program by itself, and measured.
func BenchmarkRun(b *testing.B) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
	}{{"true", []string{"/bin/true"}}, {"go", []string{exe, "-garbage=10000000"}}} {
		b.Run(c.name+"/alone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cmd := exec.Command(c.args[0], c.args[1:]...)
				cmd.Env = append(os.Environ(), childEnv+"=1")
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/measured", func(b *testing.B) {
			b.ReportAllocs()
			s := policy.Scenario{Name: c.name, Kind: gates.KindCommand, Command: c.args, Env: map[string]string{childEnv: "1"}}
			for b.Loop() {
				if got, err := run.MeasureOnce(b.Context(), s); err != nil || got["peak_rss"] <= 0 {
					b.Fatal(got, err)
				}
			}
		})
	}
}
