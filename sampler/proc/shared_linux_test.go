package proc

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// What a cgroup counts is the target's own where the reader is neither in it nor below it.
func TestWithinCgroupOf(t *testing.T) {
	const slice, scope = "0::/system.slice", "/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"
	const v1 = "4:memory:/process_api"
	for _, c := range []struct {
		fixture   string
		pid       int
		self      string
		shared    bool
		unlimited bool // the target's cgroup has no accounting of its own
	}{
		{"docker-v2.txtar", 4242, slice + scope, true, false},
		{"docker-v2.txtar", 4242, slice + scope + "/below", true, false},
		{"docker-v2.txtar", 4242, slice + "/ssh.service", false, false},
		{"docker-v2.txtar", 4242, slice, false, false},
		{"docker-v2.txtar", 4242, slice + scope + "x", false, false},
		{"docker-v2.txtar", 4242, "0::/", false, false}, // the root of version 2 counts no memory
		{"docker-v2.txtar", 4242, "0::/../elsewhere", false, false},
		{"docker-v2.txtar", 4242, slice + "/ssh.service", true, true}, // the slice counts for both
		{"hybrid-v1.txtar", 12213, v1 + "/7939319af647847f61c679d5c416034a", true, false},
		{"hybrid-v1.txtar", 12213, v1, false, false},
		{"hybrid-v1.txtar", 12213, v1 + "/another", false, false},
	} {
		o := fixture(t, c.fixture)
		write(t, filepath.Join(o.Root, "self", "cgroup"), c.self+"\n")
		if c.unlimited {
			if err := os.Remove(filepath.Join(o.CgroupRoot, "system.slice", scope, "memory.current")); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(o.CgroupRoot, "system.slice", "memory.current"), "1\n")
		}
		if shared, err := WithinCgroupOf(c.pid, o); shared != c.shared || err != nil {
			t.Errorf("%s, with the reader in %s: %v, %v, want %v", c.fixture, c.self, shared, err, c.shared)
		}
	}
}

// Whether a process that is not there, or cannot be seen, has a cgroup of its own is not known.
func TestWithinCgroupOfTheUnknown(t *testing.T) {
	if _, err := WithinCgroupOf(1<<22, Options{}); !errors.Is(err, sampler.ErrNotFound) {
		t.Errorf("no such process: %v", err)
	}
	o := fixture(t, "docker-v2.txtar")
	if _, err := WithinCgroupOf(4242, o); err == nil {
		t.Error("the reader's own cgroup cannot be read, and is known all the same")
	}
	write(t, filepath.Join(o.Root, "4242", "cgroup"), "0::/../outside\n")
	if _, err := WithinCgroupOf(4242, o); err == nil {
		t.Error("a cgroup outside the namespace is known")
	}
}

// A process shares its cgroup with itself, where the running system counts memory at all.
func TestWithinItsOwnCgroup(t *testing.T) {
	s := openFixture(t, Options{}, os.Getpid())
	got, _ := readAllSamples(t, s)
	shared, err := WithinCgroupOf(os.Getpid(), Options{})
	if _, counted := got[sampler.CgroupCurrent]; counted != (err == nil) || shared != counted {
		t.Errorf("a session has figures of the cgroup: %v; it is shared: %v, %v", counted, shared, err)
	}
}
