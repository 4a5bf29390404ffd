package agent

import (
	"bufio"
	"encoding/json"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// heaptop answers one checkpoint with the given lines, one for each line that it reads, and returns what it read.
func heaptop(t *testing.T, answers ...string) (path string, read <-chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	lines := make(chan string, len(answers)+1)
	go func() {
		defer close(lines)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for _, answer := range answers {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			lines <- line
			conn.Write([]byte(answer))
		}
	}()
	return path, lines
}

func TestCheckpointCollectsAndTellsTheLiveHeap(t *testing.T) {
	ballast := make([]byte, 32<<20)
	garbage := make([]byte, 64<<20)
	garbage[0] = 1
	path, read := heaptop(t, `{"collect":true}`+"\n", `{"done":true}`+"\n")
	if err := checkpoint(path, "indexed", time.Minute); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(ballast)
	var hello struct {
		Checkpoint string
		PID        int
	}
	if err := json.Unmarshal([]byte(<-read), &hello); err != nil || hello.Checkpoint != "indexed" || hello.PID == 0 {
		t.Errorf("it began with %+v, %v", hello, err)
	}
	var said struct{ Samples map[string]float64 }
	if err := json.Unmarshal([]byte(<-read), &said); err != nil {
		t.Fatal(err)
	}
	if live := said.Samples["/gc/heap/live:bytes"]; live < 32<<20 || live > 48<<20 {
		t.Errorf("live heap %.0f bytes, want the ballast of 32 MiB and not the garbage of 64 MiB", live)
	}
	if said.Samples["/gc/cycles/forced:gc-cycles"] < 2 || said.Samples["/sched/goroutines:goroutines"] < 1 {
		t.Errorf("samples %v", said.Samples)
	}
}

func TestCheckpointReturnsWhateverHeaptopDoes(t *testing.T) {
	for _, c := range []struct{ name, answer, says string }{
		{"goes away", "", "EOF"},
		{"an error", `{"done":true,"error":"enough"}` + "\n", "enough"},
		{"no JSON", "hello\n", "invalid character"},
		{"without end", strings.Repeat("x", 2*maxAnswer), "buffer full"},
	} {
		path, _ := heaptop(t, c.answer)
		if err := checkpoint(path, "p", time.Minute); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	if err := checkpoint(filepath.Join(t.TempDir(), "none"), "p", time.Minute); err == nil {
		t.Error("nobody listens, and there is no error")
	}
	path := filepath.Join(t.TempDir(), "silent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := checkpoint(path, "p", 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("nobody answers: %v, want a timeout", err)
	}
}

func TestCheckpointUnmeasuredCostsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Checkpoint("indexed") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCheckpointUnmeasured(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Checkpoint("indexed")
	}
}
