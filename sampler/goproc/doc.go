// Package goproc reads a running Go program from outside: its statistics, allocation sites, goroutines and spans. The
// program needs no preparation, no port and no agent, and is never stopped: the kernel copies its memory, and this
// package knows what lies there. Addresses come from the executable's symbol table, or from the runtime's code where
// there is none; layouts come from tables of known Go releases, or from debug information for other versions.
//
// A number read so is the runtime's own, but the reading is not atomic. What can be torn is read again or dropped, and
// counted as dropped. Nothing is shown before the process has passed sanity checks: wrong numbers are worse than none.
//
// It can also walk the live heap from its globals and stacks, as the collector does, and say who holds the objects of an
// allocation site. It follows only what the collector takes for pointers, and says how much of what the runtime marked
// it reached.
//
// It refuses what it cannot know: a version without a table and without debug information, a binary whose code does
// not confirm the addresses, 32-bit and big-endian programs, plugins, obfuscated and packed binaries. The error names
// what is missing. It does not read the figures of the operating system; sampler/proc does.
//
// It writes to the process only where Options.AllowWrite was set, and then single aligned words whose address two
// witnesses or the symbol table confirm and whose old value is the expected one.
//
// It is for Linux on amd64 and arm64. Elsewhere Open says so: macOS demands an entitlement for reading another process,
// and Windows lays out its runtime differently.
package goproc
