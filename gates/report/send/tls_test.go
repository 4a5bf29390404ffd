package send_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/report/send"
)

// TestCertificates sends to servers whose certificate nobody signed, whose name is another's, and which do not speak TLS at all:
// it is said once, with what to do, and the token goes nowhere.
func TestCertificates(t *testing.T) {
	var asked atomic.Int32
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	plain := httptest.NewServer(handler)
	defer plain.Close()
	var pauses []time.Duration
	for url, want := range map[string]string{
		server.URL: "its certificate is signed by nobody this machine trusts: name the authority's file in SSL_CERT_FILE",
		"https://" + strings.TrimPrefix(plain.URL, "http://"): "it does not speak TLS: write http:// in place of https://",
	} {
		for _, spec := range []string{"influx=" + url + "?db=x", "datadog=" + url} {
			_, err := quick(&pauses).Send(t.Context(), parse(t, spec, "INFLUX_TOKEN", secret, "DD_API_KEY", secret), reportOf(1))
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v, want %q", spec, err, want)
			}
			if url == server.URL && len(pauses) != 0 { // the other may reset the connection before its answer is read
				t.Errorf("%s: it was tried again after %v", spec, pauses)
			}
			pauses = nil
		}
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests arrived", asked.Load())
	}
	trusting := &send.Sender{Transport: server.Client().Transport}
	if out, err := trusting.Send(t.Context(), parse(t, "influx="+server.URL+"?db=x"), reportOf(1)); err != nil || out.Sent != 2 {
		t.Errorf("to a server that is trusted: %+v, %v", out, err)
	}
	other := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // the certificate is for 127.0.0.1 and example.com
	if _, err := trusting.Send(t.Context(), parse(t, "influx="+other+"?db=x"), reportOf(1)); err == nil || !strings.Contains(err.Error(), "its certificate is for another name") {
		t.Errorf("a certificate of another's: %v", err)
	}
}
