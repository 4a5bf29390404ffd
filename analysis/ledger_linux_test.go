package analysis_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/alloc-dev/heaptop/sampler"
)

// self reads this process with means of its own: status and smaps of the kernel, runtime/metrics of the runtime. in tells
// which addresses are the Go heap's.
func self(t *testing.T, in func(begin, end uintptr) bool) (*sampler.Snapshot, *sampler.Mappings) {
	t.Helper()
	s := &sampler.Snapshot{Time: time.Now()}
	maps := readSmaps(t, in)
	var list []metrics.Sample
	for _, d := range metrics.All() {
		if strings.HasPrefix(d.Name, "/memory/classes/") || d.Name == string(sampler.GoHeapLive) || d.Name == string(sampler.GoCyclesTotal) {
			list = append(list, metrics.Sample{Name: d.Name})
		}
	}
	metrics.Read(list)
	for _, m := range list {
		s.Add(sampler.Metric(m.Name), float64(m.Value.Uint64()))
	}
	for line := range lines(t, "/proc/self/status") {
		name, value, _ := strings.Cut(line, ":")
		metric, wanted := map[string]sampler.Metric{"VmRSS": sampler.ProcessRSS, "RssAnon": sampler.ProcessAnon, "RssFile": sampler.ProcessFile,
			"RssShmem": sampler.ProcessShmem, "VmSwap": sampler.ProcessSwap}[name]
		var kib float64
		if _, err := fmt.Sscan(value, &kib); wanted && err == nil {
			s.Add(metric, kib*1024)
		}
	}
	return s, maps
}

func lines(t *testing.T, path string) func(func(string) bool) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	return func(yield func(string) bool) {
		for in := bufio.NewScanner(strings.NewReader(string(data))); in.Scan(); {
			if !yield(in.Text()) {
				return
			}
		}
	}
}

func readSmaps(t *testing.T, in func(begin, end uintptr) bool) *sampler.Mappings {
	t.Helper()
	maps := &sampler.Mappings{Time: time.Now()}
	for line := range lines(t, "/proc/self/smaps") {
		var begin, end uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &begin, &end); n == 2 {
			m := sampler.Mapping{Go: in(begin, end), Size: float64(end - begin)}
			if fields := strings.Fields(line); len(fields) > 5 {
				m.Name = fields[5]
			}
			maps.List = append(maps.List, m)
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		var kib float64
		if _, err := fmt.Sscan(value, &kib); err != nil {
			continue
		}
		m := &maps.List[len(maps.List)-1]
		switch name {
		case "Rss":
			m.RSS += kib * 1024
		case "Anonymous":
			m.Anon += kib * 1024
		}
	}
	return maps
}

// A real process with a known amount of live heap, free heap and native memory: each must be found where it is.
func TestLedgerOfThisProcess(t *testing.T) {
	const live, native = 48 << 20, 40 << 20
	held := make([]byte, live)
	fill(held)
	debug.FreeOSMemory()
	arena := uintptr(unsafe.Pointer(&held[0])) >> 36 // the heap's arenas follow each other
	inHeap := func(begin, end uintptr) bool { return begin>>36 == arena }
	s, maps := self(t, inHeap)
	before := megabytes(ledger(t, s, maps))["native"] * mb // the race detector has native memory of its own
	outside, err := syscall.Mmap(-1, 0, native, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(outside); err != nil {
			t.Error(err)
		}
	})
	fill(outside)
	debug.FreeOSMemory()
	s, maps = self(t, inHeap)
	l := ledger(t, s, maps)
	runtime.KeepAlive(held)
	for _, r := range l.Rows {
		t.Logf("%-16s %6.2f MB  %s", r.Name, r.Bytes/mb, r.Note)
	}
	t.Log(l.Sentence, l.Warnings)
	rows := map[string]float64{}
	for _, r := range l.Rows {
		rows[r.Key] = r.Bytes
	}
	near(t, "live heap", rows["heap_live"], live, 4<<20)
	near(t, "native", rows["native"]-before, native, 4<<20)
	if rows["unexplained"] > 0.03*l.Total {
		t.Errorf("%.1f%% are unexplained", 100*rows["unexplained"]/l.Total)
	}
	plain := ledger(t, s, nil)
	for _, r := range plain.Rows {
		if r.Key == "native" || r.Key == "unexplained" && r.Bytes < native/2 {
			t.Errorf("without the address space: %+v, want the native memory unexplained", r)
		}
	}
	rss, _ := s.Get(sampler.ProcessRSS)
	if l.Total != rss || plain.Total != rss {
		t.Errorf("totals %v and %v, RSS %v", l.Total, plain.Total, rss)
	}
}

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if math.Abs(got-want) > by {
		t.Errorf("%s = %.1f MB, want %.1f ± %.1f", what, got/mb, want/mb, by/mb)
	}
}

func fill(b []byte) {
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
}
