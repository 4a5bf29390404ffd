package report

import (
	"io"

	"github.com/alloc-dev/heaptop/gates"
)

// JSON writes the report itself. gates.ReadReport reads it again, and a later run can take it for its baseline. It fails on
// numbers that are not finite.
func JSON(w io.Writer, r *gates.Report) error {
	data, err := r.JSON()
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
