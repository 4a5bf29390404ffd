package plugin

import (
	"bytes"
	"context"
	"crypto/md5" // what the workload computes, no protection of anything
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Versions that there are modules of.
const (
	V100 = "1.0.0"
	V101 = "1.0.1"
)

var (
	//go:embed plugin-1.0.0.wasm
	module100 string
	//go:embed plugin-1.0.1.wasm
	module101 string
)

// Kinds of digest, as plugins name them.
const (
	digestSHA256 = iota
	digestMD5
)

// memoryPages is how many pages of 64 KiB a plugin's memory may have.
const memoryPages = 256

// ErrNotSent is the answer to a message whose receiver is not loaded, not started, or the sender.
var ErrNotSent = errors.New("the message was not accepted")

// Host runs plugins. One goroutine uses it; plugins of one host may work in a goroutine each as long as they do not send
// messages and none is loaded or unloaded.
type Host struct {
	ctx     context.Context
	runtime wazero.Runtime
	plugins []*Plugin
	queue   []message
}

// message is one on its way.
type message struct {
	to    *Plugin
	bytes []byte
}

// queued is how many messages may be on their way.
const queued = 1024

// NewHost returns a host without plugins, which compiles them where wazero can.
func NewHost() (*Host, error) { return newHost(wazero.NewRuntimeConfig()) }

func newHost(c wazero.RuntimeConfig) (*Host, error) {
	h := &Host{ctx: context.Background()}
	h.runtime = wazero.NewRuntimeWithConfig(h.ctx, c.WithMemoryLimitPages(memoryPages).WithDebugInfoEnabled(false))
	i32 := api.ValueTypeI32
	builder := h.runtime.NewHostModuleBuilder("host")
	for _, f := range []struct {
		name    string
		call    api.GoModuleFunc
		params  []api.ValueType
		results []api.ValueType
	}{
		{"send", h.send, []api.ValueType{i32, i32, i32}, []api.ValueType{i32}},
		{"subscribe", h.subscribe, []api.ValueType{i32}, nil},
		{"digest", digest, []api.ValueType{i32, i32, i32, i32}, nil},
	} {
		builder = builder.NewFunctionBuilder().WithGoModuleFunction(f.call, f.params, f.results).Export(f.name)
	}
	if _, err := builder.Instantiate(h.ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("offer the host's functions to plugins: %w", err), h.runtime.Close(h.ctx))
	}
	return h, nil
}

// Close unloads all plugins, loses the messages on their way and gives up what the host holds.
func (h *Host) Close() error {
	h.plugins, h.queue = nil, nil
	return h.runtime.Close(h.ctx)
}

// Loaded is the number of plugins that are loaded.
func (h *Host) Loaded() int { return len(h.plugins) }

// Load compiles the module of a version and makes a plugin of it, under a name that no loaded plugin has.
func (h *Host) Load(name, version string) (*Plugin, error) {
	if h.find(name) != nil {
		return nil, fmt.Errorf("load plugin %q: one of that name is loaded", name)
	}
	image, err := image(name, version)
	if err != nil {
		return nil, fmt.Errorf("load plugin %q: %w", name, err)
	}
	compiled, err := h.runtime.CompileModule(h.ctx, image)
	if err != nil {
		return nil, fmt.Errorf("compile plugin %q %s: %w", name, version, err)
	}
	instance, err := h.runtime.InstantiateModule(h.ctx, compiled, wazero.NewModuleConfig().WithName(name).WithStartFunctions())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("instantiate plugin %q %s: %w", name, version, err), compiled.Close(h.ctx))
	}
	p := &Plugin{host: h, name: name, compiled: compiled, module: instance}
	p.bind()
	h.plugins = append(h.plugins, p)
	return p, nil
}

// image is the module of a version with the plugin's name in a section of its own. The name is not decoration: wazero keeps
// one compiled form for all modules of the same bytes, and closing it for one plugin would take it from the others.
func image(name, version string) ([]byte, error) {
	var module string
	switch version {
	case V100:
		module = module100
	case V101:
		module = module101
	default:
		return nil, fmt.Errorf("there is no version %q", version)
	}
	const label = "plugin"
	size := 1 + len(label) + len(name)
	if size > 127 { // a longer one would need a second byte in LEB128
		return nil, fmt.Errorf("the name has %d bytes, want at most %d", len(name), 127-1-len(label))
	}
	whole := make([]byte, 0, len(module)+2+size)
	whole = append(whole, module...)
	whole = append(whole, 0, byte(size), byte(len(label)))
	whole = append(whole, label...)
	return append(whole, name...), nil
}

