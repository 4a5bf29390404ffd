package launch

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// member is a process of the family, with the start time that tells it from a later process of the same id.
type member struct {
	pid     int
	started string
	stray   bool // it left the group: a signal to the group does not reach it
}

// alive reports whether the process still runs; one that only waits to be reaped does not.
func (m member) alive() bool {
	s, ok := readStat(m.pid)
	return ok && s.started == m.started && !s.zombie
}

type stat struct {
	ppid, group int
	started     string
	zombie      bool
}

// readStat reads what is needed of /proc/PID/stat. The name in it may hold spaces and parentheses, so the fields are
// counted from the last parenthesis.
func readStat(pid int) (stat, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	return parseStat(data)
}

func parseStat(data []byte) (stat, bool) {
	_, after, found := cutLast(data, ')')
	fields := bytes.Fields(after)
	if !found || len(fields) < 20 {
		return stat{}, false
	}
	ppid, err1 := strconv.Atoi(string(fields[1]))
	group, err2 := strconv.Atoi(string(fields[2]))
	if err1 != nil || err2 != nil {
		return stat{}, false
	}
	state := fields[0][0]
	return stat{ppid, group, string(fields[19]), state == 'Z' || state == 'X'}, true
}

func cutLast(b []byte, sep byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(b, sep)
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}

// members returns the living processes that are in root's process group or descend from root.
func members(root int) []member {
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	stats := make(map[int]stat, len(paths))
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			continue
		}
		if s, ok := readStat(pid); ok {
			stats[pid] = s
		}
	}
	var found []member
	for pid, s := range stats {
		if !s.zombie && (s.group == root || descends(stats, pid, root)) {
			found = append(found, member{pid, s.started, s.group != root})
		}
	}
	return found
}

// descends follows the parents of pid. The steps are bounded because the table is no instant: ids may be used again
// while it is read.
func descends(stats map[int]stat, pid, root int) bool {
	for range 64 {
		if pid == root {
			return true
		}
		s, ok := stats[pid]
		if !ok || s.ppid <= 1 {
			return false
		}
		pid = s.ppid
	}
	return false
}
