package capture

import (
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
)

// What is read ahead of who asks for it: by so many goroutines at most, so many members, and of them so many bytes of
// lines besides the next member, so that a file made to harm takes little more memory than its largest member.
const (
	aheadWorkers = 8
	aheadMembers = 4 * aheadWorkers
	aheadBytes   = 2 << 20
)

// read is a member of samples that is being read.
type read struct {
	slot *slot
	done chan struct{}
	list []*Moment
	err  error
}

// ahead yields the moments of members of samples, in their order. Processors that have nothing else to do read the next
// ones meanwhile. When it returns nothing of it is left running.
func (s *shelf) ahead(slots []*slot, lean bool) iter.Seq2[[]*Moment, error] {
	return func(yield func([]*Moment, error) bool) {
		workers := min(runtime.GOMAXPROCS(0), aheadWorkers, len(slots))
		todo := make(chan *read, aheadMembers)
		var canceled atomic.Bool
		var running sync.WaitGroup
		for range workers {
			running.Go(func() { s.readAll(todo, lean, &canceled) })
		}
		defer running.Wait()
		defer close(todo)
		defer canceled.Store(true)
		var queue []*read
		size := 0
		for len(queue) > 0 || len(slots) > 0 {
			for len(slots) > 0 && (len(queue) == 0 || len(queue) < aheadMembers && size+slots[0].raw <= aheadBytes) {
				next := &read{slot: slots[0], done: make(chan struct{})}
				todo <- next
				queue, slots, size = append(queue, next), slots[1:], size+next.slot.raw
			}
			first := queue[0]
			queue, size = queue[1:], size-first.slot.raw
			<-first.done
			if first.err == nil {
				s.mu.Lock()
				s.keepCycles(first.slot, first.list)
				s.mu.Unlock()
			}
			if !yield(first.list, first.err) {
				return
			}
		}
	}
}

// readAll reads what is to do, until there is no more, or it is canceled.
func (s *shelf) readAll(todo <-chan *read, lean bool, canceled *atomic.Bool) {
	var in unpacker
	decoder := samplesDecoder{lean: lean}
	for x := range todo {
		if !canceled.Load() {
			raw, err := s.unpackWith(&in, x.slot)
			if err == nil {
				if x.list, err = decoder.decode(raw); err != nil {
					err = s.broken(x.slot, err)
				}
			}
			x.err = err
		}
		close(x.done)
	}
}
