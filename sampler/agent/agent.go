// Package agent lets heaptop see and steer the Go program that imports it:
//
//	stop, err := agent.Listen(agent.Options{})
//	if err != nil {
//		log.Print(err) // the program works without
//	} else {
//		defer stop.Close()
//	}
//
// It answers over a unix socket, named by process id, in a folder that only the program's user may enter, so the
// file system decides who may ask. `heaptop PID` finds it by itself.
//
// It costs nothing until somebody asks, and then little: statistics come from runtime/metrics, which stops nothing.
// It never calls runtime.ReadMemStats, which stops the world. It imports the standard library alone, starts one
// goroutine and one for each connection (4 at most), and leaves none behind when it is closed. It does not touch
// http.DefaultServeMux and does not import net/http/pprof, which would publish the program's profiles there.
//
// Checkpoint marks a point of a program that heaptop measures; Phase, Sessions and Worked say what it is doing, for how
// many, and how much of it is done. They work without Listen.
//
// TCP is for systems and containers without a shared file system. It is used only when Options.Addr asks for it, and
// only on loopback, because there is no password: every user of the machine can then ask.
package agent

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Header is the HTTP header that every request which changes something must carry, with any value. A web page cannot
// make a browser send it to another origin unasked.
const Header = "Heaptop-Agent"

// Prefix is what the paths of all requests begin with.
const Prefix = "/heaptop/v1"

const (
	maxConns     = 4
	headTimeout  = 5 * time.Second
	idleTimeout  = 2 * time.Minute
	writeTimeout = time.Minute
)

// Options says where to listen. The zero value is what most programs want.
type Options struct {
	// Addr is a TCP address on loopback, such as "127.0.0.1:7777" or "localhost:0", to listen on instead of a unix
	// socket. Other addresses are refused.
	Addr string
}

// Listen starts the agent. Close it to stop listening, end the connections and remove the socket. The error says what
// stands in the way: a folder that others may write to, a path too long for a socket, an agent that is already there.
func Listen(o Options) (io.Closer, error) {
	l, err := listen(o)
	if err != nil {
		return nil, err
	}
	a := &server{metrics: newReader()}
	a.http = &http.Server{
		Handler:           a.handler(o.Addr != ""),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       headTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    8 << 10,
	}
	a.listener = l
	a.done.Go(func() { a.ended = a.http.Serve(&bounded{Listener: l, free: make(chan struct{}, maxConns)}) })
	return a, nil
}

// Addr returns where an agent from Listen can be reached: the path of its socket, or host:port. It is "" for anything
// else.
func Addr(c io.Closer) string {
	if a, ok := c.(*server); ok {
		return a.listener.Addr().String()
	}
	return ""
}

// SocketPath returns where the agent of a process of the same user listens, whether or not there is one.
func SocketPath(pid int) string {
	return SocketPathIn(baseDir(), os.Getuid(), pid)
}

// SocketPathIn returns where the agent of any user's process listens, when that process takes base for its folder of
// run-time files: $XDG_RUNTIME_DIR, or else the folder of temporary files.
func SocketPathIn(base string, uid, pid int) string {
	return filepath.Join(base, "heaptop-"+strconv.Itoa(uid), strconv.Itoa(pid)+".sock")
}

func baseDir() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if info, err := os.Stat(dir); dir != "" && err == nil && info.IsDir() {
		return dir
	}
	return os.TempDir()
}

func listen(o Options) (net.Listener, error) {
	if o.Addr == "" {
		return listenUnix(SocketPath(os.Getpid()))
	}
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("agent: listen on %q: %w", o.Addr, err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("agent: listen on %q: want a loopback address such as 127.0.0.1:%s, because whoever can connect can steer this program", o.Addr, port)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("agent: listen on %q: %w", o.Addr, err)
	}
	return l, nil
}

// server is a running agent.
type server struct {
	http     *http.Server
	listener net.Listener
	metrics  *reader
	mu       sync.Mutex
	closing  bool
	handlers sync.WaitGroup // requests being answered
	done     sync.WaitGroup // Serve
	ended    error
	collect  sync.Mutex // one collection at a time
	once     sync.Once
	closeErr error
}

// Close stops the agent and waits until its goroutines are done. Only the first call does anything.
func (a *server) Close() error {
	a.once.Do(func() {
		a.closeErr = a.http.Close()
		a.done.Wait()
		a.mu.Lock()
		a.closing = true
		a.mu.Unlock()
		a.handlers.Wait()
		a.metrics.close()
		if a.closeErr == nil && !errors.Is(a.ended, http.ErrServerClosed) {
			a.closeErr = a.ended
		}
	})
	return a.closeErr
}

// enter counts a request in, unless the agent is being closed.
func (a *server) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closing {
		a.handlers.Add(1)
	}
	return !a.closing
}

// bounded closes connections above a number at once, so that nobody can make the program hold many.
type bounded struct {
	net.Listener
	free chan struct{} // holds one for each open connection
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.free <- struct{}{}:
			return &conn{Conn: c, free: b.free}, nil
		default:
			c.Close()
		}
	}
}

type conn struct {
	net.Conn
	once sync.Once
	free chan struct{}
}

func (c *conn) Close() error {
	c.once.Do(func() { <-c.free })
	return c.Conn.Close()
}
