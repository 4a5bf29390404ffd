package launch

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// traceOptions ask for a stop where a process starts, turns into another program and ends, and no others; and for the
// death of all when the tracing thread ends.
const traceOptions = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE |
	unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACEEXIT | unix.PTRACE_O_EXITKILL

// ptrace makes a request that golang.org/x/sys has no function for.
func ptrace(request, pid int, data uintptr) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), 0, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// resume lets a stopped thread go on with a signal, 0 for none. A thread that was killed meanwhile is not there any
// more, which its end will tell.
func resume(tid int, sig syscall.Signal) { _ = unix.PtraceCont(tid, int(sig)) }

// seize takes over the process that has asked to be traced and stands at the beginning of its program. How it asked
// (PTRACE_TRACEME) would not let a job-control stop be one: the process is let go into a stop, and taken again in the
// way that does (PTRACE_SEIZE). It has executed nothing when seize returns; where that is an error it is stopped and untraced.
func seize(pid int) error {
	if err := awaitStop(pid); err != nil {
		return err
	}
	if err := ptrace(unix.PTRACE_DETACH, pid, uintptr(unix.SIGSTOP)); err != nil {
		return fmt.Errorf("ptrace: let the process into a stop: %w", err)
	}
	if err := ptrace(unix.PTRACE_SEIZE, pid, traceOptions); err != nil {
		return fmt.Errorf("ptrace: seize: %w", err)
	}
	return awaitStop(pid)
}

// awaitStop waits for a stop of a process of which no other event can come.
func awaitStop(pid int) error {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(pid, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("wait for the first stop: %w", err)
		case status.Stopped():
			return nil
		default:
			return fmt.Errorf("the process was ended before its first instruction (%v)", status)
		}
	}
}

// release starts a process that seize has left at its beginning. The signal that ends its stop is not for the program:
// the tracer takes it.
func release(pid int) {
	_ = unix.Kill(pid, unix.SIGCONT)
	resume(pid, 0)
}

// await blocks until one of this thread's children or tracees has something to tell, and leaves it there to be taken.
// ok is false when there is none left.
func await() (ok bool) {
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT|unix.WALL|unix.WNOTHREAD, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// take takes what await has found; tid is 0 when there is nothing yet.
func take() (tid int, status unix.WaitStatus, usage unix.Rusage, err error) {
	tid, err = unix.Wait4(-1, &status, unix.WNOHANG|unix.WALL|unix.WNOTHREAD, &usage)
	return tid, status, usage, err
}
