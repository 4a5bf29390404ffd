package plugin

import (
	"crypto/md5" // as in host.go
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
)

// Sizes of the workloads.
const (
	severalPlugins  = 5
	handlers        = 10
	eventsPerStep   = 20
	eventBytes      = 64
	messagesPerStep = 10
	messageBytes    = 64
	resourcePlugins = 3
	resources       = 5
	resourceBytes   = 1024 // the first; the n-th has n times as many
	resourceUse     = 2048 // how much of one is used at most
	blobPlugins     = 3
	blobBytes       = 1 << 20 // the first; the n-th has n times as many
	blobDigests     = 1000
	busyPlugins     = 5
	busyBytes       = 4096
	busyDigests     = 20
	digestBytes     = 32 // what the module keeps for one
)

// Work is a running workload. One goroutine uses it.
type Work struct {
	host    *Host
	plugins []*Plugin
	random  *rand.Rand
	step    func(*Work) (operations int, err error)
	done    uint64
	events  uint64
	taken   []*resource
	used    [resourceUse]byte     // what was last read of a resource
	results [busyPlugins][]string // the last digests of each busy plugin, in hexadecimal
}

func newWork(seed uint64, step func(*Work) (int, error)) (*Work, error) {
	h, err := NewHost()
	if err != nil {
		return nil, err
	}
	return &Work{host: h, random: rand.New(rand.NewPCG(seed, 7)), step: step}, nil
}

// Step makes one step.
func (w *Work) Step() error {
	n, err := w.step(w)
	w.done += uint64(n)
	return err
}

// Operations is how many operations the steps so far made.
func (w *Work) Operations() uint64 { return w.done }

// Close unloads the plugins and closes the host.
func (w *Work) Close() error {
	w.plugins = nil
	return w.host.Close()
}

// seed32 is a seed for a plugin, never 0.
func (w *Work) seed32() uint32 { return w.random.Uint32() | 1 }

// replace unloads the plugins that the last step left running, and loads so many of a version.
func (w *Work) replace(n int, version string) error {
	if err := w.unload(); err != nil {
		return err
	}
	for i := range n {
		p, err := w.host.Load(fmt.Sprintf("plugin-%d", i+1), version)
		if err != nil {
			return err
		}
		w.plugins = append(w.plugins, p)
	}
	return nil
}

func (w *Work) unload() error {
	var errs []error
	for _, p := range w.plugins {
		errs = append(errs, p.Unload())
	}
	clear(w.plugins)
	w.plugins = w.plugins[:0]
	return errors.Join(errs...)
}

// running loads and starts so many plugins of a version, each with so many event handlers.
func (w *Work) running(n int, version string, handlers int) error {
	if err := w.replace(n, version); err != nil {
		return err
	}
	for _, p := range w.plugins {
		if err := errors.Join(p.Init(handlers), p.Start()); err != nil {
			return err
		}
	}
	return nil
}

