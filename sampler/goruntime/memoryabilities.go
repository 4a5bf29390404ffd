package goruntime

import (
	"context"
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
)

// notWritten says what else than writing into the process would force a collection in it, and what would permit that.
type notWritten struct{ pid int }

func (n notWritten) Error() string {
	return fmt.Sprintf("it takes an agent or pprof endpoint in the program, or --allow-write: that writes 8 bytes into process %d", n.pid)
}

// Unwrap makes errors.Is tell both: nothing at hand can, and what could was not permitted.
func (notWritten) Unwrap() []error { return []error{sampler.ErrUnsupported, sampler.ErrPermission} }

var (
	_ sampler.WalkChecker      = (*session)(nil)
	_ sampler.CollectConfirmer = (*session)(nil)
	_ sampler.ProfileSwitcher  = (*session)(nil)
)

// CanWalk says whether there is memory to walk, and if not, why the process's memory is not read.
func (j *session) CanWalk() error {
	const what = "tell who holds an object"
	if _, ok := j.memory.(sampler.HeapWalker); !ok {
		return j.onlyMemory(what)
	}
	if c, ok := j.memory.(sampler.WalkChecker); ok {
		return c.CanWalk()
	}
	return nil
}

// ConfirmCollect says what Collect would write. An agent and an endpoint are there to be asked: nothing is written.
func (j *session) ConfirmCollect() string {
	if c, ok := j.memory.(sampler.CollectConfirmer); ok && j.agent == nil && j.endpoint == nil {
		return c.ConfirmCollect()
	}
	return ""
}

// recorder returns what can make the program record its allocation sites.
func (j *session) recorder() (sampler.ProfileSwitcher, error) {
	if r, ok := j.memory.(sampler.ProfileSwitcher); ok {
		return r, nil
	}
	return nil, j.onlyMemory("record allocation sites")
}

// CanRecordSites asks memory, which alone can write into the program.
func (j *session) CanRecordSites() error {
	r, err := j.recorder()
	if err != nil {
		return err
	}
	return r.CanRecordSites()
}

// ConfirmRecordSites says what RecordSites would write.
func (j *session) ConfirmRecordSites() string {
	r, err := j.recorder()
	if err != nil {
		return ""
	}
	return r.ConfirmRecordSites()
}

// RecordSites asks memory.
func (j *session) RecordSites(ctx context.Context) error {
	r, err := j.recorder()
	if err != nil {
		return err
	}
	return r.RecordSites(ctx)
}
