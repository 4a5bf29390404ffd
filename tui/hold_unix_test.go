//go:build unix

package tui

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// endless walks until nobody waits for it any more.
type endless struct {
	*samplertest.Fake
	ended chan struct{}
}

func (e endless) Walk(ctx context.Context, o sampler.WalkOptions) (sampler.HeapWalk, error) {
	defer close(e.ended)
	for i := 0; ctx.Err() == nil; i++ {
		o.Progress(sampler.WalkProgress{Stage: fmt.Sprintf("read objects, round %d", i), Part: float64(i%100) / 100})
		time.Sleep(time.Millisecond)
	}
	return sampler.HeapWalk{}, ctx.Err()
}

// On a terminal: the walk shows how far it is while keys go on working, and Esc ends it.
func TestAWalkUnderWayIsShownAndStopped(t *testing.T) {
	q := newQuietWatch(t, 3)
	e := endless{q.Fake, make(chan struct{})}
	q.session = e
	keyboard, screen, end := onTerminal(t, q)
	screen.waitFor(t, "cache.(*LRU).Add")
	send(t, keyboard, "w")
	screen.waitFor(t, "read objects, round")
	from := len(screen.String())
	screen.waitAfter(t, from, "nothing", "round") // it goes on
	send(t, keyboard, "esc")
	select {
	case <-e.ended:
	case <-time.After(20 * time.Second):
		t.Fatal("Esc did not end the walk in 20 s")
	}
	screen.waitFor(t, "walks the heap")
	send(t, keyboard, "q")
	if err := end(); err != nil {
		t.Error(err)
	}
	if out := screen.String(); strings.Contains(out, "context canceled") {
		t.Error("a walk that the person stopped is told as an error")
	}
}
