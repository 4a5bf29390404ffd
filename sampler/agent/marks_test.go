package agent

import (
	"bufio"
	"encoding/json"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hear listens and returns the lines that come, each on a connection of its own which is then closed.
func hear(t *testing.T) (path string, lines <-chan string) {
	t.Helper()
	path = filepath.Join(shortDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heard := make(chan string, 16)
	go func() {
		defer close(heard)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err == nil {
				heard <- line
			}
			conn.Close()
		}
	}()
	return path, heard
}

func TestMarksAreTold(t *testing.T) {
	path, lines := hear(t)
	before := time.Now().UnixNano()
	tellPhase(path, "work"+strings.Repeat("x", 1000))
	tell(path, mark{Sessions: 12})
	var phase, sessions map[string]any
	for _, to := range []*map[string]any{&phase, &sessions} {
		if err := json.Unmarshal([]byte(<-lines), to); err != nil {
			t.Fatal(err)
		}
	}
	if text, ok := phase["phase"].(string); !ok || !strings.HasPrefix(text, "workx") || len(text) != 400 {
		t.Errorf("phase %v", phase["phase"])
	}
	if at, ok := phase["at"].(float64); !ok || at < float64(before)-1e6 || phase["pid"] == nil || phase["sessions"] != nil {
		t.Errorf("phase %v", phase)
	}
	if sessions["sessions"] != 12.0 || sessions["phase"] != nil {
		t.Errorf("sessions %v", sessions)
	}
}

// A heaptop that hears and never ends the connection, and one that is gone, hold nobody up for long.
func TestMarksDoNotHoldTheProgram(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	tell(path, mark{Sessions: 1})
	if took := time.Since(began); took < markLimit || took > 30*markLimit {
		t.Errorf("it waited for %s, want the limit", took)
	}
	l.Close()
	began = time.Now()
	tell(path, mark{Sessions: 1})
	if took := time.Since(began); took > 30*markLimit {
		t.Errorf("it waited for %s for nobody", took)
	}
}

func TestMarksCostNothingUnmeasured(t *testing.T) {
	if checkpointPath() != "" {
		t.Skip("this test is itself measured by heaptop")
	}
	if n := testing.AllocsPerRun(100, func() {
		Phase("work")
		Sessions(3)
		Worked(1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOperationsAreAnswered(t *testing.T) {
	_, c := open(t)
	Worked(0)
	Worked(-1)
	before, known := readReply(t, c, "").Samples[OperationsMetric]
	if counting.Load() != known {
		t.Errorf("operations are there: %v, although Worked was called: %v", known, counting.Load())
	}
	Worked(41)
	Worked(1)
	if after := readReply(t, c, "").Samples[OperationsMetric]; after-before != 42 {
		t.Errorf("%v operations more, want 42", after-before)
	}
}

func BenchmarkWorked(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Worked(1)
	}
}

func BenchmarkPhaseUnmeasured(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Phase("work")
	}
}
