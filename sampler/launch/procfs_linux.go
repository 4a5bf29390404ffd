package launch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// commLength is how much of a program's name the kernel keeps.
const commLength = 15

// status is what is needed of /proc/PID/status.
type status struct {
	name           string
	group, parent  int
	peak, resident sampler.Reading // absent once the memory is gone
}

// readStatus reads the status of a process or a thread.
func readStatus(tid int, buffer *[]byte) (status, bool) {
	b, err := readFile("/proc/"+strconv.Itoa(tid)+"/status", buffer)
	if err != nil {
		return status{}, false
	}
	return parseStatus(b), true
}

// readFile reads a small file of the kernel's into a buffer that is used again.
func readFile(path string, buffer *[]byte) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd) //nolint:errcheck // it was only read
	if *buffer == nil {
		*buffer = make([]byte, 8<<10)
	}
	n, err := unix.Read(fd, *buffer)
	if err != nil {
		return nil, err
	}
	return (*buffer)[:n], nil
}

func parseStatus(b []byte) status {
	var s status
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte{'\n'})
		key, value, _ := bytes.Cut(line, []byte(":\t"))
		switch string(key) {
		case "Name":
			s.name = string(value)
		case "Tgid":
			s.group, _ = strconv.Atoi(string(value))
		case "PPid":
			s.parent, _ = strconv.Atoi(string(value))
		case "VmHWM":
			s.peak = kibibytes(value)
		case "VmRSS":
			s.resident = kibibytes(value)
			return s
		}
	}
	return s
}

// kibibytes reads "   1234 kB".
func kibibytes(b []byte) sampler.Reading {
	number, unit, _ := bytes.Cut(bytes.TrimLeft(b, " \t"), []byte{' '})
	n, err := strconv.ParseUint(string(number), 10, 44)
	if err != nil || string(unit) != "kB" {
		return sampler.Reading{}
	}
	return sampler.Known(float64(n << 10))
}

// What tells that a thread is being killed: the signal waits for it, or it has taken it (PF_SIGNALED).
const (
	killPending = 1 << (unix.SIGKILL - 1)
	flagKilled  = 0x400
)

// dying reports whether a thread is being killed, or is gone.
func dying(pid, tid int) bool {
	dir := fmt.Sprintf("/proc/%d/task/%d/", pid, tid)
	text, err := os.ReadFile(dir + "status")
	if err != nil {
		return true
	}
	_, after, _ := bytes.Cut(text, []byte("\nSigPnd:\t"))
	line, _, _ := bytes.Cut(after, []byte{'\n'})
	if pending, err := strconv.ParseUint(string(line), 16, 64); err == nil && pending&killPending != 0 {
		return true
	}
	text, err = os.ReadFile(dir + "stat")
	if err != nil {
		return true
	}
	_, after, _ = cutLast(text, ')')
	fields := bytes.Fields(after)
	if len(fields) < 7 {
		return true
	}
	flags, err := strconv.ParseUint(string(fields[6]), 10, 64)
	return err == nil && flags&flagKilled != 0
}

// programName is the name of the program a process runs: the kernel's, and where that is cut off the whole name of
// its file.
func programName(pid int, comm string) string {
	if len(comm) < commLength {
		return comm
	}
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if base := filepath.Base(strings.TrimSuffix(exe, " (deleted)")); err == nil && strings.HasPrefix(base, comm) {
		return base
	}
	return comm
}

// children returns the processes that pid has made, by its own threads' lists; ok is false where the kernel has none.
func children(pid int) (found []int, ok bool) {
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return nil, true // it has ended
	}
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + task.Name() + "/children")
		if err != nil {
			continue
		}
		ok = true
		for f := range bytes.FieldsSeq(b) {
			if child, err := strconv.Atoi(string(f)); err == nil {
				found = append(found, child)
			}
		}
	}
	return found, ok
}

// carries reports whether a process was started with a variable in its environment.
func carries(pid int, variable string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for v := range bytes.SplitSeq(b, []byte{0}) {
		if string(v) == variable {
			return true
		}
	}
	return false
}

// allProcesses returns every process id there is.
func allProcesses() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			found = append(found, pid)
		}
	}
	return found
}
