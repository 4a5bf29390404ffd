//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFilesInTheDashboard opens a recording and a snapshot as one opens a target.
func TestFilesInTheDashboard(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	recording, snapshot := filepath.Join(dir, "a.heaprec"), filepath.Join(dir, "a.heapsnap")
	for _, args := range [][]string{
		{"--format", "text", "--interval", "100ms", "--duration", "1", "--record", recording, "--demo"},
		{"snapshot", "--when", "rss>1MB", "--interval", "100ms", "-o", snapshot, "--", bin, "run-scenario", "demo"},
	} {
		if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	before, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	for path, name := range map[string]string{recording: "demo shop", snapshot: "heaptop"} {
		screen := on(t, nil, bin, path)
		screen.shows("1 Memory")
		screen.shows(name)
		screen.shows("RSS")
		screen.press("q")
		if code := screen.exits(); code != 0 {
			t.Errorf("%s: exit %d", path, code)
		}
		screen.restored()
	}
	after, err := os.ReadFile(recording)
	if err != nil || string(before) != string(after) {
		t.Errorf("the recording changed, %v", err)
	}
}

// TestRecordFromTheDashboard: what was watched on the screen is in the recording.
func TestRecordFromTheDashboard(t *testing.T) {
	bin, recording := heaptop(t), filepath.Join(t.TempDir(), "b.heaprec")
	screen := on(t, nil, bin, "--interval", "100ms", "--record", recording, "--demo")
	screen.shows("1 Memory")
	screen.shows("cost ") // of a reading: one was made, and so recorded
	screen.press("q")
	if code := screen.exits(); code != 0 {
		t.Errorf("exit %d", code)
	}
	screen.shows("into " + recording)
	out, err := exec.Command(bin, "replay", "--format", "json", recording).CombinedOutput()
	if err != nil || len(out) == 0 {
		t.Errorf("replay: %v\n%s", err, out)
	}
}
