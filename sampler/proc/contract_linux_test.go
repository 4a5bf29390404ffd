package proc

import (
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func TestContract(t *testing.T) {
	c := start(t)
	c.do(t, "open 0")
	samplertest.Test(t, Source{}, sampler.Target{Kind: sampler.KindProcess, PID: c.pid})
}
