package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler"
)

// statLine is a line of /proc/PID/stat with this name.
func statLine(name string) string {
	return "42 (" + name + ") S 7 42 42 0 -1 4194560 11 0 12 0 13 14 0 0 20 0 15 0 16 1936138240 17 18446744073709551615"
}

func TestParseStatNames(t *testing.T) {
	for _, name := range []string{
		"cat", "", "a b", "(sd-pam)", ")", "((", "x) R 1 1 1", "kworker/0:1H-kblockd", "\x1b[31mred\x1b]0;title\a",
		"two\nlines", "\xff\xfe", strings.Repeat("n", 4000), strings.Repeat(") S 1 ", 600),
	} {
		var st stat
		if err := parseStat([]byte(statLine(name)), &st); err != nil {
			t.Errorf("%.20q: %v", name, err)
			continue
		}
		if string(st.comm) != name {
			t.Errorf("name %.40q read as %.40q", name, st.comm)
		}
		st.comm = nil
		want := stat{
			pid: 42, state: 'S', ppid: 7, flags: 4194560, minor: 11, major: 12, utime: 13, stime: 14, threads: 15, start: 16, rss: 17,
		}
		if d := cmp.Diff(want, st, cmp.AllowUnexported(stat{})); d != "" {
			t.Errorf("%.20q (-want +got):\n%s", name, d)
		}
	}
}

func TestParseStatRefuses(t *testing.T) {
	for _, text := range []string{
		"", "42", "42 (cat", "42 cat) S 1", "42 (cat)", "(cat) S 1", "x (cat) S 1", "42 (cat) S 1 2 3",
		strings.Replace(statLine("cat"), " 15 ", " -15 ", 1), strings.Replace(statLine("cat"), " 17 ", " 99999999999999999999 ", 1),
		strings.Replace(statLine("cat"), " S ", " SS ", 1),
	} {
		if err := parseStat([]byte(text), &stat{}); !errors.Is(err, errFormat) {
			t.Errorf("%q: %v, want errFormat", text, err)
		}
	}
}

func TestParseLeavesOutWhatIsMalformed(t *testing.T) {
	var st status
	parseStatus([]byte("Name:\tx\nVmHWM:\t  -4 kB\nRssAnon:\nVmSwap:\t99999999999999999999999 kB\nRssFile 4 kB\nUid:\t0\nTgid:\t9"), &st)
	if d := cmp.Diff(status{tgid: sampler.Known(9)}, st, cmp.AllowUnexported(status{})); d != "" {
		t.Errorf("status (-want +got):\n%s", d)
	}
	some, full := parsePressure([]byte("some avg10=x\nfull avg60=1.00\nsome avg10=400.00\n"))
	if some.OK || full.OK {
		t.Errorf("pressure %v, %v", some, full)
	}
	if some, full = parsePressure([]byte("some avg10=0.07 avg60=1.00\n")); some != sampler.Known(0.07) || full.OK {
		t.Errorf("pressure %v, %v", some, full)
	}
	for text, want := range map[string]sampler.Reading{
		"max\n": {}, "9223372036854771712\n": {}, "4096\n": sampler.Known(4096), "0\n": sampler.Known(0), "": {},
	} {
		if got := parseLimit([]byte(text)); got != want {
			t.Errorf("limit %q: %v, want %v", text, got, want)
		}
	}
}

func TestShortCgroup(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for place, want := range map[string]string{
		"/": "", "": "",
		"/docker/" + id:                          "docker-0123456789ab",
		"/system.slice/docker-" + id + ".scope":  "docker-0123456789ab",
		"/machine.slice/libpod-" + id + ".scope": "podman-0123456789ab",
		"/kubepods/burstable/pod1234-5678/" + id: "kubepods-0123456789ab",
		"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/cri-containerd-" + id + ".scope": "kubepods-0123456789ab",
		"/" + id:                      "0123456789ab",
		"/system.slice/nginx.service": "nginx.service",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-1234.scope": "app-gnome-1234.scope",
		"/lxc.payload.web":                         "web",
		"/../../escape":                            "escape",
		"/" + strings.Repeat("x", 5000):            strings.Repeat("x", maxContainer),
		"/" + strings.Repeat("y", 4000) + "/" + id: strings.Repeat("y", maxContainer-13) + "-0123456789ab",
	} {
		if got := shortCgroup(place); got != want {
			t.Errorf("%.80q: %q, want %q", place, got, want)
		}
	}
}

