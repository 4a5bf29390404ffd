package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// refusal is what a server says no with, and what to do about it.
type refusal struct {
	prefix string
	is     error // the sentinel it stands for; nil where there is none
	next   string
}

func refusals() []refusal {
	return []refusal{
		{"NOAUTH", sampler.ErrPermission, "it wants a password: set " + PasswordVariable + ", or redis://user:password@host"},
		{"WRONGPASS", sampler.ErrPermission, "the user name or the password is wrong"},
		{"ERR invalid password", sampler.ErrPermission, "the password is wrong"},
		{"ERR AUTH <password> called without any password", sampler.ErrPermission, "it has no password: leave it out"},
		{"ERR Client sent AUTH, but no password is set", sampler.ErrPermission, "it has no password: leave it out"},
		{"NOPERM", sampler.ErrPermission, "its user may not do this: ACL SETUSER NAME +info +memory +client|list +scan +type +select +dbsize ~*"},
		{"DENIED", sampler.ErrPermission, "it is in protected mode: connect from its own machine, or give it a password"},
		{"-DENIED", sampler.ErrPermission, "it is in protected mode: connect from its own machine, or give it a password"},
		{"LOADING", nil, "it is loading its data: it answers once that is done"},
		{"BUSY", nil, "a script holds it up: it answers once that is done, or after SCRIPT KILL"},
		{"MASTERDOWN", nil, "it is a replica without its master, and refuses to tell old data"},
		{"READONLY", nil, "it is a replica, which takes no writes"},
		{"MISCONF", nil, "it takes no writes because its last save did not succeed: see its log"},
		{"MOVED", nil, "it is a node of a cluster, and the key is on another: only this node is read"},
		{"CLUSTERDOWN", nil, "the cluster is down"},
		{"ERR max number of clients reached", nil, "it has as many clients as it takes: raise maxclients"},
		{"ERR DB index is out of range", sampler.ErrNotFound, "it has no database of that number"},
		{"ERR invalid DB index", sampler.ErrNotFound, "it has no database of that number"},
		{"ERR SELECT is not allowed in cluster mode", sampler.ErrNotFound, "a cluster has database 0 alone"},
		{"ERR unknown command", sampler.ErrUnsupported, "it does not know the command"},
		{"ERR unknown subcommand", sampler.ErrUnsupported, "it does not know the command"},
	}
}

// told wraps an error of the client library so that the caller can decide, and adds the next step.
func told(what, who string, err error) error { return explained(what+" of "+who, err) }

func explained(doing string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, r := range refusals() {
		if !strings.Contains(text, r.prefix) {
			continue
		}
		if r.is != nil {
			return fmt.Errorf("%s: %w: %s (%w)", doing, shown{err}, r.next, r.is)
		}
		return fmt.Errorf("%s: %w: %s", doing, shown{err}, r.next)
	}
	if words := aboutTLS(err); words != "" {
		return fmt.Errorf("%s: %s%w", doing, words, unsaid{err})
	}
	switch {
	case strings.Contains(text, "can't parse") || strings.Contains(text, "invalid reply") || strings.Contains(text, "HTTP/") ||
		strings.Contains(text, "unexpected reply") || strings.Contains(text, "can't read"):
		return fmt.Errorf("%s: what answers there does not speak Redis's protocol (%w)", doing, sampler.ErrUnsupported)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: %w (%w)", doing, shown{err}, sampler.ErrPermission)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s: the connection was closed: it may speak TLS (rediss://), or not Redis's protocol: %w", doing, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: no answer (i/o timeout): it is busy with a long command or stopped, or is no Redis server%w", doing, unsaid{err})
	}
	return fmt.Errorf("%s: %w", doing, shown{err})
}

// aboutTLS says what is wrong with TLS, and what to do; "" where nothing is.
func aboutTLS(err error) string {
	var name x509.HostnameError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var remote *net.OpError
	const trust = ", or add ?skip_verify=true"
	switch {
	case errors.Is(err, errSpeaksTLS), errors.Is(err, errSpeaksPlain), errors.Is(err, errHungUp):
		return err.Error()
	case errors.As(err, new(handshakeError)):
		return "the TLS handshake was not answered: it may not speak TLS (redis:// in place of rediss://), or be busy or stopped: " + shown{err}.Error()
	case errors.As(err, &record):
		if h := record.RecordHeader; h[0] == '-' || h[0] == '+' {
			return errSpeaksPlain.Error()
		}
		return "it does not speak TLS, and what it answers is not Redis's protocol"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "its certificate is signed by nobody this machine trusts: name the authority's file in SSL_CERT_FILE=ca.crt" + trust
	case errors.As(err, &name):
		return "its certificate is for another name: " + shown{name}.Error() + ": connect by that name" + trust
	case errors.As(err, &verify):
		return "its certificate is not valid: " + shown{verify.Err}.Error() + ": have it renewed" + trust
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "it refuses the TLS handshake (" + shown{remote.Err}.Error() + "): it may want a certificate of yours that it trusts: ?cert=client.crt&key=client.key"
	}
	return ""
}

// unsaid is an error whose words were said in other ones.
type unsaid struct{ error }

func (unsaid) Error() string { return "" }

func (u unsaid) Unwrap() error { return u.error }

// shown is an error in words that are fit to be shown: one line, of bounded length.
type shown struct{ error }

const shownMost = 200

func (s shown) Error() string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s.error.Error())
	if len(text) > shownMost {
		text = text[:shownMost] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}

func (s shown) Unwrap() error { return s.error }

// nobody reports whether nothing listens where the server was: it has ended. A network in between that is down is not
// the server's end.
func nobody(err error) bool {
	var op *net.OpError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &op) && op.Op == "dial" && errors.Is(err, os.ErrNotExist)
}

// opening says why a server could not be opened.
func opening(who string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("connect to %s: %w", who, err)
	case aboutTLS(err) != "":
		return explained("connect to "+who, err)
	case nobody(err), errors.As(err, &dns):
		return fmt.Errorf("connect to %s: %w (%w)", who, shown{err}, sampler.ErrNotFound)
	case errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("connect to %s: %w: it may speak TLS (rediss://), or not Redis's protocol", who, shown{err})
	}
	return told("read INFO", who, err)
}

func gone(reason string) *sampler.Gone { return &sampler.Gone{At: time.Now(), Reason: reason} }
