package analysis

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// serverWatch is what was seen of a data server's memory over time, besides the series.
type serverWatch struct {
	used    panel // what used_memory is made of, by the server's own words
	rss     panel // the same of resident memory
	groups  panel // keys by type and pattern of their names
	keys    panel // the biggest keys
	clients panel
	walked  bool // keys were asked for
	counted keyCount

	connected map[string]int // clients of each sort, in the last reading
}

// keyCount is what a walk over the keys came to when a reading was made of it last.
type keyCount struct {
	scanned int
	groups  map[string]sampler.KeyGroup
	counts  map[string]float64 // keys of each group in that reading
	sampled int                // keys that the smallest reading so far rests on, where it saw a part of them; 0: none did
}

// The least that a part of a walk must be for a reading, and how often there is one.
const (
	sampleKeys  = 1000
	sampleEvery = 10 * time.Second
)

// read takes the parts of used_memory and of resident memory.
func (w *serverWatch) read(s *sampler.Snapshot) {
	used, ok := s.Get(sampler.RedisUsed)
	if !ok {
		return
	}
	b := &builder{s: s}
	w.used.add(s.Time, bytesOf(b.redisUsed()), used)
	if l, ok := NewLedger(s, nil); ok {
		w.rss.add(s.Time, bytesOf(l.Rows), l.Total)
	}
}

func bytesOf(rows []Row) map[string]float64 {
	values := make(map[string]float64, len(rows))
	for i := range rows {
		values[rows[i].Name] += rows[i].Bytes
	}
	return values
}

// Keys takes what a walk over the keys of a server found so far. A walk that is long is many readings: each of its parts is a
// sample of all keys, because a walk goes by hashes.
func (w *LeakWatch) Keys(k *sampler.Keys) {
	v := &w.server
	v.walked = true
	if k.Time.Before(w.since) {
		return
	}
	if k.Scanned < v.counted.scanned { // the walk began anew
		v.counted.scanned, v.counted.groups = 0, nil
	}
	if due(&v.groups, k.Time, sampleEvery) && k.Scanned-v.counted.scanned >= sampleKeys || k.Done && k.Scanned > v.counted.scanned {
		v.count(k)
	}
	if due(&v.keys, k.Time, sampleEvery) {
		v.biggest(k)
	}
}

// due reports whether the last reading of a panel is long enough ago.
func due(p *panel, now time.Time, every time.Duration) bool {
	n := len(p.times)
	return n == 0 || now.Sub(p.times[n-1]) >= every
}

// count makes a reading of what the walk saw since the last one.
func (v *serverWatch) count(k *sampler.Keys) {
	c := &v.counted
	scanned, before := k.Scanned-c.scanned, c.groups
	whole := k.Done && c.scanned == 0
	c.scanned, c.groups = k.Scanned, make(map[string]sampler.KeyGroup, len(k.Groups))
	for i := range k.Groups {
		name := groupTitle(&k.Groups[i])
		g := c.groups[name]
		g.Keys, g.Bytes = g.Keys+k.Groups[i].Keys, g.Bytes+k.Groups[i].Bytes
		c.groups[name] = g
	}
	factor := 1.0
	if !whole {
		if scanned < sampleKeys || !k.Total.OK {
			return
		}
		factor = k.Total.Value / float64(scanned)
		if c.sampled == 0 || scanned < c.sampled {
			c.sampled = scanned
		}
	}
	values, total := make(map[string]float64, len(c.groups)), 0.0
	c.counts = make(map[string]float64, len(c.groups))
	for name, g := range c.groups {
		was := before[name]
		values[name] = (g.Bytes - was.Bytes) * factor
		c.counts[name] = float64(g.Keys-was.Keys) * factor
		total += values[name]
	}
	v.groups.add(k.Time, values, total)
}

// biggest takes the largest keys. One that the walk has only now found had as much before, as far as is known.
func (v *serverWatch) biggest(k *sampler.Keys) {
	values, total := map[string]float64{}, 0.0
	for i := range k.List {
		values[strings.TrimSpace(k.List[i].Key+" "+k.List[i].Type)] += k.List[i].Bytes
		total += k.List[i].Bytes
	}
	for name, bytes := range values {
		if _, known := v.keys.rows[name]; !known && len(v.keys.times) > 0 {
			v.keys.rows[name] = slices.Repeat([]float64{bytes}, len(v.keys.times))
		}
	}
	v.keys.add(k.Time, values, total)
}

// groupTitle names a group: "session:* hash".
func groupTitle(g *sampler.KeyGroup) string {
	name := g.Pattern
	if name == "" {
		name = "(other names)"
	}
	return strings.TrimSpace(name + " " + g.Type)
}

// Clients takes the connections of a server.
func (w *LeakWatch) Clients(c *sampler.Clients) {
	if c.Time.Before(w.since) {
		return
	}
	values, total := map[string]float64{}, 0.0
	w.server.connected = map[string]int{}
	for i := range c.List {
		x := &c.List[i]
		if !x.Memory.OK {
			continue
		}
		values[clientTitle(x)] += x.Memory.Value
		w.server.connected[clientTitle(x)]++
		total += x.Memory.Value
	}
	w.server.clients.add(c.Time, values, total)
}

