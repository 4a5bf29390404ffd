package cli

import (
	"bytes"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/capture"
)

// longPast is a past of readings a second apart.
type longPast struct {
	capture.Past
	readings int
}

func (p *longPast) Span() (from, to time.Time) {
	return noon, noon.Add(time.Duration(p.readings) * time.Second)
}

func (p *longPast) All() iter.Seq2[*capture.Moment, error] {
	return func(yield func(*capture.Moment, error) bool) {
		for i := range p.readings {
			ev := server(noon.Add(time.Duration(i+1)*time.Second), 1e6)
			if !yield(&capture.Moment{Snapshot: ev.Snapshot, From: ev.Snapshot.Time, Count: 1}, nil) {
				return
			}
		}
	}
}

func TestAPastTellsHowFarItIsRead(t *testing.T) {
	for _, c := range []struct {
		name     string
		terminal bool
		after    time.Duration
		readings int
		told     bool
	}{
		{"on a terminal", true, 0, 2000, true},
		{"where it was quick", true, time.Hour, 2000, false},
		{"of a few readings", true, 0, 100, false},
		{"elsewhere, where it did not take ten seconds", false, 0, 2000, false},
	} {
		var stderr bytes.Buffer
		p := told(&longPast{readings: c.readings}, "day.heaprec", &stderr)
		p.bar.terminal, p.after = c.terminal, c.after
		n := 0
		for range p.All() {
			n++
		}
		if n != c.readings {
			t.Errorf("%s: %d readings of %d", c.name, n, c.readings)
		}
		if got := strings.Contains(stderr.String(), "heaptop: reading day.heaprec: 25%"); got != c.told || !c.told && stderr.Len() > 0 {
			t.Errorf("%s: stderr is %q", c.name, stderr.String())
		}
		if c.told && !strings.HasSuffix(stderr.String(), "\r") {
			t.Errorf("%s: the line is left there: %q", c.name, stderr.String())
		}
	}
}

func TestOnlyAFileIsNotSeenAsItIsWritten(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if seen(f) || !seen(w) || !seen(new(bytes.Buffer)) {
		t.Errorf("a file %v, a pipe %v, memory %v", seen(f), seen(w), seen(new(bytes.Buffer)))
	}
}
