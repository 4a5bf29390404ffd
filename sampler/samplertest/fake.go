package samplertest

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// What a Fake is when its Options say nothing else.
const (
	DefaultPID  = 4242
	DefaultName = "api-server"
	DefaultAge  = 5 * time.Minute
	DefaultStep = time.Second
)

// DefaultStart returns when a Fake's server began unless its Options say otherwise: 11:02:10 UTC on 21 November 2026.
func DefaultStart() time.Time { return time.Date(2026, 11, 21, 11, 2, 10, 0, time.UTC) }

// Options says what a Fake shows. The zero value is a Go server that has run for five minutes, and each reading comes
// a second after the one before.
type Options struct {
	Seed  uint64    // another seed, another noise
	Start time.Time // when the server began; DefaultStart when zero
	// Now is the clock. When nil, the clock stands Age after Start at the first reading and goes on by Step at each
	// further one.
	Now  func() time.Time
	Age  time.Duration // DefaultAge when 0
	Step time.Duration // DefaultStep when 0
	PID  int           // DefaultPID when 0
	Name string        // DefaultName when ""
	// Plain makes it a program that is not Go: no runtime metrics, and its Go abilities wrap sampler.ErrUnsupported.
	Plain bool
	// Asks makes it a program into which Collect and RecordSites would write: both are to be confirmed.
	Asks bool
	// NoSites makes it a program that records no allocation sites until RecordSites is called.
	NoSites bool
	// Swapped is how many bytes of it are swapped out: Walk refuses unless it is forced.
	Swapped int64
	// EndAfter is the age at which the server ends, with End; 0: it does not.
	EndAfter time.Duration
	End      *sampler.Gone // when nil, exit code 0
	// Script is called before the n-th reading, counted from 0. Its error is the reading's; it may block until ctx
	// ends, or panic.
	Script func(ctx context.Context, n int) error
}

// Fake is a session over a made-up Go server with steady traffic, a cache that fills and stays, and a leak of
// 18 kB/s and one goroutine in 30 s. It has every ability. It is safe for concurrent use.
type Fake struct {
	o Options

	mu    sync.Mutex
	m     *model
	now   time.Time
	reads int
	log   []sampler.LogLine
	done  bool

	recording bool // RecordSites was called
}

// New returns a Fake.
func New(o Options) *Fake {
	if o.Start.IsZero() {
		o.Start = DefaultStart()
	}
	if o.Age == 0 {
		o.Age = DefaultAge
	}
	if o.Step == 0 {
		o.Step = DefaultStep
	}
	if o.PID == 0 {
		o.PID = DefaultPID
	}
	if o.Name == "" {
		o.Name = DefaultName
	}
	f := &Fake{o: o, m: newModel(o.Seed, o.Start), now: o.Start.Add(o.Age)}
	f.say(0, false, "listening on 127.0.0.1:8080")
	f.say(2*time.Second, true, "warning: \x1b[31mcache is cold\x1b[0m")
	f.say(31*time.Second, true, "notify: subscriber gone, message dropped")
	return f
}

func (f *Fake) say(age time.Duration, stderr bool, text string) {
	f.log = append(f.log, sampler.LogLine{Time: f.o.Start.Add(age), Stderr: stderr, Text: text})
}

// tick moves the server to the clock's time. The caller holds mu.
func (f *Fake) tick() {
	if f.o.Now != nil {
		f.now = f.o.Now()
	}
	age := f.now.Sub(f.o.Start)
	if f.o.EndAfter > 0 {
		age = min(age, f.o.EndAfter)
	}
	f.m.advance(age.Seconds())
}

// gone returns how the server ended, nil while it runs. The caller holds mu.
func (f *Fake) gone() error {
	if f.o.EndAfter == 0 || f.now.Sub(f.o.Start) < f.o.EndAfter {
		return nil
	}
	if f.o.End != nil {
		return f.o.End
	}
	return &sampler.Gone{At: f.o.Start.Add(f.o.EndAfter), ExitCode: sampler.Known(0)}
}

// Read fills s as the server is now.
func (f *Fake) Read(ctx context.Context, s *sampler.Snapshot) error {
	f.mu.Lock()
	n := f.reads
	f.reads++
	if n > 0 && f.o.Now == nil {
		f.now = f.now.Add(f.o.Step)
	}
	f.mu.Unlock()
	if f.o.Script != nil {
		if err := f.o.Script(ctx, n); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(ctx); err != nil {
		return err
	}
	s.Reset(f.now)
	f.m.read(s, f.o.Plain)
	s.Took = 380 * time.Microsecond
	return nil
}

// usable moves the server to now and tells why it cannot be asked, if so. The caller holds mu.
func (f *Fake) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read process %d: %w", f.o.PID, err)
	}
	if f.done {
		return fmt.Errorf("read process %d: the session is closed", f.o.PID)
	}
	f.tick()
	return f.gone()
}

