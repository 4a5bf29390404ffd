package portable_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/proc/internal/portable"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// source gives Open the shape of a Source.
type source struct{}

func (source) Name() string { return "proc" }

func (source) Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	if t.Kind != sampler.KindProcess {
		return nil, sampler.ErrUnsupported
	}
	return portable.Open(ctx, t)
}

func TestContract(t *testing.T) {
	samplertest.Test(t, source{}, sampler.Target{Kind: sampler.KindProcess, PID: os.Getpid()})
}

func TestTheEndIsNoticed(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s, err := portable.Open(t.Context(), sampler.Target{Kind: sampler.KindProcess, PID: cmd.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	var snap sampler.Snapshot
	if err := s.Read(t.Context(), &snap); err != nil {
		t.Fatal(err)
	}
	if v, ok := snap.Get(sampler.ProcessRSS); !ok || v <= 0 {
		t.Errorf("RSS %v, %v", v, ok)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := s.Read(t.Context(), &snap)
		if errors.Is(err, sampler.ErrGone) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("20 s after the end: %v", err)
		}
	}
}

func TestFind(t *testing.T) {
	if _, err := portable.Find(t.Context(), "no such program"); !errors.Is(err, sampler.ErrNotFound) {
		t.Errorf("Find: %v", err)
	}
}
