package cli_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestFaultTerminalIsGone closes the window of a dashboard: the command ends with it, and the recording is whole.
func TestFaultTerminalIsGone(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	recording, pidFile := filepath.Join(dir, "a.heaprec"), filepath.Join(dir, "pid")
	screen := on(t, nil, bin, "--interval", "50ms", "--record", recording, "--", "sh", "-c", "echo $$ >"+pidFile+"; sleep 60")
	screen.shows(enterScreen)
	pid := readPID(t, pidFile)
	screen.shows("cost ") // of a reading
	screen.slave.Close()
	screen.master.Close() // the kernel sends SIGHUP, and every write fails from now on
	select {
	case <-screen.ended:
	case <-time.After(faultWait):
		t.Fatal("it runs on without its terminal")
	}
	if code := screen.cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit %d, want 130", code)
	}
	until(t, "the command is dead", func() bool { return dead(pid) })
	o := run(t, nil, bin, "replay", "--format", "json", recording)
	o.ends(0)
	if len(o.readings()) < 1 || strings.Contains(o.stderr, "cut off") {
		t.Errorf("%d readings are in the recording:\n%s", len(o.readings()), o.stderr)
	}
}

// TestFaultStoppedAndContinued stops heaptop itself, as a shell does with a job, and continues it: it draws again, and what
// was read before and after is in the recording.
func TestFaultStoppedAndContinued(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	recording := filepath.Join(dir, "a.heaprec")
	screen := on(t, nil, "sh", "-mc", `"$0" "$@"; echo "stopped: $?"; fg >/dev/null; exit $?`,
		bin, "--interval", "100ms", "--record", recording, "--", "sleep", "60")
	screen.shows("cost ")
	pid := 0
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", screen.cmd.Process.Pid))
	if _, scanErr := fmt.Sscan(string(text), &pid); err != nil || scanErr != nil {
		t.Fatal(err, scanErr)
	}
	screen.after(func() {
		if err := syscall.Kill(pid, syscall.SIGTSTP); err != nil {
			t.Fatal(err)
		}
	}, "stopped: 148") // 128 and SIGTSTP
	from := len(screen.text())
	until(t, "it draws again", func() bool { return len(screen.text()) > from+100 })
	screen.press("q")
	if code := screen.exits(); code != 0 {
		t.Errorf("exit %d", code)
	}
	screen.restored()
	o := run(t, nil, bin, "replay", "--format", "json", recording)
	o.ends(0)
	if len(o.readings()) < 2 {
		t.Errorf("%d readings", len(o.readings()))
	}
}

// misbehaving is an endpoint that is a good one until it is told to turn bad.
func misbehaving(t testing.TB, bad http.HandlerFunc) (url string, turn func()) {
	t.Helper()
	var turned atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name := strings.TrimPrefix(r.URL.Path, "/debug/pprof/"); {
		case turned.Load():
			bad(w, r)
		case pprof.Lookup(name) != nil:
			debug := 0
			fmt.Sscan(r.URL.Query().Get("debug"), &debug)
			pprof.Lookup(name).WriteTo(w, debug)
		default:
			http.NotFound(w, r)
		}
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL, func() { turned.Store(true); s.CloseClientConnections() }
}

// hijack answers with bytes that no server of net/http would send.
func hijack(answer string, hold bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprint(c, answer)
		if hold {
			time.AfterFunc(faultWait, func() { c.Close() })
			return
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset
		}
		c.Close()
	}
}

// bomb answers with a small gzip stream that becomes 1 GiB, and calls it a profile.
func bomb(t testing.TB) http.HandlerFunc {
	t.Helper()
	body := zeros(t, 1<<30)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(body)
	}
}

// TestFaultEndpoint: an endpoint that breaks, at the beginning or later, neither holds heaptop nor makes it invent a number.
func TestFaultEndpoint(t *testing.T) {
	bin := heaptop(t)
	for name, bad := range map[string]http.HandlerFunc{
		"half-open":             hijack("", true),
		"slow":                  hijack("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nheap profile: ", true),
		"resetting":             hijack("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nheap", false),
		"length too large":      hijack("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nheap profile: 0: 0 [0: 0] @ heap/1048576\n", false),
		"length no number":      hijack("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false),
		"length negative":       hijack("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", false),
		"two lengths":           hijack("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", false),
		"broken chunks":         hijack("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc", false),
		"endless header":        hijack("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20), false),
		"a bomb":                bomb(t),
		"escape codes in words": hijack("HTTP/1.1 500 \x1b]0;owned\x07\r\n\r\n\x1b[2J\u202eevil", false),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			always := httptest.NewServer(bad)
			t.Cleanup(func() { always.CloseClientConnections(); always.Close() })
			o := run(t, nil, bin, "--format", "json", "--duration", "1s", always.URL)
			o.ends(2, strings.TrimPrefix(always.URL, "http://"), "exit 2: could not measure")
			if o.out != "" || strings.ContainsAny(o.stderr, "\x1b\x07\u202e") {
				t.Errorf("printed %q and %q", o.out, o.stderr)
			}
			if name != "half-open" && name != "resetting" && name != "a bomb" {
				return // an endpoint is asked every 5 s at most
			}
			later, turn := misbehaving(t, bad)
			time.AfterFunc(2*time.Second, turn)
			o = run(t, nil, bin, "--format", "json", "--interval", "500ms", "--duration", "9s", later)
			o.ends(0)
			if n := len(o.readings()); n < 3 || strings.ContainsAny(o.out+o.stderr, "\x1b\x07") {
				t.Errorf("%d readings of an endpoint that breaks after 2 s; %s", n, o.stderr)
			}
			for _, r := range o.readings() {
				if v, ok := r.Metrics["/gc/heap/live:bytes"]; ok && v == 0 {
					t.Errorf("a heap of 0: %v", r)
				}
			}
		})
	}
}
func zeros(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for page := make([]byte, 1<<20); n > 0; n -= len(page) {
		if _, err := w.Write(page); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