// ask is usable, for what only a Go program can do. The caller holds mu.
func (f *Fake) ask(ctx context.Context, what string) error {
	if f.o.Plain {
		return fmt.Errorf("%s of process %d: not a Go program: %w", what, f.o.PID, sampler.ErrUnsupported)
	}
	return f.usable(ctx)
}

// Close ends the session.
func (f *Fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = true
	return nil
}

// Describe says what the server is.
func (f *Fake) Describe() sampler.Info {
	i := sampler.Info{
		Target: sampler.Target{Kind: sampler.KindProcess, PID: f.o.PID}, PID: f.o.PID, Name: f.o.Name,
		Command: "/srv/" + f.o.Name + " -listen 127.0.0.1:8080", User: "app", Container: "web-7f9c",
		Started: f.o.Start, Source: "agent", GoVersion: "go1.26.8",
	}
	if f.o.Plain {
		i.Source, i.GoVersion = "proc", ""
		i.Hints = []string{"This is not a Go program: only the system's view of it can be shown."}
	}
	return i
}

// HeapProfile returns the server's twelve allocation sites.
func (f *Fake) HeapProfile(ctx context.Context) (sampler.Profile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(ctx, "heap profile"); err != nil {
		return sampler.Profile{}, err
	}
	if f.o.NoSites && !f.recording {
		return sampler.Profile{}, fmt.Errorf("this program records no allocation stacks: nothing in it asks runtime/pprof for a profile: %w", sampler.ErrUnsupported)
	}
	return f.profile(f.m.heapProfile(), 3*time.Millisecond)
}

// Goroutines returns the server's goroutines in groups.
func (f *Fake) Goroutines(ctx context.Context) (sampler.Goroutines, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(ctx, "goroutines"); err != nil {
		return sampler.Goroutines{}, err
	}
	g := sampler.Goroutines{Time: f.now, Took: time.Millisecond, Source: "agent", Groups: f.m.groups()}
	for _, group := range g.Groups {
		g.Total += group.Count
	}
	return g, nil
}

// GoroutineProfile returns the same as a profile.
func (f *Fake) GoroutineProfile(ctx context.Context) (sampler.Profile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(ctx, "goroutine profile"); err != nil {
		return sampler.Profile{}, err
	}
	return f.profile(f.m.goroutineProfile(), time.Millisecond)
}

// CanCollect tells that a collection can be forced, but in a program that is not Go.
func (f *Fake) CanCollect() error {
	if f.o.Plain {
		return fmt.Errorf("force a collection in process %d: not a Go program: %w", f.o.PID, sampler.ErrUnsupported)
	}
	return nil
}

// Collect forces a garbage collection now.
func (f *Fake) Collect(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(ctx, "garbage collection"); err != nil {
		return err
	}
	f.m.collect("forced")
	return nil
}

// Mappings returns the server's address space; the sum of its RSS is the server's.
func (f *Fake) Mappings(ctx context.Context) (sampler.Mappings, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(ctx); err != nil {
		return sampler.Mappings{}, err
	}
	return sampler.Mappings{Time: f.now, Took: 2 * time.Millisecond, List: f.m.mappings()}, nil
}

// SetGCPercent sets GOGC; a negative percent switches the collector off.
func (f *Fake) SetGCPercent(ctx context.Context, percent int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(ctx, "set GOGC"); err != nil {
		return err
	}
	f.m.gogc = float64(percent)
	f.m.pace()
	return nil
}

// SetMemoryLimit sets GOMEMLIMIT.
func (f *Fake) SetMemoryLimit(ctx context.Context, bytes int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(ctx, "set GOMEMLIMIT"); err != nil {
		return err
	}
	f.m.memLimit = math.Min(float64(bytes), math.MaxInt64)
	f.m.pace()
	return nil
}

// FreeOSMemory forces a collection and returns the free heap to the system.
func (f *Fake) FreeOSMemory(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(ctx, "return free memory"); err != nil {
		return err
	}
	f.m.collect("forced")
	f.m.released += f.m.free()
	return nil
}

// ResetPeaks starts the session's own peak anew.
func (f *Fake) ResetPeaks() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.m.peakRSS = f.m.rss()
}

// Log returns three lines the server wrote.
func (f *Fake) Log() (lines []sampler.LogLine, dropped int) {
	return append([]sampler.LogLine(nil), f.log...), 0
}
