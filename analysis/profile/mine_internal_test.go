package profile

import (
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

func TestIsOwn(t *testing.T) {
	const root = "/usr/lib/go/src/"
	for _, c := range []struct {
		function, file string
		want           bool
	}{
		{"main.main", "/src/acme/main.go", true},
		{"main.Map[github.com/x/y.T].add", "/src/acme/map.go", true},
		{"github.com/acme/api/cache.(*LRU).Add", "/src/acme/api/cache/lru.go", true},
		{"github.com/acme/api/cache.(*LRU).Add", "github.com/acme/api/cache/lru.go", true}, // -trimpath
		{"shop/cart.Add", "/home/u/shop/cart/cart.go", true},                               // a module without a dot
		{"shop/cart.Add", "shop/cart/cart.go", true},
		{"log/audit.Write", "/home/u/log/audit/audit.go", true},
		{"github.com/x/y.F", "/home/u/go/pkg/mod/github.com/x/y@v1.2.3/y.go", false},
		{"github.com/x/y.F", "github.com/x/y@v1.2.3/y.go", false}, // -trimpath
		{"gopkg.in/yaml%2ev3.Unmarshal", "/go/pkg/mod/gopkg.in/yaml.v3@v3.0.1/yaml.go", false},
		{"github.com/x/y.F", "/src/acme/api/vendor/github.com/x/y/y.go", false},
		{"bytes.(*Buffer).grow", "/usr/lib/go/src/bytes/buffer.go", false},
		{"bytes.(*Buffer).grow", "bytes/buffer.go", false}, // -trimpath
		{"net/http.(*conn).serve", "/opt/go1.26/src/net/http/server.go", false},
		{"vendor/golang.org/x/net/http2/hpack.F", "/usr/lib/go/src/vendor/golang.org/x/net/http2/hpack/hpack.go", false},
		{"brandnew/pkg.F", "/usr/lib/go/src/brandnew/pkg/f.go", false}, // below GOROOT
		{"github.com/acme/email@v.F", "/src/acme/email@v/f.go", true},
		{"malloc", "", false},
		{"", "", false},
		{"0x1234", "", false},
	} {
		if got := isOwn(sampler.Frame{Function: c.function, File: c.file}, root); got != c.want {
			t.Errorf("isOwn(%s, %s) = %v, want %v", c.function, c.file, got, c.want)
		}
	}
}

func TestGoRoot(t *testing.T) {
	frames := []sampler.Frame{
		{Function: "main.main", File: "/src/runtime/x/main.go"},
		{Function: "runtime.main", File: "/usr/lib/go/src/runtime/proc.go"},
	}
	if got := goRoot(frames); got != "/usr/lib/go/src/" {
		t.Errorf("goRoot = %q", got)
	}
	if got := goRoot([]sampler.Frame{{Function: "runtime.main", File: "runtime/proc.go"}}); got != "" {
		t.Errorf("with -trimpath goRoot = %q", got)
	}
}
