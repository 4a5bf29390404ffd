// Package nearest guesses which known word a person meant to type. It is for messages alone: nothing acts on a guess, so
// what is typed wrong stays an error. It refuses to guess when no word is near.
package nearest

import "strings"

// Word returns the candidate that typed was most likely meant to be, "" when none is near: at most a third of the
// letters may differ, one in short words and none in a single letter, and a beginning of three letters or more is enough.
func Word(typed string, candidates []string) string {
	const longest = 100 // what a stranger wrote may be a book
	if typed == "" || len(typed) > longest {
		return ""
	}
	best, least := "", min(max(1, len(typed)/3)+1, len(typed))
	for _, c := range candidates {
		if c == "" {
			continue
		}
		d := distance(strings.ToLower(typed), c)
		if len(typed) >= 3 && strings.HasPrefix(c, strings.ToLower(typed)) {
			d = min(d, 1)
		}
		// Of two that are equally near, the one that begins alike.
		if d < least || d == least && best != "" && best[0] != typed[0] && c[0] == typed[0] {
			best, least = c, d
		}
	}
	return best
}

// DidYouMean returns `, did you mean "best"?`, or "" when nothing is near.
func DidYouMean(typed string, candidates []string) string {
	if best := Word(typed, candidates); best != "" {
		return ", did you mean \"" + best + "\"?"
	}
	return ""
}

// distance counts the single letters to insert, drop, replace, or swap with their neighbour, to make b of a.
func distance(a, b string) int {
	before, row := []int(nil), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
