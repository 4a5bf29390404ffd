//go:build unix

package redis

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestSlow reads a server that is stopped for a while: that is an error, within the time that the reading was given, and not
// the server's end.
func TestSlow(t *testing.T) {
	s := start(t)
	j := open(t, Options{}, s.target())
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	var snap sampler.Snapshot
	if err := j.Read(ctx, &snap); err == nil || errors.Is(err, sampler.ErrGone) {
		t.Errorf("a server that is stopped: %v", err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); j.Read(t.Context(), &snap) != nil; {
		if time.Now().After(deadline) {
			t.Fatal("it is never read again")
		}
	}
}
