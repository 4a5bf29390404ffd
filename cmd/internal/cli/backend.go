package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/goruntime"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/sampler/scenario"
	"github.com/alloc-dev/heaptop/tui"
)

// demoName is what the built-in server is called on the screen, rather than by heaptop's own name.
const demoName = "demo shop"

// backend opens targets for the dashboard and for the lines, and owns the command that heaptop started.
type backend struct {
	options  *live
	readable func(goVersion string) bool // whether a Go program's memory can be read on this system

	mu       sync.Mutex
	command  *launch.Process       // nil until started
	trace    goruntime.CycleSource // of the command, nil when its memory can be read
	lister   sampler.Lister        // nil until asked for
	recorded *keeper               // who has the recording; nil before the first target, and without --record
	boxes    []func()              // say where black boxes are
	first    int                   // the process that was asked for first: --pprof is its endpoint
}

func newBackend(o *live) *backend { return &backend{options: o, readable: memoryReadable} }

// Open implements tui.Backend.
func (b *backend) Open(ctx context.Context, t sampler.Target) (tui.Watch, error) {
	if t.Kind == sampler.KindFile {
		return openFile(t.Path)
	}
	return b.watch(ctx, t, b.options.interval)
}

// watch opens a target and begins to read it and to keep what is read.
func (b *backend) watch(ctx context.Context, t sampler.Target, interval time.Duration) (*watch, error) {
	o, err := b.open(ctx, t)
	if err != nil {
		return nil, err
	}
	k, err := b.keep(o)
	if err != nil {
		_ = o.session.Close() // it only read
		return nil, err
	}
	return newWatch(ctx, o, k, interval), nil
}

// keep returns who keeps what is read of a target. The recording is of the first.
func (b *backend) keep(o *opened) (*keeper, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var r *capture.Recorder
	if path := b.options.record; path != "" && b.recorded == nil {
		var err error
		r, err = capture.Create(path, capture.RecorderOptions{Version: version(), Info: o.info()})
		switch {
		case errors.Is(err, fs.ErrExist):
			return nil, taken("--record", path)
		case err != nil:
			return nil, err
		}
	}
	boxDir, noBox := b.options.boxDir()
	k := newKeeper(o, r, boxDir)
	k.noBox = noBox
	k.written = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.boxes = append(b.boxes, func() { box, err := k.blackBox(); tellBox(b.options.env.Err, box, err) })
	}
	if r != nil {
		b.recorded = k
	}
	return k, nil
}

// conclude completes the recording and says what was written besides what was asked for. The error says what of the
// recording could not be written.
func (b *backend) conclude() error {
	b.mu.Lock()
	k, boxes := b.recorded, b.boxes
	b.mu.Unlock()
	for _, tell := range boxes {
		tell()
	}
	return k.endRecording(b.options.env.Err)
}

// taken says that a file is there already.
func taken(flag, path string) error {
	return usagef("choose another name, or remove it first", "%s %s: there is a file of that name, which heaptop does not overwrite", flag, path)
}

// List implements tui.Backend.
func (b *backend) List(ctx context.Context, o sampler.ListOptions, into *sampler.ProcessTable) error {
	return b.processes().List(ctx, o, into)
}

func (b *backend) processes() sampler.Lister {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lister == nil {
		b.lister = newLister()
	}
	return b.lister
}

