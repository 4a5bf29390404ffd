package goproc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// explain turns an error of opening a process into one that says what is the matter with it.
func explain(proc string, pid int, dir string, err error) error {
	switch {
	case errors.Is(err, sampler.ErrGone):
		return err
	case errors.Is(err, fs.ErrPermission), errors.Is(err, sampler.ErrPermission):
		c := readCredentials(proc, dir)
		return c.diagnose(pid, err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
		return absent(dir, err)
	}
	return err
}

// absent tells the ways in which a process has no executable: there is no process, or none of its own.
func absent(dir string, err error) error {
	status, statErr := os.ReadFile(dir + "/status")
	switch {
	case statErr != nil:
		return fmt.Errorf("no such process: %w: %w", sampler.ErrNotFound, err)
	case statusField(status, "State") != "" && statusField(status, "State")[0] == 'Z':
		return fmt.Errorf("%w: %w", &sampler.Gone{At: time.Now(), Reason: "it ended and waits for its parent"}, err)
	}
	return fmt.Errorf("it has no executable, as threads of the kernel have none: %w: %w", sampler.ErrUnsupported, err)
}

func readCredentials(proc, dir string) credentials {
	c := credentials{uid: os.Geteuid(), gid: os.Getegid(), scope: -1}
	if own, err := os.ReadFile(proc + "/self/status"); err == nil {
		c.caps = hex(statusField(own, "CapEff"))
	}
	if status, err := os.ReadFile(dir + "/status"); err == nil {
		uids, ok := threeIDs(statusField(status, "Uid"))
		gids, ok2 := threeIDs(statusField(status, "Gid"))
		c.uids, c.gids, c.known = uids, gids, ok && ok2
		c.targetCaps = hex(statusField(status, "CapPrm"))
	}
	// The kernel gives the files of a process that is not dumpable to root.
	if st, err := os.Stat(dir + "/mem"); err == nil && c.known {
		if sys, ok := st.Sys().(*syscall.Stat_t); ok {
			c.undumpable = sys.Uid == 0 && c.uids[1] != 0
		}
	}
	if b, err := os.ReadFile(proc + "/sys/kernel/yama/ptrace_scope"); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			c.scope = n
		}
	}
	if _, err := os.Stat("/.dockerenv"); err == nil {
		c.container = true
	}
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		c.container = true
	}
	return c
}

// statusField returns the text of a line of /proc/PID/status, "" where there is no such line.
func statusField(status []byte, name string) string {
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func threeIDs(s string) (ids [3]int, ok bool) {
	words := strings.Fields(s)
	if len(words) < 3 {
		return ids, false
	}
	for i := range ids {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			return ids, false
		}
		ids[i] = n
	}
	return ids, true
}

func hex(s string) uint64 {
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return 0
	}
	return v
}
