package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// questions are asked on a terminal.
type questions struct {
	possible bool
	in       *bufio.Scanner
	out      io.Writer
	ended    <-chan struct{} // closed when nobody waits for answers any more; nil for never
}

func newQuestions(env *environment) *questions {
	return &questions{possible: isTerminal(env.In) && isTerminal(env.Err), in: bufio.NewScanner(env.In), out: env.Err}
}

// ask returns the first letter of the answer, "" at the end of the input. After an interrupt it does not wait: a terminal cannot
// be told to, so what reads it is left behind, and nothing is asked any more.
func (q *questions) ask(text string) string {
	fmt.Fprint(q.out, theme.Clean(text)+" ")
	line := make(chan string, 1)
	go func() {
		if q.in.Scan() {
			line <- q.in.Text()
		}
		close(line)
	}()
	select {
	case <-q.ended:
		q.possible = false
	case answer, ok := <-line:
		if ok {
			answer = strings.ToLower(strings.TrimSpace(answer))
			return answer[:min(len(answer), 1)]
		}
	}
	fmt.Fprintln(q.out)
	return ""
}

// yes asks for an agreement.
func (q *questions) yes(text string) bool { return q.possible && q.ask(text+" [y/N]") == "y" }

// overwrite asks whether a file may be replaced, and shows what would change where that is asked for.
func (q *questions) overwrite(path, old, now string) bool {
	for q.possible {
		switch q.ask(path + " is there already: put the new one in its place? [y/N/d: what differs]") {
		case "y":
			return true
		case "d":
			fmt.Fprint(q.out, differences(old, now))
		default:
			return false
		}
	}
	return false
}

// differences are the lines that are only in one of two texts, by the longest sequence that both have.
func differences(old, now string) string {
	const most = 2000 // lines: the table below grows with the square
	a, b := strings.Split(strings.TrimSuffix(old, "\n"), "\n"), strings.Split(strings.TrimSuffix(now, "\n"), "\n")
	if len(a) > most || len(b) > most {
		return "the files are too long to be compared here\n"
	}
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out strings.Builder
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out.WriteString("- " + theme.Clean(a[i]) + "\n")
			i++
		default:
			out.WriteString("+ " + theme.Clean(b[j]) + "\n")
			j++
		}
	}
	return out.String()
}
