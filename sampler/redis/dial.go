package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	tlsPatience = 500 * time.Millisecond // until a server that does not answer a TLS handshake is asked whether it speaks plainly
	trialLimit  = 3 * time.Second        // for one such question
	trialShort  = time.Second            // where the server has let us wait already
)

// What a server turned out to speak where the URL says otherwise.
var (
	errSpeaksTLS   = errors.New("it speaks TLS: write rediss:// in place of redis://")
	errSpeaksPlain = errors.New("it speaks Redis's protocol without TLS: write redis:// in place of rediss://")
)

// errHungUp is a server that took the handshake, and then hung up: from TLS 1.3 on a certificate is refused after it, and
// the words may get lost.
var errHungUp = errors.New("it hung up after the TLS handshake: it may want a certificate of yours that it trusts: ?cert=client.crt&key=client.key")

// handshakeError is a TLS handshake that came to no end.
type handshakeError struct{ error }

func (e handshakeError) Unwrap() error { return e.error }

// dialer makes connections. Where a server does not answer, or hangs up, before it ever answered, it finds out whether one
// side speaks TLS and the other does not: over a connection of its own, on which no password is sent.
type dialer struct {
	raw      func(ctx context.Context, network, addr string) (net.Conn, error)
	tls      *tls.Config // nil for none
	answered atomic.Bool
}

// newDialer makes connections as o says.
func newDialer(o *redis.Options) *dialer {
	below := *o
	below.TLSConfig, below.Dialer = nil, nil
	return &dialer{raw: redis.NewDialer(&below), tls: o.TLSConfig}
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	raw, err := d.raw(ctx, network, addr)
	switch {
	case err != nil:
		return nil, err
	case network == "unix":
		return raw, nil
	case d.tls == nil:
		return &plainConn{Conn: raw, dialer: d, network: network, addr: addr}, nil
	}
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	c := tls.Client(raw, d.tls)
	done := make(chan error, 1)
	go func() { done <- c.HandshakeContext(ctx) }()
	unencrypted := false
	select {
	case err = <-done:
		unencrypted = unanswered(err) && d.speaksPlain(ctx, network, addr)
	case <-time.After(tlsPatience):
		if unencrypted = d.speaksPlain(ctx, network, addr); unencrypted {
			stop()
		}
		err = <-done
	}
	if err == nil {
		d.answered.Store(true)
		return &tlsConn{Conn: c}, nil
	}
	_ = raw.Close() // nothing was said that matters
	switch {
	case unencrypted:
		return nil, errSpeaksPlain
	case unanswered(err):
		return nil, handshakeError{err}
	}
	return nil, err
}

// unanswered reports whether nothing was answered: the connection was closed, or the time was over.
func unanswered(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, os.ErrDeadlineExceeded)
}

// speaksPlain asks a server that never answered with a PING whether it speaks Redis's protocol without TLS.
func (d *dialer) speaksPlain(ctx context.Context, network, addr string) bool {
	c, ok := d.trial(ctx, network, addr)
	if !ok {
		return false
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return false
	}
	var answer [5]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return false
	}
	return string(answer[:]) == "+PONG" || answer[0] == '-' && answer[1] >= 'A' && answer[1] <= 'Z'
}

// speaksTLS asks a server that never answered with a handshake whether it speaks TLS. An alert is an answer as well.
func (d *dialer) speaksTLS(network, addr string, limit time.Duration) bool {
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	c, ok := d.trial(ctx, network, addr)
	if !ok {
		return false
	}
	defer func() { _ = c.Close() }()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	err = tls.Client(c, &tls.Config{ServerName: host, InsecureSkipVerify: true}).HandshakeContext(ctx) //nolint:gosec // nothing is sent over it
	var alert *net.OpError
	return err == nil || errors.As(err, &alert) && alert.Op == "remote error"
}

// trial makes a connection for one question.
func (d *dialer) trial(ctx context.Context, network, addr string) (net.Conn, bool) {
	if d.answered.Load() {
		return nil, false
	}
	c, err := d.raw(ctx, network, addr)
	if err != nil {
		return nil, false
	}
	_ = c.SetDeadline(time.Now().Add(trialLimit)) // a connection that cannot have one was closed
	return c, true
}

// plainConn is a connection without TLS. It looks at the server's first answer.
type plainConn struct {
	net.Conn
	dialer        *dialer
	network, addr string
}

// NetConn returns the connection below.
func (c *plainConn) NetConn() net.Conn { return c.Conn }

// Read fails with errSpeaksTLS where the server's first answer, or none, comes of its speaking TLS.
func (c *plainConn) Read(p []byte) (int, error) {
	const alert = 21 // the first byte of TLS that refuses, and of no answer of Redis's protocol
	n, err := c.Conn.Read(p)
	if c.dialer.answered.Load() {
		return n, err
	}
	limit := trialLimit
	if errors.Is(err, os.ErrDeadlineExceeded) {
		limit = trialShort
	}
	switch {
	case n > 0 && p[0] == alert, n == 0 && unanswered(err) && c.dialer.speaksTLS(c.network, c.addr, limit):
		return 0, errSpeaksTLS
	case n > 0:
		c.dialer.answered.Store(true)
	}
	return n, err
}

// tlsConn is a connection with TLS, on which nothing was answered before spoken.
type tlsConn struct {
	*tls.Conn
	spoken atomic.Bool
}

// Read fails with errHungUp where the server says nothing after the handshake.
func (c *tlsConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.spoken.Store(true)
	}
	return n, c.early(err)
}

// Write fails as Read does.
func (c *tlsConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.early(err)
}

func (c *tlsConn) early(err error) error {
	if !c.spoken.Load() && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
		return errHungUp
	}
	return err
}
