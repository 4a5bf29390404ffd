package redis

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

func TestPatterns(t *testing.T) {
	for key, want := range map[string]string{
		"user:1042:profile":                     "user:*:profile",
		"user:1042:17":                          "user:*",
		"sess:9b1deb4d-3b7d-4bad-9bdd-2b0d7b3d": "sess:*",
		"queue":                                 "queue",
		"{tag7}.following":                      "{*}.following",
		"a\x00b":                                "*",
		"\xff\xfe:x":                            "*:x",
		"":                                      "",
		":::":                                   ":::",
		"42":                                    "*",
		"häuser:3":                              "häuser:*",
	} {
		if got := pattern(key); got != want {
			t.Errorf("pattern of %q is %q, want %q", key, got, want)
		}
	}
}

// TestGroups walks over keys of several sorts and compares the sums with MEMORY USAGE of each key, as redis-cli prints it.
func TestGroups(t *testing.T) {
	s := start(t)
	s.do("EVAL", "for i=1,300 do redis.call('SET', 'user:'..i..':name', string.rep('x', i)); redis.call('HSET', 'cart:'..i, 'a', i, 'b', string.rep('y', 40)) end", "0")
	var want float64
	sum := "local n=0; for i=1,300 do n=n+redis.call('MEMORY','USAGE','user:'..i..':name') end; return n"
	want, err := strconv.ParseFloat(s.do("EVAL", sum, "0"), 64)
	if err != nil {
		t.Fatal(err)
	}
	j := open(t, Options{}, s.target())
	var got sampler.Keys
	for deadline := time.Now().Add(60 * time.Second); !got.Done && time.Now().Before(deadline); {
		if got, err = j.BiggestKeys(context.Background(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if len(got.Groups) != 2 {
		t.Fatalf("groups are %+v", got.Groups)
	}
	for _, g := range got.Groups {
		switch {
		case g.Pattern == "user:*:name" && g.Type == "string" && g.Keys == 300 && g.Bytes == want:
		case g.Pattern == "cart:*" && g.Type == "hash" && g.Keys == 300:
		default:
			t.Errorf("group %+v; user:*:name takes %v by redis-cli", g, want)
		}
	}
}

// TestGroupsAreBounded counts keys of no pattern at all.
func TestGroupsAreBounded(t *testing.T) {
	g := groups{}
	for i := range 3 * groupsMost {
		name := strings.Map(func(r rune) rune { return 'a' + r - '0' }, strconv.Itoa(i))
		g.add(name, sampler.KeySize{Type: "string", Bytes: 10})
	}
	list := g.largest()
	if len(list) != groupsMost+1 || list[0].Pattern != "" || list[0].Keys != 2*groupsMost || list[0].Bytes != 20*groupsMost {
		t.Errorf("%d groups, the largest is %+v", len(list), list[0])
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("user:1:2-3")
	f.Add("\x00{}::")
	f.Fuzz(func(t *testing.T, key string) {
		got := pattern(key)
		if len(got) > len(key) || strings.ContainsAny(got, "0123456789\x1b\n") || pattern(got) != got {
			t.Errorf("pattern of %q is %q", key, got)
		}
	})
}
