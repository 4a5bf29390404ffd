package run

import (
	"runtime"
	"slices"
	"strings"
)

// shell makes a command of a line for the shell. A line that is one plain command takes the shell's place, so that the
// shell is no part of what is measured.
func shell(line string) []string {
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/c", line}
	}
	if plain(line) {
		line = "exec " + line
	}
	return []string{"/bin/sh", "-c", line}
}

// plain reports whether a line is one command, with arguments and nothing else, that is a program and not the shell's own.
func plain(line string) bool {
	words := strings.Fields(line)
	if len(words) == 0 || strings.ContainsAny(line, ";|&<>(){}`\n\\#") || strings.Contains(words[0], "=") {
		return false
	}
	own := []string{"!", ".", ":", "[", "alias", "bg", "break", "cd", "command", "continue", "eval", "exec", "exit", "export", "fg", "getopts", "hash",
		"jobs", "local", "read", "readonly", "return", "set", "shift", "source", "test", "time", "times", "trap", "type", "ulimit", "umask", "unalias",
		"unset", "wait"}
	return !slices.Contains(own, words[0])
}
