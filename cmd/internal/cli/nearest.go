package cli

import "strings"

// nearest returns the candidate that typed was most likely meant to be, "" when none is near: at most a third of the
// letters may differ, one in short words, and a beginning of three letters or more is enough.
func nearest(typed string, candidates []string) string {
	if typed == "" {
		return ""
	}
	best, least := "", max(1, len(typed)/3)+1
	for _, c := range candidates {
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

// didYouMean returns `, did you mean "best"?`, or "" when nothing is near.
func didYouMean(prefix, typed string, candidates []string) string {
	if best := nearest(typed, candidates); best != "" {
		return ", did you mean " + prefix + best + "?"
	}
	return ""
}
