package goruntime

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

const pprofPath = "/debug/pprof/"

// pprofURL is where a pprof endpoint's pages are.
type pprofURL struct{ base url.URL }

// parsePprofURL reads what a user types: host:port, http://host:port, with a path prefix before /debug/pprof, with a
// page such as /debug/pprof/heap behind it. User, password and query are kept for every request, but for the query
// that net/http/pprof itself would take.
func parsePprofURL(text string) (pprofURL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // without the address, which may hold a password
		}
		return pprofURL{}, fmt.Errorf("pprof endpoint %q: %w", sampler.WithoutPassword(text), err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return pprofURL{}, sampler.Classed(sampler.ErrUnsupported, "pprof endpoint %q: want http://host:port/debug/pprof/", u.Redacted())
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawPath = ""
	u.RawQuery = foreignQuery(u.RawQuery)
	if i := strings.Index(u.Path+"/", pprofPath); i >= 0 {
		u.Path = u.Path[:i] + pprofPath
	} else {
		u.Path = strings.TrimRight(u.Path, "/") + pprofPath
	}
	return pprofURL{*u}, nil
}

// foreignQuery leaves out what net/http/pprof takes: seconds=30 would make every answer a wait of that long.
func foreignQuery(raw string) string {
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if key != "seconds" && key != "debug" && key != "gc" && key != "" {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// page returns the address of a page such as "heap" with more to its query.
func (p pprofURL) page(name, query string) string {
	u := p.base
	u.Path += name
	if u.RawQuery != "" && query != "" {
		query = "&" + query
	}
	u.RawQuery += query
	return u.String()
}

// name is how messages call the endpoint: without password and query, which may be secrets.
func (p pprofURL) name() string {
	u := p.base
	u.RawQuery = ""
	u.User = nil
	return u.String()
}

func (p pprofURL) site() site { return site{p.name(), pprofHint} }

// loopback returns the port, when the host is this machine by its loopback name or address.
func (p pprofURL) loopback() (port string, ok bool) {
	host := p.base.Hostname()
	ip, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", false
	}
	port = p.base.Port()
	switch {
	case port != "":
	case p.base.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return port, true
}
