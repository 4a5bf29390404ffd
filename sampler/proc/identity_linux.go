package proc

import (
	"bytes"
	"os/user"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// settleAfter is the age at which a process has become what it will be: a fork has run its program, changed its user
// and moved to its cgroup.
const settleAfter = 5 * time.Second

// asking says when an identity is due.
type asking struct{ asked, settled bool }

// due says whether to ask: for a new process, for one that runs another program, once more for one that has settled,
// and again for a young one without a command line, which exec sets some time after the name.
func (a *asking) due(renamed, bare bool, age time.Duration) bool {
	due := !a.asked || renamed || (!a.settled && (bare || age >= settleAfter))
	if due {
		a.asked, a.settled = true, age >= settleAfter
	}
	return due
}

// maxCommand bounds a command line, in bytes; Linux itself kept no more for a long time.
const maxCommand = 4096

// identity is what is asked once for a process.
type identity struct {
	command, base   string // base is the last part of the first argument
	user, container string
}

// identifier asks for identities. It remembers the names of users.
type identifier struct {
	host  *host
	users map[uint32]string
	name  []byte
}

// maxUsers bounds how many names of users are kept.
const maxUsers = 4096

func newIdentifier(h *host) *identifier {
	return &identifier{host: h, users: make(map[uint32]string)}
}

// ask reads what can be read; the rest is "".
func (i *identifier) ask(pid int, kernel bool, buf *[]byte) identity {
	var id identity
	if !kernel {
		if b, no := i.read(pid, "/cmdline", buf); no == 0 {
			id.command, id.base = commandLine(b)
		}
		if b, no := i.read(pid, "/cgroup", buf); no == 0 {
			id.container = parseCgroup(b).container()
		}
	}
	if b, no := i.read(pid, "/status", buf); no == 0 {
		var st status
		if parseStatus(b, &st); st.uid.OK {
			id.user = i.user(uint32(st.uid.Value))
		}
	}
	return id
}

// status reads the status of a process, which has the columns that stat lacks.
func (i *identifier) status(pid int, buf *[]byte, st *status) unix.Errno {
	b, no := i.read(pid, "/status", buf)
	if no == 0 {
		parseStatus(b, st)
	}
	return no
}

func (i *identifier) read(pid int, file string, buf *[]byte) ([]byte, unix.Errno) {
	i.name = append(append(strconv.AppendInt(i.name[:0], int64(pid), 10), file...), 0)
	return readOnce(i.host.dir, i.name, buf)
}

// user returns the name of a user, or the number when nobody knows it.
func (i *identifier) user(uid uint32) string {
	if name, ok := i.users[uid]; ok {
		return name
	}
	name := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(name); err == nil && u.Username != "" {
		name = u.Username
	}
	if len(i.users) >= maxUsers {
		clear(i.users)
	}
	i.users[uid] = name
	return name
}

// commandLine joins the arguments, which end with zero bytes, by blanks.
func commandLine(b []byte) (command, base string) {
	b = b[:min(len(b), maxCommand)]
	b = bytes.TrimRight(b, "\x00 ")
	first, _, _ := bytes.Cut(b, []byte{0})
	command = strings.ReplaceAll(string(b), "\x00", " ")
	return command, path.Base(string(first))
}

// signalName returns "SIGKILL" for 9.
func signalName(n uint64) string {
	if name := unix.SignalName(unix.Signal(n)); name != "" {
		return name
	}
	return "signal " + strconv.FormatUint(n, 10)
}

// ending fills in how a zombie ended. The kernel hides the code from those who may not inspect the process by writing
// 0, so that 0 is believed only for a process of our own user.
func ending(st *stat, sameUser bool, g *sampler.Gone) {
	switch signal := st.exitCode & 0x7f; {
	case !st.hasExitCode || (st.exitCode == 0 && !sameUser):
	case signal != 0:
		g.Signal = signalName(signal)
	default:
		g.ExitCode = sampler.Known(float64(st.exitCode >> 8 & 0xff))
	}
}
