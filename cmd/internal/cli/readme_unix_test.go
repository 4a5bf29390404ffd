//go:build unix

package cli_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/cmd/internal/testenv"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

const root = "../../.." // of the repository

// TestReadme runs every command of the README: in a shell, or on a terminal where it opens the dashboard. The process,
// the program and the endpoint they name are a small server of the test's own.
func TestReadme(t *testing.T) {
	samplertest.NotUnderRace(t)
	commands := documented(t, filepath.Join(root, "README.md"))
	if len(commands) < 10 {
		t.Fatalf("the README has %d commands: %q", len(commands), commands)
	}
	bin, server := readmePrograms(t)
	dir := t.TempDir() // of all: a command may use the file that one before it wrote
	if err := os.Symlink(filepath.Join(bin, server.name), filepath.Join(dir, server.name)); err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		t.Run(strings.Fields(command)[0]+" "+command, func(t *testing.T) {
			runDocumented(t, dir, bin, server.replace(command))
		})
	}
}

// documented returns the commands of a page's console blocks, without what stands behind a "#".
func documented(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllSubmatch(text, -1) {
		for line := range strings.Lines(string(block[1])) {
			if command, found := strings.CutPrefix(line, "$ "); found {
				command, _, _ = strings.Cut(command, " #")
				commands = append(commands, strings.TrimSpace(command))
			}
		}
	}
	return commands
}

// target is a running server. Its name is its own, so that a test which runs beside this one is not in the way.
type target struct {
	name string
	pid  int
	url  string
}

func (s target) replace(command string) string {
	command = strings.ReplaceAll(command, "http://localhost:6060", s.url)
	command = strings.ReplaceAll(command, "api-server", s.name)
	command = regexp.MustCompile(`--monitoring-duration [1-9]\w*`).ReplaceAllString(command, "--monitoring-duration 2s")
	return regexp.MustCompile(`\b4242\b`).ReplaceAllString(command, strconv.Itoa(s.pid))
}

// readmePrograms builds heaptop and a server into a folder of their own, and starts the server.
func readmePrograms(t *testing.T) (bin string, server target) {
	t.Helper()
	bin = t.TempDir()
	if err := os.Symlink(heaptop(t), filepath.Join(bin, "heaptop")); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("api-%d", os.Getpid())
	out, err := exec.Command("go", "build", "-o", filepath.Join(bin, name), "./testdata/api-server").CombinedOutput()
	if err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command(filepath.Join(bin, name), address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	until(t, "the server answers", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return bin, target{name, cmd.Process.Pid, "http://" + address}
}

func runDocumented(t *testing.T, dir, bin, command string) {
	t.Helper()
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
	case strings.HasPrefix(command, "go "):
		dir = root
	}
	env := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "GOBIN=" + t.TempDir(), "XDG_STATE_HOME=" + t.TempDir()}
	if opensDashboard(command) {
		c := on(t, env, "sh", "-c", fmt.Sprintf("cd %q && exec %s", dir, command))
		c.shows("1 Memory")
		c.press("q")
		if code := c.exits(); code != 0 {
			t.Errorf("%s: exit %d", command, code)
		}
		return
	}
	testenv.Tool(t, "sh")
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}

func opensDashboard(command string) bool {
	if strings.HasPrefix(command, "go run ./cmd/heaptop") {
		return true
	}
	fields := strings.Fields(command)
	if fields[0] != "heaptop" {
		return false
	}
	return len(fields) < 2 || !slices.Contains([]string{"snapshot", "diff", "replay", "debug", "check", "baseline", "report", "version", "completion", "help"}, fields[1]) &&
		!slices.Contains(fields, "--format") && !slices.Contains(fields, "--help") && !slices.Contains(fields, "--headless") && !strings.Contains(command, "--mode snapshot")
}
