package plugin_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/scenario/plugin"
)

func host(t *testing.T) *plugin.Host {
	t.Helper()
	h, err := plugin.NewHost()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func load(t *testing.T, h *plugin.Host, name, version string) *plugin.Plugin {
	t.Helper()
	p, err := h.Load(name, version)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func start(t *testing.T, h *plugin.Host, name string, handlers int) *plugin.Plugin {
	t.Helper()
	p := load(t, h, name, plugin.V100)
	if err := errors.Join(p.Init(handlers), p.Start()); err != nil {
		t.Fatal(err)
	}
	return p
}

func wantState(t *testing.T, p *plugin.Plugin, want plugin.State) {
	t.Helper()
	if got, err := p.State(); err != nil || got != want {
		t.Fatalf("the plugin is %s (%v), want %s", got, err, want)
	}
}

func TestModulesAreMadeOfTheirSource(t *testing.T) {
	wat2wasm := samplertest.Tool(t, "wat2wasm")
	source, err := os.ReadFile("plugin.wat")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{plugin.V100, plugin.V101} {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.wat"), filepath.Join(dir, "out.wasm")
		text := strings.Replace(string(source), `"1.0.0"`, `"`+version+`"`, 1)
		if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.CommandContext(t.Context(), wat2wasm, in, "-o", out).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		made, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile("plugin-" + version + ".wasm")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, kept) {
			t.Errorf("plugin-%s.wasm is not what plugin.wat makes: run go generate", version)
		}
	}
}

func TestLifeCycle(t *testing.T) {
	h := host(t)
	p := load(t, h, "one", plugin.V100)
	wantState(t, p, plugin.Loaded)
	if err := p.Start(); err == nil || !strings.Contains(err.Error(), `start plugin "one": it refuses, it is loaded`) {
		t.Errorf("it starts before it is initialised: %v", err)
	}
	if err := p.Init(65); err == nil {
		t.Error("it has more handlers than counters")
	}
	for _, stage := range []struct {
		enter func() error
		want  plugin.State
	}{{func() error { return p.Init(1) }, plugin.Initialised}, {p.Start, plugin.Started}, {p.Stop, plugin.Stopped}} {
		if err := stage.enter(); err != nil {
			t.Fatal(err)
		}
		wantState(t, p, stage.want)
	}
	if err := p.Start(); err == nil {
		t.Error("it starts again after it stopped")
	}
	if err := p.Unload(); err != nil {
		t.Fatal(err)
	}
	if h.Loaded() != 0 {
		t.Errorf("%d plugins are loaded after the last was unloaded", h.Loaded())
	}
	if _, err := p.Version(); err == nil {
		t.Error("an unloaded plugin answers")
	}
}

func TestReloadAnswersTheNewVersion(t *testing.T) {
	h := host(t)
	for _, version := range []string{plugin.V100, plugin.V101, plugin.V100} {
		p := load(t, h, "one", version)
		if got, err := p.Version(); err != nil || got != version {
			t.Errorf("version %q (%v), want %q", got, err, version)
		}
		if err := p.Unload(); err != nil {
			t.Fatal(err)
		}
	}
}

// Closing one plugin must not take the code of another of the same version.
func TestPluginsOfOneVersionLiveOnTheirOwn(t *testing.T) {
	h := host(t)
	first, second := load(t, h, "first", plugin.V100), load(t, h, "second", plugin.V100)
	if _, err := h.Load("first", plugin.V101); err == nil {
		t.Error("two plugins have one name")
	}
	if err := first.Unload(); err != nil {
		t.Fatal(err)
	}
	if err := second.Init(0); err != nil {
		t.Error(err)
	}
	third := load(t, h, "third", plugin.V100)
	wantState(t, third, plugin.Loaded)
	wantState(t, second, plugin.Initialised)
	for _, refused := range []struct{ name, version string }{{"fourth", "2.0.0"}, {strings.Repeat("n", 200), plugin.V100}} {
		if _, err := h.Load(refused.name, refused.version); err == nil {
			t.Errorf("version %q of a plugin with a name of %d bytes is loaded", refused.version, len(refused.name))
		}
	}
}

func TestEventsAreCountedInside(t *testing.T) {
	h := host(t)
	p := start(t, h, "counter", 3)
	for i := range 7 {
		if n, err := h.Dispatch(plugin.Event{Number: uint64(i), Kind: "k", Payload: []byte("abc")}); err != nil || n != 3 {
			t.Fatalf("%d handlers (%v), want 3", n, err)
		}
	}
	for handler, want := range []int{7, 7, 7, 0} {
		if got, err := p.Handled(handler); err != nil || got != want {
			t.Errorf("handler %d counted %d events (%v), want %d", handler, got, err, want)
		}
	}
	if live, err := p.Live(); err != nil || live != 0 {
		t.Errorf("%d bytes of events are left in the plugin (%v)", live, err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Dispatch(plugin.Event{}); err == nil || !strings.Contains(err.Error(), "it is stopped") {
		t.Errorf("a stopped plugin handles events: %v", err)
	}
}

func TestMessagesArrive(t *testing.T) {
	h := host(t)
	a, b := start(t, h, "a", 0), start(t, h, "b", 0)
	load(t, h, "sleeping", plugin.V100)
	var want uint32
	for i := range 5 {
		if err := a.Talk(1, 100, uint32(i+1)); err != nil {
			t.Fatal(err)
		}
		for _, v := range xorshift(100, uint32(i+1)) {
			want += uint32(v)
		}
	}
	if n, _, _ := b.Messages(); n != 0 {
		t.Errorf("%d messages arrived before they were delivered", n)
	}
	if n, err := h.Deliver(); err != nil || n != 5 {
		t.Fatalf("%d delivered (%v), want 5", n, err)
	}
	if n, sum, err := b.Messages(); err != nil || n != 5 || sum != want {
		t.Errorf("%d messages with the sum %d (%v), want 5 with %d", n, sum, err, want)
	}
	for _, to := range []int{0, 2, 3} {
		if err := a.Talk(to, 10, 1); !errors.Is(err, plugin.ErrNotSent) {
			t.Errorf("a message to plugin %d, itself, not started or not there: %v", to, err)
		}
	}
	for _, p := range []*plugin.Plugin{a, b} {
		if live, err := p.Live(); err != nil || live != 0 {
			t.Errorf("%d bytes of messages are left (%v)", live, err)
		}
	}
}

// xorshift is what the module fills memory with, made a second time.
func xorshift(n int, s uint32) []byte {
	b := make([]byte, n)
	for i := range b {
		s ^= s << 13
		s ^= s >> 17
		s ^= s << 5
		b[i] = byte(s)
	}
	return b
}

func TestMemoryIsInsideTheModule(t *testing.T) {
	h := host(t)
	p := start(t, h, "m", 0)
	before := p.Memory()
	var taken []uint32
	for i := range 5 {
		at, err := p.Allocate(1024 * (i + 1))
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, at)
	}
	if live, _ := p.Live(); live != 15*1024 {
		t.Errorf("%d bytes are live, want %d", live, 15*1024)
	}
	for _, at := range taken {
		if err := p.Release(at); err != nil {
			t.Fatal(err)
		}
	}
	if live, _ := p.Live(); live != 0 {
		t.Errorf("%d bytes are live after all were released", live)
	}
	if at, err := p.Allocate(3000); err != nil || at != taken[2] {
		t.Errorf("3,000 bytes at %d (%v), want the block of 3,072 at %d again", at, err, taken[2])
	}
	if p.Memory() != before {
		t.Errorf("the memory grew from %d to %d bytes", before, p.Memory())
	}
	if _, err := p.Allocate(1 << 20); err != nil || p.Memory() < before+1<<20 {
		t.Errorf("the memory is %d bytes after 1 MiB was taken (%v)", p.Memory(), err)
	}
	if _, err := p.Allocate(64 << 20); err == nil || !strings.Contains(err.Error(), "does not grow") {
		t.Errorf("64 MiB where 16 are the limit: %v", err)
	}
	if err := p.Read(1<<31, make([]byte, 10)); err == nil {
		t.Error("memory is read outside its end")
	}
}

func TestDigestsAgreeWithTheLibrary(t *testing.T) {
	h := host(t)
	p := start(t, h, "d", 0)
	const size, count = 5000, 10
	at, err := p.Allocate(size)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Fill(at, size, 77); err != nil {
		t.Fatal(err)
	}
	blob := xorshift(size, 77)
	for kind, sum := range []func([]byte) []byte{
		func(b []byte) []byte { s := sha256.Sum256(b); return s[:] },
		func(b []byte) []byte { s := md5.Sum(b); return s[:] },
	} {
		out, err := p.Digests(at, size, count, uint32(kind))
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint32(count) {
			want := sum(blob[i*size/count:][:size/count])
			if got, err := p.Bytes(out+32*i, len(want)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("digest %d of kind %d is %x (%v), want %x", i, kind, got, err, want)
			}
		}
	}
	if _, err := p.Digests(at, size, count, 9); err == nil || !strings.Contains(err.Error(), "no digest of kind 9") {
		t.Errorf("a digest that there is not: %v", err)
	}
	if _, err := p.Digests(1<<30, size, count, 0); err == nil {
		t.Error("a digest of what is outside memory")
	}
	wantState(t, p, plugin.Started)
}

// works are the workloads: how many operations a step makes, and steps for a measurement here.
var works = []struct {
	name       string
	make       func(uint64) (*plugin.Work, error)
	steps, ops int
}{
	{"single_plugin_load", plugin.SingleLoad, 100, 1},
	{"multiple_plugin_load", plugin.MultipleLoad, 20, 5},
	{"plugin_lifecycle", plugin.Lifecycle, 100, 5},
	{"event_dispatching", plugin.Events, 1000, 200},
	{"plugin_communication", plugin.Communication, 2000, 10},
	{"resource_management", plugin.Resources, 500, 15},
	{"plugin_hot_reload", plugin.HotReload, 50, 1},
	{"memory_intensive_plugins", plugin.Blobs, 3, 3000},
	{"concurrent_plugin_operations", plugin.Concurrent, 500, 100},
}

func TestWorkloadsRepeat(t *testing.T) {
	samplertest.NotUnderRace(t)
	for _, c := range works {
		t.Run(c.name, func(t *testing.T) {
			var least, most uint64
			n := c.steps
			if os.Getenv("HEAPTOP_FULL") == "" {
				n = max(n/4, 2)
			}
			for run := range 3 {
				allocs := measure(t, c.make, n, c.ops)
				if run == 0 {
					continue // what is made once in a process
				}
				if least == 0 || allocs < least {
					least = allocs
				}
				most = max(most, allocs)
			}
			if spread := float64(most-least) / float64(least); spread > 0.005 {
				t.Errorf("allocs of equal runs differ by %.2f %%, from %d to %d", 100*spread, least, most)
			}
		})
	}
}

func measure(t *testing.T, start func(uint64) (*plugin.Work, error), steps, ops int) uint64 {
	t.Helper()
	w, err := start(1)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range steps {
		if err := w.Step(); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got, want := w.Operations(), uint64(steps*ops); got != want {
		t.Errorf("%d operations, want %d", got, want)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return after.Mallocs - before.Mallocs
}

// The race detector sees plugins that work at the same time.
func TestPluginsWorkAtTheSameTime(t *testing.T) { measure(t, plugin.Concurrent, 5, 100) }

func TestCloseGivesUpAllMemory(t *testing.T) {
	samplertest.NotUnderRace(t)
	live := func() uint64 {
		var m runtime.MemStats
		for range 3 { // machine code goes with finalizers
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	measure(t, plugin.Blobs, 1, 3000)
	before := live()
	w, err := plugin.Blobs(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Step(); err != nil {
		t.Fatal(err)
	}
	if held := int64(live()) - int64(before); held < 6<<20 {
		t.Errorf("three plugins with 6 MiB hold %d bytes", held)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if left := int64(live()) - int64(before); left > 1<<20 {
		t.Errorf("%d bytes are left after all was closed", left)
	}
	runtime.KeepAlive(w)
}

func BenchmarkWorkloads(b *testing.B) {
	for _, c := range works {
		b.Run(c.name, func(b *testing.B) {
			w, err := c.make(1)
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(c.ops)*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

func Example() {
	h, err := plugin.NewHost()
	if err != nil {
		panic(err)
	}
	defer h.Close()
	p, err := h.Load("greeter", plugin.V101)
	if err != nil {
		panic(err)
	}
	state, _ := p.State()
	version, _ := p.Version()
	fmt.Println(state, version)
	// Output: loaded 1.0.1
}
