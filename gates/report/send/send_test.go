package send_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report/send"
)

const secret = "s3cret-of-the-tests"

// reportOf has so many scenarios of two points for InfluxDB each: a verdict and a metric.
func reportOf(scenarios int) *gates.Report {
	r := &gates.Report{Schema: gates.ReportSchema, FinishedAt: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)}
	for i := range scenarios {
		m := gates.Measured{Unit: "bytes", Values: []float64{float64(1000 + i)}, Median: float64(1000 + i), Low: float64(1000 + i), High: float64(1000 + i)}
		r.Scenarios = append(r.Scenarios, gates.Scenario{Name: fmt.Sprintf("s%d", i), Kind: gates.KindCommand, Runs: 1,
			Metrics: map[string]gates.Measured{"peak_rss": m, "allocs": {Unit: "count"}}})
	}
	r.Judge()
	return r
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func parse(t *testing.T, spec string, pairs ...string) *send.Destination {
	t.Helper()
	d, err := send.Parse(spec, env(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// quick is a sender that does not wait but notes how long it would. A try may take as long as a busy machine needs.
func quick(pauses *[]time.Duration) *send.Sender {
	return &send.Sender{Timeout: time.Minute, Chance: func() float64 { return 0.5 }, Wait: func(_ context.Context, d time.Duration) error {
		*pauses = append(*pauses, d)
		return nil
	}}
}

func TestParseRefusesSecretsInURLs(t *testing.T) {
	for _, spec := range []string{
		"influx=http://user:" + secret + "@localhost:8086?db=x",
		"influx=http://" + secret + "@localhost:8086?db=x",
		"influx=http://localhost:8086/write?db=x&p=" + secret,
		"influx=http://localhost:8086/write?db=x&token=" + secret,
		"influx=http://localhost:8086/write?db=x&" + secret + "=1",
		"influx=http://[" + secret,
		"influx=http://localhost:8086/write?db=x#" + secret,
		"influx=http://localhost:8086/write?db=%zz" + secret,
		"influx=ftp://localhost/" + secret,
		"datadog=https://api.datadoghq.eu/?api_key=" + secret,
		"datadog=https://" + secret + "@api.datadoghq.eu",
	} {
		_, err := send.Parse(spec, env())
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		spec  string
		pairs []string
		want  string // of the destination, or of the error
		ready bool
	}{
		{spec: "influx=http://localhost:8086?db=heaptop", want: "influx at http://localhost:8086/write?db=heaptop&precision=ns", ready: true},
		{spec: "influx=https://host/prefix/write?db=a&rp=b", want: "influx at https://host/prefix/write?db=a&precision=ns&rp=b", ready: true},
		{spec: "influx=https://host?org=o&bucket=b", want: "influx at https://host/api/v2/write?bucket=b&org=o&precision=ns"},
		{spec: "influx=https://host?org=o&bucket=b", pairs: []string{"INFLUX_TOKEN", secret}, want: "influx at https://host/api/v2/write?bucket=b&org=o&precision=ns", ready: true},
		{spec: "influx=https://host?org=o&bucket=b", pairs: []string{"INFLUX_TOKEN", secret + "\n"}, want: "influx at https://host/api/v2/write?bucket=b&org=o&precision=ns"},
		{spec: "datadog", want: "datadog at https://api.datadoghq.com/api/v2/series"},
		{spec: "datadog", pairs: []string{"DD_SITE", "datadoghq.eu", "DD_API_KEY", secret}, want: "datadog at https://api.datadoghq.eu/api/v2/series", ready: true},
		{spec: "datadog", pairs: []string{"DD_SITE", "evil.example/?x="}, want: "datadog: DD_SITE is no name of a site such as datadoghq.eu"},
		{spec: "influx", want: "want influx=URL, such as influx=http://localhost:8086?db=heaptop"},
		{spec: "datadog=", want: "want datadog, or datadog=URL for another address than that of DD_SITE"},
		{spec: "graphite=x", want: `unknown destination "graphite", there are influx=URL and datadog`},
		{spec: "influx=http://localhost:8086", want: "influx: its URL names neither a database (?db=NAME) nor a bucket (?org=NAME&bucket=NAME)"},
		{spec: "influx=http://localhost:8086?db=a&db=b", want: "influx: want one value of db in its URL"},
		{spec: "influx=http://localhost:8086?db=a&precision=s", want: "influx: its URL asks for another precision than ns, in which times are written"},
	} {
		d, err := send.Parse(c.spec, env(c.pairs...))
		if err != nil {
			if err.Error() != c.want {
				t.Errorf("%s: %v, want %s", c.spec, err, c.want)
			}
			continue
		}
		if d.String() != c.want || (d.Ready() == nil) != c.ready {
			t.Errorf("%s is %s (%v), want %s", c.spec, d, d.Ready(), c.want)
		}
		if err := d.Ready(); err != nil && (!errors.Is(err, send.ErrToken) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: %v", c.spec, err)
		}
	}
	if parse(t, "influx=http://db.example:8086?db=x", "INFLUX_TOKEN", secret).Exposes() == "" {
		t.Error("a token without encryption is not remarked upon")
	}
	if s := parse(t, "influx=http://127.0.0.1:8086?db=x", "INFLUX_TOKEN", secret).Exposes(); s != "" {
		t.Error(s)
	}
}

func TestBatches(t *testing.T) {
	const scenarios = 1300
	for _, spec := range []string{"influx=http://localhost:8086?db=x", "datadog"} {
		batches, err := parse(t, spec).Batches(reportOf(scenarios))
		if err != nil {
			t.Fatal(err)
		}
		points := 0
		for _, b := range batches {
			points += b.Points
			if b.Points > 1000 || len(b.Body) > 500<<10 {
				t.Errorf("%s: a batch of %d points in %d bytes", spec, b.Points, len(b.Body))
			}
			if strings.Contains(string(b.Body), "allocs") {
				t.Errorf("%s: a metric without a value is sent", spec)
			}
		}
		want := 2 * scenarios // a verdict and a value
		if spec == "datadog" {
			want = scenarios + 1 // a value, and the exit code of all
		}
		if points != want || len(batches) != (want+999)/1000 {
			t.Errorf("%s: %d points in %d batches, want %d", spec, points, len(batches), want)
		}
	}
	if _, err := parse(t, "datadog").Batches(&gates.Report{}); err == nil {
		t.Error("points without a time")
	}
}

// answers is a server that answers in turn, the last one again and again.
func answers(t *testing.T, list ...http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		list[min(n, len(list))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func status(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func reset(w http.ResponseWriter, _ *http.Request) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func TestFailures(t *testing.T) {
	ok := status(http.StatusNoContent, "")
	slow := func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	tests := []struct {
		name    string
		list    []http.HandlerFunc
		want    string // in the error, "" for success
		asked   int64
		pauses  int
		atLeast time.Duration // of the first pause
		timeout time.Duration // of a try, 0 for long
	}{
		{name: "well", list: []http.HandlerFunc{ok}, asked: 1},
		{name: "busy, then well", list: []http.HandlerFunc{status(503, "later"), status(503, ""), ok}, asked: 3, pauses: 2},
		{name: "limited, says when", list: []http.HandlerFunc{status(429, "", "Retry-After", "7"), ok}, asked: 2, pauses: 1, atLeast: 7 * time.Second},
		{name: "limited for long", list: []http.HandlerFunc{status(429, "", "Retry-After", "3600")}, want: "it wants to be asked again in 1h0m0s", asked: 1},
		{name: "always busy", list: []http.HandlerFunc{status(500, `{"error":"engine: closed"}`)}, want: "it answered 500 Internal Server Error (engine: closed), tried 5 times; 0 of 6 points were sent, 6 were not", asked: 5, pauses: 4},
		{name: "partial write", list: []http.HandlerFunc{status(400, `{"error":"partial write: points beyond retention policy dropped=2"}`)}, want: "400 Bad Request (partial write: points beyond retention policy dropped=2); 0 of 6 points", asked: 1},
		{name: "no token", list: []http.HandlerFunc{status(401, `{"error":"token `+secret+` is wrong"}`)}, want: "401 Unauthorized (token [secret] is wrong): check INFLUX_TOKEN", asked: 1},
		{name: "no database", list: []http.HandlerFunc{status(404, `{"error":"database not found: \"x\""}`)}, want: `(database not found: "x"): check the address, and that the database`, asked: 1},
		{name: "reset", list: []http.HandlerFunc{reset, ok}, asked: 2, pauses: 1},
		{name: "never an answer", list: []http.HandlerFunc{slow}, want: "no answer within 500ms, tried 5 times", asked: 5, pauses: 4, timeout: 500 * time.Millisecond},
		{name: "not that server", list: []http.HandlerFunc{status(200, "<html>hello")}, want: "which is not what influx answers", asked: 1},
		{name: "huge answer", list: []http.HandlerFunc{status(400, strings.Repeat("long ", 1<<20))}, want: "…); 0 of 6", asked: 1},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			url, asked := answers(t, c.list...)
			var pauses []time.Duration
			d := parse(t, "influx="+url+"?db=x", "INFLUX_TOKEN", secret)
			sender := quick(&pauses)
			if c.timeout > 0 {
				sender.Timeout = c.timeout
			}
			out, err := sender.Send(t.Context(), d, reportOf(3))
			if c.want == "" && (err != nil || out.Sent != 6 || out.Points != 6 || out.Requests != 1) {
				t.Errorf("%+v, %v", out, err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || out.Sent != 0) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), secret) || len(err.Error()) > 1000) {
				t.Errorf("the error holds the token or is too long: %v", err)
			}
			for deadline := time.Now().Add(30 * time.Second); asked.Load() < c.asked && time.Now().Before(deadline); {
				time.Sleep(5 * time.Millisecond) // a request that was given up is counted once the server comes to it
			}
			if asked.Load() != c.asked || len(pauses) != c.pauses {
				t.Errorf("asked %d times with %d pauses, want %d with %d", asked.Load(), len(pauses), c.asked, c.pauses)
			}
			for i, p := range pauses {
				if c.atLeast == 0 && p != 500*time.Millisecond<<i || p < c.atLeast {
					t.Errorf("pause %d is %s", i+1, p)
				}
			}
		})
	}
}

func TestTokenFollowsNoRedirect(t *testing.T) {
	elsewhere, asked := answers(t, status(http.StatusNoContent, ""))
	url, _ := answers(t, status(http.StatusTemporaryRedirect, "", "Location", elsewhere+"/take?it=1"))
	for _, spec := range []string{"influx=" + url + "?db=x", "datadog=" + url} {
		_, err := (&send.Sender{}).Send(t.Context(), parse(t, spec, "INFLUX_TOKEN", secret, "DD_API_KEY", secret), reportOf(1))
		if err == nil || !strings.Contains(err.Error(), "a redirect to "+elsewhere+", where the token does not follow") {
			t.Error(err)
		}
	}
	if asked.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestSaysWhatWasSent(t *testing.T) {
	url, _ := answers(t, status(http.StatusNoContent, ""), status(http.StatusBadRequest, "no"))
	out, err := (&send.Sender{}).Send(t.Context(), parse(t, "influx="+url+"?db=x"), reportOf(900))
	if err == nil || !strings.Contains(err.Error(), "1000 of 1800 points were sent, 800 were not (request 2 of 2)") || out.Sent != 1000 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestDatadog(t *testing.T) {
	var key, kind string
	url, _ := answers(t, func(w http.ResponseWriter, r *http.Request) {
		key, kind = r.Header.Get("DD-API-KEY"), r.URL.Path
		status(http.StatusAccepted, `{"errors":[]}`)(w, r)
	}, status(http.StatusAccepted, `{"errors":["payload is strange"]}`))
	d := parse(t, "datadog="+url, "DD_API_KEY", secret)
	if out, err := (&send.Sender{}).Send(t.Context(), d, reportOf(1)); err != nil || out.Sent != 2 || key != secret || kind != "/api/v2/series" {
		t.Errorf("%+v, %v, key %q, %s", out, err, key, kind)
	}
	if _, err := (&send.Sender{}).Send(t.Context(), d, reportOf(1)); err == nil || !strings.Contains(err.Error(), "payload is strange") {
		t.Errorf("errors within an answer of success: %v", err)
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	url, _ := answers(t, status(503, ""))
	ctx, cancel := context.WithCancel(t.Context())
	s := &send.Sender{Say: func(string) { cancel() }}
	if _, err := s.Send(ctx, parse(t, "influx="+url+"?db=x"), reportOf(1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"influx=http://localhost:8086?db=x", "datadog", "datadog=https://h", "influx=http://u:p@h?db=x", "=", "influx=http://[::1]:1?org=a&bucket=b"} {
		f.Add(s, secret)
	}
	f.Fuzz(func(t *testing.T, spec, token string) {
		d, err := send.Parse(spec, env("INFLUX_TOKEN", token, "DD_API_KEY", token))
		if err != nil {
			return
		}
		if !strings.Contains(d.String(), "://") {
			t.Errorf("%q is %s", spec, d)
		}
		if len(token) > 8 && !strings.Contains(spec, token) && strings.Contains(d.String(), token) {
			t.Errorf("%q shows the token: %s", spec, d)
		}
	})
}

// FuzzAnswer: whatever a server answers, the error is one line that can be shown, of a bounded length, without the secret.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{"", `{"error":"no \u001b[31m` + secret + `"}`, `{"errors":[{"a":1},"` + secret + `"],"message":"m"}`, "\x1b]0;x\a\n\u202e", "<html>"} {
		f.Add(400, body, "http://elsewhere/"+secret)
		f.Add(301, body, "\x00")
	}
	d, err := send.Parse("influx=http://127.0.0.1:1?db=x", env("INFLUX_TOKEN", secret))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, code int, body, location string) {
		s := &send.Sender{Tries: 1, Transport: transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 300 + (code%300+300)%300, Header: http.Header{"Location": {location}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})}
		_, err := s.Send(t.Context(), d, reportOf(1))
		if err == nil {
			t.Fatal("no error")
		}
		text := err.Error()
		if strings.Contains(text, secret) || len(text) > printableMost || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q", text)
		}
	})
}

// printableMost is how long the error is at most: what the server says is cut.
const printableMost = 2500

// transport answers without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
