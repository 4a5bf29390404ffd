package tab

import (
	"errors"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// Without the right to look into a process nobody can say that it is not a Go program.
func TestWhatCannotBeLookedIntoMayBeAGoProgram(t *testing.T) {
	denied := errors.New("read the memory of process 7: permission denied: it runs as user 0")
	for _, c := range []struct {
		opaque bool
		shown  map[string]string
	}{
		{true, map[string]string{"memory": "permission denied: it runs as user 0", "gc": "whether api is a Go program cannot be read"}},
		{false, map[string]string{"memory": "is not a Go program, as far as can be told", "gc": "is not a Go program, as far as can be told"}},
	} {
		for name, screen := range map[string]Screen{"memory": NewMemory(), "gc": NewGC()} {
			d := newDesk(t, screen, samplertest.Options{Plain: true}, samplertest.ListerOptions{})
			s := &sampler.Snapshot{Time: samplertest.DefaultStart()}
			s.Add(sampler.ProcessRSS, 5e6)
			d.st.Hear(s.Time, sampler.Event{Snapshot: s, Info: sampler.Info{Name: "api", PID: 7, Source: "proc", Opaque: c.opaque}})
			d.st.SetHeap(nil, nil, denied)
			d.send(Heard{NewsSnapshot})
			d.send(Heard{NewsHeap})
			d.mustShow(c.shown[name])
			if c.opaque {
				if out := d.view(120, 33); strings.Contains(out, "is not a Go program") {
					t.Errorf("%s says it is none:\n%s", name, out)
				}
			}
		}
	}
}
