package github

import (
	"regexp"
	"sync"
)

// lazy is a regular expression that is compiled when it is needed first: most runs of heaptop never speak to GitHub, and
// should not pay for it when they start.
type lazy func() *regexp.Regexp

func pattern(s string) lazy {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(s) })
}

// MatchString reports whether the text matches.
func (l lazy) MatchString(s string) bool { return l().MatchString(s) }
