package launch

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// tracesOthers says why a program is not to be traced, "" when it may be: it traces processes itself, and a process has
// one tracer. It is known by the function it imports; delve is linked statically and known by its name.
func tracesOthers(pid int, name string) string {
	if name == "dlv" || name == "rr" {
		return "a debugger traces processes itself, and a process can have one tracer"
	}
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/exe")
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
