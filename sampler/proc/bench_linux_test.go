package proc

import (
	"context"
	"os/exec"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// sleeper starts a process that does nothing, and ends it with the test.
func sleeper(tb testing.TB) int {
	tb.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// watch opens a session on a process of the running system.
func watch(tb testing.TB, pid int) *session {
	tb.Helper()
	s, err := Source{}.Open(context.Background(), sampler.Target{Kind: sampler.KindProcess, PID: pid})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s.(*session)
}

// BenchmarkReadOne is one reading of one process without PSS; the descendants are looked for in every reading, as they
// are at one reading a second.
func BenchmarkReadOne(b *testing.B) {
	s := watch(b, sleeper(b))
	s.rollupBudget.share, s.tree.budget.share = 0, 1e9
	var snap sampler.Snapshot
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Read(context.Background(), &snap); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadPSS adds smaps_rollup, on a small process.
func BenchmarkReadPSS(b *testing.B) {
	s := watch(b, sleeper(b))
	s.rollupBudget.share, s.tree.budget.share = 1e9, 1e9
	var snap sampler.Snapshot
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Read(context.Background(), &snap); err != nil {
			b.Fatal(err)
		}
	}
}
