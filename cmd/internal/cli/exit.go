package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/redis"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// The exit codes that scripts may rely on.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUnmeasured  = 2
	exitUsage       = 3
	exitInterrupted = 130
)

// usageError says that what was typed is wrong, and what to do next.
type usageError struct {
	err  error
	hint string
}

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usagef(hint, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), hint}
}

// failed is a result, not an error: all was measured, and what was asked does not hold. The report, which is written by
// then, says why.
type failed struct {
	meaning string // for the last line: "a gate failed", "a leak is proven"
}

func (f *failed) Error() string { return f.meaning }

// hinted is an error with a next step.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

// unsent is a report that did not arrive where it was sent, or not all of it.
type unsent struct{ error }

func (u *unsent) Unwrap() error { return u.error }

// outcome maps what a command returned to the exit code and its meaning in words.
func outcome(err error) (code int, meaning string) {
	var typed *usageError
	var signal *interrupted
	var gate *failed
	var lost *unsent
	switch {
	case err == nil:
		return exitOK, ""
	case errors.As(err, &signal):
		return exitInterrupted, signal.Error()
	case errors.As(err, &typed):
		return exitUsage, "what was typed is wrong"
	case errors.As(err, &gate):
		return exitFailed, gate.meaning
	case errors.As(err, &lost):
		return exitUnmeasured, "not all was sent"
	}
	return exitUnmeasured, "could not measure"
}

func signalName(i *interrupted) string {
	switch s := i.signal.String(); s {
	case "interrupt":
		return "Ctrl-C"
	case "hangup":
		return "the terminal's end"
	default:
		return "a signal (" + s + ")"
	}
}

// conclude prints the error, its next step, and as the last line the meaning of the exit code, which it returns.
func conclude(w io.Writer, err error) int {
	code, meaning := outcome(err)
	if code == exitOK {
		return code
	}
	if code != exitInterrupted && code != exitFailed {
		prefix := "heaptop: "
		if problems := (policy.Problems)(nil); errors.As(err, &problems) && problems[0].File != "" {
			prefix = "" // each begins with its place, as editors read it
		}
		printLines(w, prefix, plainly(err))
		if hint := hintOf(err); hint != "" {
			printLines(w, "  ", hint)
		}
	}
	fmt.Fprintf(w, "heaptop: exit %d: %s\n", code, meaning)
	return code
}

// plainly returns the error without the sentinel at its end: the sentence before it has said the same.
func plainly(err error) string {
	text := err.Error()
	for _, sentinel := range []error{sampler.ErrNotFound, sampler.ErrUnsupported} {
		text = strings.TrimSuffix(text, ": "+sentinel.Error())
		text = strings.TrimSuffix(text, " ("+sentinel.Error()+")")
	}
	// The system words a missing right as the sentinel does.
	denied := sampler.ErrPermission.Error()
	if strings.HasSuffix(text, denied+" ("+denied+")") {
		text = strings.TrimSuffix(text, " ("+denied+")")
	}
	return text
}

func hintOf(err error) string {
	var typed *usageError
	var other *hinted
	var dial *net.OpError
	switch {
	case errors.As(err, &typed):
		return typed.hint
	case errors.As(err, &other):
		return other.hint
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &dial) && errors.Is(err, syscall.ENOENT):
		return "is it started, and is that its address?"
	case redis.Refused(err): // the next step is in the error
		return ""
	case errors.Is(err, sampler.ErrPermission):
		return permissionHint(err, os.Geteuid())
	}
	return ""
}

// permissionHint is the next step where a right is missing, for the user whom uid names. To root it is none to become root.
func permissionHint(err error, uid int) string {
	switch {
	case uid != 0:
		return "run heaptop as the user of that process, or as root"
	case strings.Contains(err.Error(), "CAP_SYS_PTRACE"):
		return "" // the error says what is missing
	}
	return "to be root is not enough here, where CAP_SYS_PTRACE may be missing: start the container with --cap-add SYS_PTRACE, or run heaptop outside of it"
}

// printLines prints text that may hold names from strangers: nothing in it acts on the terminal.
func printLines(w io.Writer, prefix, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintf(w, "%s%s\n", prefix, theme.Clean(line))
		prefix = strings.Repeat(" ", len(prefix))
	}
}
