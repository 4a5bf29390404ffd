package tab

import (
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// TellsOfServer reports whether what is shown tells how a data server uses its memory: then its figures stand where a Go
// program has allocation sites and a collector.
func TellsOfServer(st *State) bool {
	s := st.Data().Snapshot
	return s != nil && anyOf(s, sampler.RedisUsed)
}

// serverRate is how fast a counter grew between the two readings that rates are taken from, a second. One that fell was
// begun anew.
func serverRate(d *Data, m sampler.Metric) sampler.Reading {
	if d.Recent == nil {
		return sampler.Reading{}
	}
	was, is := d.Recent.Reading(m), d.Snapshot.Reading(m)
	seconds := d.Snapshot.Time.Sub(d.Recent.Time).Seconds()
	if !was.OK || !is.OK || is.Value < was.Value || seconds <= 0 {
		return sampler.Reading{}
	}
	return sampler.Known((is.Value - was.Value) / seconds)
}

// perSecond prints a count a second, with decimals while it is small.
func perSecond(v float64) string {
	if v > 0 && v < 0.95 {
		return perMinute(v * 60)
	}
	return unit.Count(v) + "/s"
}

func ratio(v float64) string { return strings.TrimSuffix(unit.Format("ratio", v), " ratio") }

// group is facts of a server under one name.
type group struct {
	name  string
	facts []fact
}

// serverGroups are a server's figures beside the ledger, for the Memory tab.
func serverGroups(st *State) []group {
	th, d := st.Theme, st.Data()
	of := func(m sampler.Metric) sampler.Reading { return d.Snapshot.Reading(m) }
	limit := rated(th, "maxmemory", "", of(sampler.RedisMaxMemory), unit.Bytes, "")
	if !of(sampler.RedisMaxMemory).OK {
		limit.text, limit.style = "none", th.Label
	}
	hits := sampler.Reading{}
	if h, m := of(sampler.RedisHits), of(sampler.RedisMisses); h.OK && m.OK && h.Value+m.Value > 0 {
		hits = sampler.Known(h.Value / (h.Value + m.Value))
	}
	perKey := sampler.Reading{}
	if n, used, empty := of(sampler.RedisKeys), of(sampler.RedisUsed), of(sampler.RedisStartup); n.Value > 0 && empty.OK {
		perKey = sampler.Known(max(used.Value-empty.Value, 0) / n.Value)
	}
	facts := []fact{}
	for _, f := range st.Info.Facts {
		facts = append(facts, fact{name: theme.Clean(f.Name), text: theme.Clean(f.Value), style: th.Value})
	}
	return []group{
		{"memory", []fact{
			rated(th, "used", "", of(sampler.RedisUsed), unit.Bytes, ""),
			rated(th, "peak of used", "", of(sampler.RedisUsedPeak), unit.Bytes, ""),
			limit,
			rated(th, "data set", "", of(sampler.RedisDataset), unit.Bytes, ""),
			rated(th, "overhead", "", of(sampler.RedisOverhead), unit.Bytes, ""),
			rated(th, "RSS / used", "", of(sampler.RedisFragmentation), ratio, ""),
			rated(th, "copied by save", "", of(sampler.RedisForkCOW), unit.Bytes, ""),
		}},
		{"keys", []fact{
			rated(th, "keys", "", of(sampler.RedisKeys), unit.Count, ""),
			rated(th, "with expiry", "", of(sampler.RedisExpires), unit.Count, ""),
			rated(th, "memory a key", "", perKey, unit.Bytes, ""),
			rated(th, "commands", "", serverRate(d, sampler.RedisCommands), perSecond, ""),
			rated(th, "hits", "", hits, unit.Percent, ""),
			rated(th, "unsaved", "", of(sampler.RedisUnsaved), unit.Count, ""),
			rated(th, "clients", "", of(sampler.RedisClients), unit.Count, ""),
		}},
		{"server", facts},
	}
}

// serverPanel draws the groups beside each other, as many as there is room for, and below them what would show more.
func serverPanel(st *State, width, height int) string {
	th := st.Theme
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	frame := theme.Frame{Title: "Server", Focused: true}
	if inner < 1 || rows < 1 {
		return th.Frame(frame, "", width, height)
	}
	groups := serverGroups(st)
	columns := min(max(inner/34, 1), len(groups))
	each := (inner - 2*(columns-1)) / columns
	tall := 0
	for _, g := range groups[:columns] {
		tall = max(tall, len(g.facts))
	}
	hints := serverHints(st, inner, rows)
	tall = min(tall, max(rows-min(len(hints), 2), 1))
	blocks := make([]string, columns)
	for i := range blocks {
		var lines []string
		for _, f := range groups[i].facts {
			lines = append(lines, serverFact(th, f, each))
		}
		if columns < len(groups) && i == columns-1 { // the rest goes below the last, as far as there is room
			for _, g := range groups[columns:] {
				for _, f := range g.facts {
					lines = append(lines, serverFact(th, f, each))
				}
			}
			tall = min(max(tall, len(lines)), max(rows-min(len(hints), 2), 1))
		}
		blocks[i] = strings.Join(lines, "\n")
	}
	for i := range blocks {
		blocks[i] = theme.Fit(blocks[i], each, tall)
	}
	body := theme.Join(2, blocks...)
	if left := rows - tall; left > 0 && len(hints) > 0 {
		body += "\n" + strings.Join(hints[:min(len(hints), left)], "\n")
	}
	return th.Frame(frame, body, width, height)
}

// serverFacts is the height of the panel from which on there is room for a chart as well, and what the panel then takes.
const (
	serverRoomy = 18
	serverFacts = 10
)

// serverBoard is the panel of facts and, where there is room, what used_memory is made of over time.
func serverBoard(st *State, width, height int) string {
	if height < serverRoomy || width < wide {
		return serverPanel(st, width, height)
	}
	facts := min(serverFacts+min(len(serverHints(st, width-theme.PanelCols, 3)), 3), height/2)
	rows := height - facts
	inner := width - theme.PanelCols
	body := chart.Lines(withMoment(st, chart.Options{
		Width: inner, Height: rows - theme.PanelRows, Empty: "The server's memory was not read yet.",
		Lines: serverLines(st, chart.PlotWidth(inner), []serverLine{
			{"clients", sampler.RedisClientsNormal, chart.Dotted, 2},
			{"overhead", sampler.RedisOverhead, chart.Light, 1},
			{"data set", sampler.RedisDataset, chart.Heavy, 0},
		}),
	}))
	return serverPanel(st, width, facts) + "\n" + st.Theme.Frame(theme.Frame{Title: spanTitle(st, "Used memory")}, body, width, rows)
}

// serverHints is what would show more, and what could not be read, as faint lines.
func serverHints(st *State, width, rows int) []string {
	var lines []string
	for _, hint := range st.Info.Hints {
		for i, l := range theme.Wrap(theme.Clean(hint), max(width-2, 1), max(rows, 1)) {
			sign := "! "
			if i > 0 {
				sign = "  "
			}
			lines = append(lines, st.Theme.Faint.Render(sign+l))
		}
	}
	return lines
}

// serverName is how wide the name of a fact is.
const serverName = 17

func serverFact(th *theme.Theme, f fact, width int) string {
	return namedFact(th, f, serverName, width)
}

func namedFact(th *theme.Theme, f fact, name, width int) string {
	line := th.Label.Render(theme.Pad(f.name, min(name, width))) + f.style.Render(f.text)
	if f.note != "" {
		line += "  " + th.Faint.Render(f.note)
	}
	return theme.Truncate(line, width)
}

// serverCollector draws what takes keys away or gives memory back, where a Go program has its collector.
func serverCollector(st *State, width, height int) string {
	if height < 8 || width < 24 {
		var lines []string
		for _, g := range reclaimGroups(st) {
			for _, f := range g.facts {
				lines = append(lines, serverFact(st.Theme, f, width))
			}
		}
		return theme.Fit(strings.Join(lines, "\n"), width, height)
	}
	groups := reclaimGroups(st)
	columns := 2
	if width >= wide {
		columns = 4
	}
	each, rest := width/columns, width%columns
	tall := 0
	for _, g := range groups {
		tall = max(tall, len(g.facts)+theme.PanelRows)
	}
	if lines := (len(groups) + columns - 1) / columns; columns < len(groups) && height-lines*tall < reclaimLeast {
		return reclaimBrief(st, groups, width, height)
	}
	var rows []string
	left := height
	for i := 0; i < len(groups) && left >= 3; i += columns {
		var blocks []string
		h := min(tall, left)
		for j, g := range groups[i:min(i+columns, len(groups))] {
			w := each
			if j == columns-1 {
				w += rest
			}
			blocks = append(blocks, groupPanel(st.Theme, g, w, h))
		}
		rows, left = append(rows, theme.Join(0, blocks...)), left-h
	}
	if left >= 6 {
		rows = append(rows, reclaimChart(st, width, left))
	} else if left > 0 {
		rows = append(rows, theme.Fit(strings.Join(purgedLines(st), "\n"), width, left))
	}
	return theme.Fit(strings.Join(rows, "\n"), width, height)
}

// reclaimLeast is how many rows the chart of the allocator takes at least.
const reclaimLeast = 8

// reclaimBrief tells the groups in lines instead of panels, where these would leave no room for the chart.
func reclaimBrief(st *State, groups []group, width, height int) string {
	th := st.Theme
	names := 0
	for _, g := range groups {
		names = max(names, len(g.name)+2)
	}
	var lines []string
	for _, g := range groups {
		parts := make([]string, 0, len(g.facts))
		for _, f := range g.facts {
			parts = append(parts, th.Label.Render(f.name+" ")+f.style.Render(f.text))
		}
		head := th.Title.Render(theme.Pad(g.name, names))
		for _, l := range flow(parts, "   ", max(width-names-2, 1), 2) {
			lines = append(lines, " "+head+l)
			head = theme.Spaces(names)
		}
	}
	if left := height - len(lines); left >= 6 {
		return theme.Fit(strings.Join(lines, "\n"), width, len(lines)) + "\n" + reclaimChart(st, width, left)
	}
	return theme.Fit(strings.Join(append(lines, purgedLines(st)...), "\n"), width, height)
}

func groupPanel(th *theme.Theme, g group, width, height int) string {
	lines := make([]string, 0, len(g.facts))
	names := 0
	for _, f := range g.facts {
		names = max(names, len(f.name)+1)
	}
	for _, f := range g.facts {
		lines = append(lines, namedFact(th, f, names, max(width-theme.PanelCols, 1)))
	}
	return th.Frame(theme.Frame{Title: g.name}, strings.Join(lines, "\n"), width, height)
}

// reclaimGroups are the four ways in which a server gets rid of data and memory, each as a rate over the last minute and in all.
func reclaimGroups(st *State) []group {
	th, d := st.Theme, st.Data()
	of := func(m sampler.Metric) sampler.Reading { return d.Snapshot.Reading(m) }
	rate := func(name string, m sampler.Metric) fact { return rated(th, name, "", serverRate(d, m), perSecond, "") }
	share := func(name string, m sampler.Metric) fact {
		return rated(th, name, "", serverRate(d, m), unit.Percent, "")
	}
	all := func(name string, m sampler.Metric) fact { return rated(th, name, "", of(m), unit.Count, "") }
	percent := func(name string, m sampler.Metric) fact {
		return rated(th, name, "", of(m), func(v float64) string { return unit.Percent(v / 100) }, "")
	}
	policy := fact{name: "policy", text: theme.SignUnknown, style: th.Faint}
	for _, f := range st.Info.Facts {
		if f.Name == "maxmemory policy" {
			policy.text, policy.style = theme.Clean(f.Value), th.Value
		}
	}
	evicted := rate("keys", sampler.RedisEvicted)
	if r := serverRate(d, sampler.RedisEvicted); r.Value > 0 {
		evicted.style = th.Warn
	}
	defrag := percent("CPU aimed at", sampler.RedisDefragRunning)
	if r := of(sampler.RedisDefragRunning); r.OK && r.Value == 0 {
		defrag.text = "idle"
	}
	return []group{
		{"Expiry", []fact{
			rate("expired", sampler.RedisExpired), all("expired in all", sampler.RedisExpired), all("with expiry", sampler.RedisExpires),
			percent("stale, estimate", sampler.RedisExpireStale), share("CPU", sampler.RedisExpireCPU), all("cut short", sampler.RedisExpireCapped),
		}},
		{"Eviction", []fact{
			evicted, all("keys in all", sampler.RedisEvicted), all("clients in all", sampler.RedisEvictedClients),
			share("over limit", sampler.RedisOverLimit), policy, rated(th, "not counted", "", of(sampler.RedisNotCounted), unit.Bytes, ""),
		}},
		{"Active defrag", []fact{
			defrag, rate("moved", sampler.RedisDefragHits), all("moved in all", sampler.RedisDefragHits), all("left in all", sampler.RedisDefragMisses),
			share("time needed", sampler.RedisDefragTime), rated(th, "RSS / used", "", of(sampler.RedisFragmentation), ratio, ""),
		}},
		{"Lazy free", []fact{
			all("pending", sampler.RedisLazyPending), rate("freed", sampler.RedisLazyFreed), all("freed in all", sampler.RedisLazyFreed),
		}},
	}
}

// reclaimChart draws what the allocator holds against what is used, with what a purge freed below.
func reclaimChart(st *State, width, height int) string {
	lines := purgedLines(st)
	inner, rows := width-theme.PanelCols, height-theme.PanelRows-len(lines)
	body := chart.Lines(withMoment(st, chart.Options{
		Width: inner, Height: rows, Lines: reclaimLines(st, chart.PlotWidth(inner)), Empty: "The server's memory was not read yet.",
	}))
	return st.Theme.Frame(theme.Frame{Title: spanTitle(st, "Allocator")}, body+"\n"+strings.Join(lines, "\n"), width, height)
}

func reclaimLines(st *State, cols int) []chart.Line {
	return serverLines(st, cols, []serverLine{
		{"resident", sampler.RedisResident, chart.Dotted, 2},
		{"active", sampler.RedisActive, chart.Light, 1},
		{"used", sampler.RedisUsed, chart.Heavy, 0},
	})
}

// serverLine is a line of a chart, and what it is read from.
type serverLine struct {
	name   string
	metric sampler.Metric
	stroke chart.Stroke
	color  int
}

// serverLines are those lines whose metric was ever read.
func serverLines(st *State, cols int, which []serverLine) []chart.Line {
	d := st.Data()
	from, to := st.Window()
	var lines []chart.Line
	for _, c := range which {
		series := st.History.Series(c.metric)
		if series == nil {
			continue
		}
		line := chart.Line{Name: c.name, Stroke: c.stroke, Style: st.Theme.Series(c.color), Values: chart.Columns(series.Points(from, to, cols), from, to, cols)}
		if now, ok := d.Snapshot.Get(c.metric); ok {
			line.Text = unit.Bytes(now)
		}
		lines = append(lines, line)
	}
	return lines
}

// purgedLines tell what the purge that a person asked for gave back.
func purgedLines(st *State) []string {
	th, c := st.Theme, st.Data().Collected
	if c == nil || c.Before == nil || c.After == nil {
		return []string{th.Faint.Render(" g sends MEMORY PURGE and shows what it gave back")}
	}
	line := " " + th.Label.Render("purged at "+c.At.Format("15:04:05"))
	before, after := c.Before.Reading(sampler.ProcessRSS), c.After.Reading(sampler.ProcessRSS)
	if before.OK && after.OK {
		change := processChange(th, sampler.Known(after.Value-before.Value), before)
		line += th.Label.Render(" · RSS ") + unit.Bytes(before.Value) + " → " + unit.Bytes(after.Value) + "  " + change.Style.Render(change.Text)
	}
	return []string{line}
}
