//go:build unix

package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestSendThroughAProxy sends a report to hosts that exist for the proxy of the environment alone: it takes the request for
// a plain address and the tunnel for an encrypted one, and when it refuses, its password is not told.
func TestSendThroughAProxy(t *testing.T) {
	t.Parallel()
	bin, dir := heaptop(t), t.TempDir()
	report := filepath.Join(dir, "r.json")
	if out, err := exec.Command(bin, "--headless", "--runs", "1", "--limit", "peak_rss=4GB", "--output", report, "--", "true").CombinedOutput(); err != nil {
		t.Skipf("no command can be measured here: %s", out)
	}
	var mu sync.Mutex
	var asked []string
	refuse := false
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
		switch {
		case refuse:
			w.WriteHeader(http.StatusProxyAuthRequired)
		case r.Method == http.MethodConnect:
			w.WriteHeader(http.StatusForbidden) // nothing is behind it
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer proxy.Close()
	at := strings.Replace(proxy.URL, "http://", "http://me:pr0xy-secret@", 1)
	send := func(to string) (code int, text string) {
		c := exec.Command(bin, "report", report, "--send", to)
		c.Env = append(os.Environ(), "HTTP_PROXY="+at, "HTTPS_PROXY="+at, "http_proxy="+at, "https_proxy="+at, "NO_PROXY=", "no_proxy=", "INFLUX_TOKEN=t0ken")
		out, _ := c.CombinedOutput()
		return c.ProcessState.ExitCode(), string(out)
	}
	if code, text := send("influx=http://influx.invalid:8086?db=x"); code != 0 {
		t.Errorf("exit %d: %s", code, text)
	}
	code, text := send("influx=https://influx.invalid:8086?db=x")
	if code != 2 || !strings.Contains(text, "Forbidden") {
		t.Errorf("a tunnel that is refused: exit %d: %s", code, text)
	}
	mu.Lock()
	refuse = true
	mu.Unlock()
	code, refused := send("influx=http://influx.invalid:8086?db=x")
	if code != 2 || !strings.Contains(refused, "407") {
		t.Errorf("a proxy that refuses: exit %d: %s", code, refused)
	}
	if strings.Contains(text+refused, "pr0xy-secret") || strings.Contains(text+refused, "t0ken") {
		t.Errorf("a secret is told:\n%s%s", text, refused)
	}
	mu.Lock()
	defer mu.Unlock()
	const basic = "Basic bWU6cHIweHktc2VjcmV0" // me:pr0xy-secret
	if len(asked) < 3 || asked[0] != "POST influx.invalid:8086 "+basic || asked[1] != "CONNECT influx.invalid:8086 "+basic {
		t.Errorf("the proxy was asked for %q", asked)
	}
}
