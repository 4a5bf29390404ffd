package capture

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

const childVariable = "HEAPTOP_TEST_RECORD"

// TestRecordingChild records ten readings a second, as a process of its own, until it is killed. It prints the time of each.
func TestRecordingChild(t *testing.T) {
	path := os.Getenv(childVariable)
	if path == "" {
		t.Skip("it is the child of another test")
	}
	r, err := Create(path, RecorderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := samplertest.New(samplertest.Options{Now: time.Now, Start: time.Now().Add(-time.Minute)})
	for range time.Tick(100 * time.Millisecond) {
		var s sampler.Snapshot
		if err := f.Read(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		r.Event(sampler.Event{Snapshot: s.Clone(), Info: f.Describe()})
		if err := Take(t.Context(), f, s.Time, r); err != nil {
			t.Fatal(err)
		}
		fmt.Println(s.Time.UnixNano())
	}
}

func TestAKilledRecorderLosesFiveSecondsAtMost(t *testing.T) {
	samplertest.NotUnderRace(t)
	if testing.Short() {
		t.Skip("it takes seven seconds")
	}
	path := filepath.Join(t.TempDir(), "a.heaprec")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRecordingChild$", "-test.timeout=1m")
	child.Env = append(os.Environ(), childVariable+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = child.Process.Kill(), child.Wait() }()
	var first, last int64
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); n++ {
		if last, err = strconv.ParseInt(lines.Text(), 10, 64); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		if first == 0 {
			first = last
		}
		if time.Duration(last-first) > 7*time.Second {
			break
		}
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if n < 20 {
		t.Fatalf("the child made %d readings", n)
	}
	_ = child.Wait() // killed
	r := open(t, path)
	from, to := r.Span()
	if from.UnixNano() != first || last-to.UnixNano() > int64(5*time.Second) {
		t.Errorf("recorded from %v to %v, but the child read from %v to %v", from, to, time.Unix(0, first), time.Unix(0, last))
	}
	if _, err := r.HeapAt(to); err != nil {
		t.Error(err)
	}
	if at, ok := r.Ended(); ok || r.Gone() != nil {
		t.Errorf("it says that it was ended at %v", at)
	}
	for m, err := range r.All() {
		if err != nil || m.Snapshot == nil {
			t.Fatalf("%v, %v", m, err)
		}
	}
}

// tiny mounts a file system of that many bytes.
func tiny(t *testing.T, size int, flags uintptr) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("heaptop-test", dir, "tmpfs", flags, fmt.Sprintf("size=%d", size))
	if err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestAFullDiskLosesNothingThatWasWritten(t *testing.T) {
	samplertest.NotUnderRace(t)
	dir := tiny(t, 8<<20, 0)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 8<<20-64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.heaprec")
	o := fast()
	o.Flush = 2 * time.Millisecond
	r, err := Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, 2000, r)
	eventually(t, func() bool { return errors.Is(r.Status().Err, syscall.ENOSPC) })
	s := r.Status()
	moments, _, _, err := readAll(fileOf(t, path))
	if err != nil || moments != s.Readings || moments == 0 || moments >= len(w.samples) {
		t.Errorf("while the disk is full, %d of %d readings are there, %d written: %v", moments, len(w.samples), s.Readings, err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return r.Status().Err == nil })
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	moments, _, cut, err := readAll(fileOf(t, path))
	if err != nil || moments != len(w.samples) || cut != 0 || r.Status().Dropped != 0 {
		t.Errorf("with room again, %d of %d readings are there, cut %d, %d dropped: %v", moments, len(w.samples), cut, r.Status().Dropped, err)
	}
}

func TestADiskThatIsFullFromTheBeginning(t *testing.T) {
	dir := tiny(t, 4096, 0)
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.heaprec")
	if _, err := Create(path, RecorderOptions{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty file is left: %v", err)
	}
	m := NewMemory(MemoryOptions{})
	watch(t, 20, m)
	if _, err := m.WriteBlackBox(dir, "", BlackBoxOptions{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a black box on a full disk: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the folder holds %v", left)
	}
}

func TestAFolderThatCannotBeWrittenTo(t *testing.T) {
	dir := tiny(t, 4096, syscall.MS_RDONLY)
	if _, err := Create(filepath.Join(dir, "a.heaprec"), RecorderOptions{}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("on a file system for reading only: %v", err)
	}
}
