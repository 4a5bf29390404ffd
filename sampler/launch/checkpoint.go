package launch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/internal/peer"
)

// Bounds of what programs may do by the checkpoint socket: it is theirs, and they are strangers.
const (
	maxCheckpoints = 1024
	maxCheckConns  = 64
	maxMessage     = 256 << 10
	maxSamples     = 1024
	checkTimeout   = time.Minute
)

// request is what a program sends: first its checkpoint, then, when it was asked to collect, what its runtime says.
//
//	{"checkpoint":"indexed","pid":123}         {"collect":true}
//	{"samples":{"/gc/heap/live:bytes":1,...}}  {"done":true}
//
// or a mark, which is answered by the end of the connection:
//
//	{"phase":"work","pid":123,"at":1700000000000000000}
//	{"sessions":10,"pid":123,"at":1700000000000000000}
type request struct {
	Phase      *string            `json:"phase,omitempty"`
	Sessions   int                `json:"sessions,omitempty"`
	At         int64              `json:"at,omitempty"` // unix nanoseconds
	Checkpoint *string            `json:"checkpoint,omitempty"`
	PID        int                `json:"pid,omitempty"`
	Samples    map[string]float64 `json:"samples,omitempty"`
	Error      string             `json:"error,omitempty"`
}

type answer struct {
	Collect bool   `json:"collect,omitempty"`
	Done    bool   `json:"done,omitempty"`
	Error   string `json:"error,omitempty"`
}

// checkpoints collects those of one measurement, whoever makes them.
type checkpoints struct {
	call     func(name string, p Child) error
	find     func(pid int) Child // pid 0 is the command
	listener net.Listener        // nil when no program can be heard
	folder   string
	free     chan struct{}
	done     sync.WaitGroup

	calling sync.Mutex // one callback at a time
	mu      sync.Mutex
	all     []Checkpoint
	marks
	conns  map[net.Conn]bool
	closed bool
}

// newCheckpoints listens for the command's programs. An error says that they cannot be heard; the rest works.
func newCheckpoints(call func(string, Child) error, find func(pid int) Child) (*checkpoints, error) {
	c := &checkpoints{call: call, find: find, free: make(chan struct{}, maxCheckConns), marks: marks{began: time.Now()}, conns: make(map[net.Conn]bool)}
	var problem error
	for _, base := range []string{os.TempDir(), "/tmp"} {
		if problem = c.listen(base); problem == nil {
			c.done.Go(c.serve)
			return c, nil
		}
	}
	return c, fmt.Errorf("checkpoints that the program makes cannot be heard: %w", problem)
}

func (c *checkpoints) listen(base string) error {
	folder, err := os.MkdirTemp(base, "heaptop-run-") // only this user may enter it
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", filepath.Join(folder, "s"))
	if err != nil {
		os.RemoveAll(folder) //nolint:errcheck // it is empty; what matters is the error above
		return err
	}
	c.listener, c.folder = l, folder
	return nil
}

// path is where the programs find heaptop, "" when they cannot.
func (c *checkpoints) path() string {
	if c.listener == nil {
		return ""
	}
	return c.listener.Addr().String()
}

func (c *checkpoints) serve() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		select {
		case c.free <- struct{}{}:
			c.done.Go(func() {
				c.answer(conn)
				<-c.free
			})
		default:
			conn.Close()
		}
	}
}

// close stops listening, ends the connections and removes the folder.
func (c *checkpoints) close() []Checkpoint {
	c.mu.Lock()
	c.closed = true
	for conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
	if c.listener != nil {
		c.listener.Close()
		os.RemoveAll(c.folder) //nolint:errcheck // our own folder; a test sees that it is gone
	}
	c.done.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortStableFunc(c.all, func(a, b Checkpoint) int { return a.Time.Compare(b.Time) })
	slices.SortStableFunc(c.phases, func(a, b Phase) int { return a.Time.Compare(b.Time) })
	return c.all
}