// open begins to read a target. A command, or the demonstration, is started the first time it is asked for.
func (b *backend) open(ctx context.Context, t sampler.Target) (*opened, error) {
	o := &opened{kind: t.Kind}
	switch t.Kind {
	case sampler.KindMachine:
		o.session = &machine{lister: b.processes()}
		return o, nil
	case sampler.KindCommand:
		if err := b.start(t.Command); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var trace goruntime.CycleSource
	if c := b.command; c != nil && (t.Kind == sampler.KindCommand || t.PID == c.PID()) {
		o.command, trace = c, b.trace
		t.PID = c.PID()
		o.kind = sampler.KindCommand
		if b.options.demo {
			o.name = demoName
		}
	}
	if b.first == 0 {
		b.first = t.PID
	}
	endpoint := ""
	if t.PID == b.first {
		endpoint = b.options.pprof
	}
	var err error
	if o.session, err = openFirst(ctx, t, sources(endpoint, trace, b.options.mayWrite())); err != nil {
		return nil, b.whyNot(o, err)
	}
	return o, nil
}

// openFirst asks one source after the other, the deepest first, and returns the first that takes the target.
func openFirst(ctx context.Context, t sampler.Target, sources []sampler.Source) (sampler.Session, error) {
	var all []error
	for _, source := range sources {
		if !fits(source, t) {
			continue // its saying so would hide why the other could not
		}
		session, err := source.Open(ctx, t)
		if err == nil {
			return session, nil
		}
		if !errors.Is(err, sampler.ErrUnsupported) {
			return nil, err
		}
		all = append(all, err)
	}
	return nil, errors.Join(all...)
}

// endGrace is how long a command may take to end once a source said that its process is no more.
const endGrace = time.Second

// whyNot prefers how the command ended to the source's word that there is no such process. A command that goes on was not
// what the source missed.
func (b *backend) whyNot(o *opened, err error) error {
	if o.command == nil || !errors.Is(err, sampler.ErrNotFound) && !errors.Is(err, sampler.ErrGone) {
		return err
	}
	select {
	case <-o.command.Done():
	case <-time.After(endGrace):
		return err
	}
	return fmt.Errorf("%s ended before it could be read: %w", b.options.commandName(), o.command.Gone())
}

// start starts the command once.
func (b *backend) start(args []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.command != nil {
		return nil
	}
	if path := b.options.record; path != "" {
		if err := capture.Room(path); err != nil {
			return err
		}
	}
	options := launch.Options{Args: args}
	if b.options.demo {
		demo, err := demoCommand()
		if err != nil {
			return err
		}
		options = demo
	}
	if b.options.format != "dashboard" {
		options.Output = b.options.env.Err
		if in, ok := b.options.env.In.(*os.File); ok && !isTerminal(in) {
			options.Stdin = in
		}
	}
	if wantsTrace(options.Args[0], b.readable) {
		b.trace = addTrace(&options, b.options.env.Getenv)
	}
	p, err := launch.Start(options)
	switch {
	case errors.Is(err, sampler.ErrPermission):
		return &hinted{err, "make it executable: chmod +x " + options.Args[0]}
	case err != nil:
		return err
	}
	b.command = p
	go func() {
		select {
		case <-b.options.env.hurry:
			p.Kill()
		case <-p.Done():
		}
	}()
	return nil
}

// demoCommand is this binary again, as the built-in server.
func demoCommand() (launch.Options, error) {
	demo, _ := scenario.Find("demo")
	self, err := os.Executable()
	if err != nil {
		return launch.Options{}, fmt.Errorf("start the demonstration: %w", err)
	}
	return launch.Options{Args: []string{self, scenarioCommand, demo.Name}, Env: demo.Env}, nil
}

// close ends what heaptop started: with the signal that ended heaptop, if one did.
func (b *backend) close(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.command != nil {
		var sig os.Signal = syscall.SIGTERM
		var cause *interrupted
		if errors.As(context.Cause(ctx), &cause) {
			sig = cause.signal
		}
		b.command.Stop(sig)
	}
	if b.lister != nil {
		_ = b.lister.Close() // it only read
	}
}

// mayWrite says whether a target's memory may be written to: never without the flag, and never without the dashboard,
// which asks first.
func (o *live) mayWrite() bool { return o.allowWrite && o.format == "dashboard" }

func (o *live) commandName() string {
	if o.demo {
		return demoName
	}
	return o.target.Command[0]
}
