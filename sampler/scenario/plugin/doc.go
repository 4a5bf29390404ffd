// Package plugin is a small plugin system, and the workloads of the suite plugin_system on it. Plugins are WebAssembly
// modules that run under wazero: they have a life cycle, event handlers, messages to each other and memory of their own, all
// inside the module, and what they do is read back from the module.
//
// The modules are made of plugin.wat by "go generate" with wat2wasm of the WebAssembly binary toolkit (Debian: wabt); a test
// makes them again where it is installed. They come in two versions, so that a reload can be seen.
//
// Plugins are compiled, not interpreted, where wazero can (amd64 and arm64 of the usual systems): that is what programs do.
// Loading one allocates 650 kB in 920 objects where the interpreter takes 140 kB in 360, and calls into it are 30 to 60 times
// faster; both repeat to a part in a thousand. The machine code is
// mapped outside the Go heap, so only RSS sees it, and it is unmapped by a finalizer: after a collection, not at Unload.
//
// wazero's calls do not sleep, and neither does a handler here: waiting allocates nothing, so it would only make a
// measurement longer. Digests are computed by the host over the plugin's memory, as a host offers what every plugin needs.
//
// It does not load foreign modules: whoever writes a scenario of plugins of their own has a program to measure already. It
// gives a module no file, clock, network or randomness, so that the same seed does the same work.
package plugin

//go:generate sh -c "wat2wasm plugin.wat -o plugin-1.0.0.wasm"
//go:generate sh -c "sed 's/\"1\\.0\\.0\"/\"1.0.1\"/' plugin.wat >plugin-1.0.1.wat && wat2wasm plugin-1.0.1.wat -o plugin-1.0.1.wasm; rm -f plugin-1.0.1.wat"
