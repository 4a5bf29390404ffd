package scenario_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/agent"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

func TestTableIsComplete(t *testing.T) {
	all := scenario.All()
	if len(all) == 0 || all[0].Name != "demo" {
		t.Fatalf("the demonstration is not first: %+v", all)
	}
	seen := map[string]bool{}
	for _, s := range all {
		if s.Name == "" || s.Serve == nil && s.New == nil || !strings.HasSuffix(s.Summary, ".") || seen[s.Name] {
			t.Errorf("%q is incomplete or there twice", s.Name)
		}
		seen[s.Name] = true
		if found, ok := scenario.Find(s.Name); !ok || found.Name != s.Name {
			t.Errorf("%q is not found", s.Name)
		}
	}
	if _, ok := scenario.Find("nothing"); ok {
		t.Error("a scenario named nothing is found")
	}
}

func TestDemoListensWithTheAgent(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	demo, _ := scenario.Find("demo")
	done := make(chan error, 1)
	go func() { done <- demo.Serve(ctx, &bytes.Buffer{}) }()
	socket := agent.SocketPath(os.Getpid())
	for {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("no agent at %s", socket)
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(socket); err == nil {
		t.Error("the agent's socket is left behind")
	}
}
