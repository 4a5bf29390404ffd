package sampler

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct {
		arg  string
		want Target
	}{
		{"4242", Target{Kind: KindProcess, PID: 4242}},
		{"007", Target{Kind: KindProcess, PID: 7}},
		{"2147483647", Target{Kind: KindProcess, PID: 2147483647}},
		{"postgres", Target{Kind: KindName, Name: "postgres"}},
		{"4242x", Target{Kind: KindName, Name: "4242x"}},
		{"kworker/0:1", Target{Kind: KindName, Name: "kworker/0:1"}},
		{"日本", Target{Kind: KindName, Name: "日本"}},
		{"http://localhost:6060", Target{Kind: KindEndpoint, URL: "http://localhost:6060"}},
		{"HTTPS://h/debug/pprof", Target{Kind: KindEndpoint, URL: "HTTPS://h/debug/pprof"}},
		{"unix:///run/a.sock", Target{Kind: KindAgent, URL: "unix:///run/a.sock", Path: "/run/a.sock"}},
		{"redis://localhost:6379", Target{Kind: KindRedis, URL: "redis://localhost:6379"}},
		{"rediss://u:p@h", Target{Kind: KindRedis, URL: "rediss://u:p@h"}},
		{"redis+unix:///run/r.sock?db=1", Target{Kind: KindRedis, URL: "redis+unix:///run/r.sock?db=1"}},
		{"run.heaprec", Target{Kind: KindFile, Path: "run.heaprec"}},
		{"/tmp/a b.heapsnap", Target{Kind: KindFile, Path: "/tmp/a b.heapsnap"}},
	} {
		got, err := ParseTarget(c.arg)
		if err != nil || got.Kind != c.want.Kind || got.PID != c.want.PID || got.Name != c.want.Name || got.URL != c.want.URL || got.Path != c.want.Path {
			t.Errorf("%q is %+v, %v; want %+v", c.arg, got, err, c.want)
		}
	}
}

func TestParseTargetErrorsSayWhat(t *testing.T) {
	for _, c := range []struct{ arg, says string }{
		{"", "empty"},
		{"0", "out of range"},
		{"2147483648", "out of range"},
		{"99999999999999999999", "out of range"},
		{"http://", "no host"},
		{"unix://", "no socket"},
		{"redis+unix://", "no socket"},
		{"ftp://h", `unknown scheme "ftp"`},
		{"http://[::1", "missing ']'"},
		{"--verbos", "looks like a flag"},
	} {
		if got, err := ParseTarget(c.arg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q is %+v, %v; want an error that says %s", c.arg, got, err, c.says)
		}
	}
}

// TestPasswordsAreNotShown prints targets, and the errors of wrong ones, and looks for the password.
func TestPasswordsAreNotShown(t *testing.T) {
	for _, arg := range []string{
		"redis://user:hunter2@h:6379/0", "redis://:hunter2@h", "rediss://a:hunter2@h", "redis+unix://a:hunter2@/run/r.sock",
		"http://a:hunter2@h:6060/debug/pprof", "redis://a:hunter2%zz@h", "redis://:x/hunter2@h", "redis://a:1/hunter2@h",
		"redis://a:p@hunter2@h", "redis://a:hunter2 x@h", "ftp://a:hunter2@h", "redis+unix://a:hunter2@", "redis:/a:hunter2@h", "redis:a:hunter2@h", "rediss:/:hunter2@h", "redis://a:?hunter2@h",
	} {
		got, err := ParseTarget(arg)
		if err != nil && strings.Contains(err.Error(), "hunter2") || strings.Contains(got.String(), "hunter2") {
			t.Errorf("%s is shown as %s, %v", arg, got, err)
		}
	}
}

// FuzzParseTarget checks that whatever is typed is refused or gives a target that says which one it is, and that a
// target printed and read again is the same.
func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"1", "-1", "postgres", "http://h:1/x", "unix:///s", "redis://:p@h", "redis://:p@", "redis://:p@?a=b", "a.heapsnap", "\x1b[2J", "://", "http://%zz", "1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		got, err := ParseTarget(arg)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		switch got.Kind {
		case KindProcess:
			if got.PID < 1 {
				t.Errorf("%q is process %d", arg, got.PID)
			}
			return
		case KindName, KindFile, KindEndpoint, KindAgent, KindRedis:
		default:
			t.Errorf("%q is of kind %q", arg, got.Kind)
		}
		if again, err := ParseTarget(got.String()); err != nil || again.Kind != got.Kind || again.String() != got.String() {
			t.Errorf("%q is %+v, and read again %+v, %v", arg, got, again, err)
		}
		if utf8.ValidString(arg) && !strings.Contains(arg, "@") && got.String() != arg {
			t.Errorf("%q is printed as %q", arg, got)
		}
	})
}
