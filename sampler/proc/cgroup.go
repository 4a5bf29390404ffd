package proc

import (
	"bytes"
	"path"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// cgroupPaths is where a process is in the hierarchies that matter here. A hierarchy that is not there has "".
type cgroupPaths struct {
	unified string // version 2
	memory  string // the memory controller of version 1
	systemd string // systemd's own tree under version 1
}

// parseCgroup reads /proc/PID/cgroup: lines of "hierarchy:controllers:path", the path being what is left.
func parseCgroup(b []byte) cgroupPaths {
	var p cgroupPaths
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		_, rest, ok := bytes.Cut(line, []byte{':'})
		controllers, place, ok2 := bytes.Cut(rest, []byte{':'})
		if !ok || !ok2 || len(place) == 0 || place[0] != '/' {
			continue
		}
		switch {
		case len(controllers) == 0:
			p.unified = string(place)
		case string(controllers) == "name=systemd":
			p.systemd = string(place)
		default:
			for name := range bytes.SplitSeq(controllers, []byte{','}) {
				if string(name) == "memory" {
					p.memory = string(place)
				}
			}
		}
	}
	return p
}

// container returns a short name for the most telling of the paths: "docker-0123456789ab", "nginx.service"; "" at the root.
func (p cgroupPaths) container() string {
	for _, place := range []string{p.memory, p.unified, p.systemd} {
		if name := shortCgroup(place); name != "" {
			return name
		}
	}
	return ""
}

// maxContainer bounds a container's name, in bytes.
const maxContainer = 64

// shortCgroup shortens the path of a cgroup to what a person knows it by. Long hexadecimal ids are cut to 12 digits,
// as docker ps does, behind the name of their engine.
func shortCgroup(place string) string {
	place = strings.TrimPrefix(path.Clean("/"+place), "/")
	if place == "" {
		return ""
	}
	parent, last := path.Split(place)
	last = strings.TrimPrefix(last, "lxc.payload.")
	engine, id := "", strings.TrimSuffix(last, ".scope")
	if i := strings.LastIndexByte(id, '-'); i >= 0 {
		engine, id = id[:i], id[i+1:]
	}
	if !hexID(id) {
		return last[:min(len(last), maxContainer)]
	}
	switch {
	case strings.Contains(place, "kubepods"):
		engine = "kubepods"
	case engine == "libpod":
		engine = "podman"
	case engine == "":
		engine = path.Base(parent)
	}
	if engine == "." || engine == "/" {
		return id[:12]
	}
	return engine[:min(len(engine), maxContainer-13)] + "-" + id[:12]
}

// hexID says that s is an id nobody can remember: 32 hexadecimal digits or more.
func hexID(s string) bool {
	if len(s) < 32 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// mount is where a cgroup hierarchy can be seen: the directory dir shows what lies below root in it.
type mount struct{ dir, root string }

// mounts are the cgroup mounts that matter, and whether /proc hides the processes of others.
type mounts struct {
	unified, memory mount
	hidepid         bool
}

// parseMounts reads /proc/self/mountinfo: "id parent dev root dir options ... - type source options".
func parseMounts(b []byte) mounts {
	var m mounts
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		left, right, ok := bytes.Cut(line, []byte(" - "))
		if !ok {
			continue
		}
		for range 3 {
			_, left = nextWord(left)
		}
		root, left := nextWord(left)
		dir, _ := nextWord(left)
		at := mount{dir: unescape(dir), root: unescape(root)}
		kind, right := nextWord(right)
		_, right = nextWord(right)
		options, _ := nextWord(right)
		m.add(string(kind), at, ","+string(options)+",")
	}
	return m
}

func (m *mounts) add(kind string, at mount, options string) {
	switch kind {
	case "cgroup2":
		m.unified = at
	case "cgroup":
		if strings.Contains(options, ",memory,") {
			m.memory = at
		}
	case "proc":
		for _, o := range []string{",hidepid=1,", ",hidepid=2,", ",hidepid=4,", ",hidepid=noaccess,", ",hidepid=invisible,", ",hidepid=ptraceable,"} {
			m.hidepid = m.hidepid || strings.Contains(options, o)
		}
	}
}

// unescape undoes the octal escapes (\040) by which mountinfo keeps blanks out of paths.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) {
			if v, ok := parseOctal(b[i+1 : i+4]); ok {
				out = append(out, v)
				i += 3
				continue
			}
		}
		out = append(out, b[i])
	}
	return string(out)
}

func parseOctal(b []byte) (byte, bool) {
	v := 0
	for _, c := range b {
		if c < '0' || c > '7' {
			return 0, false
		}
		v = v<<3 | int(c-'0')
	}
	return byte(v), v <= 0xff
}

// levels returns the directories of the cgroup at place, from its own up to the top of what the mount shows.
func (m mount) levels(place string) []string {
	if m.dir == "" || place == "" || strings.HasPrefix(place, "/..") {
		return nil // a path that begins with /.. lies outside our cgroup namespace
	}
	place = path.Clean("/" + place)
	if m.root != "/" && m.root != "" {
		// Inside a container the mount shows a part of the hierarchy; paths may or may not be told from the whole.
		if rest, ok := strings.CutPrefix(place, m.root); ok && (rest == "" || rest[0] == '/') {
			place = path.Clean("/" + rest)
		}
	}
	var dirs []string
	for ; place != "/"; place = path.Dir(place) {
		dirs = append(dirs, path.Join(m.dir, place))
	}
	return append(dirs, m.dir)
}

// noLimit is where version 1 begins to mean "none": the kernel writes the largest number of whole pages.
const noLimit = 1 << 62

// parseLimit reads memory.max or memory.limit_in_bytes; unknown when there is no limit.
func parseLimit(b []byte) sampler.Reading {
	r := parseSize(b)
	if r.Value >= noLimit {
		return sampler.Reading{}
	}
	return r
}

// parseOOMKills reads the oom_kill line of memory.events or memory.oom_control.
func parseOOMKills(b []byte) sampler.Reading {
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		if key, rest := nextWord(line); string(key) == "oom_kill" {
			return parseSize(rest)
		}
	}
	return sampler.Reading{}
}
