package capture

import (
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// What a Memory keeps unless its options say otherwise.
const (
	DefaultMemoryAge   = 30 * time.Minute
	DefaultMemoryBytes = 8 << 20
	sealEvery          = 10 * time.Second
)

// MemoryOptions says how much a Memory keeps.
type MemoryOptions struct {
	Age      time.Duration // DefaultMemoryAge when 0
	MaxBytes int           // of packed readings; DefaultMemoryBytes when 0
	Rates    Rates
	Version  string // of heaptop, for the files of the black box
	// Now is the clock, for readings that failed. time.Now when nil.
	Now func() time.Time
}

// Memory keeps the last minutes of a live watch, packed as in a recording, so that one can go back in them, and so that
// they are there when the target dies. It holds the readings of the last Age that fit into MaxBytes, besides those of
// the last ten seconds, which are not packed yet, and what it has unpacked to answer: at most eight pieces of ten seconds,
// and one table of each sort.
type Memory struct {
	*shelf
	o       MemoryOptions
	packing sync.Mutex // before shelf.mu
	packer  *packer
	pace    pace
	log     logTail
	bytes   int // of the slots; guarded by shelf.mu
	next    int // the number of the next slot
	dropped int // readings that could not be packed
}

var (
	_ Past = (*Memory)(nil)
	_ Sink = (*Memory)(nil)
)

// NewMemory returns an empty Memory.
func NewMemory(o MemoryOptions) *Memory {
	if o.Age <= 0 {
		o.Age = DefaultMemoryAge
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMemoryBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Rates = o.Rates.withDefaults()
	return &Memory{shelf: &shelf{name: "the last minutes"}, o: o, packer: newPacker(), pace: pace{rates: o.Rates}}
}

// Bytes returns how many bytes the packed readings take. Dropped returns how many readings could not be packed.
func (m *Memory) Bytes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes
}

// Dropped returns how many readings could not be kept because they are larger than a recording may hold.
func (m *Memory) Dropped() int {
	m.packing.Lock()
	defer m.packing.Unlock()
	return m.dropped
}

// Event implements Sink.
func (m *Memory) Event(e sampler.Event) {
	moment, gone := momentOf(e, m.o.Now())
	m.packing.Lock()
	defer m.packing.Unlock()
	m.mu.Lock()
	if gone != nil {
		m.end = fromGone(gone)
		m.mu.Unlock()
		return
	}
	m.pending = append(m.pending, moment)
	first := m.pending[0].at()
	full := len(m.pending) >= momentsAtOnce || moment.at().Sub(first) >= sealEvery || moment.at().Before(first)
	m.mu.Unlock()
	if full {
		m.seal()
	}
}

// seal packs what is pending. The caller holds packing.
func (m *Memory) seal() {
	m.mu.Lock()
	pending, lines, lost := m.pending, m.lines, m.lost
	m.mu.Unlock()
	list := m.pack(nil, pending)
	if len(lines) > 0 {
		if x, err := m.packer.log(lines, lost, lines[len(lines)-1].Time); err == nil {
			list = append(list, x)
		} else {
			m.dropped++
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending, m.lines, m.lost = nil, nil, 0
	for _, x := range list {
		m.add(x)
	}
}

// pack appends members of the moments to list; what does not go into one is dropped.
func (m *Memory) pack(list []member, moments []*Moment) []member {
	if len(moments) == 0 {
		return list
	}
	x, err := m.packer.samples(moments)
	switch {
	case err == nil:
		return append(list, x)
	case len(moments) == 1:
		m.dropped++
		return list
	}
	half := len(moments) / 2
	return m.pack(m.pack(list, moments[:half]), moments[half:])
}

// add takes a member and lets go of what is too old or too much. The caller holds both locks.
func (m *Memory) add(x member) {
	m.places = [kindCount]*places{}
	m.slots = append(m.slots, &slot{entry: x.entry, number: m.next, data: x.data})
	m.next++
	m.bytes += len(x.data)
	gone := 0
	for left := m.bytes; gone < len(m.slots)-1; gone++ {
		old := m.slots[gone]
		if left <= m.o.MaxBytes && x.to-old.to <= int64(m.o.Age) {
			break
		}
		left -= len(old.data)
	}
	if gone > 0 {
		m.forget(gone)
	}
}

// forget drops the oldest slots, and the tables that cannot be read without one of them. The caller holds both locks.
func (m *Memory) forget(oldest int) {
	var keyed [kindCount]bool
	kept := m.slots[:0]
	for i, x := range m.slots {
		if i >= oldest {
			keyed[x.kind] = keyed[x.kind] || x.key
			if keyed[x.kind] {
				kept = append(kept, x)
				continue
			}
		}
		m.bytes -= len(x.data)
		if x.cycles != nil {
			m.cycles -= len(*x.cycles)
		}
		if m.tables[x.kind].slot == x {
			m.tables[x.kind].slot, m.tables[x.kind].t = nil, nil
		}
	}
	m.places = [kindCount]*places{}
	clear(m.slots[len(kept):])
	m.slots = kept
	for k, has := range keyed {
		if !has {
			m.packer.chains[k] = nil // the next table must be whole
		}
	}
}

// keep packs a reading of sort k, if it is time for one.
func (m *Memory) keep(k kind, at time.Time, pack func() (member, error)) {
	m.packing.Lock()
	defer m.packing.Unlock()
	if !m.pace.take(k, at) {
		return
	}
	x, err := pack()
	if err != nil {
		m.dropped++
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(x)
}

// Heap implements Sink.
func (m *Memory) Heap(p sampler.Profile) {
	m.keep(kindHeap, p.Time, func() (member, error) { return m.packer.heap(p) })
}

// Goroutines implements Sink.
func (m *Memory) Goroutines(g sampler.Goroutines) {
	m.keep(kindGoroutines, g.Time, func() (member, error) { return m.packer.goroutines(g) })
}

// Mappings implements Sink.
func (m *Memory) Mappings(x sampler.Mappings) {
	m.keep(kindMappings, x.Time, func() (member, error) { return m.packer.mappings(x) })
}

// Processes implements Sink.
func (m *Memory) Processes(t *sampler.ProcessTable) {
	m.keep(kindProcesses, t.Time, func() (member, error) { return m.packer.processes(t, m.o.Rates.Rows) })
}

// Log implements Sink.
func (m *Memory) Log(lines []sampler.LogLine, dropped int) {
	m.packing.Lock()
	defer m.packing.Unlock()
	fresh, lost := m.log.news(lines, dropped)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines, m.lost = append(m.lines, fresh...), m.lost+lost
	if more := len(m.lines) - maxLogLines; more > 0 {
		m.lines, m.lost = append([]sampler.LogLine(nil), m.lines[more:]...), m.lost+more
	}
}

// Due implements Sink.
func (m *Memory) Due(now time.Time) Due {
	m.packing.Lock()
	defer m.packing.Unlock()
	return m.pace.dues(now)
}
