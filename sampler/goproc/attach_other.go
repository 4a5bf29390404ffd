//go:build !linux

package goproc

import (
	"context"
	"fmt"
	"runtime"

	"github.com/alloc-dev/heaptop/sampler"
)

func attach(context.Context, Options, sampler.Target) (*Session, error) {
	return nil, fmt.Errorf("on %s it is not possible: %w", runtime.GOOS, sampler.ErrUnsupported)
}
