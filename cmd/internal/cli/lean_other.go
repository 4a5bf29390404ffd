//go:build !linux

package cli

import (
	"errors"
	"fmt"
)

// releaseProgram is not known on this system.
func releaseProgram() error {
	return fmt.Errorf("release pages of the program: %w", errors.ErrUnsupported)
}
