package cli

import (
	"context"
	"time"
)

// When the pages of the program are released: once it has started, and seldom after that.
const (
	leanFirst = 10 * time.Second
	leanAgain = time.Hour
)

// keepLean lets go, now and then until ctx ends, of the parts of the program that are in memory and not in use. What a
// watch needs all the time is a quarter of what its start has touched.
func keepLean(ctx context.Context) {
	for wait := leanFirst; ; wait = leanAgain {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if err := releaseProgram(); err != nil {
			return // it takes some megabytes more then, and works as well
		}
	}
}
