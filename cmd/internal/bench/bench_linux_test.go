package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func TestSpreadTellsTheRange(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{[]float64{3e6}, "3.0ms"},
		{[]float64{9e6, 1e6, 3e6}, "3.0ms (1.0ms to 9.0ms)"},
		{[]float64{2e6, 2e6, 2e6}, "2.0ms"},
	} {
		if got := spread(c.values, duration); got != c.want {
			t.Errorf("%v: %q, want %q", c.values, got, c.want)
		}
	}
}

func TestWhatAProcessTakesIsTheKernels(t *testing.T) {
	cpu, err := cpuTime(os.Getpid())
	if err != nil || cpu < 0 {
		t.Errorf("CPU time %v, %v", cpu, err)
	}
	rss, err := resident(os.Getpid())
	if err != nil || rss < 1e6 || rss > 10e9 {
		t.Errorf("RSS %v, %v", rss, err)
	}
	if _, err := cpuTime(1 << 30); err == nil {
		t.Error("no such process, and no error")
	}
}

// TestQuick runs the whole command as a user does, with its smallest sizes.
func TestQuick(t *testing.T) {
	samplertest.Full(t)
	bin := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin, "-quick")
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &talk)
	}
	for _, s := range sections() {
		if !strings.Contains(string(out), "\n## "+s.title+"\n") {
			t.Errorf("no section %q in\n%s", s.title, out)
		}
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "| 0 B |") || strings.Contains(line, "NaN") {
			t.Errorf("a figure that was not measured: %s", line)
		}
	}
}
