package run

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc"
	"github.com/alloc-dev/heaptop/sampler/launch"
)

// exitPatience is how long a process may be held at its end while its memory is opened.
const exitPatience = 300 * time.Millisecond

// process is one program of the tree that is measured. Its memory is opened when it has lived for a moment or ends,
// whichever comes first. mu guards all of it: the sampling goroutine and the one that hears of ends use it.
type process struct {
	opening atomic.Pointer[context.CancelFunc] // ends an attempt to open it; not guarded by mu, which that holds

	mu      sync.Mutex
	child   launch.Child
	tried   bool
	session sampler.Session
	opened  time.Time
	why     error // why it cannot be read; nil while nobody tried
	notGo   bool
	ended   bool

	snap  sampler.Snapshot
	heap  heapSeries
	total *totals

	peakBytes float64 // heap objects when peak was read
	peak      sampler.Profile
	peakErr   error
}

// totals are the Go runtime's own totals of a process.
type totals struct {
	exact   bool // read in the exit stop, when nothing changes any more
	at      time.Time
	snap    *sampler.Snapshot // what was read last; the process's own, which reads no more once it has ended
	stats   *runtime.MemStats
	heap    sampler.Profile // allocation sites, where they were asked for
	heapErr error           // why there are none
}

// open attaches to the process. Callers hold mu.
func (p *process) open(ctx context.Context, pid int) {
	p.tried = true
	s, err := goproc.Source{}.Open(ctx, sampler.Target{Kind: sampler.KindProcess, PID: pid})
	if err != nil {
		p.why = err
		p.notGo = errors.Is(err, sampler.ErrUnsupported) && !isGo(pid)
		return
	}
	p.session, p.opened, p.why = s, time.Now(), nil
}

// attach opens the process from the sampling side, unless it has ended or somebody tried before.
func (p *process) attach(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tried || p.ended {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p.opening.Store(&stop)
	defer p.opening.Store(nil)
	p.open(ctx, p.child.PID)
	if p.why != nil && (errors.Is(p.why, context.Canceled) || errors.Is(p.why, sampler.ErrGone) || errors.Is(p.why, sampler.ErrNotFound)) {
		p.tried = false // it may still be read at its end
	}
}

// read takes one reading. It reports whether there was one.
func (p *process) read(ctx context.Context, profiles bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == nil || p.ended {
		return false
	}
	if err := p.session.Read(ctx, &p.snap); err != nil {
		return false
	}
	p.heap.add(&p.snap)
	p.total = &totals{at: p.snap.Time, snap: &p.snap}
	if profiles {
		p.readPeak(ctx)
	}
	return true
}

// close gives the descriptors back.
func (p *process) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
}

func (p *process) release() {
	if p.session != nil {
		shut(p.session)
		p.session = nil
	}
}

// shut closes what was only read from: that tells nothing.
func shut(c io.Closer) { c.Close() }

// exit reads the totals while the process stands still at its end. thread is whose memory can be read.
func (p *process) exit(c launch.Child, profiles bool) {
	if stop := p.opening.Load(); stop != nil {
		(*stop)() // it waits for a runtime that will not start any more
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	ctx, stop := context.WithTimeout(context.Background(), exitPatience)
	defer stop()
	defer p.release()
	if p.session != nil && p.final(ctx, profiles) {
		return
	}
	if p.notGo {
		return
	}
	p.release()
	p.open(ctx, c.Thread)
	if p.session != nil {
		p.final(ctx, profiles)
	}
}

// final reads the totals. Callers hold mu.
func (p *process) final(ctx context.Context, profiles bool) bool {
	if err := p.session.Read(ctx, &p.snap); err != nil {
		p.why = err
		return false
	}
	p.heap.add(&p.snap)
	t := &totals{exact: true, at: p.snap.Time, snap: &p.snap}
	memory, ok := p.session.(*goproc.Session)
	if !ok {
		p.total = t
		return true
	}
	var err error
	if t.stats, err = memory.MemStats(ctx); err != nil {
		p.why = err
		return false
	}
	if profiles {
		p.profiles(ctx, memory, t)
	}
	p.total = t
	return true
}

// profiles reads the allocation sites of all that was allocated.
func (p *process) profiles(ctx context.Context, s *goproc.Session, t *totals) {
	t.heap, t.heapErr = s.AllProfile(ctx)
	if t.heapErr == nil {
		p.keepPeak(t.heap)
	}
}

// peakStep is by how much a heap must have grown for its sites to be read again.
const peakStep = 1.05

// readPeak reads the sites while the heap is larger than it ever was. Callers hold mu.
func (p *process) readPeak(ctx context.Context) {
	memory, ok := p.session.(*goproc.Session)
	objects, known := p.snap.Get(sampler.GoClassObjects)
	if !ok || !known || objects < p.peakBytes*peakStep || p.peakErr != nil {
		return
	}
	got, err := memory.AllProfile(ctx)
	if err != nil {
		p.peakErr = err
		return
	}
	p.keepPeak(got)
}

func (p *process) keepPeak(got sampler.Profile) {
	if objects, ok := p.snap.Get(sampler.GoClassObjects); ok && objects > p.peakBytes {
		p.peakBytes, p.peak = objects, got
	}
}
