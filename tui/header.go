package tui

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// nameCells bounds the target's name in the header.
const nameCells = 40

// nameBytes is how much of the name is looked at for that: one of many kilobytes must not slow down each frame.
const nameBytes = 512

// header draws its two lines: what is watched, is it growing, how far is the limit; the tabs, and how fresh it all is.
func (m *model) header() [headerRows]string {
	return [headerRows]string{
		fit(m.width, m.headerTarget(), m.headerMemory(), m.headerLimit()),
		fit(m.width, []string{m.tabBar()}, []string{""}, m.headerState()),
	}
}

// fit lays out a line of three parts: the first on the left, the last on the right, the second between. Each comes in
// forms from the longest to the shortest; the longest that fit together are taken, the first part giving way first.
func fit(width int, left, middle, right []string) string {
	l, c, r := 0, 0, 0
	need := func() int {
		gaps := 2
		if middle[c] != "" {
			gaps = 4
		}
		return 2 + theme.Width(left[l]) + theme.Width(middle[c]) + theme.Width(right[r]) + gaps
	}
	for need() > width {
		switch {
		case l+1 < len(left) && l <= r && l <= c:
			l++
		case r+1 < len(right) && r <= c:
			r++
		case c+1 < len(middle):
			c++
		case r+1 < len(right):
			r++
		case l+1 < len(left):
			l++
		default:
			return theme.Truncate(" "+join(left[l], middle[c], right[r]), width)
		}
	}
	spare := width - 2 - theme.Width(left[l]) - theme.Width(middle[c]) - theme.Width(right[r])
	return " " + left[l] + theme.Spaces(spare/2) + middle[c] + theme.Spaces(spare-spare/2) + right[r] + " "
}