// clientTitle names clients by where they are, and by the name they gave: connections that are never closed are many of
// one sort.
func clientTitle(c *sampler.Client) string {
	host := c.Addr
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		host = host[:i]
	}
	return strings.Join(strings.Fields(host+" "+c.Name), " ")
}

// judgeServer judges a data server: what it uses, what is resident for it, and who is connected.
func judgeServer(add func(m sampler.Metric, name string, cause causeKind) bool) {
	add(sampler.RedisUsed, "memory in use (used_memory)", causeUsed)
	add(sampler.ProcessRSS, "resident memory (RSS)", causeResident)
	add(sampler.RedisClients, "the number of clients", causeClients)
}

// blameParts names the parts of a server's memory that grow.
func (w *LeakWatch) blameParts(f *Finding, of *panel) {
	f.Evidence["profiles_count"] = float64(len(of.times))
	list := of.suspects(w.settled(), leastExact, 0)
	if len(list) == 0 {
		f.Details = append(f.Details, fmt.Sprintf("Which part of it grows cannot be told: none does for itself in %s.", unit.Things(len(of.times), "reading")))
		return
	}
	f.RowsOf = "part"
	f.Columns = rateColumns("part_bytes", "now", "bytes")
	for _, s := range list[:min(len(list), mostSuspects)] {
		f.Rows = append(f.Rows, rateRow(s.key, "part_bytes", "bytes", s))
	}
}

// blameKeys adds to growth of used_memory which keys and clients grow with it.
func (w *LeakWatch) blameKeys(r *LeakReport) {
	grows, least := false, 0.0
	for i := range r.Series {
		s := &r.Series[i]
		if s.Leak.Verdict != LeakGrowing {
			continue
		}
		grows = grows || s.cause == causeUsed || s.cause == causeClients
		if s.cause == causeUsed {
			least = causeShare * s.Leak.PerHour
		}
	}
	if !grows {
		return
	}
	v := &w.server
	var found []Finding
	if f, ok := w.growing(&v.groups, "keys", "Keys of one sort", "A star stands for the part of a name that differs from key to key.", least); ok {
		for i := range f.Rows {
			f.Rows[i].Note = unit.Things(math.Trunc(v.counted.counts[f.Rows[i].Name]), "key")
		}
		if n := v.counted.sampled; n > 0 {
			f.Details = append(f.Details, fmt.Sprintf("The figures are estimates: each rests on a sample of %s keys or more.", unit.Count(float64(n))))
		}
		found = append(found, f)
	}
	if f, ok := w.growing(&v.keys, "key", "Single keys", "Only the 100 biggest keys are followed one by one.", least); ok {
		found = append(found, f)
	}
	if f, ok := w.growing(&v.clients, "client", "The memory of clients", "", least); ok {
		for i := range f.Rows {
			f.Rows[i].Note = unit.Things(v.connected[f.Rows[i].Name], "client")
		}
		found = append(found, f)
	}
	if len(found) == 0 {
		r.note(w.noKeys())
	}
	r.Findings = append(r.Findings, found...)
}

// note adds a sentence to the finding about used_memory.
func (r *LeakReport) note(text string) {
	for i := range r.Findings {
		if r.Findings[i].Series == string(sampler.RedisUsed) {
			r.Findings[i].Details = append(r.Findings[i].Details, text)
		}
	}
}

// noKeys says why no keys are named.
func (w *LeakWatch) noKeys() string {
	switch n := len(w.server.groups.times); {
	case !w.server.walked:
		return "Which keys grow cannot be told: the keys were not walked over meanwhile. A recording does not keep them, and the dashboard walks while it shows them."
	case n < 2:
		return fmt.Sprintf("Which keys grow cannot be told: %s of them, and 2 are needed. A longer watch would tell.", unit.Things(n, "reading"))
	default:
		return fmt.Sprintf("No sort of keys grows for itself in %s of them.", unit.Things(n, "reading"))
	}
}

// causeShare is how much of the growth of used_memory something must have to be named as a cause.
const causeShare = 0.01

// growing makes a finding of the rows of a panel that grow by least an hour.
func (w *LeakWatch) growing(p *panel, rowsOf, what, how string, least float64) (f Finding, ok bool) {
	list := p.grow(w.settled())
	list = slices.DeleteFunc(list, func(s suspect) bool { return s.slope.Slope < least })
	if len(list) == 0 {
		return f, false
	}
	top := list[0]
	f = Finding{Analyzer: "leak", Severity: Info, Sites: []FoundSite{}, RowsOf: rowsOf, Columns: rateColumns("memory_bytes", "now", "bytes"),
		Title:    fmt.Sprintf("%s grow: %s by %s an hour", what, top.key, unit.Bytes(top.slope.Slope)),
		Evidence: map[string]float64{"readings_count": float64(len(p.times)), "span_seconds": round(p.span(time.Time{}).Seconds())},
	}
	if what == "The memory of clients" {
		f.Title = fmt.Sprintf("%s grows: %s by %s an hour", what, top.key, unit.Bytes(top.slope.Slope))
	}
	if how != "" {
		f.Details = append(f.Details, how)
	}
	for _, s := range list[:min(len(list), mostSuspects)] {
		f.Rows = append(f.Rows, rateRow(s.key, "memory_bytes", "bytes", s))
	}
	return f, true
}