func started(seed uint64, n, handlers int, step func(*Work) (int, error)) (*Work, error) {
	w, err := newWork(seed, step)
	if err != nil {
		return nil, err
	}
	if err := w.running(n, V100, handlers); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// SingleLoad loads a plugin in place of that of the step before.
func SingleLoad(seed uint64) (*Work, error) {
	return newWork(seed, func(w *Work) (int, error) { return 1, w.replace(1, V100) })
}

// MultipleLoad loads five plugins in place of those of the step before.
func MultipleLoad(seed uint64) (*Work, error) {
	return newWork(seed, func(w *Work) (int, error) { return severalPlugins, w.replace(severalPlugins, V100) })
}

// Lifecycle loads, initialises, starts, stops and unloads a plugin, and asks it each time where it is.
func Lifecycle(seed uint64) (*Work, error) {
	return newWork(seed, func(w *Work) (int, error) {
		if err := w.replace(1, V100); err != nil {
			return 0, err
		}
		p := w.plugins[0]
		for _, stage := range []struct {
			enter func() error
			want  State
		}{
			{func() error { return nil }, Loaded},
			{func() error { return p.Init(1) }, Initialised},
			{p.Start, Started},
			{p.Stop, Stopped},
		} {
			if err := stage.enter(); err != nil {
				return 0, err
			}
			if state, err := p.State(); err != nil || state != stage.want {
				return 0, errors.Join(err, fmt.Errorf("plugin %q is %s, want %s", p.name, state, stage.want))
			}
		}
		return 5, w.unload()
	})
}

// Events dispatches 20 events to 10 handlers inside a plugin.
func Events(seed uint64) (*Work, error) {
	return started(seed, 1, handlers, func(w *Work) (operations int, err error) {
		for range eventsPerStep {
			payload := make([]byte, eventBytes)
			for i := range payload {
				payload[i] = byte(w.random.Uint32())
			}
			w.events++
			handled, err := w.host.Dispatch(Event{Number: w.events, Kind: "changed", Payload: payload})
			operations += handled
			if err != nil {
				return operations, err
			}
		}
		return operations, nil
	})
}

// Communication sends 10 messages from one plugin to another, copied from memory to memory.
func Communication(seed uint64) (*Work, error) {
	return started(seed, 2, 0, func(w *Work) (int, error) {
		for i := range messagesPerStep {
			if err := w.plugins[0].Talk(1, messageBytes, w.seed32()); err != nil {
				return i, err
			}
		}
		return w.host.Deliver()
	})
}

// Resources has three plugins allocate five resources each, write them and have the host read them, and give them back.
func Resources(seed uint64) (*Work, error) {
	return started(seed, resourcePlugins, 0, func(w *Work) (operations int, err error) {
		w.taken = w.taken[:0]
		for _, p := range w.plugins {
			for i := range resources {
				r, err := newResource(p, i)
				if err != nil {
					return operations, err
				}
				w.taken = append(w.taken, r)
			}
		}
		for _, r := range w.taken {
			if err := r.write(w.seed32(), w.used[:r.use]); err != nil {
				return operations, err
			}
		}
		for _, r := range w.taken {
			if err := r.plugin.Release(r.at); err != nil {
				return operations, err
			}
			operations++
		}
		return operations, nil
	})
}

// resource is what a host knows of one.
type resource struct {
	plugin    *Plugin
	name      string
	at        uint32
	size, use int
}

func newResource(p *Plugin, number int) (*resource, error) {
	size := (number + 1) * resourceBytes
	at, err := p.Allocate(size)
	if err != nil {
		return nil, err
	}
	return &resource{plugin: p, name: fmt.Sprintf("%s/resource-%d", p.name, number+1), at: at, size: size, use: min(size, resourceUse)}, nil
}

// write has the plugin write the resource, and reads it.
func (r *resource) write(seed uint32, into []byte) error {
	if err := r.plugin.Fill(r.at, r.use, seed); err != nil {
		return err
	}
	return r.plugin.Read(r.at, into)
}

// HotReload replaces a running 1.0.0 by 1.0.1, which it leaves running; the next step begins with 1.0.0 again.
func HotReload(seed uint64) (*Work, error) {
	return newWork(seed, func(w *Work) (int, error) {
		if err := w.running(1, V100, 0); err != nil {
			return 0, err
		}
		if err := w.plugins[0].Stop(); err != nil {
			return 0, err
		}
		if err := w.running(1, V101, 0); err != nil {
			return 0, err
		}
		p := w.plugins[0]
		if v, err := p.Version(); err != nil || v != V101 {
			return 0, errors.Join(err, fmt.Errorf("plugin %q answers version %q after the reload, want %q", p.name, v, V101))
		}
		return 1, nil
	})
}

// Blobs has three plugins hold blobs of 1, 2 and 3 MiB, and 1,000 SHA-256 digests of the parts of each, in place of those of
// the step before.
func Blobs(seed uint64) (*Work, error) {
	return newWork(seed, func(w *Work) (int, error) {
		if err := w.running(blobPlugins, V100, 0); err != nil {
			return 0, err
		}
		for i, p := range w.plugins {
			size := (i + 1) * blobBytes
			at, err := p.Allocate(size)
			if err != nil {
				return 0, err
			}
			if err := p.Fill(at, size, w.seed32()); err != nil {
				return 0, err
			}
			if _, err := p.Digests(at, size, blobDigests, digestSHA256); err != nil {
				return 0, err
			}
		}
		return blobPlugins * blobDigests, nil
	})
}

// Concurrent has five plugins compute 20 MD5 digests each, at the same time, which the host reads.
func Concurrent(seed uint64) (*Work, error) {
	return started(seed, busyPlugins, 0, func(w *Work) (int, error) {
		var group sync.WaitGroup
		var errs [busyPlugins]error
		for i, p := range w.plugins {
			seed := w.seed32()
			group.Go(func() { w.results[i], errs[i] = p.busy(seed) })
		}
		group.Wait()
		return busyPlugins * busyDigests, errors.Join(errs[:]...)
	})
}

// busy fills a part of the plugin's memory and has it digested, then gives all back.
func (p *Plugin) busy(seed uint32) ([]string, error) {
	at, err := p.Allocate(busyBytes)
	if err != nil {
		return nil, err
	}
	if err := p.Fill(at, busyBytes, seed); err != nil {
		return nil, err
	}
	out, err := p.Digests(at, busyBytes, busyDigests, digestMD5)
	if err != nil {
		return nil, err
	}
	sums, err := p.Bytes(out, busyDigests*digestBytes)
	if err != nil {
		return nil, err
	}
	results := make([]string, busyDigests)
	for i := range results {
		results[i] = hex.EncodeToString(sums[i*digestBytes:][:md5.Size])
	}
	return results, errors.Join(p.Release(at), p.Release(out))
}
