package proc

import (
	"bytes"
	"math"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// FuzzStat: whatever a process calls itself, its name and numbers come back as they are.
func FuzzStat(f *testing.F) {
	f.Add("cat", []byte("42 (cat) S 1"))
	f.Add(") R 1 (", []byte("42 (cat"))
	f.Add("a\nb", []byte{})
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		var st stat
		if err := parseStat([]byte(statLine(name)), &st); err != nil {
			t.Fatal(err)
		}
		if string(st.comm) != name || st.rss != 17 || st.start != 16 || st.ppid != 7 {
			t.Errorf("name %q read as %q, %+v", name, st.comm, st)
		}
		_ = parseStat(raw, &st)
		_, _, _ = parseStatm(raw)
	})
}

// FuzzStatus reads fields: every number is finite and not negative.
func FuzzStatus(f *testing.F) {
	f.Add([]byte("VmHWM:\t 4 kB\nUid:\t0\t0\t0\t0\nRssAnon: 18446744073709551615 kB\n"))
	f.Add([]byte("Pss: 4 kB\nPrivate_Dirty: 4 kB\nPrivate_Clean: x\n"))
	f.Add([]byte("MemTotal: 4 kB\nMemAvailable: 3 kB\nSwapFree: 0 kB\n"))
	f.Add([]byte("some avg10=1.50 avg60=0\nfull avg10=00000000000000000000.1\noom_kill 4\nbtime 12\ncpu0 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var st status
		parseStatus(b, &st)
		var r rollup
		parseRollup(b, &r)
		var m meminfo
		parseMeminfo(b, &m)
		some, full := parsePressure(b)
		for _, v := range []sampler.Reading{
			st.tgid, st.uid, st.peak, st.anon, st.file, st.shmem, st.swap, r.pss, r.uss, m.total, m.available, m.swapTotal, m.swapFree,
			some, full, parseOOMKills(b), parseLimit(b), parseSize(b),
		} {
			if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) || v.Value < 0 || (!v.OK && v.Value != 0) {
				t.Errorf("%q: %+v", b, v)
			}
		}
		if some.Value > 100 || full.Value > 100 {
			t.Errorf("%q: pressure %v, %v percent", b, some, full)
		}
		parseBoot(b)
	})
}

// FuzzSmaps: the sum of the mappings is finite, and each name is there once for each flag.
func FuzzSmaps(f *testing.F) {
	f.Add([]byte("00400000-00500000 r-xp 00000000 08:01 1234 /bin/x\nRss: 4 kB\nc000000000-c000400000 rw-p 0 0:0 0\nRss: 1 kB\n"))
	f.Add([]byte("0-ffffffffffffffff r\nRss: 18446744073709551615 kB\n[stack]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseSmaps(bytes.NewReader(b), []sampler.Range{{Begin: 0x1000, End: 1 << 40}})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[mappingKey]bool{}
		for _, m := range list {
			key := mappingKey{m.Name, m.Go}
			if seen[key] || m.Count < 1 || m.Size < 0 || m.RSS < 0 || math.IsInf(m.RSS, 0) {
				t.Errorf("%q: %+v, seen %v", b, m, seen[key])
			}
			seen[key] = true
		}
	})
}

// FuzzCgroup: no path leads out of the mount, and names stay short.
func FuzzCgroup(f *testing.F) {
	f.Add([]byte("0::/a/b\n4:memory,cpu:/docker/0123456789abcdef0123456789abcdef\n1:name=systemd:/x.scope"))
	f.Add([]byte("0::/../../etc\n"))
	f.Add([]byte("34 31 0:31 /r /sys/fs\\040x ro - cgroup cgroup rw,memory\n22 1 0:20 / /proc rw - proc proc hidepid=2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := parseCgroup(b)
		if name := p.container(); len(name) > maxContainer {
			t.Errorf("%q: container %q", b, name)
		}
		for _, place := range []string{p.unified, p.memory} {
			for _, dir := range (mount{dir: "/sys/fs/cgroup", root: "/"}).levels(place) {
				if dir != "/sys/fs/cgroup" && !bytes.HasPrefix([]byte(dir), []byte("/sys/fs/cgroup/")) {
					t.Errorf("%q leads to %q", place, dir)
				}
			}
		}
		m := parseMounts(b)
		m.memory.levels("/a")
	})
}
