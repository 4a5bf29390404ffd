package agent

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"time"
)

// CheckpointEnv is the environment variable in which heaptop tells the programs it measures where it listens: the path
// of a unix socket.
const CheckpointEnv = "HEAPTOP_CHECKPOINT"

// checkpointLimit is how long a program waits at a checkpoint, at most.
const checkpointLimit = time.Minute

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// checkpointPath is read once: a program cannot move to another measurement.
var checkpointPath = sync.OnceValue(func() string { return os.Getenv(CheckpointEnv) })

// Checkpoint marks a point of the program for the heaptop that measures it, such as the end of loading:
//
//	index := load(files)
//	agent.Checkpoint("indexed")
//	runtime.KeepAlive(index)
//
// The heap is collected, twice so that what pools and finalizers hold is gone as well, the runtime's statistics are
// sent, and the program waits until heaptop has read what it wants, a minute at most. What is needed to be counted must
// still be used afterwards, or the collector takes it.
//
// It needs no Listen. In a program that heaptop does not measure it does nothing, in a few nanoseconds. It never fails:
// when heaptop is gone, it returns. Only the first 100 bytes of the name are kept. It is safe for concurrent use.
func Checkpoint(name string) {
	if path := checkpointPath(); path != "" {
		_ = checkpoint(path, name, checkpointLimit) // heaptop is gone, or says itself what is wrong
	}
}

// told is an answer of heaptop's.
type told struct {
	Collect bool   `json:"collect"`
	Done    bool   `json:"done"`
	Error   string `json:"error"`
}

// checkpoint tells heaptop of the point, and does what it asks for until it is done.
func checkpoint(path, name string, limit time.Duration) error {
	conn, err := net.DialTimeout("unix", path, limit)
	if err != nil {
		return fmt.Errorf("agent: checkpoint %q: %w", name, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return fmt.Errorf("agent: checkpoint %q: %w", name, err)
	}
	return converse(conn, name)
}

// converse does what heaptop asks for at the point, until it is done.
func converse(conn io.ReadWriter, name string) error {
	err := json.NewEncoder(conn).Encode(map[string]any{"checkpoint": name[:min(len(name), 400)], "pid": os.Getpid()})
	in := bufio.NewReaderSize(conn, maxAnswer)
	for err == nil {
		var line []byte
		if line, err = in.ReadSlice('\n'); err != nil {
			break
		}
		var t told
		if err = json.Unmarshal(line, &t); err != nil {
			break
		}
		switch {
		case t.Error != "":
			return fmt.Errorf("agent: checkpoint %q: heaptop says: %s", name, t.Error)
		case t.Done:
			return nil
		case t.Collect:
			_, err = conn.Write(collected())
		}
	}
	return fmt.Errorf("agent: checkpoint %q: %w", name, err)
}

// collected collects the heap and returns the statistics after it, as one line of JSON.
func collected() []byte {
	runtime.GC()
	runtime.GC()
	r := newReader()
	defer r.close()
	return append(r.json(os.Getpid(), 0, false, false), '\n')
}
