package goruntime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// readOnly is the memory of a process that may be read and not be written to.
type readOnly struct{ *samplertest.Fake }

func (readOnly) CanCollect() error {
	return fmt.Errorf("it would write into the process's memory: %w", sampler.ErrPermission)
}

func TestWithoutWritingACollectionNeedsSomethingToAsk(t *testing.T) {
	j := &session{pid: 4242, memory: readOnly{samplertest.New(samplertest.Options{Asks: true})}}
	err := j.CanCollect()
	if !errors.Is(err, sampler.ErrPermission) || !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("CanCollect: %v, want an error that wraps both reasons", err)
	}
	for _, way := range []string{"an agent", "pprof endpoint", "--allow-write", "8 bytes into process 4242"} {
		if err == nil || !strings.Contains(err.Error(), way) {
			t.Errorf("CanCollect: %v, want it to name %s", err, way)
		}
	}
	if err := j.Collect(context.Background()); err == nil {
		t.Error("Collect wrote into a process that may only be read")
	}
}

func TestConsentIsAskedOnlyWhereMemoryIsWritten(t *testing.T) {
	j := &session{memory: samplertest.New(samplertest.Options{Asks: true})}
	if q := j.ConfirmCollect(); q == "" {
		t.Error("nothing is asked before the memory of the process is written to")
	}
	for name, asked := range map[string]*session{
		"agent":    {memory: j.memory, agent: &agentClient{}},
		"endpoint": {memory: j.memory, endpoint: &endpoint{}},
		"nothing":  {},
	} {
		if q := asked.ConfirmCollect(); q != "" {
			t.Errorf("with %s: %q is asked, though nothing is written", name, q)
		}
	}
}

func TestWhatOnlyMemoryCanDoSaysSoWithoutIt(t *testing.T) {
	j := &session{}
	if err := j.CanWalk(); !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("CanWalk: %v", err)
	}
	if err := j.CanRecordSites(); !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("CanRecordSites: %v", err)
	}
	if err := j.RecordSites(context.Background()); !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("RecordSites: %v", err)
	}
	if q := j.ConfirmRecordSites(); q != "" {
		t.Errorf("%q is asked for what cannot be done", q)
	}
	fake := samplertest.New(samplertest.Options{Asks: true, NoSites: true})
	j.memory = fake
	if err := errors.Join(j.CanWalk(), j.CanRecordSites(), j.RecordSites(context.Background())); err != nil {
		t.Error(err)
	}
	if _, err := fake.HeapProfile(context.Background()); err != nil {
		t.Errorf("the sites are not recorded: %v", err)
	}
}

// What the reason names already is not said again behind it.
func TestTheAgentIsAdvisedOnce(t *testing.T) {
	j := &session{pid: 42, memoryErr: fmt.Errorf("%w: it runs as user 1; import %s into it", sampler.ErrPermission, agentPackage)}
	_, err := j.HeapProfile(t.Context())
	if err == nil || strings.Count(err.Error(), agentPackage) != 1 || strings.Contains(err.Error(), "to enable it") {
		t.Errorf("%v", err)
	}
	j.memoryErr = errors.New("no symbols")
	if _, err = j.HeapProfile(t.Context()); err == nil || strings.Count(err.Error(), agentPackage) != 1 || !strings.Contains(err.Error(), "to enable it") {
		t.Errorf("%v", err)
	}
}

func TestRootIsNotAdvisedToBecomeRoot(t *testing.T) {
	if text := opaque(42, 0); strings.Contains(text, "as root") || !strings.Contains(text, "CAP_SYS_PTRACE") {
		t.Error(text)
	}
	if text := opaque(42, 1000); !strings.Contains(text, "as root") {
		t.Error(text)
	}
}
