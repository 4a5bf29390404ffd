package capture

import (
	"encoding/json"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Schema is what meta.json says of the files this package writes and reads.
const Schema = "heaptop.snapshot/v1"

// Extension ends the names of snapshot files.
const Extension = ".heapsnap"

// The parts of a file.
const (
	metaPart      = "meta.json"
	metricsPart   = "metrics.json"
	ledgerPart    = "ledger.json"
	heapPart      = "heap.pb.gz"
	goroutinePart = "goroutine.pb.gz"
	mapsPart      = "maps.json"
)

// Meta says who wrote a snapshot, and when. Write fills what is empty but the version.
type Meta struct {
	Schema  string
	Version string    // of heaptop
	Go      string    // the version of Go heaptop was built with
	Time    time.Time // when the snapshot was taken; the sample's time when zero
}

// Snapshot is what a file holds. A nil part was not available. Ledger is JSON, whatever the analysis made it.
type Snapshot struct {
	Meta      Meta
	Info      sampler.Info
	Note      string // the user's
	Sample    *sampler.Snapshot
	Ledger    json.RawMessage
	Heap      *sampler.Profile // Read returns it gzipped
	Goroutine *sampler.Profile
	Mappings  *sampler.Mappings
}
