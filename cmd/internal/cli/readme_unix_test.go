//go:build unix

package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

const root = "../../.." // of the repository

// TestReadme runs every command of the README: in a shell, or on a terminal where it opens the dashboard. The process,
// the program, the endpoint and the server they name are small ones of the test's own.
func TestReadme(t *testing.T) {
	samplertest.NotUnderRace(t)
	p := newPlayer(t)
	p.serve(t)
	p.redis = redisServer(t)
	steps := documented(t, filepath.Join(root, "README.md"))
	if len(steps) < 40 {
		t.Fatalf("the README has %d commands", len(steps))
	}
	p.play(t, steps)
}

// TestGuides runs every command of the guides in order, each guide in a folder of its own, and compares what it writes
// with what the guide shows. The server of a guide is built and started by the guide's own commands.
func TestGuides(t *testing.T) {
	samplertest.NotUnderRace(t)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "guide-*.md"))
	if err != nil || len(pages) < 4 {
		t.Fatalf("the guides are %q, %v", pages, err)
	}
	for _, page := range append(pages, filepath.Join(root, "docs", "which-number.md")) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			steps := documented(t, page)
			if len(steps) == 0 {
				t.Fatal("the page has no commands")
			}
			p := newPlayer(t)
			p.clone(t, steps)
			for i := range steps {
				if p.do(t, &steps[i]); t.Failed() {
					return // what follows builds on it
				}
			}
		})
	}
}

// clone makes the folder what a guide takes for a clone of the repository, unless it makes a module of its own.
func (p *player) clone(t *testing.T, steps []step) {
	t.Helper()
	if !slices.ContainsFunc(steps, func(s step) bool { return strings.Contains(s.command, "./docs/shop") }) {
		return
	}
	if err := os.CopyFS(filepath.Join(p.dir, "docs", "shop"), os.DirFS(filepath.Join(root, "docs", "shop"))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.dir, "go.mod"), "module example.com/guide\n\ngo 1.26\n")
}

// step is a command of a page, or a file that it shows with its name.
type step struct {
	line    int
	file    string // its name; then text is what is in it
	text    string
	command string
	exit    int      // what the comment behind the command says, as in "# exit 1", else 0
	shows   []string // lines of output below the command
}

