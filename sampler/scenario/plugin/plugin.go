package plugin

import (
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// State is where a plugin is in its life, as the plugin itself answers.
type State uint32

// States, in their order.
const (
	Loaded State = iota
	Initialised
	Started
	Stopped
)

// String is the state's name.
func (s State) String() string {
	names := [...]string{"loaded", "initialised", "started", "stopped"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("in state %d", uint32(s))
}

// Plugin is a loaded module with memory of its own. One goroutine uses it.
type Plugin struct {
	host     *Host
	name     string
	compiled wazero.CompiledModule
	module   api.Module
	handlers []uint32
	calls    calls
	stack    [5]uint64
}

// calls are what a module exports. They are looked up once: a look-up makes a stack for calls.
type calls struct {
	version, state, live, messages, sum api.Function
	init, start, stop, event, handled   api.Function
	talk, message, add, fill, digests   api.Function
	alloc, release                      api.Function
}

func (p *Plugin) bind() {
	f := p.module.ExportedFunction
	p.calls = calls{
		version: f("version"), state: f("state"), live: f("live"), messages: f("messages"), sum: f("sum"),
		init: f("init"), start: f("start"), stop: f("stop"), event: f("event"), handled: f("handled"),
		talk: f("talk"), message: f("message"), add: f("add"), fill: f("fill"), digests: f("digests"),
		alloc: f("alloc"), release: f("release"),
	}
}

// call calls a function of the module; its answer is 0 when it has none.
func (p *Plugin) call(f api.Function, params ...uint32) (uint32, error) {
	clear(p.stack[:])
	for i, v := range params {
		p.stack[i] = api.EncodeU32(v)
	}
	if err := f.CallWithStack(p.host.ctx, p.stack[:]); err != nil {
		return 0, fmt.Errorf("call %s of plugin %q: %w", f.Definition().ExportNames()[0], p.name, err)
	}
	if len(f.Definition().ResultTypes()) == 0 {
		return 0, nil
	}
	return api.DecodeU32(p.stack[0]), nil
}

// Version is what the module answers.
func (p *Plugin) Version() (string, error) {
	at, err := p.call(p.calls.version)
	if err != nil {
		return "", err
	}
	b, err := p.Bytes(at, len(V100))
	return string(b), err
}

// State is what the module answers.
func (p *Plugin) State() (State, error) {
	v, err := p.call(p.calls.state)
	return State(v), err
}

// Init takes the plugin from loaded to initialised; it subscribes so many event handlers, at most 64.
func (p *Plugin) Init(handlers int) error {
	return p.change("initialise", p.calls.init, uint32(handlers))
}

// Start takes the plugin from initialised to started.
func (p *Plugin) Start() error { return p.change("start", p.calls.start) }

// Stop takes the plugin from started to stopped.
func (p *Plugin) Stop() error { return p.change("stop", p.calls.stop) }

func (p *Plugin) change(what string, f api.Function, params ...uint32) error {
	done, err := p.call(f, params...)
	if err == nil && done == 0 {
		state, _ := p.State()
		err = fmt.Errorf("%s plugin %q: it refuses, it is %s", what, p.name, state)
	}
	return err
}

// Unload takes the plugin out of its host, whatever its state, and gives up its module and memory.
func (p *Plugin) Unload() error {
	p.host.forget(p)
	if err := errors.Join(p.module.Close(p.host.ctx), p.compiled.Close(p.host.ctx)); err != nil {
		return fmt.Errorf("unload plugin %q: %w", p.name, err)
	}
	return nil
}

// Handled is how many events a handler counted.
func (p *Plugin) Handled(handler int) (int, error) {
	v, err := p.call(p.calls.handled, uint32(handler))
	return int(v), err
}

// Talk sends a message of so many bytes, made of the seed, to the plugin that was loaded as number to, from 0. It is on its
// way until Deliver.
func (p *Plugin) Talk(to, size int, seed uint32) error {
	sent, err := p.call(p.calls.talk, uint32(to), uint32(size), seed)
	if err == nil && sent == 0 {
		err = fmt.Errorf("send %d bytes from plugin %q to plugin %d: %w", size, p.name, to, ErrNotSent)
	}
	return err
}

// Messages is how many messages the plugin received, and the sum of all their bytes, modulo 2^32.
func (p *Plugin) Messages() (count int, sum uint32, err error) {
	n, err := p.call(p.calls.messages)
	if err != nil {
		return 0, 0, err
	}
	sum, err = p.call(p.calls.sum)
	return int(n), sum, err
}

// Allocate takes memory inside the module and returns its address.
func (p *Plugin) Allocate(size int) (uint32, error) {
	at, err := p.call(p.calls.alloc, uint32(size))
	if err == nil && at == 0 {
		err = fmt.Errorf("allocate %d bytes in plugin %q: its memory of %d bytes does not grow", size, p.name, p.Memory())
	}
	return at, err
}

// Release gives back what Allocate took.
func (p *Plugin) Release(at uint32) error {
	_, err := p.call(p.calls.release, at)
	return err
}

// Fill writes bytes made of a seed, which is not 0.
func (p *Plugin) Fill(at uint32, size int, seed uint32) error {
	_, err := p.call(p.calls.fill, at, uint32(size), seed)
	return err
}

// Add is the sum of bytes of the module's memory, modulo 2^32, added up by the module.
func (p *Plugin) Add(at uint32, size int) (uint32, error) {
	return p.call(p.calls.add, at, uint32(size))
}

// Digests has count equal parts of size bytes digested, each into 32 bytes of memory that it takes, and returns their address.
func (p *Plugin) Digests(at uint32, size, count int, kind uint32) (uint32, error) {
	out, err := p.call(p.calls.digests, kind, at, uint32(size), uint32(count))
	if err == nil && out == 0 {
		err = fmt.Errorf("take memory for %d digests in plugin %q: its memory of %d bytes does not grow", count, p.name, p.Memory())
	}
	return out, err
}

// Live is how many bytes the module has given out and not taken back, sizes rounded up to 8.
func (p *Plugin) Live() (int, error) {
	v, err := p.call(p.calls.live)
	return int(v), err
}

// Memory is the size of the module's memory, in bytes.
func (p *Plugin) Memory() int { return int(p.module.Memory().Size()) }

// Bytes returns a copy of a part of the module's memory.
func (p *Plugin) Bytes(at uint32, size int) ([]byte, error) {
	b := make([]byte, size)
	if err := p.Read(at, b); err != nil {
		return nil, err
	}
	return b, nil
}

// Read copies a part of the module's memory.
func (p *Plugin) Read(at uint32, into []byte) error {
	b, ok := p.module.Memory().Read(at, uint32(len(into)))
	if !ok {
		return fmt.Errorf("read %d bytes at %d of plugin %q: outside its memory of %d bytes", len(into), at, p.name, p.Memory())
	}
	copy(into, b)
	return nil
}

// put copies bytes into memory that the module gives.
func (p *Plugin) put(b []byte) (uint32, error) {
	at, err := p.Allocate(len(b))
	if err != nil {
		return 0, err
	}
	if !p.module.Memory().Write(at, b) {
		return 0, fmt.Errorf("write %d bytes at %d of plugin %q: outside its memory of %d bytes", len(b), at, p.name, p.Memory())
	}
	return at, nil
}
