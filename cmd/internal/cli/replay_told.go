package cli

import (
	"io"
	"iter"
	"os"
	"time"

	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// toldPast is a past that tells on the way how far it has been read, where that takes longer than a second.
type toldPast struct {
	capture.Past
	path  string
	bar   *progress
	after time.Duration // when it begins to tell
}

// told returns a past that tells how far it has been read: in place on a terminal, elsewhere every ten seconds.
func told(past capture.Past, path string, stderr io.Writer) *toldPast {
	return &toldPast{past, path, newProgress(stderr), time.Second}
}

// All yields every moment.
func (p *toldPast) All() iter.Seq2[*capture.Moment, error] {
	return func(yield func(*capture.Moment, error) bool) {
		defer p.bar.clear()
		const look, again = 500, 200 * time.Millisecond
		from, to := p.Span()
		n, next := 0, time.Now().Add(p.after)
		p.bar.said = time.Now()
		for m, err := range p.Past.All() {
			if n++; n%look == 0 && err == nil && to.After(from) {
				if now := time.Now(); now.After(next) {
					next = now.Add(again)
					p.bar.say(now, "reading "+p.path+": "+unit.Percent(float64(m.From.Sub(from))/float64(to.Sub(from))))
				}
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// seen reports whether a person reads what is written to w as it is written, or somebody else who may show it.
func seen(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return true
	}
	i, err := f.Stat()
	return err != nil || !i.Mode().IsRegular()
}
