package agent

import (
	"encoding/json"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// OperationsMetric is the name under which what Worked counts is answered.
const OperationsMetric = "/work/operations:operations"

// markLimit is how long a program spends on telling a mark, at most: heaptop may hang.
const markLimit = time.Second

// operations is what Worked counted, and whether it was ever called: what nobody counts is absent, not 0.
var (
	operations atomic.Uint64
	counting   atomic.Bool
)

// Phase tells the heaptop that measures the program that from now on it is in this phase: "baseline", "warm-up", "work",
// "tear-down", or any other name. What comes before the phase "work" is left out of sustained figures and of growth,
// unless the policy says what is.
//
// It waits only until heaptop has heard it, some hundred microseconds and a second at most, and nothing is collected. In a
// program that heaptop does not measure it does nothing, in a few nanoseconds. It never fails: when heaptop is gone, it
// returns. Only the first 100 bytes of the name are kept, and 1,024 phases. It is safe for concurrent use.
func Phase(name string) {
	if path := checkpointPath(); path != "" {
		tellPhase(path, name)
	}
}

// Sessions tells the heaptop that measures the program how many sessions it serves: peak_heap, sustained_heap and
// live_heap are divided by that, unless the policy says by what. The last number holds; one below 1 or above a million
// is ignored. It costs, waits and fails as Phase does.
func Sessions(n int) {
	if path := checkpointPath(); path != "" {
		tell(path, mark{Sessions: n})
	}
}

// Worked counts n more operations as done. The sum is answered to those who read the agent, and told at checkpoints, as
// the metric /work/operations:operations. A number below 1 counts nothing. It takes a few nanoseconds, measured or not, and
// is safe for concurrent use.
func Worked(n int) {
	if n < 1 {
		return
	}
	operations.Add(uint64(n))
	if !counting.Load() {
		counting.Store(true)
	}
}

// mark is what the program tells of itself. The only answer is that the connection ends.
type mark struct {
	Phase    *string `json:"phase,omitempty"`
	Sessions int     `json:"sessions,omitempty"`
	PID      int     `json:"pid"`
	At       int64   `json:"at"` // unix nanoseconds: marks may be read in another order
}

// tellPhase is apart so that the name is no pointer where nobody measures.
func tellPhase(path, name string) {
	name = name[:min(len(name), 400)]
	tell(path, mark{Phase: &name})
}

// tell ignores errors: heaptop is gone, and the program works without.
func tell(path string, m mark) {
	m.PID, m.At = os.Getpid(), time.Now().UnixNano()
	conn, err := net.DialTimeout("unix", path, markLimit)
	if err != nil {
		return
	}
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(markLimit)) != nil {
		return
	}
	if json.NewEncoder(conn).Encode(m) == nil {
		_, _ = conn.Read(make([]byte, 1)) // its end says that it was heard
	}
}
