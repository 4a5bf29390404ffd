package goruntime

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	firstScan   = time.Second           // the longest that opening a process waits for an endpoint to be found
	sparedScan  = 10 * time.Millisecond // the same where memory is read
	portTimeout = 500 * time.Millisecond
	scanEvery   = 6 // looks for an agent, of which a look for an endpoint is one
)

// scan looks for a pprof endpoint in the background.
type scan struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	found  chan *endpoint
	next   time.Time
	busy   bool
	ended  bool            // one search at least
	asked  map[uint64]bool // the sockets that were asked, by inode: each once
	err    error           // why none was found, of the last scan
	fails  chan error
}

func newScan() *scan {
	return &scan{found: make(chan *endpoint, 1), fails: make(chan error, 1), asked: make(map[uint64]bool)}
}

// lookDeeper takes up a source that has appeared. In most readings it does nothing. Now and then it looks whether the
// agent's socket is there and whether the process has become another program (a shell that executes one), and rarer,
// in the background, which ports the process listens on.
func (j *session) lookDeeper(ctx context.Context) {
	j.takeEndpoint()
	if j.pid == 0 || time.Now().Before(j.look) {
		return
	}
	j.look = time.Now().Add(j.src.rescan)
	if j.agent != nil {
		return
	}
	before := j.program
	j.program = j.src.programs.of(j.src.o.Root, j.pid)
	if !j.isGo() {
		return
	}
	if j.begins() {
		j.look = time.Now().Add(min(j.src.rescan, beginning/4))
	}
	j.findAgent(ctx)
	if j.memory == nil && j.program.version != before.version {
		j.openMemory(ctx)
	}
	if j.endpoint != nil || j.agent != nil {
		return
	}
	if j.src.o.Endpoint != "" {
		j.lookForNamed()
		return
	}
	if j.scan == nil {
		j.scan = newScan()
	}
	if !j.scan.busy && !time.Now().Before(j.scan.next) {
		j.startScan(j.searchPorts())
	}
}

// findAgent connects to the agent's socket, if there is one.
func (j *session) findAgent(ctx context.Context) {
	for _, path := range j.src.o.Sockets(j.pid) {
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Type() != fs.ModeSocket {
			continue
		}
		a, err := openAgent(ctx, path, j.pid)
		if err == nil {
			j.agent = a
			return
		}
		j.look = time.Now().Add(scanEvery * j.src.rescan) // it is there but does not answer: no need to ask so often
	}
}

// findEndpoint begins to look for a pprof endpoint on the ports the process listens on. It waits for the answer when
// nothing else tells of the runtime, else only so long that the question itself is seldom seen in the first reading.
func (j *session) findEndpoint(ctx context.Context) {
	j.scan = newScan()
	if j.agent != nil {
		return // it can do all that an endpoint can
	}
	j.startScan(j.searchPorts())
	wait := firstScan
	if j.memory != nil {
		wait = sparedScan
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case e := <-j.scan.found:
		j.scanned(e)
	case <-timer.C:
	case <-ctx.Done():
	}
}

// searchPorts returns the search on all ports of the process. Where memory is read, an endpoint that is found is not
// asked for statistics, which would stop the program.
func (j *session) searchPorts() func(context.Context) (*endpoint, error) {
	s, root, pid, every := j.scan, j.src.o.Root, j.pid, j.src.every
	take := func(ctx context.Context, u pprofURL) (*endpoint, error) { return openEndpoint(ctx, u, every, nil) }
	if j.memory != nil {
		take = func(_ context.Context, u pprofURL) (*endpoint, error) { return sparedEndpoint(u, every), nil }
	}
	return func(ctx context.Context) (*endpoint, error) { return s.search(ctx, root, pid, take) }
}

// startScan runs a search in the background.
func (j *session) startScan(search func(context.Context) (*endpoint, error)) {
	s := j.scan
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.busy, s.next = cancel, true, time.Now().Add(scanEvery*j.src.rescan)
	s.done.Go(func() {
		defer cancel()
		e, err := search(ctx)
		s.fails <- err
		s.found <- e
	})
}

// takeEndpoint takes the result of a search that has ended.
func (j *session) takeEndpoint() {
	if j.scan == nil || !j.scan.busy {
		return
	}
	select {
	case e := <-j.scan.found:
		j.scanned(e)
	default:
	}
}

func (j *session) scanned(e *endpoint) {
	j.scan.busy, j.scan.ended = false, true
	j.scan.err = <-j.scan.fails
	if j.endpoint = e; e != nil {
		e.found = j.src.o.Endpoint == ""
	}
}

// stop ends a search and returns what it had found.
func (s *scan) stop() *endpoint {
	if !s.busy {
		return nil
	}
	s.cancel()
	s.done.Wait()
	s.busy = false
	return <-s.found
}

// indexTitle is how net/http/pprof's first page is known.
const indexTitle = `<title>/debug/pprof/</title>`

// search asks each port that the process listens on, over loopback, whether it answers GET /debug/pprof/ as
// net/http/pprof does, and takes the first that does. What is no HTTP server is left alone from then on: every socket is
// asked once.
func (s *scan) search(ctx context.Context, root string, pid int, take func(context.Context, pprofURL) (*endpoint, error)) (*endpoint, error) {
	open, err := listeners(root, pid)
	if err != nil {
		return nil, err
	}
	// A server that is reached under no loopback address is not asked.
	client := newHTTPClient(nil, nil)
	defer client.CloseIdleConnections()
	for _, l := range open {
		addr, ok := l.loopback()
		if !ok || s.asked[l.inode] || ctx.Err() != nil {
			continue
		}
		s.asked[l.inode] = true
		u, err := parsePprofURL("http://" + addr.String())
		if err != nil || !isIndex(ctx, client, u) {
			continue
		}
		e, err := take(ctx, u)
		if err == nil {
			return e, nil
		}
	}
	return nil, nil
}

func isIndex(ctx context.Context, client *http.Client, u pprofURL) bool {
	ctx, cancel := context.WithTimeout(ctx, portTimeout)
	defer cancel()
	var body []byte
	if err := page(ctx, client, http.MethodGet, u.page("", ""), u.site(), nil, all(&body)); err != nil {
		return false
	}
	return strings.Contains(string(body[:min(len(body), 4096)]), indexTitle) && regexp.MustCompile(indexRow).Match(body)
}

// answers reports whether somebody listens on a unix socket.
func answers(path string) bool {
	c, err := net.DialTimeout("unix", path, agentTimeout)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
