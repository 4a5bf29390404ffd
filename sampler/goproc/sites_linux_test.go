package goproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestSites compares the allocation sites we read with the heap profile that the target makes of itself: every stack,
// with all four values.
func TestSites(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			if v.name == "race" && testing.Short() {
				t.Skip("the race runtime takes a minute to build")
			}
			c := startTarget(t, v)
			s := c.open(Options{})
			if strings.HasPrefix(v.name, "without pprof") {
				_, err := s.Sites(context.Background())
				if !errors.Is(err, sampler.ErrUnsupported) || !strings.Contains(err.Error(), "nothing in it asks runtime/pprof for a profile") {
					t.Errorf("Sites of a program without pprof: %v", err)
				}
				return
			}
			compareSites(t, c, s)
		})
	}
}

func compareSites(t *testing.T, c *child, s *Session) {
	t.Helper()
	for _, prepare := range []string{"", "gc", "leak 500", "gc"} {
		if prepare != "" {
			c.ask("%s", prepare)
		}
		eventually(t, "after "+prepare+", ours (+) and the target's (-)", func() string {
			p, err := s.Sites(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if err := p.CheckValid(); err != nil {
				t.Fatal(err)
			}
			own, err := profile.ParseData(c.ask("heap").Profile)
			if err != nil {
				t.Fatal(err)
			}
			if p.Period != own.Period {
				return fmt.Sprintf("period %d, want %d", p.Period, own.Period)
			}
			if len(stacks(p)) < 5 {
				t.Fatalf("only %d sites", len(stacks(p)))
			}
			return cmp.Diff(stacks(own), stacks(p))
		})
	}
}

// stacks sums the values of a profile by stack, as text.
func stacks(p *profile.Profile) map[string][4]int64 {
	out := map[string][4]int64{}
	for _, s := range p.Sample {
		var v [4]int64
		copy(v[:], s.Value)
		if v == [4]int64{} {
			continue
		}
		var b strings.Builder
		for _, l := range s.Location {
			for _, f := range l.Line {
				fmt.Fprintf(&b, "%s %s:%d;", f.Function.Name, f.Function.Filename, f.Line)
			}
		}
		sum := out[b.String()]
		for i := range v {
			sum[i] += v[i]
		}
		out[b.String()] = sum
	}
	return out
}

// TestRecentSites sees allocations that no endpoint publishes yet.
func TestRecentSites(t *testing.T) {
	c := startTarget(t, stripped(), "TARGET_RATE=1")
	s := c.open(Options{})
	c.ask("gogc -1")
	before := allocated(t, s, "main.leakSession")
	c.ask("leak 1000")
	if got := allocated(t, s, "main.leakSession") - before; got < 1000*1024 || got > 1000*8192 {
		t.Errorf("allocated since the last collection: %d bytes, want about 3 MB", got)
	}
	c.ask("gc")
	if got := allocated(t, s, "main.leakSession"); got != 0 {
		t.Errorf("allocated right after a collection: %d bytes, want 0", got)
	}
}

func allocated(t *testing.T, s *Session, function string) (bytes int64) {
	t.Helper()
	p, err := s.RecentSites(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for stack, v := range stacks(p) {
		if strings.Contains(stack, function+" ") {
			bytes += v[1]
		}
	}
	return bytes
}

func TestHeapProfileOpensInPprof(t *testing.T) {
	c := startTarget(t, stripped())
	p, err := c.open(Options{}).HeapProfile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "heap.pb.gz")
	if err := os.WriteFile(path, p.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command("go", "tool", "pprof", "-sample_index=inuse_space", "-top", path)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("go tool pprof: %v\n%s", err, out.Bytes())
	}
	for _, want := range []string{"Type: inuse_space", "main.leakSession", "main.makeBuf (inline)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("go tool pprof does not show %q:\n%s", want, out.Bytes())
		}
	}
}

// TestSitesUnderChurn reads the sites of a target that collects all the time. What the runtime publishes only grows, and
// no site frees more than it allocated; a torn reading would break that.
func TestSitesUnderChurn(t *testing.T) {
	c := startTarget(t, stripped(), "TARGET_RATE=512")
	s := c.open(Options{})
	c.ask("gogc 5")
	c.ask("churn 2")
	if _, err := s.Sites(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := map[uint64]counts{}
	cycles, read := map[uint32]bool{}, 0
	for deadline := time.Now().Add(5 * time.Second); len(cycles) < 100 && time.Now().Before(deadline); {
		err := s.sites.read(t.Context())
		if errors.Is(err, sampler.ErrBudget) {
			continue // it collected during every attempt
		}
		if err != nil {
			t.Fatal(err)
		}
		read++
		cycles[s.sites.cycle>>1] = true
		for i := range s.sites.buckets {
			b := &s.sites.buckets[i]
			now, then := s.sites.published(b), before[b.addr]
			if now.allocs < then.allocs || now.frees < then.frees || now.allocBytes < then.allocBytes || now.frees > now.allocs {
				t.Fatalf("reading %d: site %#x went from %+v to %+v", read, b.addr, then, now)
			}
			before[b.addr] = now
		}
	}
	if len(cycles) < 10 || read < 100 {
		t.Errorf("only %d readings in %d cycles: the target was too quiet or too busy", read, len(cycles))
	}
	t.Logf("%d readings in %d cycles", read, len(cycles))
}
