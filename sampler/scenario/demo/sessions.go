package demo

import (
	"strconv"
	"sync"
)

// historyBytes is what a session takes from its first visit on.
const historyBytes = 2 << 10

// everyone is the leak: a global that keeps every visitor who ever came. Those who came once are never forgotten.
var everyone Sessions // the one package variable that changes: a leak needs a root

// Sessions knows visitors by number.
type Sessions struct {
	mu   sync.Mutex
	byID map[uint64]*Session
}

// Session is what is remembered of one visitor.
type Session struct {
	Name    string
	Visits  int
	history []byte
}

// Touch notes a visit. Nothing ever removes a session: this is what the demonstration leaks, some 4 MB a minute.
func (s *Sessions) Touch(id uint64, page string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID = make(map[uint64]*Session)
	}
	known, ok := s.byID[id]
	if !ok {
		known = newSession(id)
		s.byID[id] = known
	}
	known.Visits++
	if room := cap(known.history) - len(known.history); room < len(page)+1 {
		known.history = known.history[:0]
	}
	known.history = append(append(known.history, page...), ' ')
}

func newSession(id uint64) *Session {
	return &Session{Name: "visitor " + strconv.FormatUint(id, 10), history: make([]byte, 0, historyBytes)}
}

// Len returns how many visitors are remembered.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}
