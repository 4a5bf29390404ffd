package launch

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzStatus(f *testing.F) {
	if b, err := os.ReadFile("/proc/self/status"); err == nil {
		f.Add(b)
	}
	f.Add([]byte("Name:\tx\nTgid:\t99999999999999999999\nVmHWM:\t 18446744073709551615 kB\nVmRSS:\t-1 kB\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := parseStatus(b)
		if s.peak.Value < 0 || s.resident.Value < 0 || !s.peak.OK && s.peak.Value != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"checkpoint":"indexed","pid":1}` + "\n"))
	f.Add([]byte(`{"samples":{"/gc/heap/live:bytes":1e308,"x":1}}` + "\n"))
	f.Add([]byte(`{"phase":"work\u001b[31m","pid":1,"at":1700000000000000000}` + "\n"))
	f.Add([]byte(`{"sessions":-5,"phase":"","at":-9223372036854775808}` + "\n"))
	f.Add(bytes.Repeat([]byte("x"), maxMessage+8192))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readRequest(bufio.NewReaderSize(bytes.NewReader(b), 4096))
		if err != nil {
			return
		}
		samples := samplesOf(r.Samples)
		if len(samples) > maxSamples || len(samples) > len(r.Samples) {
			t.Errorf("%d samples", len(samples))
		}
		for i, s := range samples {
			if s.Metric.Unit() == "" || i > 0 && samples[i-1].Metric >= s.Metric {
				t.Errorf("samples %v", samples)
			}
		}
		if r.Checkpoint != nil {
			checkName(t, cleanName([]byte(*r.Checkpoint)))
		}
		if r.isMark() {
			checkMarks(t, r)
		}
	})
}

// checkMarks keeps a mark more often than there is room for.
func checkMarks(t *testing.T, r request) {
	t.Helper()
	now := time.Now()
	m := marks{began: now.Add(-time.Second)}
	for range maxPhases + 1 {
		m.keep(r, Child{PID: 1}, now)
	}
	if len(m.phases) > maxPhases || m.sessions < 0 || m.sessions > maxSessions {
		t.Errorf("%d phases, %d sessions", len(m.phases), m.sessions)
	}
	for _, p := range m.phases {
		checkName(t, p.Name)
		if p.Time.Before(m.began) || p.Time.After(now) {
			t.Errorf("a phase at %s, outside of the measurement", p.Time)
		}
	}
}

func checkName(t *testing.T, name string) {
	t.Helper()
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsAny(name, "\x00\x1b\n\r\x7f\u009b") {
		t.Errorf("name %q", name)
	}
}

// FuzzLines cuts an output into writes in two ways: the lines are the same.
func FuzzLines(f *testing.F) {
	f.Add([]byte("one\ntwo\r\n\nthree"), 3)
	f.Add(append(bytes.Repeat([]byte("x"), 3*maxLine), "\nready\n"...), 100)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		lines := func(size int) []string {
			var got []string
			l := &liner{on: func(line []byte) { got = append(got, string(line)) }}
			for rest := b; len(rest) > 0; {
				n := min(max(size, 1), len(rest))
				l.write(rest[:n])
				rest = rest[n:]
			}
			return got
		}
		whole, cut := lines(len(b)), lines(size)
		if strings.Join(whole, "\n") != strings.Join(cut, "\n") {
			t.Errorf("whole %q, cut %q", whole, cut)
		}
		names := &lineNames{on: regexp.MustCompile(`r.*`), seen: make(map[string]bool)}
		for _, line := range whole {
			if len(line) > maxLine {
				t.Errorf("a line of %d bytes", len(line))
			}
			if name := names.name([]byte(line)); name != "" {
				checkName(t, name)
			}
		}
		if len(names.seen) > maxLineNames {
			t.Errorf("%d names", len(names.seen))
		}
	})
}

// groups makes control group folders as a system of version 2 has them.
func groups(t *testing.T, files map[string]string) string {
	t.Helper()
	base := t.TempDir()
	for name, text := range files {
		path := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

func TestWhereAControlGroupCanBeMade(t *testing.T) {
	const v2 = "0::/user.slice/app.slice/term.scope\n"
	for _, c := range []struct {
		name, self string
		files      map[string]string
		dir, why   string
	}{
		{"version 1", "4:memory:/a/b\n0::/\n", nil, "memory/a/b", ""},
		{"version 1 with others", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/a\n", nil, "memory/a", ""},
		{"no controller", "5:cpu:/x\n0::/\n", nil, "", "no memory controller"},
		{"delegated", v2, map[string]string{
			"cgroup.controllers": "memory", "user.slice/app.slice/cgroup.subtree_control": "cpu memory pids\n",
			"user.slice/app.slice/term.scope/memory.max": "max\n", "user.slice/app.slice/term.scope/cpu.max": "max 100000\n",
		}, "user.slice/app.slice", ""},
		{"not counted", v2, map[string]string{
			"cgroup.controllers": "memory", "user.slice/app.slice/cgroup.subtree_control": "cpu pids\n",
		}, "user.slice/app.slice", "count no memory"},
		{"a limit", v2, map[string]string{
			"cgroup.controllers": "memory", "user.slice/app.slice/cgroup.subtree_control": "memory\n",
			"user.slice/app.slice/term.scope/memory.max": "1000000\n",
		}, "", "memory.max 1000000"},
		{"top of version 2", "0::/\n", map[string]string{"cgroup.controllers": "memory", "cgroup.subtree_control": "memory"}, ".", ""},
		{"top of a container", "0::/\n", map[string]string{"cgroup.controllers": "memory", "cgroup.subtree_control": "\n"}, ".", "count no memory"},
	} {
		base := groups(t, c.files)
		dir, why := findPlace([]byte(c.self), base).parent()
		if rel, err := filepath.Rel(base, dir); dir != "" && (err != nil || rel != c.dir) || dir == "" && c.dir != "" {
			t.Errorf("%s: in %q, want %q", c.name, dir, c.dir)
		}
		if (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %q, want %q", c.name, why, c.why)
		}
	}
}

func TestTooManyEndsKeepTheLargest(t *testing.T) {
	m := &Measurement{Root: Child{PID: 1}}
	tr := newTree(MeasureOptions{}, m)
	tr.keep(Exit{Child: Child{PID: 1}})
	const n = 20_000
	for i := range n {
		e := Exit{Child: Child{PID: 2 + i}}
		e.PeakRSS.Value, e.PeakRSS.OK = float64((i*7919)%n), true
		tr.keep(e)
	}
	tr.result()
	if len(m.Exits)+m.Dropped != n+1 || len(m.Exits) > maxExits+1 {
		t.Errorf("kept %d, dropped %d", len(m.Exits), m.Dropped)
	}
	if e, ok := m.Largest(); !ok || e.PeakRSS.Value != n-1 {
		t.Errorf("largest %+v", e)
	}
	if _, ok := m.Exit(); !ok {
		t.Error("the command's own end was dropped")
	}
}

// FuzzPlace: no text leads out of the hierarchy.
func FuzzPlace(f *testing.F) {
	base := f.TempDir()
	if err := os.WriteFile(filepath.Join(base, "cgroup.controllers"), []byte("memory"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("0::/user.slice/a.scope\n"))
	f.Add([]byte("0::/../../etc\n4:cpu,memory:/docker/1\n"))
	f.Add([]byte("4:memory:/../..\n0::\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := findPlace(b, base)
		if p.version == 0 {
			return
		}
		if p.dir != p.top && !strings.HasPrefix(p.dir, p.top+"/") || p.top != base && p.top != filepath.Join(base, "memory") {
			t.Errorf("%q leads to %+v", b, p)
		}
	})
}
