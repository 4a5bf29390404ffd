package launch

import (
	"net"
	"time"

	"github.com/alloc-dev/heaptop/sampler/internal/peer"
)

// Bounds of marks.
const (
	maxPhases   = 1024
	maxSessions = 1_000_000
)

// marks are what programs told of themselves. The mutex of checkpoints guards them.
type marks struct {
	began    time.Time
	phases   []Phase
	sessions int
	told     time.Time // when the sessions were
}

// isMark tells a mark from a checkpoint.
func (r *request) isMark() bool { return r.Checkpoint == nil && (r.Phase != nil || r.Sessions != 0) }

// mark keeps what a program tells of itself.
func (c *checkpoints) mark(conn net.Conn, r request) {
	if pid := peer.PID(conn); pid > 0 {
		r.PID = pid
	}
	var child Child
	if r.Phase != nil {
		child = c.find(r.PID)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(r, child, time.Now())
}

// keep adds a mark within the bounds. A program's clock is believed within the measurement.
func (m *marks) keep(r request, child Child, now time.Time) {
	at := time.Unix(0, r.At)
	if at.Before(m.began) || at.After(now) {
		at = now
	}
	if r.Phase != nil && len(m.phases) < maxPhases {
		m.phases = append(m.phases, Phase{Name: cleanName([]byte(*r.Phase)), Child: child, Time: at})
	}
	if r.Sessions >= 1 && r.Sessions <= maxSessions && !at.Before(m.told) {
		m.sessions, m.told = r.Sessions, at
	}
}
