package terminal

import (
	"fmt"
	"strings"
)

// run does a command and prints what it says.
func (s *Shell) run(line string) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	arg := words[len(words)-1]
	switch words[0] {
	case "ls":
		s.list(words[1:])
	case "ps", "top":
		s.processes(words[0])
	case "find":
		s.tree.at.walk(".", func(path string) {
			if strings.HasSuffix(path, ".ex") {
				s.say("%s", path)
			}
		})
	case "grep":
		s.grep(arg)
	case "cat":
		s.show(arg, fileLines)
	case "tail":
		s.show(arg, 5)
	case "cd":
		if !s.tree.enter(arg) {
			s.say("sh: cd: %s: Not a directory", arg)
		}
	case "touch":
		s.touch(arg)
	case "rm":
		s.remove(arg)
	case "echo":
		s.append(arg, strings.Trim(strings.TrimPrefix(strings.SplitN(line, " >> ", 2)[0], "echo "), "'"))
	case "history":
		first := max(len(s.history)-15, 0)
		for i, h := range s.history[first:] {
			s.say("%5d  %s", first+i+1, h)
		}
	case "pwd":
		s.say("/home/user%s", strings.TrimPrefix(s.tree.path(), "~"))
	case "clear":
		s.term.Print("\x1b[2J\x1b[H")
	default:
		s.say("sh: %s: command not found", words[0])
	}
}

func (s *Shell) say(format string, args ...any) { fmt.Fprintf(s.term, format+"\r\n", args...) }

func (s *Shell) list(args []string) {
	in := s.tree.at
	if len(args) > 1 {
		f := in.child(args[1])
		if f == nil {
			s.say("ls: %s: No such file or directory", args[1])
			return
		}
		if !f.directory {
			s.entry(f)
			return
		}
		in = f
	}
	s.say("total %d", len(in.children))
	for _, f := range in.children {
		s.entry(f)
	}
}

func (s *Shell) entry(f *file) {
	if f.directory {
		s.say("drwxr-xr-x  user %6d  \x1b[1;34m%s\x1b[0m", len(f.children)*32, f.name)
		return
	}
	s.say("-rw-r--r--  user %6d  %s", f.size(), f.name)
}

func (s *Shell) processes(title string) {
	s.say("\x1b[7m%6s %-8s %5s %9s  %-28s\x1b[0m", "PID", "USER", "%CPU", "RSS", "COMMAND ("+title+")")
	for _, name := range []string{"init", "sshd", "sh", "postgres", "beam.smp", "nginx"} {
		s.say("%6d %-8s %5.1f %7d K  %s", 1+s.chance.IntN(30_000), "user", s.chance.Float64()*20, s.chance.IntN(500_000), name)
	}
}

// find is the file of that name; where there is none it says so.
func (s *Shell) find(command, name string) *file {
	f := s.tree.at.child(name)
	switch {
	case f == nil:
		s.say("%s: %s: No such file or directory", command, name)
	case f.directory:
		s.say("%s: %s: Is a directory", command, name)
		f = nil
	}
	return f
}

func (s *Shell) grep(name string) {
	f := s.find("grep", name)
	if f == nil {
		return
	}
	for i, line := range f.lines {
		if before, after, ok := strings.Cut(line, "def"); ok {
			s.say("\x1b[32m%d\x1b[0m:%s\x1b[1;31mdef\x1b[0m%s", i+1, before, after)
		}
	}
}

func (s *Shell) show(name string, last int) {
	f := s.find("cat", name)
	if f == nil {
		return
	}
	for _, line := range f.lines[max(len(f.lines)-last, 0):] {
		s.say("%s", line)
	}
}

func (s *Shell) touch(name string) {
	if s.tree.at.child(name) != nil {
		return
	}
	if !s.tree.at.add(&file{name: name}) {
		s.say("touch: %s: No space left on device", name)
	}
}

func (s *Shell) remove(name string) {
	if f := s.find("rm", name); f != nil && !s.tree.at.remove(f) {
		s.say("rm: %s: Permission denied", name)
	}
}

// append adds a line to a file, of which the last are kept.
func (s *Shell) append(name, text string) {
	if f := s.find("sh", name); f != nil {
		f.lines = append(f.lines, text)
		if len(f.lines) > fileLines {
			f.lines = append(f.lines[:0], f.lines[len(f.lines)-fileLines:]...)
		}
	}
}
