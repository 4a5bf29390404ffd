package proc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// childVariable tells the test binary to be the child, which does what lines on its input say.
const childVariable = "HEAPTOP_PROC_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := serveChild(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveChild obeys: "grow MiB", "spike MiB" (grow and give back), "open N", "fork", "become UID",
// "watch PID", "quit CODE".
func serveChild(in io.Reader, out io.Writer) error {
	var held [][]byte
	var files []*os.File
	var children []*child
	for lines := bufio.NewScanner(in); lines.Scan(); {
		verb, arg, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.Atoi(arg)
		switch verb {
		case "grow", "spike":
			b, err := unix.Mmap(-1, 0, n<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err != nil {
				return err
			}
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			if verb == "grow" {
				held = append(held, b)
			} else if err := unix.Munmap(b); err != nil {
				return err
			}
		case "open":
			for range n {
				f, err := os.Open("/dev/null")
				if err != nil {
					return err
				}
				files = append(files, f)
			}
		case "fork":
			c, err := startChild()
			if err != nil {
				return err
			}
			children = append(children, c)
			fmt.Fprintln(out, c.pid)
			continue
		case "become":
			if err := syscall.Setuid(n); err != nil {
				return err
			}
		case "watch":
			fmt.Fprintln(out, report(n))
			continue
		case "quit":
			os.Exit(n)
		}
		fmt.Fprintln(out, "ok")
	}
	for _, c := range children {
		c.stop()
	}
	_, _ = held, files
	return nil
}

// child is this test binary as another process.
type child struct {
	cmd   *exec.Cmd
	pid   int
	in    io.WriteCloser
	lines *bufio.Reader
}

func startChild(wrapper ...string) (*child, error) {
	args := append(wrapper, os.Args[0])
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd: cmd, pid: cmd.Process.Pid, in: in, lines: bufio.NewReader(out)}, nil
}

// start starts a child that ends with the test.
func start(tb testing.TB, wrapper ...string) *child {
	tb.Helper()
	c, err := startChild(wrapper...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.stop)
	return c
}

// do sends a line and returns the answer.
func (c *child) do(tb testing.TB, line string) string {
	tb.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		tb.Fatal(err)
	}
	answer, err := c.lines.ReadString('\n')
	if err != nil {
		tb.Fatalf("%s: %v", line, err)
	}
	return strings.TrimSpace(answer)
}

// stop lets the child end by the end of its input.
func (c *child) stop() {
	_ = c.in.Close()
	_ = c.cmd.Wait()
}

// kernel reads one line of a file below /proc/PID by its key, in bytes, by other means than the package's.
func kernel(tb testing.TB, pid int, file, key string) float64 {
	tb.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == key+":" && fields[2] == "kB" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				tb.Fatal(err)
			}
			return kib * 1024
		}
	}
	tb.Fatalf("/proc/%d/%s has no %s", pid, file, key)
	return 0
}