func TestParseMounts(t *testing.T) {
	got := parseMounts([]byte(`22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw,hidepid=invisible
34 31 0:31 /docker/abc /sys/fs/cgroup/memory\040v1 ro - cgroup cgroup rw,memory
33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
garbage
`))
	want := mounts{
		memory:  mount{dir: "/sys/fs/cgroup/memory v1", root: "/docker/abc"},
		unified: mount{dir: "/sys/fs/cgroup/unified", root: "/"}, hidepid: true,
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(mounts{}, mount{})); d != "" {
		t.Errorf("mounts (-want +got):\n%s", d)
	}
	for place, want := range map[string][]string{
		"/docker/abc":         {"/m"},
		"/docker/abc/sub/dir": {"/m/sub/dir", "/m/sub", "/m"},
		"/docker/abcdef":      {"/m/docker/abcdef", "/m/docker", "/m"},
		"/../other":           nil,
		"":                    nil,
	} {
		if d := cmp.Diff(want, (mount{dir: "/m", root: "/docker/abc"}).levels(place)); d != "" {
			t.Errorf("levels of %q (-want +got):\n%s", place, d)
		}
	}
}

func TestParseSmaps(t *testing.T) {
	const text = `00400000-00500000 r-xp 00000000 08:01 1234   /opt/my server (deleted)
Size:               1024 kB
Rss:                 512 kB
Pss:                 256 kB
Private_Clean:        64 kB
VmFlags: rd ex mr mw me sd
c000000000-c000400000 rw-p 00000000 00:00 0 
Rss:                4096 kB
Pss:                4096 kB
Private_Dirty:      4096 kB
Anonymous:          4096 kB
7f0000000000-7f0000200000 rw-p 00000000 00:00 0 
Rss:                 100 kB
Swap:                  8 kB
7f1000000000-7f1000100000 rw-p 00000000 00:00 0                          [anon: Go: heap]
Rss:                 200 kB
7f0000300000-7f0000400000 rw-p 00000000 00:00 0 
Rss:                  28 kB
7ffdd8400000-7ffdd8421000 rw-p 00000000 00:00 0                          [stack]
Rss:                  16 kB`
	got, err := parseSmaps(strings.NewReader(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	const kib = 1024
	want := []sampler.Mapping{
		{Count: 1, Size: 4096 * kib, RSS: 4096 * kib, PSS: 4096 * kib, Private: 4096 * kib, Anon: 4096 * kib, Go: true},
		{Name: "/opt/my server (deleted)", Count: 1, Size: 1024 * kib, RSS: 512 * kib, PSS: 256 * kib, Private: 64 * kib},
		{Name: "[anon: Go: heap]", Count: 1, Size: 1024 * kib, RSS: 200 * kib, Go: true},
		{Count: 2, Size: 3072 * kib, RSS: 128 * kib, Swap: 8 * kib},
		{Name: "[stack]", Count: 1, Size: 132 * kib, RSS: 16 * kib, Stack: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("mappings (-want +got):\n%s", d)
	}
}

// What claims to be a great many mappings, or one with an endless name, takes a bounded amount of memory.
func TestParseSmapsIsBounded(t *testing.T) {
	var b bytes.Buffer
	const mappings = 100_000
	for i := range mappings {
		fmt.Fprintf(&b, "%x-%x rw-p 0 00:00 0 /f%d\nRss: 1 kB\n", i*4096, (i+1)*4096, i)
	}
	fmt.Fprintf(&b, "1000-2000 rw-p 0 00:00 0 /%s\nRss: 1 kB\n", strings.Repeat("x", 1<<20))
	got, err := parseSmaps(&b, nil)
	if err != nil {
		t.Fatal(err)
	}
	var rss float64
	for _, m := range got {
		rss += m.RSS
	}
	if len(got) != maxNames+1 || rss != (mappings+1)*1024 {
		t.Errorf("%d mappings of %v bytes", len(got), rss)
	}
	if got[0].Name != otherMappings || got[0].Count != mappings+1-maxNames {
		t.Errorf("the rest: %+v", got[0])
	}
}

func TestBudget(t *testing.T) {
	now := time.Unix(1000, 0)
	var none budget
	if none.allows(now) {
		t.Error("the zero budget allows a reading")
	}
	b := budget{share: 0.005}
	if !b.allows(now) {
		t.Error("the first reading is not allowed")
	}
	b.spend(now, 20*time.Millisecond)
	if b.allows(now.Add(3999*time.Millisecond)) || !b.allows(now.Add(4*time.Second)) {
		t.Error("after 20 ms the next reading must be due 4 s later")
	}
}

func TestPeaksWithoutAKernelMark(t *testing.T) {
	var p peaks
	if got := p.next(10, sampler.Reading{}); got.OK {
		t.Errorf("peak %v, want it unknown: the sample may be far below it", got)
	}
	p.start()
	p.next(10, sampler.Reading{})
	if got := p.next(5, sampler.Reading{}); got != sampler.Known(10) {
		t.Errorf("peak %v, want the largest sample since the reset", got)
	}
}

// Memory the kernel does not name is Go's where the heap was said to lie.
func TestParseSmapsTakesTheHeapsPlace(t *testing.T) {
	const text = "2b9900000000-2b9900400000 rw-p 00000000 00:00 0 \nRss:                4096 kB\n" +
		"2b9904000000-2b9904001000 rw-p 00000000 00:00 0 \nRss:                   4 kB\n"
	heap := []sampler.Range{{Begin: 0x2b9800000000, End: 0x2b9804000000}, {Begin: 0x2b9900000000, End: 0x2b9904000000}}
	got, err := parseSmaps(strings.NewReader(text), heap)
	if err != nil || len(got) != 2 || !got[0].Go || got[0].RSS != 4<<20 || got[1].Go || got[1].RSS != 4096 {
		t.Errorf("mappings %+v, %v", got, err)
	}
}

func TestParseRollup(t *testing.T) {
	const text = "00400000-7ffdd8421000 ---p 00000000 00:00 0 [rollup]\nRss: 9 kB\nPss: 8 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 2 kB\nAnonHugePages:    2048 kB\n"
	var got rollup
	parseRollup([]byte(text), &got)
	if want := (rollup{pss: sampler.Known(8 << 10), uss: sampler.Known(3 << 10), huge: sampler.Known(2 << 20)}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if parseRollup([]byte("Pss: 8 kB\n"), &got); got.huge.OK || got.uss.OK {
		t.Errorf("what is not there is known: %+v", got)
	}
}

// The kernel's mark is approximate and may fall a little; only a new program's falls far.
func TestPeakDoesNotFall(t *testing.T) {
	var p peaks
	for _, c := range []struct{ mark, want float64 }{{91.8e6, 91.8e6}, {91.5e6, 91.8e6}, {92e6, 92e6}, {20e6, 20e6}, {20.1e6, 20.1e6}} {
		if got := p.next(10e6, sampler.Known(c.mark)); got != sampler.Known(c.want) {
			t.Errorf("the kernel says %v: peak %v, want %v", c.mark, got, c.want)
		}
	}
	if got := p.next(10e6, sampler.Reading{}); got.OK {
		t.Errorf("peak %v where the kernel says none", got)
	}
}