// Event is what is dispatched to plugins, as JSON.
type Event struct {
	Number  uint64 `json:"number"`
	Kind    string `json:"kind"`
	Payload []byte `json:"payload"`
}

// Dispatch gives an event to all handlers of all plugins, in the order in which they subscribed, and returns how many handled
// it. A plugin with handlers that is not started is an error.
func (h *Host) Dispatch(e Event) (handled int, err error) {
	event, err := json.Marshal(e)
	if err != nil {
		return 0, fmt.Errorf("encode event %d: %w", e.Number, err)
	}
	for _, p := range h.plugins {
		if len(p.handlers) == 0 {
			continue
		}
		if state, err := p.State(); err != nil || state != Started {
			return handled, errors.Join(err, fmt.Errorf("dispatch to plugin %q: it is %s", p.name, state))
		}
		at, err := p.put(event)
		if err != nil {
			return handled, fmt.Errorf("dispatch to plugin %q: %w", p.name, err)
		}
		for _, handler := range p.handlers {
			if _, err := p.call(p.calls.event, handler, at, uint32(len(event))); err != nil {
				return handled, fmt.Errorf("dispatch to handler %d of plugin %q: %w", handler, p.name, err)
			}
			handled++
		}
		if err := p.Release(at); err != nil {
			return handled, err
		}
	}
	return handled, nil
}

func (h *Host) find(name string) *Plugin {
	for _, p := range h.plugins {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (h *Host) forget(p *Plugin) {
	h.plugins = slices.DeleteFunc(h.plugins, func(q *Plugin) bool { return p == q })
}

// subscribe is what a plugin calls with the number of a handler. It panics, which ends the call with an error.
func (h *Host) subscribe(_ context.Context, m api.Module, stack []uint64) {
	p := h.find(m.Name())
	p.handlers = append(p.handlers, api.DecodeU32(stack[0]))
}

// send is what a plugin calls to send a message: the receiver's place in the order of loading, address and size. It answers 1
// when a copy of the bytes is on its way.
func (h *Host) send(_ context.Context, m api.Module, stack []uint64) {
	to, at, size := api.DecodeU32(stack[0]), api.DecodeU32(stack[1]), api.DecodeU32(stack[2])
	stack[0] = 0
	if int64(to) >= int64(len(h.plugins)) || h.plugins[to].name == m.Name() || len(h.queue) == queued {
		return
	}
	receiver := h.plugins[to]
	if state, err := receiver.State(); err != nil || state != Started {
		return
	}
	view, ok := m.Memory().Read(at, size)
	if !ok {
		panic(fmt.Errorf("a message of %d bytes at %d is outside memory", size, at))
	}
	h.queue = append(h.queue, message{to: receiver, bytes: bytes.Clone(view)})
	stack[0] = 1
}

// Deliver copies all messages that are on their way into memory that their receivers give, and returns how many.
func (h *Host) Deliver() (delivered int, err error) {
	defer func() {
		clear(h.queue)
		h.queue = h.queue[:0]
	}()
	for _, m := range h.queue {
		at, err := m.to.put(m.bytes)
		if err != nil {
			return delivered, err
		}
		if _, err := m.to.call(m.to.calls.message, at, uint32(len(m.bytes))); err != nil {
			return delivered, err
		}
		delivered++
	}
	return delivered, nil
}

// digest is what a plugin calls to have a part of its memory digested: kind, address, size, and where the digest goes.
func digest(_ context.Context, m api.Module, stack []uint64) {
	at, size, out := api.DecodeU32(stack[1]), api.DecodeU32(stack[2]), api.DecodeU32(stack[3])
	view, ok := m.Memory().Read(at, size)
	if !ok {
		panic(fmt.Errorf("%d bytes to digest at %d are outside memory", size, at))
	}
	switch kind := api.DecodeU32(stack[0]); kind {
	case digestSHA256:
		sum := sha256.Sum256(view)
		ok = m.Memory().Write(out, sum[:])
	case digestMD5:
		sum := md5.Sum(view)
		ok = m.Memory().Write(out, sum[:])
	default:
		panic(fmt.Errorf("there is no digest of kind %d", kind))
	}
	if !ok {
		panic(fmt.Errorf("a digest at %d is outside memory", out))
	}
}
