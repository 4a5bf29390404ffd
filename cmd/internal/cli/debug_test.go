package cli_test

import (
	"path/filepath"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// writeSnapshots writes a snapshot with a heap profile and one without, for scripts.
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
	return files
}