var (
	fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```")
	exits = regexp.MustCompile(`\bexit (\d+)`)
)

// documented returns the commands of a page's console blocks, and of its other blocks those with the name of a file behind
// their language.
func documented(t *testing.T, page string) []step {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for _, block := range fence.FindAllSubmatchIndex(text, -1) {
		info, body := strings.Fields(string(text[block[2]:block[3]])), string(text[block[4]:block[5]])
		line := 2 + bytes.Count(text[:block[0]], []byte("\n"))
		switch {
		case len(info) == 2:
			steps = append(steps, step{line: line, file: info[1], text: body})
		case len(info) == 1 && info[0] == "console":
			steps = append(steps, commands(body, line)...)
		}
	}
	return steps
}

func commands(block string, line int) []step {
	var steps []step
	for text := range strings.Lines(block) {
		text = strings.TrimRight(text, "\n")
		if command, found := strings.CutPrefix(text, "$ "); found {
			command, comment, _ := strings.Cut(command, " #")
			s := step{line: line, command: strings.TrimSpace(command)}
			if m := exits.FindStringSubmatch(comment); m != nil {
				s.exit, _ = strconv.Atoi(m[1])
			}
			steps = append(steps, s)
		} else if len(steps) > 0 && strings.TrimSpace(text) != "" && strings.TrimSpace(text) != "..." {
			steps[len(steps)-1].shows = append(steps[len(steps)-1].shows, text)
		}
		line++
	}
	return steps
}

// player does what a page says, in a folder of its own. What pages call api-server has another name here, so that a test
// which runs beside this one is not in the way.
type player struct {
	dir, bin string
	name     string
	address  string
	pid      int
	redis    string
}

// newPlayer builds heaptop into a folder that is on the PATH of all commands.
func newPlayer(t *testing.T) *player {
	t.Helper()
	samplertest.Tool(t, "sh")
	p := &player{dir: t.TempDir(), bin: t.TempDir()}
	if err := os.Symlink(heaptop(t), filepath.Join(p.bin, "heaptop")); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	l.Close()
	p.name = "api-" + p.address[strings.LastIndexByte(p.address, ':')+1:]
	return p
}

// serve builds and starts the server of the README, which has net/http/pprof.
func (p *player) serve(t *testing.T) {
	t.Helper()
	out, err := exec.Command("go", "build", "-o", filepath.Join(p.dir, p.name), "./testdata/api-server").CombinedOutput()
	if err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	p.start(t, "exec ./"+p.name+" "+p.address)
}

// target is a running server with net/http/pprof.
type target struct {
	name string
	pid  int
	url  string
}

// apiServer is a server for as long as the test runs.
func apiServer(t *testing.T) target {
	t.Helper()
	p := newPlayer(t)
	p.serve(t)
	return target{p.name, p.pid, "http://" + p.address}
}

// start runs a command of a server for as long as the test runs, and waits until it answers.
func (p *player) start(t *testing.T, command string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = p.dir, p.environment(t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
	until(t, command+" answers", func() bool {
		c, err := net.DialTimeout("tcp", p.address, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// environment is that of a person whose PATH has heaptop, who has a state folder of their own, and who is no job of CI.
func (p *player) environment(t *testing.T) []string {
	return append(os.Environ(), "PATH="+p.bin+":"+os.Getenv("PATH"), "GOBIN="+t.TempDir(), "XDG_STATE_HOME="+t.TempDir(),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GITHUB_STEP_SUMMARY=")
}

var (
	monitoring = regexp.MustCompile(`--monitoring-duration [1-9]\w*`)
	lasting    = regexp.MustCompile(`--duration [1-9]\w*`)
	benchmarks = regexp.MustCompile(`( -bench )`)
	pid        = regexp.MustCompile(`\b4242\b`)
)

// replace puts what there is in the place of what a page calls it, and asks for less time.
func (p *player) replace(text string) string {
	text = strings.NewReplacer("localhost:6060", p.address, "127.0.0.1:8080", p.address, "api-server", p.name,
		"redis://localhost:6379", "redis+unix://"+p.redis).Replace(text)
	text = monitoring.ReplaceAllString(text, "--monitoring-duration 2s")
	short := "--duration 1s"
	if strings.Contains(text, "--record") { // with a heap profile in it, also on a busy machine
		short = "--duration 3s"
	}
	text = lasting.ReplaceAllString(text, short)
	text = benchmarks.ReplaceAllString(text, " -benchtime 1x -bench ")
	return pid.ReplaceAllString(text, strconv.Itoa(p.pid))
}

// play does all steps: those that leave no file and need none side by side, after all the others.
func (p *player) play(t *testing.T, steps []step) {
	t.Helper()
	for i := range steps {
		s := &steps[i]
		t.Run(fmt.Sprintf("line %d %s", s.line, s.command), func(t *testing.T) {
			if alone(s.command) {
				t.Parallel()
			}
			p.do(t, s)
		})
	}
}

var filed = regexp.MustCompile(`-o |--output|--record|\.heap|\.json|baseline|history|init|--no-runs|--selftest|--mode snapshot`)

func alone(command string) bool {
	return strings.HasPrefix(command, "heaptop ") && !opensDashboard(command) && !filed.MatchString(command)
}

func (p *player) do(t *testing.T, s *step) {
	t.Helper()
	if s.file != "" {
		write(t, filepath.Join(p.dir, s.file), p.replace(s.text))
		return
	}
	command, dir := p.replace(s.command), p.dir
	switch {
	case command == "go test ./...":
		ci, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(ci), "\n"+command+"\n") {
			t.Errorf(".ci/run does not run %q", command) // a test that ran it would run itself
		}
		return
	case strings.HasSuffix(command, " &"):
		p.start(t, "exec "+strings.TrimSuffix(command, " &"))
		return
	case strings.Contains(command, "./cmd/heaptop") || strings.Contains(command, "go test"):
		dir = root
	}
	if opensDashboard(command) {
		p.compile(t, command)
		c := on(t, p.environment(t), "sh", "-c", fmt.Sprintf("cd %q && exec %s", dir, command))
		c.shows("1 Memory")
		c.press("q")
		if code := c.exits(); code != 0 {
			t.Errorf("line %d, %s: exit %d", s.line, command, code)
		}
		return
	}
	fault := p.run(t, s, command, dir)
	// A server that has just begun may be in a moment that is not shown, such as that of its first collection, and a busy
	// machine may leave a second without the readings that a page's minute has.
	again := strings.HasPrefix(command, "heaptop debug ") || alone(command)
	for deadline := time.Now().Add(30 * time.Second); fault != "" && again && time.Now().Before(deadline); {
		fault = p.run(t, s, command, dir)
	}
	if fault != "" {
		t.Errorf("line %d, %s: %s", s.line, command, fault)
	}
}

// run returns what is otherwise than the page says; "" for nothing.
func (p *player) run(t *testing.T, s *step, command, dir string) (fault string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = dir, p.environment(t)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != s.exit {
		return fmt.Sprintf("%v, want exit %d\n%s", err, s.exit, out)
	}
	for _, line := range s.shows {
		if !strings.Contains(likeness(string(out)), likeness(p.replace(line))) {
			return fmt.Sprintf("there is no line like %q in\n%s", line, out)
		}
	}
	return ""
}

// compile lets go run make its executable, which it then keeps: that takes its time, and the screen has a deadline.
func (p *player) compile(t *testing.T, command string) {
	t.Helper()
	if !strings.HasPrefix(command, "go run ") {
		return
	}
	cmd := exec.Command("go", "run", strings.Fields(command)[2], "version")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

var (
	number = regexp.MustCompile(`[-+]?\d[\d,.:]*( ?(B|kB|MB|GB|%|ns|µs|ms|s|/s|/h|m)\b)?%?`)
	blanks = regexp.MustCompile(`\s+`)
)

// likeness is a text without what differs from run to run: numbers with their units, and the width of columns.
func likeness(text string) string {
	return strings.TrimSpace(blanks.ReplaceAllString(number.ReplaceAllString(text, "0"), " "))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// noScreen are the commands of heaptop that open no dashboard.
var noScreen = []string{"snapshot", "diff", "replay", "debug", "check", "baseline", "report", "version", "completion", "help", "scenarios", "stability",
	"history", "init", "github", "man"}

func opensDashboard(command string) bool {
	if strings.HasPrefix(command, "go run ./cmd/heaptop") {
		return true
	}
	fields := strings.Fields(command)
	if fields[0] != "heaptop" {
		return false
	}
	return len(fields) < 2 || !slices.Contains(noScreen, fields[1]) &&
		!slices.Contains(fields, "--format") && !slices.Contains(fields, "--help") && !slices.Contains(fields, "--headless") && !strings.Contains(command, "--mode snapshot")
}
