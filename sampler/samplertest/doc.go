// Package samplertest is what every Source must pass, and stand-ins for what screens and loops are tested with.
//
// Test is the contract: a new source begins by calling it. Fake is a session over a made-up Go server and Lister a
// made-up process table; both are deterministic in their seed and their clock, so that golden screens stay the same on
// every machine. Their figures hang together as a real server's do (RSS is the sum of its parts, the heap follows
// GOGC), but nothing in them was measured: no program may offer them as a source.
//
// Tool, Missing, Full and RedisServer see to what a test needs of the machine. They refuse to skip in silence: where
// HEAPTOP_REQUIRE_SERVICES is 1, as in the project's own checks, a tool that is missing fails the test.
package samplertest
