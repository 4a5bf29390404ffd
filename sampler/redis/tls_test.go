package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
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
	if _, err := New(Options{Getenv: none}).Open(context.Background(), target(t, "redis://"+l.Addr().String())); err == nil || !strings.Contains(err.Error(), "it speaks TLS: write rediss://") {
		t.Errorf("without TLS: %v", err)
	}
}

// TestMixedUpTLS opens a real server's ports with and without TLS, as the URL should not say: what to write in its place is
// said, and a server that wants a certificate is shown one.
func TestMixedUpTLS(t *testing.T) {
	s := samplertest.RedisServerTLS(t)
	shown := "&cert=" + url.QueryEscape(s.Cert) + "&key=" + url.QueryEscape(s.Key)
	for at, want := range map[string]string{
		"rediss://" + s.Plain:                                   "it speaks Redis's protocol without TLS: write redis:// in place of rediss://",
		"rediss://" + s.Plain + "?skip_verify=true":             "write redis:// in place of rediss://",
		"redis://" + s.Encrypted:                                "it speaks TLS: write rediss:// in place of redis://",
		"redis://u:hunter2@" + s.Encrypted + "/3":               "write rediss:// in place of redis://",
		"rediss://" + s.Encrypted:                               "its certificate is signed by nobody this machine trusts",
		"rediss://" + s.Encrypted + "?skip_verify=true":         "it may want a certificate of yours that it trusts: ?cert=client.crt&key=client.key",
		"rediss://" + s.Encrypted + "?skip_verify=true" + shown: "",
		"redis://" + s.Plain:                                    "",
	} {
		var err error
		var got sampler.Session
		for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); { // a busy machine may not answer in time
			got, err = New(Options{Getenv: none}).Open(t.Context(), target(t, at))
			if err == nil || !strings.Contains(err.Error(), "not answered") && !errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
		}
		if err == nil {
			_ = got.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v, want %q", at, err, want)
		}
	}
}

// TestNoTLSNorRedis opens servers that speak neither: nothing is claimed that was not heard.
func TestNoTLSNorRedis(t *testing.T) {
	web := httptest.NewServer(nil)
	defer web.Close()
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	var all sync.WaitGroup
	for at, want := range map[string]string{
		"redis://" + web.Listener.Addr().String():  "does not speak Redis's protocol",
		"rediss://" + web.Listener.Addr().String(): "it does not speak TLS, and what it answers is not Redis's protocol",
		"redis://" + deaf.Addr().String():          "is busy with a long command or stopped, or is no Redis server",
		"rediss://" + deaf.Addr().String():         "the TLS handshake was not answered",
	} {
		all.Go(func() {
			_, err := New(Options{Getenv: none}).Open(t.Context(), target(t, at))
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "it speaks") {
				t.Errorf("%s: %v, want %q", at, err, want)
			}
		})
	}
	all.Wait()
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
