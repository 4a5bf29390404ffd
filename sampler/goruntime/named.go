package goruntime

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// openNamed connects to the endpoint that the user named. One that is no pprof endpoint is an error. A command that was
// just started need not serve yet: its endpoint is asked again in the background.
func (j *session) openNamed(ctx context.Context) error {
	u, err := parsePprofURL(j.src.o.Endpoint)
	if err != nil {
		return err
	}
	command := j.target.Kind == sampler.KindCommand
	if !j.isGo() {
		if command { // a shell may yet become a Go program
			return nil
		}
		return sampler.Classed(sampler.ErrUnsupported, "ask %s: process %d is not a Go program: whose heap that endpoint tells cannot be said", u.name(), j.pid)
	}
	j.endpoint, err = openEndpoint(ctx, u, j.src.every, http.ProxyFromEnvironment)
	absent := errors.Is(err, sampler.ErrNotFound) || timedOut(err)
	if err == nil || !command || ctx.Err() != nil || !absent {
		return err
	}
	j.scan = newScan()
	j.scan.err = err
	return nil
}

// lookForNamed asks the endpoint that the user named again.
func (j *session) lookForNamed() {
	j.look = time.Now().Add(j.src.rescan / 5)
	if j.scan == nil {
		j.scan = newScan()
	}
	if !j.scan.busy {
		j.startScan(func(ctx context.Context) (*endpoint, error) {
			u, err := parsePprofURL(j.src.o.Endpoint)
			if err != nil {
				return nil, err
			}
			return openEndpoint(ctx, u, j.src.every, http.ProxyFromEnvironment)
		})
	}
}

// adviseNamed says why nothing is read from the endpoint that the user named.
func (j *session) adviseNamed() string {
	u, err := parsePprofURL(j.src.o.Endpoint)
	switch {
	case err != nil || j.endpoint != nil || j.agent != nil:
		return ""
	case !j.isGo():
		return fmt.Sprintf("%s is not asked: process %d is not a Go program; give the process id of the one that serves it", u.name(), j.pid)
	case j.scan != nil && j.scan.err != nil:
		return "not yet: " + j.scan.err.Error()
	}
	return ""
}
