package demo

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"time"
)

// serve answers n requests of a fresh shop, one after the other.
func serve(seed uint64, n int) *Server {
	s := NewServer(seed)
	s.sessions = &Sessions{}
	for range n {
		s.Serve(s.next())
	}
	return s
}

func TestSameSeedSameShop(t *testing.T) {
	a, b, other := serve(7, 3000), serve(7, 3000), serve(8, 3000)
	entriesA, bytesA := a.pages.Size()
	entriesB, bytesB := b.pages.Size()
	if entriesA != entriesB || bytesA != bytesB || a.sessions.Len() != b.sessions.Len() {
		t.Errorf("the same seed: %d pages and %d sessions, then %d and %d", entriesA, a.sessions.Len(), entriesB, b.sessions.Len())
	}
	if entriesO, _ := other.pages.Size(); entriesO == entriesA && other.sessions.Len() == a.sessions.Len() {
		t.Error("another seed makes the same shop")
	}
}

func TestCacheFillsAndStays(t *testing.T) {
	c := NewCache(10 * 100)
	for i := range 50 {
		c.Add(string(rune('a'+i)), make([]byte, 100))
		want := min(i+1, 10)
		if n, size := c.Size(); n != want || size != want*100 {
			t.Fatalf("after %d pages: %d pages of %d bytes, want %d", i+1, n, size, want)
		}
	}
	if _, ok := c.Get("a"); ok {
		t.Error("the page used longest ago is still there")
	}
	if _, ok := c.Get(string(rune('a' + 49))); !ok {
		t.Error("the newest page is gone")
	}
}

func TestSessionsLeakAtASteadyRate(t *testing.T) {
	half, all := serve(1, 3000).sessions.Len(), serve(1, 6000).sessions.Len()
	grown := all - half
	if grown < 400 || grown > 600 { // every sixth of 3,000
		t.Errorf("3,000 requests left %d sessions behind, want about 500", grown)
	}
}

func TestMemoryIsWhatTheDemoPromises(t *testing.T) {
	s := serve(1, 6000)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if mb := float64(m.HeapAlloc) / 1e6; mb < 25 || mb > 60 {
		t.Errorf("the shop holds %.1f MB after 6,000 requests, want 25 to 60", mb)
	}
	runtime.KeepAlive(s)
}

func TestArrivalsHaveARush(t *testing.T) {
	if quiet, rush := arrivals(5*time.Second), arrivals(rushEvery-time.Second); rush <= 2*quiet || quiet < 1 {
		t.Errorf("arrivals %d and in the rush %d", quiet, rush)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	if err := Run(ctx, &out, 1); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "shop: catalogue loaded") || !strings.HasSuffix(got, "shop: closed\n") {
		t.Errorf("output %q", got)
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
