package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// The tests named TestSecurity... hold .github/SECURITY.md.

// as makes a command run as nobody.
func as(t testing.TB, args ...string) outcome {
	t.Helper()
	asRoot(t)
	samplertest.Tool(t, "setpriv")
	return run(t, nil, "setpriv", append([]string{"--reuid", "65534", "--regid", "65534", "--clear-groups"}, args...)...)
}

// TestSecurityFilesAreTheirOwners: what shows a program's memory may be read by who took it, whatever the umask permits.
func TestSecurityFilesAreTheirOwners(t *testing.T) {
	bin, state := heaptop(t), t.TempDir()
	cmd := goVictim(t, bin)
	pid := fmt.Sprint(cmd.Process.Pid)
	script := fmt.Sprintf(`umask 0; export XDG_STATE_HOME=%s; "$0" snapshot -o %[1]s/a.heapsnap %[2]s && "$0" snapshot %[2]s &&
"$0" snapshot --pprof -o %[1]s/a.pb.gz %[2]s && "$0" --format text --duration 300ms --interval 100ms --record %[1]s/a.heaprec %[2]s
"$0" --format text --interval 50ms -- sh -c 'sleep 0.3; kill -KILL $$' # leaves a black box
true`, state, pid)
	run(t, nil, "sh", "-c", script, bin).ends(0)
	files := 0
	err := filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == state {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700 | os.ModeDir
		} else {
			files++
		}
		if info.Mode() != want {
			t.Errorf("%s is %s, want %s", path, info.Mode(), want)
		}
		return nil
	})
	if err != nil || files != 6 {
		t.Errorf("%d files, %v", files, err)
	}
}

// TestSecurityReportsFollowTheUmask: a report is meant to be passed on, as the output of every other tool.
func TestSecurityReportsFollowTheUmask(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	for mask, want := range map[string]os.FileMode{"077": 0o600, "022": 0o644} {
		path := filepath.Join(dir, mask+".json")
		run(t, nil, "sh", "-c", "umask "+mask+`; exec "$0" "$@"`, bin, "--headless", "--runs", "1", "--limit", "peak_rss=1GB", "--output", path, "--", "true").ends(0)
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("umask %s: %v, %v", mask, info, err)
		}
	}
}

// TestSecurityAnotherUserGetsNothing: the agent's socket, the memory, the files and the endpoint's process are closed to him.
func TestSecurityAnotherUserGetsNothing(t *testing.T) {
	asRoot(t)
	bin := heaptop(t)
	stranger := reachable(t, bin)
	runtime, err := os.MkdirTemp("", "ht")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(runtime) })
	if err := os.Chmod(runtime, 0o755); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(bin, "run-scenario", "demo")
	server.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+runtime)
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	var socket string
	until(t, "its agent listens", func() bool {
		all, _ := filepath.Glob(runtime + "/*/*.sock")
		if len(all) == 1 {
			socket = all[0]
		}
		return len(all) == 1
	})
	run(t, nil, bin, watchFor("unix://"+socket)...).ends(0) // its owner may

	o := as(t, append([]string{stranger}, watchFor("unix://"+socket)...)...)
	o.ends(2, "permission denied")
	if o.out != "" {
		t.Errorf("another user reads %s", o.out)
	}
	o = as(t, append([]string{stranger}, watchFor(fmt.Sprint(server.Process.Pid))...)...)
	o.ends(0)
	for m := range o.last().Metrics {
		if strings.HasPrefix(m, "/gc/") || strings.HasPrefix(m, "/sched/") || strings.HasPrefix(m, "/memory/") {
			t.Errorf("another user reads %s", m)
		}
	}
	file := filepath.Join(runtime, "a.heapsnap")
	run(t, nil, bin, "snapshot", "-o", file, fmt.Sprint(server.Process.Pid)).ends(0)
	as(t, stranger, "debug", "analyze", file).ends(3, "permission denied")
}

// TestSecurityNothingIsWrittenIntoATarget: while a Go program is watched, and its memory read, nothing of it is open for
// writing, and what a reset would change stays as it was.
func TestSecurityNothingIsWrittenIntoATarget(t *testing.T) {
	bin := heaptop(t)
	target := goVictim(t, bin)
	pid := target.Process.Pid
	watcher := exec.Command(bin, "--format", "json", "--interval", "50ms", fmt.Sprint(pid))
	watcher.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir(), "TMPDIR="+t.TempDir())
	out, err := watcher.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watcher.Start(); err != nil {
		t.Fatal(err)
	}
	defer watcher.Wait()
	defer watcher.Process.Kill()
	memory := false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for range 40 {
		if !lines.Scan() {
			t.Fatal("the watch ended")
		}
		for path, flags := range openFiles(t, watcher.Process.Pid) {
			if !strings.HasPrefix(path, fmt.Sprintf("/proc/%d/", pid)) {
				continue
			}
			memory = memory || strings.HasSuffix(path, "/mem")
			if flags&(syscall.O_WRONLY|syscall.O_RDWR) != 0 {
				t.Fatalf("%s is open with the flags %o", path, flags)
			}
		}
	}
	if !memory {
		t.Skip("its memory was not read: the agent answered")
	}
}

