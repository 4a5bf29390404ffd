package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

func TestANameOfSeveralLinesIsIntroducedInOne(t *testing.T) {
	var out bytes.Buffer
	o := &live{env: &environment{Streams: Streams{Err: &out}}}
	o.introduce(sampler.Info{Name: "ev\n\x1b[2Jil\x07", PID: 7, Source: "proc"})
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "watching ev␊il␇ 7: read from proc") {
		t.Errorf("%q", got)
	}
}

func TestAMissingRightIsSaidOnce(t *testing.T) {
	var out bytes.Buffer
	conclude(&out, fmt.Errorf("connect to x.sock: %w (%w)", syscall.EACCES, sampler.ErrPermission))
	want := "heaptop: connect to x.sock: permission denied\n  " + permissionHint(sampler.ErrPermission, os.Geteuid()) + "\nheaptop: exit 2: could not measure\n"
	if runtime.GOOS == "linux" && out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	out.Reset()
	conclude(&out, fmt.Errorf("read 7: dumpable is 0 (%w)", sampler.ErrPermission))
	if !strings.HasPrefix(out.String(), "heaptop: read 7: dumpable is 0 (permission denied)\n") {
		t.Errorf("%q", out.String())
	}
}

func TestRootIsNotAdvisedToBecomeRoot(t *testing.T) {
	if hint := permissionHint(sampler.ErrPermission, 1000); hint != "run heaptop as the user of that process, or as root" {
		t.Error(hint)
	}
	if hint := permissionHint(sampler.ErrPermission, 0); strings.Contains(hint, "as root") || !strings.Contains(hint, "--cap-add SYS_PTRACE") {
		t.Error(hint)
	}
	said := fmt.Errorf("read 7: root lacks the right CAP_SYS_PTRACE here (%w)", sampler.ErrPermission)
	if hint := permissionHint(said, 0); hint != "" {
		t.Errorf("%q is said twice", hint)
	}
}

func TestWhatToDoAboutANameNobodyHas(t *testing.T) {
	for name, start := range map[string]string{
		"server": "heaptop -- ./server", "./bin/server": "heaptop -- ./bin/server", "/srv/api-1.2": "heaptop -- /srv/api-1.2",
		" ": "", "a b": "", "$(reboot)": "", "\x1b[31mred": "", "--": "",
	} {
		err := (&live{env: &environment{}, target: sampler.Target{Kind: sampler.KindName, Name: name}}).noSuchName(t.Context())
		hint := hintOf(err)
		if !errors.Is(err, sampler.ErrNotFound) || !strings.Contains(hint, "without a target") {
			t.Errorf("%q: %v, hint %q", name, err, hint)
		}
		if start == "" && strings.Contains(hint, "--") || !strings.HasSuffix(hint, start) {
			t.Errorf("%q: hint %q, want the command %q", name, hint, start)
		}
	}
}
