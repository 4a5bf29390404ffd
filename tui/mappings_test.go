package tui

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// frugal is a session whose mappings somebody else has just read.
type frugal struct {
	*samplertest.Fake
	putOff int
	asked  int
}

func (f *frugal) Mappings(ctx context.Context) (sampler.Mappings, error) {
	if f.asked++; f.asked <= f.putOff {
		return sampler.Mappings{}, fmt.Errorf("read smaps: %w", sampler.ErrBudget)
	}
	return f.Fake.Mappings(ctx)
}

func TestMappingsThatWerePutOffAreAskedForSoon(t *testing.T) {
	w := newFakeWatch(samplertest.Options{})
	f := &frugal{Fake: w.Fake, putOff: 1}
	w.session = f
	h := newHarness(t, theme.Plain(), w)
	h.resize(120, 36)
	h.read(1)
	if h.m.st.Live().Mappings != nil || f.asked != 1 {
		t.Fatalf("asked %d times at once", f.asked)
	}
	h.wait(time.Second)
	if f.asked != 1 {
		t.Errorf("asked again after 1 s")
	}
	h.wait(time.Second)
	if h.m.st.Live().Mappings == nil {
		t.Errorf("no mappings after 2 s; asked %d times", f.asked)
	}
	h.wait(5 * time.Second)
	if f.asked != 2 {
		t.Errorf("asked %d times, though the last reading is 5 s old", f.asked)
	}
}
