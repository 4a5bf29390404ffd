package redis

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestTLS reads a server over TLS through a forwarder with a certificate that nobody signed: refused unless the URL says
// that it need not be checked.
func TestTLS(t *testing.T) {
	s := start(t)
	made := httptest.NewTLSServer(nil)
	defer made.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: made.TLS.Certificates, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go forward(c, s.sock)
		}
	}()
	at := "rediss://" + l.Addr().String()
	j := open(t, Options{}, target(t, at+"?skip_verify=true"))
	if v, ok := read(t, j).Get(sampler.RedisUsed); !ok || v <= 0 {
		t.Errorf("used_memory is %v, %t", v, ok)
	}
	if _, err := New(Options{Getenv: none}).Open(context.Background(), target(t, at)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody's: %v", err)
	}
	if _, err := New(Options{Getenv: none}).Open(context.Background(), target(t, "redis://"+l.Addr().String())); err == nil || !strings.Contains(err.Error(), "rediss://") && !strings.Contains(err.Error(), "protocol") {
		t.Errorf("without TLS: %v", err)
	}
}

func forward(c net.Conn, sock string) {
	defer c.Close()
	to, err := net.Dial("unix", sock)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(to, c)
		_ = to.Close()
	}()
	_, _ = io.Copy(c, to)
}
