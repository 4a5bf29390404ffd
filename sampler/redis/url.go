package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/alloc-dev/heaptop/sampler"
)

// The variables of the environment that a password is taken from where the URL has none, the first that is set.
const (
	PasswordVariable    = "HEAPTOP_REDIS_PASSWORD"
	CLIPasswordVariable = "REDISCLI_AUTH" // redis-cli's
)

const (
	defaultPort = "6379"
	dialTimeout = 3 * time.Second
	readTimeout = 3 * time.Second
)

// quiet makes the client library say nothing of its own on standard error, where it would break the dashboard: each of its
// errors is returned as well.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// ClientOptions reads the URL of a server as options of the client library:
//
//	redis://[user[:password]@]host[:port][/db]      plain
//	rediss://...                                    over TLS; ?skip_verify=true does not check the certificate, and
//	                                                ?cert=client.crt&key=client.key shows the server one
//	redis+unix://[user[:password]@]/path.sock[?db=] a unix socket
//
// A URL without a password takes it from the environment. The error of a wrong URL wraps sampler.ErrNotFound and
// never tells the password. The connection checks the size of answers, tells the server no name, sends nothing twice, and
// lets a reading take 3 s.
func ClientOptions(raw string, getenv func(string) string) (*redis.Options, error) {
	quiet()
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s (%w)", sampler.WithoutPassword(raw), fmt.Sprintf(format, args...), sampler.ErrNotFound)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, wrong("it is no URL: write special characters of a password as %%40 for @, %%2F for /")
	}
	o := &redis.Options{
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, PoolSize: 1, ContextTimeoutEnabled: true,
		DialTimeout: dialTimeout, DialerRetries: 1, ReadTimeout: readTimeout, WriteTimeout: readTimeout,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	o.Username = u.User.Username()
	var given bool
	if o.Password, given = u.User.Password(); !given {
		o.Password = getenv(PasswordVariable)
		if o.Password == "" {
			o.Password = getenv(CLIPasswordVariable)
		}
	}
	if o.Username != "" && o.Password == "" {
		return nil, wrong("its user has no password, and would not be sent: write redis://user:password@host, or set %s; any will do for a user that needs none", PasswordVariable)
	}
	if u.Fragment != "" {
		return nil, wrong("what is behind # has no meaning: write a # of a password as %%23")
	}
	switch strings.ToLower(u.Scheme) {
	case "redis+unix":
		if o.Network, o.Addr = "unix", u.Path; u.Host != "" {
			return nil, wrong("the path of a socket begins at the root: want redis+unix:///path/to/redis.sock")
		}
	case "redis", "rediss":
		if err := overTCP(o, u); err != nil {
			return nil, wrong("%v", err)
		}
	default:
		return nil, wrong("the scheme is %q: want redis, rediss or redis+unix", u.Scheme)
	}
	if err := choose(o, u); err != nil {
		return nil, wrong("%v", err)
	}
	o.Dialer = newDialer(o).dial
	return o, nil
}

// choose sets the database, and refuses options that nobody knows.
func choose(o *redis.Options, u *url.URL) error {
	query := u.Query()
	db := query.Get("db")
	if path := strings.Trim(u.Path, "/"); path != "" && o.Network != "unix" {
		if db != "" && db != path {
			return fmt.Errorf("the database is %q and %q: name it once", path, db)
		}
		db = path
	}
	if db != "" {
		var err error
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return fmt.Errorf("the database is %q: want a number from 0", db)
		}
	}
	for name := range query {
		if name != "db" && (!slices.Contains([]string{"skip_verify", "cert", "key"}, name) || o.TLSConfig == nil) {
			return fmt.Errorf("unknown option %q: known are db, and of rediss skip_verify, cert and key", name)
		}
	}
	return nil
}

// overTCP sets the address, and for rediss how the certificate is checked.
func overTCP(o *redis.Options, u *url.URL) error {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = defaultPort
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("the port is %q: want a number from 1 to 65535", port)
	}
	o.Network, o.Addr = "tcp", net.JoinHostPort(host, port)
	if !strings.EqualFold(u.Scheme, "rediss") {
		return nil
	}
	skip, err := strconv.ParseBool(orFalse(u.Query().Get("skip_verify")))
	if err != nil {
		return fmt.Errorf("skip_verify is %q: want true or false", u.Query().Get("skip_verify"))
	}
	o.TLSConfig = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: skip} //nolint:gosec // the person wrote it into the URL
	cert, key := u.Query().Get("cert"), u.Query().Get("key")
	switch {
	case cert == "" && key == "":
		return nil
	case cert == "" || key == "":
		return errors.New("a certificate is shown with its key: want both ?cert=client.crt&key=client.key")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("read the certificate %s and the key %s: %w", cert, key, err)
	}
	o.TLSConfig.Certificates = []tls.Certificate{pair}
	return nil
}

func orFalse(s string) string {
	if s == "" {
		return "false"
	}
	return s
}
