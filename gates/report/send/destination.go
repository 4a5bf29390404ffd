package send

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Names of destinations, as before the = of heaptop report --send.
const (
	Influx  = "influx"
	Datadog = "datadog"
)

// Environment variables that are read.
const (
	InfluxToken    = "INFLUX_TOKEN"
	InfluxUser     = "INFLUX_USERNAME"
	InfluxPassword = "INFLUX_PASSWORD"
	DatadogKey     = "DD_API_KEY"
	DatadogSite    = "DD_SITE"
)

// defaultSite is Datadog's first.
const defaultSite = "datadoghq.com"

// ErrToken is a destination that needs a token which the environment does not have, or has in a form that cannot be sent.
var ErrToken = errors.New("no usable token")

// Destination is where reports go, and as whom.
type Destination struct {
	kind    string
	url     *url.URL
	header  http.Header // with the token
	secrets []string    // what is never printed
	missing error       // why it cannot be sent to
	want    int         // the status of success
}

// Parse reads influx=URL, datadog or datadog=URL, and the tokens that the environment has. The URL of InfluxDB names a
// database, ?db=NAME (and &rp=NAME), or a bucket, ?org=NAME&bucket=NAME; the path is added where there is none. It refuses
// user, password and tokens in a URL, and says so without them.
func Parse(spec string, getenv func(string) string) (*Destination, error) {
	kind, address, given := strings.Cut(spec, "=")
	d := &Destination{kind: kind, header: http.Header{}}
	var err error
	switch {
	case kind == Influx && address == "":
		return nil, errors.New("want influx=URL, such as influx=http://localhost:8086?db=heaptop")
	case kind == Influx:
		err = d.influx(address, getenv)
	case kind == Datadog && given && address == "":
		return nil, errors.New("want datadog, or datadog=URL for another address than that of DD_SITE")
	case kind == Datadog:
		err = d.datadog(address, getenv)
	default:
		return nil, fmt.Errorf("unknown destination %.40q, there are influx=URL and datadog", kind)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// String is the destination for people: its kind and address, without what is secret.
func (d *Destination) String() string { return d.kind + " at " + d.url.String() }

// Ready fails, with ErrToken, where the environment lacks what sending needs. A dry run does not need it.
func (d *Destination) Ready() error { return d.missing }

// Exposes says that the token would cross a network in the clear; "" where it would not.
func (d *Destination) Exposes() string {
	if len(d.secrets) == 0 || d.url.Scheme == "https" || local(d.url.Hostname()) {
		return ""
	}
	return "the token goes to " + d.url.Host + " without encryption: use https"
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// address reads a URL. Its errors do not repeat it, as it may hold a secret where none belongs.
func address(text, example string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "":
		return nil, errors.New("its address is no URL of http or https, want one such as " + example)
	case u.User != nil:
		return nil, errors.New("its URL holds a user or password, which ends up in logs: take it out, and give it in the environment")
	}
	return u, nil
}

func (d *Destination) influx(text string, getenv func(string) string) error {
	u, err := address(text, "http://localhost:8086?db=heaptop")
	if err != nil {
		return fmt.Errorf("influx: %w", err)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("influx: its URL has a query that cannot be read")
	}
	for key, values := range q {
		if !slices.Contains([]string{"db", "rp", "org", "orgID", "bucket", "precision"}, key) {
			return errors.New("influx: its URL has a parameter that is none of db, rp, org, orgID and bucket; tokens and passwords belong in the environment: " +
				InfluxToken + ", or " + InfluxUser + " and " + InfluxPassword)
		}
		if len(values) != 1 || values[0] == "" {
			return fmt.Errorf("influx: want one value of %s in its URL", key)
		}
	}
	if p := q.Get("precision"); p != "" && p != "ns" {
		return errors.New("influx: its URL asks for another precision than ns, in which times are written")
	}
	v2 := q.Has("bucket") && (q.Has("org") || q.Has("orgID")) && !q.Has("db")
	if !v2 && (!q.Has("db") || q.Has("bucket") || q.Has("org") || q.Has("orgID")) {
		return errors.New("influx: its URL names neither a database (?db=NAME) nor a bucket (?org=NAME&bucket=NAME)")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = map[bool]string{false: "/write", true: "/api/v2/write"}[v2]
	}
	q.Set("precision", "ns")
	u.RawQuery = q.Encode()
	d.url, d.want = u, http.StatusNoContent
	d.header.Set("Content-Type", "text/plain; charset=utf-8")
	return d.influxUser(getenv, v2)
}

func (d *Destination) influxUser(getenv func(string) string, v2 bool) error {
	user, password := getenv(InfluxUser), getenv(InfluxPassword)
	switch token := getenv(InfluxToken); {
	case token != "":
		d.keep(InfluxToken, token)
		d.header.Set("Authorization", "Token "+token)
	case user != "":
		if password != "" {
			d.keep(InfluxPassword, password)
		}
		r := http.Request{Header: d.header}
		r.SetBasicAuth(user, password)
		_, encoded, _ := strings.Cut(d.header.Get("Authorization"), " ")
		d.keep(InfluxUser, encoded)
	case v2:
		d.missing = fmt.Errorf("influx: a bucket is written with a token, and %s is not set: %w", InfluxToken, ErrToken)
	}
	return nil
}

// siteForm is a name of a host, so that DD_SITE cannot lead the key elsewhere within a URL.
var siteForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)

func (d *Destination) datadog(text string, getenv func(string) string) error {
	if text == "" {
		site := getenv(DatadogSite)
		if site == "" {
			site = defaultSite
		}
		if !siteForm.MatchString(site) {
			return fmt.Errorf("datadog: %s is no name of a site such as datadoghq.eu", DatadogSite)
		}
		text = "https://api." + site
	}
	u, err := address(text, "https://api.datadoghq.eu")
	switch {
	case err != nil:
		return fmt.Errorf("datadog: %w", err)
	case u.RawQuery != "":
		return errors.New("datadog: its URL has parameters; the key belongs in the environment: " + DatadogKey)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/api/v2/series"
	}
	d.url, d.want = u, http.StatusAccepted
	d.header.Set("Content-Type", "application/json")
	key := getenv(DatadogKey)
	if key == "" {
		d.missing = fmt.Errorf("datadog: %s is not set: %w", DatadogKey, ErrToken)
		return nil
	}
	d.keep(DatadogKey, key)
	d.header.Set("DD-API-KEY", key)
	return nil
}

// keep notes a secret, and that it cannot be sent where it has characters that no header has.
func (d *Destination) keep(variable, secret string) {
	if strings.IndexFunc(secret, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		d.missing = fmt.Errorf("%s: %s holds a character that no token has, such as the end of a line: %w", d.kind, variable, ErrToken)
	}
	d.secrets = append(d.secrets, secret)
}

// hide takes secrets out of a text of strangers.
func (d *Destination) hide(text string) string {
	for _, s := range d.secrets {
		text = strings.ReplaceAll(text, s, "[secret]")
	}
	return text
}
