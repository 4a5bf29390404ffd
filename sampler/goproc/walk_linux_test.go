package goproc

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// buildLeaky builds testdata/leaky once for each variant.
func buildLeaky(t testing.TB, v variant) string {
	t.Helper()
	builds.mu.Lock()
	defer builds.mu.Unlock()
	key := "leaky " + v.name
	if path, ok := builds.built[key]; ok {
		return path
	}
	path := filepath.Join(builds.dir, fmt.Sprintf("leaky%d", len(builds.built)))
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, v.args...), ".")...)
	cmd.Dir = "testdata/leaky"
	cmd.Env = append(append(os.Environ(), "GOFLAGS=", "GOWORK=off"), v.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build leaky (%s): %v\n%s", v.name, err, out)
	}
	builds.built[key] = path
	return path
}

// startLeaky starts it and waits until it has leaked.
func startLeaky(t testing.TB, v variant, env ...string) *child {
	t.Helper()
	cmd := exec.Command(buildLeaky(t, v))
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(c.stop)
	if line, err := c.out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("leaky says %q: %v", line, err)
	}
	return c
}

func walk(t testing.TB, s *Session, o sampler.WalkOptions) sampler.HeapWalk {
	t.Helper()
	out, err := s.Walk(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// show prints a walk as a person would want to read it.
func show(h *sampler.HeapWalk) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d objects, %d bytes reached, %.0f marked, %d read in %v; %d shared\n", h.Objects, h.Reached, h.Marked.Value, h.Read, h.Took.Round(time.Millisecond), h.Shared)
	for _, w := range h.Warnings {
		fmt.Fprintf(&b, "warning: %v\n", w)
	}
	for i, r := range h.Roots {
		if i < 10 {
			fmt.Fprintf(&b, "%10d  %s\n", r.Retained, r.HoldRoot)
		}
	}
	for _, s := range h.Sites {
		where := "?"
		if len(s.Stack) > 0 {
			where = fmt.Sprintf("%s:%d", s.Stack[0].Function, s.Stack[0].Line)
		}
		fmt.Fprintf(&b, "%s: %d samples, %d dead, %d objects, %d bytes\n", where, s.Samples, s.Dead, s.Objects, s.Bytes)
		for _, p := range s.Paths {
			fmt.Fprintf(&b, "    %d objects, %d bytes: %s\n", p.Objects, p.Bytes, held(&p))
		}
	}
	return b.String()
}

// held tells a path in one line.
func held(p *sampler.HoldPath) string {
	var parts []string
	for _, s := range p.Steps {
		parts = append(parts, s.Label)
	}
	root := p.Roots[0].String()
	if p.Function != "" {
		root += " in " + p.Function
	}
	parts = append(parts, root)
	line := strings.Join(parts, " <- ")
	for _, r := range p.Roots[1:] {
		line += "; also " + r.String()
	}
	if p.MoreRoots {
		line += "; and more"
	}
	return line
}

func TestWalkShow(t *testing.T) {
	for _, v := range []variant{normal(), stripped()} {
		t.Run(v.name, func(t *testing.T) {
			c := startLeaky(t, v)
			h := walk(t, c.open(Options{}), sampler.WalkOptions{})
			t.Log("\n" + show(&h))
		})
	}
}
