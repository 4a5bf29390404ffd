package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// calls is what a command and its children asked the kernel for.
type calls struct {
	addresses []string // of the network, to which they connected or sent: "127.0.0.1:6060"
	programs  []string // that they ran, without folders, each once
}

// traced returns a command line under strace, and a function that tells the calls once it has ended.
func traced(t testing.TB, args ...string) (line []string, read func() calls) {
	t.Helper()
	samplertest.Tool(t, "strace")
	if out, err := exec.Command("strace", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %v: %s", err, out)
	}
	file := filepath.Join(t.TempDir(), "calls")
	line = append([]string{"-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg,execve,execveat", "-s", "200", "-o", file, "--"}, args...)
	return line, func() calls {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return callsIn(string(text))
	}
}

var (
	internet = regexp.MustCompile(`\{sa_family=AF_INET6?, sin6?_port=htons\((\d+)\).*?inet_(?:addr|pton)\((?:AF_INET6, )?"([^"]*)"`)
	executed = regexp.MustCompile(`execve(?:at)?\((?:AT_FDCWD, )?"([^"]*)"`)
)

func callsIn(text string) (c calls) {
	for _, m := range internet.FindAllStringSubmatch(text, -1) {
		c.addresses = append(c.addresses, m[2]+":"+m[1])
	}
	for _, m := range executed.FindAllStringSubmatch(text, -1) {
		if name := filepath.Base(m[1]); !slices.Contains(c.programs, name) {
			c.programs = append(c.programs, name)
		}
	}
	return c
}

// only checks that nobody was spoken to but at these addresses (a prefix each), and nothing was run but these programs.
func (c calls) only(t testing.TB, args, addresses, programs []string) {
	t.Helper()
	for _, a := range c.addresses {
		if !slices.ContainsFunc(addresses, func(may string) bool { return strings.HasPrefix(a, may) }) {
			t.Errorf("%q speaks to %s", args, a)
		}
	}
	for _, p := range c.programs {
		if !slices.Contains(programs, p) {
			t.Errorf("%q runs %s", args, p)
		}
	}
	if len(c.programs) == 0 {
		t.Errorf("%q was not traced", args)
	}
}

// TestSecurityNobodyIsToldAndNoShellRuns looks at every connection and every program of the ways to use heaptop: the first
// are those that were typed, and of programs there are heaptop itself, the command that it was given, and git and go, which
// a report asks for what it says of the commit and of the toolchain.
func TestSecurityNobodyIsToldAndNoShellRuns(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	endpoint := httptest.NewServer(mux)
	defer endpoint.Close()
	pid := fmt.Sprint(goVictim(t, bin).Process.Pid)
	here := strings.TrimPrefix(endpoint.URL, "http://")
	second := []string{"--duration", "1s", "--interval", "200ms"}
	for _, x := range []struct {
		args, addresses, programs []string
		code                      int
	}{
		{args: append([]string{"--format", "json"}, append(second, pid)...)},
		{args: append([]string{"--format", "text", "--record", filepath.Join(dir, "a.heaprec")}, append(second, endpoint.URL)...), addresses: []string{here}},
		{args: append([]string{"--format", "text"}, append(second, "--", "sleep", "5")...), programs: []string{"sleep"}},
		{args: append([]string{"--format", "json"}, append(second, "--demo")...), addresses: []string{"127.0.0.1:", "::1:"}}, // its own load
		{args: []string{"snapshot", "-o", filepath.Join(dir, "a.heapsnap"), pid}},
		{args: []string{"debug", "analyze", endpoint.URL}, addresses: []string{here}},
		{args: []string{"debug", "leaks", "--monitoring-duration", "1s", pid}},
		{args: []string{"debug", "hotspots", filepath.Join(dir, "a.heapsnap")}},
		{args: []string{"replay", filepath.Join(dir, "a.heaprec")}},
		{args: []string{"--headless", "--runs", "1", "--limit", "peak_rss=1GB", "--output", filepath.Join(dir, "r.json"), "--", "sleep", "0.1"}, programs: []string{"sleep", "git", "go"}},
		{args: []string{"report", filepath.Join(dir, "r.json"), "--format", "html=" + filepath.Join(dir, "r.html")}},
		{args: []string{"version"}},
	} {
		line, read := traced(t, append([]string{bin}, x.args...)...)
		run(t, []string{"GITHUB_TOKEN=t", "DD_API_KEY=k", "HTTP_PROXY=http://192.0.2.1:1", "HTTPS_PROXY=http://192.0.2.1:1"}, "strace", line...).ends(x.code)
		read().only(t, x.args, x.addresses, append(x.programs, "heaptop", "exe"))
	}

	line, read := traced(t, bin, "--interval", "200ms", pid)
	screen := on(t, nil, "strace", line...)
	screen.shows("cost ")
	screen.typed("2", "▸2 Processes")
	screen.typed("3", "▸3 GC")
	screen.press("q")
	screen.exits()
	read().only(t, line, nil, []string{"heaptop"})

	// What is documented to run a shell does, and is seen to.
	line, read = traced(t, bin, "stability", "--duration", "1s", "--run", "sleep 5")
	run(t, nil, "strace", line...).ends(0)
	read().only(t, line, nil, []string{"heaptop", "exe", "sh", "sleep", "git", "go"})
	if !slices.Contains(read().programs, "sh") {
		t.Errorf("the shell of stability --run was not seen among %q: nothing is proven", read().programs)
	}
}
