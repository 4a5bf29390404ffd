package launch

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// tracers remembers what programs were found to do, for a script may start the same one a thousand times. The key
// tells one file from another, and from itself after a change.
type tracers map[string]string

// maxTracers bounds what is remembered; a build makes new programs all the time.
const maxTracers = 1024

// why says why a program is not to be traced, "" when it may be: it traces processes itself, and a process has one
// tracer. It is known by the function it imports; a debugger that is linked statically is known by its name.
func (t tracers) why(pid int, name string) string {
	if name == "dlv" || name == "rr" {
		return "a debugger traces processes itself, and a process can have one tracer"
	}
	path := "/proc/" + strconv.Itoa(pid) + "/exe"
	var st syscall.Stat_t
	if syscall.Stat(path, &st) != nil {
		return ""
	}
	file := fmt.Sprint(st.Dev, st.Ino, st.Size, st.Ctim)
	why, known := t[file]
	if !known {
		why = importsPtrace(path)
		if len(t) < maxTracers {
			t[file] = why
		}
	}
	return why
}

func importsPtrace(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	e, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	symbols, err := e.ImportedSymbols()
	if err != nil || !slices.ContainsFunc(symbols, func(s elf.ImportedSymbol) bool { return s.Name == "ptrace" }) {
		return ""
	}
	return "the program calls ptrace, so it may trace processes itself, and a process can have one tracer"
}

// grantsRights names what a file gives to whoever runs it, "" when nothing.
func grantsRights(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return ""
	case info.Mode()&fs.ModeSetuid != 0:
		return "set-user-id"
	case info.Mode()&fs.ModeSetgid != 0:
		return "set-group-id"
	}
	if n, err := unix.Getxattr(path, "security.capability", nil); err == nil && n > 0 {
		return "capability-raised"
	}
	return ""
}

// untraceable says beforehand why a command must not be traced, "" when it may be.
func untraceable(path string) string {
	if grants := grantsRights(path); grants != "" && unix.Geteuid() != 0 {
		return fmt.Sprintf("%s is a %s program, and would run without those rights", path, grants)
	}
	return ""
}
