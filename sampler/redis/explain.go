package redis

import (
	"errors"

	"github.com/redis/go-redis/v9"
)

// Explain wraps an error of the client library in words: what was done with which server, what it means and what to do next.
// It wraps the sentinels of package sampler as readings do, and is nil where err is.
func Explain(doing string, err error) error { return explained(doing, err) }

// ExplainOpening does the same for the first request to a server, which also tells that nobody is there, or that it speaks
// TLS.
func ExplainOpening(who string, err error) error {
	if err == nil {
		return nil
	}
	return opening(who, err)
}

// Refused reports whether it was the server itself that said no. The error tells what to do about it then.
func Refused(err error) bool { return errors.As(err, new(redis.Error)) }
