package sampler

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Kind says what a Target is. Its text is what `--format json` prints as target.kind.
type Kind string

// The kinds of target a command line can name.
const (
	KindProcess  Kind = "process"  // a process id
	KindName     Kind = "name"     // a process name, not yet resolved to an id
	KindCommand  Kind = "command"  // a command that heaptop starts
	KindEndpoint Kind = "endpoint" // a net/http/pprof endpoint
	KindAgent    Kind = "agent"    // heaptop's agent on a unix socket
	KindRedis    Kind = "redis"    // a Redis server
	KindFile     Kind = "file"     // a recording or a snapshot
	KindMachine  Kind = "machine"  // nothing was named: this machine
)

// Target is what the user asked to watch. Which fields are set follows from Kind: PID for a process (and for a
// command once it runs), Name for a name, Command for a command, URL for endpoints, agents and Redis, Path for files.
type Target struct {
	Kind    Kind
	PID     int
	Name    string
	Command []string
	URL     string
	Path    string
}

// ParseTarget reads one command-line argument: digits are a process id, a URL says its kind
// by scheme, a name ending in .heaprec or .heapsnap is a file, and anything else is a process name. The error says
// what is malformed; whether the target exists is not asked here.
func ParseTarget(arg string) (Target, error) {
	if arg == "" {
		return Target{}, fmt.Errorf("target is empty: want a process id, a process name, a URL or a file")
	}
	if digits(arg) {
		pid, err := strconv.ParseInt(arg, 10, 32)
		if err != nil || pid < 1 {
			return Target{}, fmt.Errorf("process id %s: out of range 1 to 2147483647", arg)
		}
		return Target{Kind: KindProcess, PID: int(pid)}, nil
	}
	switch ext := filepath.Ext(arg); ext {
	case ".heaprec", ".heapsnap":
		return Target{Kind: KindFile, Path: arg}, nil
	}
	if scheme, _, found := strings.Cut(arg, "://"); found {
		return parseURL(arg, strings.ToLower(scheme))
	}
	if scheme, rest, found := strings.Cut(arg, ":"); found && slices.Contains(schemes(), strings.ToLower(scheme)) {
		return Target{}, fmt.Errorf("a URL has two slashes behind its colon, did you mean heaptop %s?", WithoutPassword(scheme+"://"+strings.TrimLeft(rest, "/")))
	}
	if strings.HasPrefix(arg, "-") {
		return Target{}, fmt.Errorf("target %q looks like a flag: see heaptop --help", arg)
	}
	return Target{Kind: KindName, Name: arg}, nil
}

func schemes() []string { return []string{"http", "https", "unix", "redis", "rediss", "redis+unix"} }

func parseURL(arg, scheme string) (Target, error) {
	u, err := url.Parse(arg)
	if err != nil {
		if strings.Contains(arg, "@") { // what the parser complains of may be a piece of the password
			return Target{}, fmt.Errorf("target %q is no URL: write special characters of a user name or a password as %%40 for @, %%2F for /", WithoutPassword(arg))
		}
		return Target{}, fmt.Errorf("target %q: %w", arg, err)
	}
	switch scheme {
	case "http", "https":
		if u.Host == "" {
			return Target{}, fmt.Errorf("target %q names no host: want http://host:port", arg)
		}
		return Target{Kind: KindEndpoint, URL: arg}, nil
	case "unix":
		if u.Path == "" {
			return Target{}, fmt.Errorf("target %q names no socket: want unix:///path/to.sock", arg)
		}
		return Target{Kind: KindAgent, URL: arg, Path: u.Path}, nil
	case "redis", "rediss", "redis+unix":
		if socket := scheme == "redis+unix" && u.Host == ""; strings.Contains(arg, "#") || u.User == nil && strings.Contains(arg, "@") && !socket {
			return Target{}, fmt.Errorf("target %q has no user and password before its @, or a #: write special characters of them as %%2F for /, %%3F for ?, %%23 for #", WithoutPassword(arg))
		}
		if scheme == "redis+unix" && u.Path == "" {
			return Target{}, fmt.Errorf("target %q names no socket: want redis+unix:///path/to/redis.sock", WithoutPassword(arg))
		}
		return Target{Kind: KindRedis, URL: arg}, nil
	}
	return Target{}, fmt.Errorf("target %q: unknown scheme %q: known are %s", WithoutPassword(arg), scheme, strings.Join(schemes(), ", "))
}

// WithoutPassword returns a URL as it may be shown to others: the user name stays, the password goes. What cannot be
// read as a URL, or has a password that was not written as one, loses all that stands before the last @.
func WithoutPassword(raw string) string {
	scheme, rest, found := strings.Cut(raw, "://")
	at := strings.LastIndex(rest, "@")
	if !found || at < 0 {
		return raw
	}
	u, err := url.Parse(raw)
	if err == nil && u.User == nil && u.Host == "" && strings.EqualFold(scheme, "redis+unix") {
		return raw // the path of a socket
	}
	if err != nil || u.User == nil && strings.HasPrefix(strings.ToLower(scheme), "redis") {
		return scheme + "://" + rest[at+1:]
	}
	if _, has := u.User.Password(); !has {
		return raw
	}
	u.User = url.User(u.User.Username())
	if u.User.Username() == "" {
		u.User = nil
	}
	shown := u.String()
	if u.Host == "" && u.Path == "" && u.User == nil { // url.URL leaves the slashes out
		shown = u.Scheme + "://" + strings.TrimPrefix(shown, u.Scheme+":")
	}
	if u.User == nil { // an @ that is left would seem to end one
		shown = strings.ReplaceAll(shown, "@", "%40")
	}
	return shown
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// String returns the target as the user would type it, less a password in its URL. Control characters stay in it: whoever
// prints it cleans it.
func (t Target) String() string {
	switch t.Kind {
	case KindProcess:
		return strconv.Itoa(t.PID)
	case KindName:
		return t.Name
	case KindCommand:
		return strings.Join(t.Command, " ")
	case KindEndpoint, KindAgent, KindRedis:
		return WithoutPassword(t.URL)
	case KindFile:
		return t.Path
	case KindMachine:
		return "this machine"
	}
	return string(t.Kind)
}
