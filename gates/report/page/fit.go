package page

import (
	"errors"
	"fmt"
	"io"
)

// WriteFirst writes the first page that fits into MaxBytes as it is, of those that build makes for the levels 0 to last: each
// tells less than the one before, in the way that its maker knows to be best, and says so. Where even the last does not fit
// it is written as Write does, which leaves out whatever is too much. It fails as Write does.
func WriteFirst(w io.Writer, last int, build func(level int) *Page) error {
	kit, err := loaded()
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	for level := range last {
		p := build(level)
		if p == nil {
			return errors.New("write page: there is none")
		}
		if err := checkParts(p.Parts); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
		data, _, err := kit.render(p, full())
		if err != nil {
			return fmt.Errorf("write page: %w", err)
		}
		if len(data) >= MaxBytes {
			continue
		}
		if _, err := w.Write(data); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
		return nil
	}
	return Write(w, build(last))
}
