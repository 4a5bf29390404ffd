package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

const collecting = `package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	for i := range 5 {
		runtime.GC()
		fmt.Fprintln(os.Stderr, "line", i, os.Getenv("GODEBUG"))
	}
	time.Sleep(time.Second) // the runtime writes its last line while main goes on
}
`

func TestTraceIsAddedWhereMemoryCannotBeRead(t *testing.T) {
	samplertest.Tool(t, "go")
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "collecting")
	if err := os.WriteFile(source, []byte(collecting), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, readable := range []bool{false, true} {
		var out bytes.Buffer
		o := &live{format: "text", env: &environment{Streams: Streams{
			Err: &out, Getenv: func(string) string { return "madvdontneed=1" },
		}}}
		b := newBackend(o)
		b.readable = func(string) bool { return readable }
		if err := b.start([]string{program}); err != nil {
			t.Fatal(err)
		}
		<-b.command.Done()
		if got := strings.Count(out.String(), "\n"); got != 5 || strings.Contains(out.String(), "gc 1 @") {
			t.Errorf("readable %v: %d lines, want the program's 5:\n%s", readable, got, out.String())
		}
		var cycles []sampler.GCCycle
		if b.trace != nil {
			cycles = b.trace.Cycles()
		}
		if readable {
			if len(cycles) != 0 || strings.Contains(out.String(), "gctrace") {
				t.Errorf("the program was told to trace though its memory can be read:\n%s", out.String())
			}
			continue
		}
		if len(cycles) < 5 || !strings.Contains(out.String(), "madvdontneed=1,gctrace=1") {
			t.Errorf("%d cycles, want 5 or more, with the user's own settings kept:\n%s", len(cycles), out.String())
		}
	}
}

func TestTraceIsForGoProgramsAlone(t *testing.T) {
	never := func(string) bool { return false }
	if wantsTrace("sh", never) || wantsTrace("no-such-command-anywhere", never) {
		t.Error("a shell is told to trace")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !wantsTrace(self, never) || wantsTrace(self, func(string) bool { return true }) {
		t.Error("a Go program whose memory cannot be read, and that alone, should trace")
	}
}