// openFiles are the open files of a process, with the flags each was opened with.
func openFiles(t testing.TB, pid int) map[string]int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]int)
	for _, f := range list {
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, f.Name()))
		if err != nil {
			continue // closed by now
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, f.Name()))
		if err != nil {
			continue
		}
		var pos, flags int
		if _, err := fmt.Sscanf(string(text), "pos:\t%d\nflags:\t%o", &pos, &flags); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all[path] = flags
	}
	return all
}

// TestSecurityNoSecretIsPrinted gives heaptop every secret it takes, to servers that refuse it, and looks for it everywhere.
func TestSecurityNoSecretIsPrinted(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	const secret = "s3cr3t-hunter2"
	report := filepath.Join(dir, "report.json")
	run(t, nil, bin, "--headless", "--runs", "1", "--limit", "peak_rss=1GB", "--output", report, "--", "true").ends(0)
	var heard sync.Map                                                                         // the paths at which the secret arrived
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // says back all that it was told
		_, password, _ := r.BasicAuth()
		if strings.Contains(fmt.Sprint(r.Header, r.URL, password), secret) {
			heard.Store(r.URL.Path, true)
		}
		w.WriteHeader(http.StatusUnauthorized)
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1000))
		fmt.Fprintf(w, "no: %v %s %s", r.Header, r.URL, body)
	}))
	defer echo.Close()
	host := strings.TrimPrefix(echo.URL, "http://")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	env := []string{
		"GITHUB_TOKEN=" + secret, "GH_TOKEN=" + secret, "DD_API_KEY=" + secret, "DATADOG_API_KEY=" + secret, "INFLUX_TOKEN=" + secret, "REDISCLI_AUTH=" + secret,
		"GITHUB_API_URL=" + echo.URL, "GITHUB_REPOSITORY=o/r", "DD_URL=" + echo.URL, "DD_SITE=" + host, "INFLUX_ORG=o", "INFLUX_BUCKET=b",
	}
	for _, args := range [][]string{
		{"report", report, "--send", "influx=http://u:" + secret + "@" + host + "?db=d"}, {"report", report, "--send", "influx=" + echo.URL + "?org=o&bucket=b"},
		{"report", report, "--send", "influx=" + echo.URL + "?token=" + secret}, {"report", report, "--send", "datadog=" + echo.URL},
		{"--format", "json", "redis://:" + secret + "@" + closed}, {"--format", "json", "redis://u:" + secret + "@" + host},
		{"--format", "json", "--duration", "1s", "http://u:" + secret + "@" + host}, {"--format", "json", "--duration", "1s", "http://u:" + secret + "@" + closed},
		{"--headless", "--duration", "1s", "--limit", "peak_rss=1GB", "--output", filepath.Join(dir, "t.json"), "http://u:" + secret + "@" + closed},
		{"github", "comment", "--pr", "1", report}, {"github", "issue", report}, {"github", "summary", report},
		{"--headless", "--runs", "1", "--limit", "peak_rss=1GB", "--format", "html=" + filepath.Join(dir, "e.html"), "--output", filepath.Join(dir, "e.json"), "--", "true"},
		{"--format", "json", "--interval", "50ms", "--record", filepath.Join(dir, "e.heaprec"), "--", "sleep", "0.3"},
	} {
		o := run(t, env, bin, args...)
		if strings.Contains(o.out+o.stderr, secret) {
			t.Errorf("%q prints the secret:\n%s%s", args, o.out, o.stderr)
		}
	}
	var paths []string
	heard.Range(func(path, _ any) bool { paths = append(paths, path.(string)); return true })
	for _, want := range []string{"/user", "/debug/pprof/", "/write"} {
		if !strings.Contains(strings.Join(paths, " "), want) {
			t.Errorf("the secret reached %q, nothing with %s: too little is proven", paths, want)
		}
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	replayed := run(t, env, bin, "replay", "--format", "json", filepath.Join(dir, "e.heaprec"))
	if strings.Contains(replayed.out, secret) {
		t.Error("the recording holds the secret")
	}
}

// TestSecurityLinksInSharedFolders: in a folder where everybody may write, whoever guesses a name gets nothing by it.
func TestSecurityLinksInSharedFolders(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := victim(t, "sleep", "60")
	pid := fmt.Sprint(cmd.Process.Pid)
	for _, name := range []string{"a.heaprec", "a.heapsnap", "a.json"} {
		if err := os.Symlink(precious, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, nil, bin, append(watchFor(pid), "--record", filepath.Join(dir, "a.heaprec"))...).ends(3, "there is a file of that name")
	run(t, nil, bin, "snapshot", "-o", filepath.Join(dir, "a.heapsnap"), pid).ends(3, "there is a file of that name")
	run(t, nil, bin, append(watchFor(pid), "--output", filepath.Join(dir, "a.json"))...).ends(0) // takes the link's place
	if text, err := os.ReadFile(precious); err != nil || string(text) != "precious" {
		t.Errorf("what a link points to was written: %q, %v", text, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "a.json")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the output is %v, %v", info, err)
	}
}
