package goproc

import (
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func TestContract(t *testing.T) {
	for _, v := range []variant{normal(), stripped()} {
		t.Run(v.name, func(t *testing.T) {
			samplertest.Test(t, Source{}, startTarget(t, v).target())
		})
	}
	t.Run("allowed to write, busy", func(t *testing.T) {
		c := startTarget(t, stripped())
		c.ask("churn 1")
		samplertest.Test(t, Source{Options{AllowWrite: true}}, c.target())
	})
}
