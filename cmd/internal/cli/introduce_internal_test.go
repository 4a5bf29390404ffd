package cli

import (
	"bytes"
	"errors"
	"strings"
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
