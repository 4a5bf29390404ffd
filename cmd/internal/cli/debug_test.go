package cli_test

import (
	"path/filepath"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// writeSnapshots writes a snapshot with a heap profile and one without, and a recording of two minutes, for scripts.
func writeSnapshots(t *testing.T) map[string]string {
	t.Helper()
	f := samplertest.New(samplertest.Options{})
	var reading sampler.Snapshot
	for range 60 {
		if err := f.Read(t.Context(), &reading); err != nil {
			t.Fatal(err)
		}
	}
	heap, err := f.HeapProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{"SNAPSHOT": filepath.Join(dir, "server.heapsnap"), "NOHEAP": filepath.Join(dir, "bare.heapsnap")}
	for name, path := range files {
		s := &capture.Snapshot{Info: f.Describe(), Sample: &reading}
		if name == "SNAPSHOT" {
			s.Heap = &heap
		}
		if err := capture.Write(path, s); err != nil {
			t.Fatal(err)
		}
	}
	files["RECORDING"] = writeRecording(t, filepath.Join(dir, "server.heaprec"))
	return files
}

// writeRecording records two minutes of a made-up server, a profile every ten seconds.
func writeRecording(t *testing.T, path string) string {
	t.Helper()
	f := samplertest.New(samplertest.Options{})
	r, err := capture.Create(path, capture.RecorderOptions{Info: f.Describe()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 121 {
		var reading sampler.Snapshot
		if err := f.Read(t.Context(), &reading); err != nil {
			t.Fatal(err)
		}
		r.Event(sampler.Event{Snapshot: &reading, Info: f.Describe()})
		if i%10 != 0 {
			continue
		}
		heap, err := f.HeapProfile(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		goroutines, err := f.Goroutines(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		maps, err := f.Mappings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.Heap(heap)
		r.Goroutines(goroutines)
		r.Mappings(maps)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
