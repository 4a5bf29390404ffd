package agent

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"time"
)

// Info is what GET /heaptop/v1/info answers, as JSON.
type Info struct {
	PID       int       `json:"pid"` // as the program itself sees it: inside a container another than outside
	GoVersion string    `json:"go_version"`
	Main      string    `json:"main"`   // the path of the main package, "" when the program does not know it
	Module    string    `json:"module"` // the path of the main module, likewise
	MaxProcs  int       `json:"gomaxprocs"`
	Started   time.Time `json:"started"` // when the program initialised this package
}

// started never changes.
var started = time.Now()

// handler returns the agent's own mux. overTCP says that a browser could be made to connect.
func (a *server) handler(overTCP bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Prefix+"/info", a.info)
	mux.HandleFunc("GET "+Prefix+"/metrics", a.readMetrics)
	mux.HandleFunc("GET "+Prefix+"/profile/{name}", a.profile)
	mux.HandleFunc("POST "+Prefix+"/gc", a.collecting(runtime.GC))
	mux.HandleFunc("POST "+Prefix+"/freeosmemory", a.collecting(debug.FreeOSMemory))
	mux.HandleFunc("POST "+Prefix+"/gogc", a.setGCPercent)
	mux.HandleFunc("POST "+Prefix+"/gomemlimit", a.setMemoryLimit)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.enter() {
			http.Error(w, "the agent is closing", http.StatusServiceUnavailable)
			return
		}
		defer a.handlers.Done()
		switch {
		case overTCP && !loopbackHost(r.Host):
			http.Error(w, "the Host header names no loopback address", http.StatusForbidden)
		case r.Method != http.MethodGet && r.Header.Get(Header) == "":
			http.Error(w, "a request that changes something needs the header "+Header, http.StatusForbidden)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// loopbackHost keeps out web pages whose name was made to resolve to this machine.
func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (a *server) info(w http.ResponseWriter, _ *http.Request) {
	i := Info{PID: os.Getpid(), GoVersion: runtime.Version(), MaxProcs: runtime.GOMAXPROCS(0), Started: started}
	if build, ok := debug.ReadBuildInfo(); ok {
		i.Main, i.Module = build.Path, build.Main.Path
	}
	answer(w, i)
}

func (a *server) readMetrics(w http.ResponseWriter, r *http.Request) {
	var since uint64
	query := r.URL.Query()
	withCycles := query.Has("since")
	if withCycles {
		var err error
		if since, err = strconv.ParseUint(query.Get("since"), 10, 64); err != nil {
			http.Error(w, fmt.Sprintf("since=%q: want the number of a cycle", query.Get("since")), http.StatusBadRequest)
			return
		}
	}
	body := a.metrics.json(os.Getpid(), since, withCycles, query.Has("buckets"))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) //nolint:errcheck // the one who asked has gone
}

func (a *server) profile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if name != "heap" && name != "goroutine" {
		http.Error(w, fmt.Sprintf("no profile %q: there are heap and goroutine", name), http.StatusNotFound)
		return
	}
	debugLevel := 0
	if text := r.FormValue("debug"); text != "" {
		var err error
		if debugLevel, err = strconv.Atoi(text); err != nil || debugLevel < 0 || debugLevel > 2 {
			http.Error(w, fmt.Sprintf("debug=%q: want 0, 1 or 2", text), http.StatusBadRequest)
			return
		}
	}
	if name == "heap" && debugLevel != 0 {
		http.Error(w, "the heap profile as text is left out: it would stop the world", http.StatusBadRequest)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "application/octet-stream")
	if debugLevel > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	pprof.Lookup(name).WriteTo(w, debugLevel) //nolint:errcheck // the one who asked has gone
}

// collecting answers how long f took, which collects the heap.
func (a *server) collecting(f func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		a.collect.Lock()
		defer a.collect.Unlock()
		start := time.Now()
		f()
		answer(w, map[string]int64{"took": int64(time.Since(start))})
	}
}

func (a *server) setGCPercent(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("percent")
	percent, err := strconv.ParseInt(text, 10, 32)
	if err != nil || percent < -1 {
		http.Error(w, fmt.Sprintf("percent=%q: want a whole number of percent, or -1 to switch the collector off", text), http.StatusBadRequest)
		return
	}
	answer(w, map[string]int64{"previous": int64(debug.SetGCPercent(int(percent)))})
}

func (a *server) setMemoryLimit(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("bytes")
	limit, err := strconv.ParseInt(text, 10, 64)
	if err != nil || limit < 0 {
		http.Error(w, fmt.Sprintf("bytes=%q: want a whole number of bytes, or 9223372036854775807 for no limit", text), http.StatusBadRequest)
		return
	}
	answer(w, map[string]int64{"previous": debug.SetMemoryLimit(limit)})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the one who asked has gone
}
