package sampler

import (
	"context"
	"time"
)

// Process is a row of the process table.
type Process struct {
	PID, PPID int
	Started   time.Time // together with PID it identifies the process: ids are used again
	Name      string    // as the kernel has it; control characters included
	Command   string    // the whole command line, "" for a kernel thread
	User      string
	Container string // short container or cgroup name, "" outside one
	State     byte   // 'R', 'S', 'D', 'Z' ...
	Kernel    bool   // a kernel thread
	RSS       Reading
	Peak      Reading // only where status was read
	Swap      Reading // only where status was read
	Threads   Reading
	CPU       Reading // cpu-seconds used since its start
}

// ProcessTable is all processes at one instant, in ascending order of PID. List reuses its memory: keep the rows with
// slices.Clone.
type ProcessTable struct {
	Time      time.Time
	Took      time.Duration
	Processes []Process
	Machine   Machine
	Warnings  []error
}

// Machine is what the whole machine has, in bytes.
type Machine struct {
	Total, Available    Reading
	SwapTotal, SwapFree Reading
	PressureSome10      Reading // percent
	PressureFull10      Reading // percent
	CPUs                int
}

// ListOptions says for which rows the costlier columns (peak, swap) are read.
type ListOptions struct {
	All  bool         // for every row, because the table is sorted or filtered by one of them
	PIDs map[int]bool // or for these: the rows on screen
}

// Lister reads the process table. One goroutine uses it at a time.
type Lister interface {
	List(ctx context.Context, o ListOptions, into *ProcessTable) error
	Close() error
}
