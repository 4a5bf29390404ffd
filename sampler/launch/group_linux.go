package launch

import "syscall"

// ownGroup puts the command into a process group of its own and has the kernel kill it when heaptop dies.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
