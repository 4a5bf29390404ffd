package goproc

import (
	"errors"
	"io/fs"

	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
)

func explain(root string, pid int, dir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", sampler.ErrPermission, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", sampler.ErrNotFound, err)
	}
	return err
}
