// Package goruntime watches Go programs. It joins what the operating system tells of a process with what the deepest
// source of its runtime tells: heaptop's agent in the program, the process's own memory read from outside, a pprof
// endpoint, or the lines of GODEBUG=gctrace=1.
//
// A process id is upgraded by itself: the agent's socket is looked for, then memory, then a pprof endpoint on a port
// that this very process listens on. Only loopback is asked, only GET /debug/pprof/, and each port once. Later an
// agent or an endpoint that has appeared is taken up.
//
// It refuses to stop or slow down the target unasked: the runtime statistics and profiles of a pprof endpoint stop the
// world, so it is asked every 5 seconds at most, and between two answers the runtime's samples are absent while those
// of the operating system go on. It refuses to name a number by a runtime/metrics name unless it is that very number:
// what MemStats counts otherwise stays absent (memstats.go has the table). It never sets or collects anything in the
// target by itself; Collect, SetGCPercent and the like are for a person to ask for.
package goruntime