func join(parts ...string) string {
	kept := parts[:0:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}

// headerTarget names the target: program, process id, Go version, and the source that reads it.
func (m *model) headerTarget() []string {
	t, st := m.st.Theme, m.st
	brand := t.Title.Render("heaptop")
	if !st.Watching {
		return []string{brand + "  " + t.Strong.Render("this machine"), t.Strong.Render("this machine"), t.Strong.Render("machine")}
	}
	info := st.Info
	name := clean(info.Name[:min(len(info.Name), nameBytes)])
	if name == "" {
		name = clean(info.Target.String())
	}
	short := t.Strong.Render(theme.Truncate(name, nameCells))
	tiny := t.Strong.Render(theme.Truncate(name, 15))
	pid, dot := "", t.Faint.Render(" · ")
	if info.PID != 0 {
		pid = " " + t.Label.Render(strconv.Itoa(info.PID))
	}
	source, version := "", ""
	if info.Source != "" {
		source = dot + t.Label.Render(clean(info.Source))
	}
	if info.GoVersion != "" {
		version = dot + t.Label.Render(theme.Truncate(clean(info.GoVersion), 20))
	}
	where := ""
	if info.Container != "" {
		where = dot + t.Label.Render(theme.Truncate(clean(info.Container), 24))
	}
	return []string{
		brand + "  " + short + pid + version + source + where,
		brand + "  " + short + pid + version + source,
		short + pid + version + source,
		tiny + pid + source,
		tiny + pid,
		tiny,
	}
}

// headerMemory says how much is resident and whether it grows.
func (m *model) headerMemory() []string {
	t, d := m.st.Theme, m.st.Data()
	if !m.st.Watching || d.Snapshot == nil {
		return []string{""}
	}
	rss, ok := d.Snapshot.Get(sampler.ProcessRSS)
	label := "RSS "
	if !ok {
		if rss, ok = d.Snapshot.Get(sampler.GoClassTotal); !ok {
			return []string{t.Label.Render("RSS ") + t.Faint.Render(theme.SignUnknown)}
		}
		label = "Go memory "
	}
	value := t.Label.Render(label) + t.Strong.Render(theme.Pad(unit.Bytes(rss), 7))
	trend, sign := "", ""
	switch g := d.Trend(); {
	case g.Verdict == analysis.LeakInsufficient:
		if g.Reason != "" && m.st.Live().Gone == nil { // an ended program will not be watched for longer
			trend = " " + t.Faint.Render("trend: "+g.Reason)
		}
	case g.Verdict == analysis.LeakGrowing:
		sign = " " + t.Warn.Render(theme.SignUp)
		trend = sign + t.Warn.Render(" "+slope(g.PerHour))
	case g.Verdict == analysis.LeakSettling:
		trend = " " + t.Label.Render("settling")
	case g.Verdict == analysis.LeakInconclusive:
		trend = " " + t.Label.Render("may be growing")
	case g.PerHour < 0:
		sign = " " + t.Good.Render(theme.SignDown)
		trend = sign + t.Good.Render(" "+slope(-d.Growth.PerHour))
	default:
		trend = " " + t.Label.Render("steady")
	}
	return []string{value + trend, value + sign, t.Strong.Render(unit.Bytes(rss)) + sign}
}

// slope prints bytes per hour in the unit of time that reads best.
func slope(perHour float64) string {
	if perMinute := perHour / 60; perMinute >= 100e3 {
		return unit.Bytes(perMinute) + "/min"
	}
	return unit.Bytes(perHour) + "/h"
}

// headerLimit says how far the nearest limit is, and when it is reached.
func (m *model) headerLimit() []string {
	t, d := m.st.Theme, m.st.Data()
	if !m.st.Watching {
		return m.headerMachine()
	}
	if !d.LimitOK || d.Limit.Bytes <= 0 {
		return []string{""}
	}
	share := d.Limit.Used / d.Limit.Bytes
	style := t.Share(share)
	percent := style.Render(theme.PadLeft(unit.Percent(share), 4))
	if share >= 0.75 {
		percent = style.Render("! " + unit.Percent(share))
	}
	of := t.Label.Render(" of ") + unit.Bytes(d.Limit.Bytes)
	name := t.Label.Render(" (" + clean(d.Limit.Name) + ")")
	full, brief := "", ""
	if d.Reach.OK {
		long, at := fullIn(d.Reach)
		full, brief = t.Label.Render(", ")+t.Warn.Render(long), t.Label.Render(", ")+t.Warn.Render(at)
	}
	short := of
	if d.Limit.Metric == sampler.MachineAvailable { // beside RSS, "9% of 25 GB" would read as the program's share
		short = t.Label.Render(" of machine")
	}
	return []string{percent + of + name + full, percent + short + full, percent + short + brief, percent + short, percent, ""}
}

// fullIn says when a limit is reached: as an interval, and in short by the estimated rate.
func fullIn(r analysis.Reach) (long, short string) {
	at, from, to := unit.Duration(r.At.Round(time.Second)), unit.Duration(r.Earliest.Round(time.Second)), unit.Duration(r.Latest.Round(time.Second))
	switch {
	case r.At <= 0:
		return "full", "full"
	case r.Latest == 0 && r.Earliest > 0:
		at = "full in at least " + from
		return at, at
	case r.Earliest <= 0 || from == to:
		return "full in " + at, "full in " + at
	}
	return "full in " + from + " to " + to, "full in " + at
}

// headerMachine says what the machine has left, on a dashboard without a target.
func (m *model) headerMachine() []string {
	t, table := m.st.Theme, m.st.Data().Processes
	if table == nil || !table.Machine.Total.OK || !table.Machine.Available.OK {
		return []string{""}
	}
	free, total := table.Machine.Available.Value, table.Machine.Total.Value
	text := unit.Bytes(free) + t.Label.Render(" available of ") + unit.Bytes(total)
	return []string{text, unit.Bytes(free) + t.Label.Render(" free"), ""}
}

// tabBar names the tabs; ▸ stands before the one that is shown.
func (m *model) tabBar() string {
	t := m.st.Theme
	var b strings.Builder
	for i := range m.tabs {
		if i > 0 {
			b.WriteString(theme.Spaces(m.tabGap()))
		}
		if i == m.current {
			t.Title.Write(&b, theme.SignFocus+m.tabLabel(i))
		} else {
			t.Label.Write(&b, " "+m.tabLabel(i))
		}
	}
	return b.String()
}

// tabGap is how many cells are between two tabs beside the one for ▸. On a narrow screen the state needs the room.
func (m *model) tabGap() int {
	if m.width < 48 {
		return 0
	}
	return 2
}

// tabAt finds the tab whose name is at a cell of the header.
func (m *model) tabAt(x, y int) (int, bool) {
	if y != headerRows-1 {
		return 0, false
	}
	at := 1
	for i := range m.tabs {
		w := 1 + theme.Width(m.tabLabel(i))
		if x >= at && x < at+w {
			return i, true
		}
		at += w + m.tabGap()
	}
	return 0, false
}

// headerState says how fresh the numbers are, what changes count from, and what reading costs.
func (m *model) headerState() []string {
	t, st := m.st.Theme, m.st
	d := st.Data()
	state, short := m.freshness()
	if gone := st.Live().Gone; gone != nil && state != short && st.Visiting() == nil {
		ended := t.Bad.Render("■ " + theme.Shorten(clean(gone.Error()), 80))
		if _, paused := st.Paused(); !paused {
			return []string{state, ended, short}
		}
	}
	if !st.Watching {
		return []string{state, short}
	}
	dot := t.Faint.Render(" · ")
	mark, cost := "", ""
	switch since := d.At.Sub(d.Mark.At); {
	case d.Mark.At.IsZero():
	case since < 0:
		mark = dot + t.Label.Render("before mark ") + seconds(-since)
	default:
		mark = dot + t.Label.Render("since mark ") + seconds(since)
	}
	if d.Snapshot != nil && st.Visiting() == nil {
		cost = dot + t.Label.Render("cost ") + unit.Percent(d.Cost)
	}
	return []string{state + mark + cost, state + mark, state, short}
}

// interval prints how often is read: "1s", "200ms", "1m".
func interval(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return d.String()
}

// seconds prints how long ago something was, in whole seconds: "9s", "12m04s", "4h10m".
func seconds(d time.Duration) string {
	d = max(d.Truncate(time.Second), 0)
	if d < time.Minute {
		return d.String()
	}
	return unit.Duration(d)
}

// moment says which moment of the past is shown, and how far it is from the end.
func (m *model) moment() (long, short string) {
	t, v := m.st.Theme, m.st.Visiting()
	at := stamp(v.Data.At, m.st.Now)
	short = t.Warn.Render("‖ " + at)
	if v.File == "" {
		if ago := m.st.Live().At.Sub(v.Data.At); ago >= time.Second {
			return short + t.Label.Render(", "+seconds(ago)+" ago"), short
		}
		return short, short
	}
	end, said := "its end", "before its end"
	if v.Gone != nil {
		end = clean(v.Gone.Error())
		said = "before: " + end
	}
	brief := short + t.Label.Render(" · recorded")
	switch left := v.Last.Sub(v.Data.At).Round(time.Second); {
	case v.First.Equal(v.Last):
		return short + t.Label.Render(" · a snapshot"), brief
	case left >= time.Second:
		return short + t.Label.Render(" · recorded "+seconds(left)+" "+said), brief
	case v.Gone != nil:
		return short + t.Label.Render(" · the last before ") + t.Bad.Render("■ "+end), brief
	}
	return short + t.Label.Render(" · the end of the recording"), brief
}

// stamp prints an instant, with its day when that is not today's.
func stamp(at, now time.Time) string {
	if now.IsZero() || at.Local().Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format("2 Jan 15:04:05")
}

// stopped says whether the target stood still at a reading. A recording keeps warnings as words.
func stopped(s *sampler.Snapshot) bool {
	return s != nil && slices.ContainsFunc(s.Warnings, func(w error) bool {
		return errors.Is(w, sampler.ErrStopped) || strings.HasSuffix(w.Error(), sampler.ErrStopped.Error())
	})
}

// freshness is the state of the watching, in a long and a short form.
func (m *model) freshness() (long, short string) {
	t, st := m.st.Theme, m.st
	live := st.Live()
	at, paused := st.Paused()
	every := interval(st.Interval)
	switch {
	case st.Visiting() != nil:
		long, short = m.moment()
		if stopped(st.Data().Snapshot) {
			long += t.Warn.Render(" · the target was stopped")
		}
		return long, short
	case m.recording():
		return t.Label.Render("○ reading the file …"), t.Label.Render("○")
	case paused:
		return t.Warn.Render("‖ paused " + at.Format(time.TimeOnly)), t.Warn.Render("‖ paused")
	case live.Gone != nil:
		return t.Bad.Render("■ " + clean(live.Gone.Error()) + ", last values shown"), t.Bad.Render("■ ended")
	case !st.Watching && live.Processes == nil || st.Watching && st.Heard.IsZero():
		return t.Label.Render("○ first reading …"), t.Label.Render("○")
	case stopped(live.Snapshot):
		return t.Warn.Render("! target stopped (SIGSTOP)"), t.Warn.Render("! stopped")
	case m.staleFor() > 0:
		stale := "◌ stale " + seconds(m.staleFor())
		return t.Warn.Render(stale), t.Warn.Render(stale)
	case live.Failed != nil:
		return t.Bad.Render("! not read: " + theme.Shorten(clean(live.Failed.Error()), 60)), t.Bad.Render("! not read")
	}
	return t.Good.Render("●") + t.Label.Render(" live ") + every, t.Good.Render("●") + " " + every
}
