//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestRedisTLS runs the program on a real server's ports, with and without TLS: it says what to write, and reads what can
// be read.
func TestRedisTLS(t *testing.T) {
	t.Parallel()
	bin := heaptop(t)
	s := samplertest.RedisServerTLS(t, "--requirepass", "hunter2")
	shown := "?cert=" + s.Cert + "&key=" + s.Key
	elsewhere := "rediss://" + strings.Replace(s.Encrypted, "127.0.0.1", "localhost", 1)
	live, suite := []string{"--format", "text", "--duration", "100ms"}, []string{"--headless", "--suite", "redis-overhead", "--runs", "1", "--format", "text"}
	for _, c := range []struct {
		args      []string
		url       string
		authority string
		code      int
		says      string
	}{
		{live, "rediss://" + s.Plain, "", 2, "it speaks Redis's protocol without TLS: write redis:// in place of rediss://"},
		{suite, "rediss://" + s.Plain, "", 2, "it speaks Redis's protocol without TLS: write redis:// in place of rediss://"},
		{[]string{"stability", "--duration", "1s"}, "redis://" + s.Encrypted, "", 2, "it speaks TLS: write rediss:// in place of redis://"},
		{suite, "redis://" + s.Encrypted, "", 2, "it speaks TLS: write rediss:// in place of redis://"},
		{live, "rediss://" + s.Encrypted, "", 2, "its certificate is signed by nobody this machine trusts: name the authority's file in SSL_CERT_FILE"},
		{live, elsewhere, s.Cert, 2, "its certificate is for another name"},
		{live, "rediss://" + s.Encrypted, s.Cert, 2, "it may want a certificate of yours"},
		{live, "rediss://" + s.Encrypted + "?cert=" + s.Cert, s.Cert, 3, "a certificate is shown with its key"},
		{live, "rediss://" + s.Encrypted + shown, s.Cert, 0, "watching redis-server"},
	} {
		t.Run(c.args[0]+" "+c.says, func(t *testing.T) {
			t.Parallel()
			var text string
			var code int
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
				run := exec.Command(bin, append(c.args, c.url)...)
				run.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "HEAPTOP_REDIS_PASSWORD=hunter2", "SSL_CERT_FILE="+c.authority)
				out, _ := run.CombinedOutput()
				text, code = strings.Join(strings.Fields(string(out)), " "), run.ProcessState.ExitCode()
				if !strings.Contains(text, "not answered") && !strings.Contains(text, "i/o timeout") {
					break // else the machine was so busy that the server did not answer in time
				}
			}
			if code != c.code || !strings.Contains(text, c.says) || strings.Contains(text, "hunter2") {
				t.Errorf("%s: exit %d, want %d and %q:\n%s", c.url, code, c.code, c.says, text)
			}
		})
	}
}
