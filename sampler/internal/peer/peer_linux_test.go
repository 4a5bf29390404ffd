package peer_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/internal/peer"
)

// TestPID connects to itself: both ends are this process, and over TCP the kernel says of neither.
func TestPID(t *testing.T) {
	for network, c := range map[string]struct {
		address string
		want    int
	}{
		"unix": {filepath.Join(t.TempDir(), "s"), os.Getpid()},
		"tcp":  {"127.0.0.1:0", 0},
	} {
		l, err := net.Listen(network, c.address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		client, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		for end, conn := range map[string]net.Conn{"client": client, "server": server} {
			if got := peer.PID(conn); got != c.want {
				t.Errorf("%s: the %s's peer is process %d, want %d", network, end, got, c.want)
			}
		}
		client.Close()
		if got := peer.PID(client); got != 0 {
			t.Errorf("%s: a closed connection's peer is process %d", network, got)
		}
	}
}
