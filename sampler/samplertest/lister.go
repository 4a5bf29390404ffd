package samplertest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// ListerOptions says which processes a FakeLister shows. The zero value is a machine with 40 of them.
type ListerOptions struct {
	Processes int    // how many; 40 when 0
	Seed      uint64 // another seed, other sizes
	Now       func() time.Time
	// Step is how far the clock goes on with each List when Now is nil; DefaultStep when 0. It begins DefaultAge after DefaultStart.
	Step time.Duration
	Fail error // what List returns, when not nil
}

// FakeLister is a process table of made-up processes, some with names that mean harm: see HostileNames. One grows.
// Process DefaultPID is the server of a Fake with the same clock. It is not safe for concurrent use, as no Lister is.
type FakeLister struct {
	o     ListerOptions
	now   time.Time
	reads int
}

// NewLister returns a FakeLister.
func NewLister(o ListerOptions) *FakeLister {
	if o.Processes == 0 {
		o.Processes = 40
	}
	if o.Step == 0 {
		o.Step = DefaultStep
	}
	return &FakeLister{o: o, now: DefaultStart().Add(DefaultAge)}
}

// HostileNames returns process names as strangers may choose them: escape codes, line breaks, markup, invalid UTF-8,
// text from right to left, wide characters, nothing at all, and 4,000 characters.
func HostileNames() []string {
	return []string{
		"\x1b[2J\x1b[31mred\x1b]0;title\x07", "two\nlines\r", "<script>alert(1)</script>", "| a | `b` | [c](d) |",
		"\xff\xfe\xc3(", "\u202egnirts\u202c", "日本語サーバー", "", "   ", "tab\tbed", "%s%n%d", "👩‍👩‍👧 family", "\x9b31mC1",
		strings.Repeat("A", 4000),
	}
}

// List fills into with the processes as they are now, in the order of their ids.
func (l *FakeLister) List(ctx context.Context, o sampler.ListOptions, into *sampler.ProcessTable) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	if l.o.Fail != nil {
		return l.o.Fail
	}
	switch {
	case l.o.Now != nil:
		l.now = l.o.Now()
	case l.reads > 0:
		l.now = l.now.Add(l.o.Step)
	}
	l.reads++
	into.Time, into.Took = l.now, time.Duration(l.o.Processes)*7*time.Microsecond
	into.Processes, into.Warnings = into.Processes[:0], into.Warnings[:0]
	into.Machine = sampler.Machine{
		Total: sampler.Known(16 << 30), Available: sampler.Known(9 << 30), SwapTotal: sampler.Known(2 << 30), SwapFree: sampler.Known(2 << 30),
		PressureSome10: sampler.Known(0.12), PressureFull10: sampler.Known(0), CPUs: maxProcs,
	}
	for i := range l.o.Processes {
		p := l.process(i)
		if o.All || o.PIDs[p.PID] {
			p.Peak, p.Swap = sampler.Known(p.RSS.Value*1.1), sampler.Known(0)
			if p.Kernel {
				p.Peak, p.Swap = sampler.Reading{}, sampler.Reading{}
			}
		}
		into.Processes = append(into.Processes, p)
	}
	return nil
}

// Close does nothing.
func (l *FakeLister) Close() error { return nil }

// program is a sort of process.
type program struct {
	name, args, user, container string
	rss                         float64
	threads                     float64
}

func programs() []program {
	return []program{
		{name: "postgres", args: " -D /var/lib/postgresql/16/main", user: "postgres", rss: 210 * mb, threads: 1},
		{name: "nginx", args: ": worker process", user: "www-data", container: "web-7f9c", rss: 14 * mb, threads: 1},
		{name: "redis-server", args: " *:6379", user: "redis", container: "cache-01", rss: 88 * mb, threads: 5},
		{name: "node", args: " /srv/app/index.js", user: "app", container: "front-2", rss: 180 * mb, threads: 11},
		{name: "java", args: " -Xmx2g -jar search.jar", user: "search", rss: 1.4e9, threads: 78},
		{name: "python3", args: " worker.py --queue mail", user: "app", rss: 62 * mb, threads: 3},
		{name: "sshd", args: ": deploy [priv]", user: "root", rss: 9 * mb, threads: 1},
		{name: "bash", user: "deploy", rss: 5 * mb, threads: 1},
	}
}

// process returns the i-th process.
func (l *FakeLister) process(i int) sampler.Process {
	age := l.now.Sub(DefaultStart()).Seconds()
	boot := DefaultStart().Add(-26 * time.Hour)
	switch i {
	case 0:
		return sampler.Process{PID: 1, Started: boot, Name: "systemd", Command: "/sbin/init splash", User: "root", State: 'S',
			RSS: sampler.Known(12 * mb), Threads: sampler.Known(1), CPU: sampler.Known(41.2)}
	case 1:
		return sampler.Process{PID: 2, Started: boot, Name: "kthreadd", User: "root", State: 'S', Kernel: true,
			RSS: sampler.Known(0), Threads: sampler.Known(1), CPU: sampler.Known(0.3)}
	}
	if i == l.server() {
		m := newModel(l.o.Seed, DefaultStart())
		m.advance(age)
		return sampler.Process{PID: DefaultPID, PPID: 1, Started: DefaultStart(), Name: DefaultName,
			Command: "/srv/" + DefaultName + " -listen 127.0.0.1:8080", User: "app", Container: "web-7f9c", State: 'S',
			RSS: sampler.Known(m.rss()), Threads: sampler.Known(11), CPU: sampler.Known(userCPU * age)}
	}
	return l.ordinary(i, age, boot.Add(time.Duration(i)*time.Minute))
}

// server returns the index of the Fake's process: the last one, as far as that keeps the ids in order.
func (l *FakeLister) server() int { return min(l.o.Processes-1, (DefaultPID-firstPID)/10+1) }

// firstPID is what the ids of ordinary processes are counted from, in tens.
const firstPID = 100

// ordinary returns a process of the list of programs, or every other time one with a hostile name, until those are
// used up.
func (l *FakeLister) ordinary(i int, age float64, started time.Time) sampler.Process {
	sorts := programs()
	kind := sorts[i%len(sorts)]
	n := noise(l.o.Seed+7, uint64(i))
	p := sampler.Process{
		PID: firstPID + 10*i, PPID: 1, Started: started, Name: kind.name, Command: "/usr/bin/" + kind.name + kind.args, User: kind.user,
		Container: kind.container, State: 'S', Threads: sampler.Known(kind.threads),
	}
	if parent := i - len(sorts); i%3 == 0 && parent > 1 && parent != l.server() {
		p.PPID = firstPID + 10*parent // a child of the program's earlier process
	}
	rss := kind.rss * (1 + 0.6*n)
	if i == 5 {
		rss += 240e3 * age // it leaks
		p.State = 'R'
	}
	p.RSS = sampler.Known(pages(rss))
	p.CPU = sampler.Known(math.Floor(100*age*0.02*(1+n)) / 100)
	if names := HostileNames(); i%2 == 0 && i/2 <= len(names) {
		p.Name = names[i/2-1]
		p.Command = p.Name + " --flag " + p.Name
		p.User, p.Container = "mallory", p.Name
	}
	return p
}