// enter keeps a connection to be closed at the end; false when that was already.
func (c *checkpoints) enter(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.conns[conn] = true
	}
	return !c.closed
}

func (c *checkpoints) leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
	conn.Close()
}

// answer serves one connection: one checkpoint.
func (c *checkpoints) answer(conn net.Conn) {
	if !c.enter(conn) {
		conn.Close()
		return
	}
	defer c.leave(conn)
	if conn.SetDeadline(time.Now().Add(checkTimeout)) != nil {
		return
	}
	in := bufio.NewReaderSize(conn, 4096)
	r, err := readRequest(in)
	if err == nil && r.isMark() {
		c.mark(conn, r)
		return
	}
	if err != nil || r.Checkpoint == nil {
		send(conn, answer{Done: true, Error: "want {\"checkpoint\":NAME}"})
		return
	}
	if pid := peer.PID(conn); pid > 0 {
		r.PID = pid
	}
	p := Checkpoint{Name: cleanName([]byte(*r.Checkpoint)), Child: c.find(r.PID), Time: time.Now(), From: "program"}
	if c.full() {
		send(conn, answer{Done: true, Error: fmt.Sprintf("there are %d checkpoints: no more are kept", maxCheckpoints)})
		return
	}
	send(conn, answer{Collect: true})
	readings, err := readRequest(in)
	switch {
	case err != nil:
		p.Err = fmt.Errorf("read what process %d says at its checkpoint %q: %w", r.PID, p.Name, err)
	case readings.Error != "":
		p.Err = fmt.Errorf("process %d at its checkpoint %q: %s", r.PID, p.Name, cleanName([]byte(readings.Error)))
	default:
		p.Samples = samplesOf(readings.Samples)
	}
	if err := c.reached(p); err != nil {
		send(conn, answer{Done: true, Error: err.Error()})
		return
	}
	send(conn, answer{Done: true})
}

// reached keeps a checkpoint and calls who wants to hear of it.
func (c *checkpoints) reached(p Checkpoint) error {
	var err error
	if c.call != nil {
		c.calling.Lock()
		err = c.call(p.Name, p.Child)
		c.calling.Unlock()
	}
	p.Err = errors.Join(p.Err, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) < maxCheckpoints {
		c.all = append(c.all, p)
	}
	return err
}

func (c *checkpoints) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all) >= maxCheckpoints
}

// readRequest reads one line of JSON, of maxMessage bytes at most.
func readRequest(in *bufio.Reader) (request, error) {
	var r request
	line, err := readLine(in)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return request{}, err
	}
	return r, nil
}

func readLine(in *bufio.Reader) ([]byte, error) {
	var line bytes.Buffer
	for {
		part, err := in.ReadSlice('\n')
		line.Write(part)
		switch {
		case err == nil:
			return line.Bytes(), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case line.Len() > maxMessage:
			return nil, fmt.Errorf("a message above %d bytes", maxMessage)
		}
	}
}

// send ignores errors: the program has gone, and what it said is kept.
func send(conn net.Conn, a answer) {
	b, err := json.Marshal(a)
	if err == nil {
		_, _ = conn.Write(append(b, '\n'))
	}
}

// samplesOf takes the readings in the order of their names. What is no name of a reading, or no finite number, is left out.
func samplesOf(values map[string]float64) []sampler.Sample {
	out := make([]sampler.Sample, 0, min(len(values), maxSamples))
	for name, v := range values {
		if len(name) > maxName || !strings.HasPrefix(name, "/") || sampler.Metric(name).Unit() == "" || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		out = append(out, sampler.Sample{Metric: sampler.Metric(name), Value: v})
	}
	slices.SortFunc(out, func(a, b sampler.Sample) int { return strings.Compare(string(a.Metric), string(b.Metric)) })
	return out[:min(len(out), maxSamples)]
}
