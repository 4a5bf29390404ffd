package redis

import (
	"net"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/internal/peer"
)

// far is the other end of a connection, as far as this machine knows it.
type far struct {
	unix          int // the process at the other end of a unix socket; 0 when not known
	local, remote *net.TCPAddr
}

// connected remembers who is at the other end of a new connection. The library's own goroutine may call it.
func (j *session) connected(c net.Conn) {
	f := far{}
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn() // below TLS
	}
	if _, ok := c.(*net.UnixConn); ok {
		f.unix = peer.PID(c)
	}
	f.local, _ = c.LocalAddr().(*net.TCPAddr)
	f.remote, _ = c.RemoteAddr().(*net.TCPAddr)
	j.mu.Lock()
	j.far = f
	j.mu.Unlock()
}

// process returns the server's process, and 0 with the reason where it is not one of this machine, or that cannot be told
// for sure. At a unix socket the kernel knows it. Over TCP it is the one that says so of itself, process_id, if the other end
// of this very connection is among its open files; another process of the same number, as of a server in a container, is not.
func (f far) process(root string, said sampler.Reading) (pid int, why string) {
	const elsewhere = "its process is not one that can be seen from here: the figures are the server's own"
	switch {
	case f.unix > 0:
		return f.unix, ""
	case f.local == nil || f.remote == nil || !f.local.IP.Equal(f.remote.IP) || !said.OK:
		return 0, elsewhere
	}
	return owner(root, int(said.Value), f.remote, f.local)
}
