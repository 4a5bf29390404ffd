package agent

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// FuzzConverse answers whatever it likes to a checkpoint: it ends, and says so where nobody said that it is done.
func FuzzConverse(f *testing.F) {
	f.Add([]byte(`{"collect":true}` + "\n" + `{"done":true}` + "\n"))
	f.Add([]byte(`{"done":true,"error":"enough\u001b[31m"}` + "\n"))
	f.Add([]byte("{}\n[]\nnull\n"))
	f.Add(bytes.Repeat([]byte("x"), maxAnswer+1))
	f.Fuzz(func(t *testing.T, answers []byte) {
		if bytes.Count(answers, []byte("ollect")) > 3 {
			return // each is two collections
		}
		var asked strings.Builder
		err := converse(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(answers), &asked}, "p")
		if err == nil && !bytes.Contains(bytes.ToLower(answers), []byte("d")) && !bytes.Contains(answers, []byte(`\u`)) {
			t.Errorf("%q: done", answers)
		}
		if !strings.HasPrefix(asked.String(), `{"checkpoint":"p","pid":`) {
			t.Errorf("asked %q", asked.String())
		}
	})
}
