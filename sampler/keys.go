package sampler

import (
	"context"
	"time"
)

// KeySize is one key of a database and the memory it takes.
type KeySize struct {
	Key   string // cut to 256 bytes; as stored, control characters included
	Type  string // "string", "hash"; "" where the server did not tell
	Bytes float64
}

// KeyGroup is the keys of one type whose names are alike.
type KeyGroup struct {
	Pattern string // "session:*:cart": a star stands for what has a digit in it, or is no text; as stored besides
	Type    string
	Keys    int
	Bytes   float64
}

// Keys is what a walk over the keys of a database found so far.
type Keys struct {
	Time    time.Time // of the last step
	Took    time.Duration
	DB      int
	Scanned int       // keys measured in this walk
	Total   Reading   // keys in the database
	Done    bool      // the walk saw all keys that were there from its beginning to its end
	List    []KeySize // the largest, at most 100, the largest first; measured again every few seconds
	// Groups is what the keys of this walk came to so far, those with the most memory first. There are at most 1,000
	// patterns of names, and further ones are one group without a pattern. A walk goes by hashes: a part of it is a sample.
	Groups []KeyGroup
	Note   string // how sure the figures are
}

// KeyLister is a Session over a database that can tell which keys take the most memory. Each call goes on with the walk
// for about budget, a few milliseconds at the least, and returns what is known by then. The walk asks for few keys at
// a time, so that the server is never held up; ask about once a second with a budget of 2 % of that. A walk that is done
// begins anew a minute later, and the list of the last one is returned until the new one is done.
type KeyLister interface {
	BiggestKeys(ctx context.Context, budget time.Duration) (Keys, error)
}

// Client is one connection to a server.
type Client struct {
	ID      string
	Addr    string
	Name    string
	User    string
	Command string  // the last
	Age     Reading // seconds
	Idle    Reading // seconds
	Memory  Reading // all that the connection takes, bytes
	Output  Reading // of it, output that waits to be sent
	Input   Reading // of it, the buffer for what it asks
}

// Clients is the connections of a server, the one with the most memory first.
type Clients struct {
	Time time.Time
	Took time.Duration
	List []Client
}

// ClientLister is a Session over a server that can tell who is connected. It wraps ErrBudget where there are so many that
// asking would hold the server up.
type ClientLister interface {
	Clients(ctx context.Context) (Clients, error)
}

// Fact is something about a target that is no number: its name, as it is shown, and its value.
type Fact struct{ Name, Value string }
