package terminal

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/alloc-dev/heaptop/sampler/scenario/terminal/emulator"
)

const (
	logWidth, logHeight = 100, 50
	// logKept is how many lines a person can scroll back.
	logKept = 1000
	// logStart is the time of the first line, 2026-01-01 00:00:00 UTC in Unix seconds.
	logStart = 1767225600
)

type level struct {
	name, colour string
	share        int // of 100 lines
}

func levels() [4]level {
	return [4]level{{"INFO", "32", 60}, {"DEBUG", "36", 25}, {"WARN", "33", 10}, {"ERROR", "31", 5}}
}

// Log follows a log: each step is a line in the colour of its level at the bottom, which scrolls the others up, and the last
// row counts. An error is followed by where it happened, and some lines are longer than the screen is wide.
type Log struct {
	chance *rand.Rand
	term   *emulator.Terminal
	levels [4]level
	counts [4]int
	lines  uint64
	clock  time.Time
}

// NewLog returns a log of which nothing is shown yet.
func NewLog(seed uint64) (*Log, error) {
	term, err := emulator.New(logWidth, logHeight, logKept)
	if err != nil {
		return nil, err
	}
	l := &Log{chance: chance(seed, streamLog), term: term, levels: levels(), clock: time.Unix(logStart, 0).UTC()}
	fmt.Fprintf(term, "\x1b]2;tail -f app.log\a\x1b[1;%dr\x1b[%[1]d;1H", logHeight-1)
	return l, nil
}

// Screens is what a person sees.
func (l *Log) Screens() []*emulator.Terminal { return shown(l.term) }

// Operations is the lines.
func (l *Log) Operations() uint64 { return l.lines }

// Close drops the screen.
func (l *Log) Close() error {
	l.term = nil
	return nil
}

// Step shows the next line.
func (l *Log) Step() error {
	i := l.level()
	l.counts[i]++
	l.lines++
	l.clock = l.clock.Add(time.Duration(1+l.chance.IntN(9)) * time.Millisecond)
	lv := l.levels[i]
	fmt.Fprintf(l.term, "\r\n\x1b[%sm[%s] %s: Log entry %d %s\x1b[0m", lv.colour, l.clock.Format("2006-01-02T15:04:05.000Z"), lv.name, l.lines, l.message())
	if lv.name == "ERROR" {
		fmt.Fprintf(l.term, "\r\n\x1b[2m    at handler_%d (app/server.ex:%d)\x1b[0m", l.chance.IntN(100), 1+l.chance.IntN(900))
	}
	l.status()
	return nil
}

func (l *Log) level() int {
	n := l.chance.IntN(100)
	for i, lv := range l.levels {
		if n < lv.share {
			return i
		}
		n -= lv.share
	}
	return 0
}

func (l *Log) message() string {
	switch l.chance.IntN(5) {
	case 0:
		return fmt.Sprintf("GET /orders/%d 200 in %d ms", l.chance.IntN(100_000), l.chance.IntN(400))
	case 1:
		return fmt.Sprintf("cache holds %d pages, %d %% of requests found theirs", l.chance.IntN(5000), l.chance.IntN(101))
	case 2:
		return fmt.Sprintf("user %08x signed in", l.chance.Uint32())
	case 3: // longer than the screen is wide
		return fmt.Sprintf("query took %d ms: SELECT id, name, price FROM articles WHERE shop = %d ORDER BY price LIMIT 50", l.chance.IntN(900), l.chance.IntN(1000))
	default:
		return fmt.Sprintf("job %d is done, %d wait", l.chance.IntN(100_000), l.chance.IntN(50))
	}
}

// status draws the last row, below those that scroll, and goes back.
func (l *Log) status() {
	fmt.Fprintf(l.term, "\x1b7\x1b[%d;1H\x1b[7m %d lines \x1b[0m", logHeight, l.lines)
	for i, lv := range l.levels {
		fmt.Fprintf(l.term, " \x1b[%sm%s\x1b[0m %d", lv.colour, lv.name, l.counts[i])
	}
	l.term.Print("\x1b[K\x1b8")
}
