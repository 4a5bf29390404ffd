// Command shop is the server of the guides: a web shop that remembers every visitor and forgets none. It is not prepared
// for heaptop in any way, as most servers are not. Built with -tags pprof it has net/http/pprof, which also makes the
// runtime record where memory is allocated.
//
// It makes its own visitors, so that a guide needs no load generator, and it leaks on purpose; it is no part of heaptop.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"
)

// session is what the shop keeps of a visitor.
type session struct {
	user string
	cart []byte
}

// sessions has them all: the leak.
var (
	mu       sync.Mutex
	sessions = map[string]*session{}
)

//go:noinline
func newSession(user string) string {
	id := rand.Text()
	mu.Lock()
	defer mu.Unlock()
	sessions[id] = &session{user: user, cart: make([]byte, 16<<10)}
	return id
}

// expire is meant to end a session after a day. It waits on a channel that nobody closes: the second leak.
func expire(done <-chan struct{}) { <-done }

func welcome(w http.ResponseWriter, r *http.Request) {
	id := newSession(r.FormValue("user"))
	go expire(make(chan struct{}))
	_, _ = w.Write(page(id)) // a visitor who has left is no error
}

// page is garbage as soon as it is sent: that is no leak.
//
//go:noinline
func page(id string) []byte {
	p := make([]byte, 0, 128<<10)
	for i := range 1000 {
		p = fmt.Appendf(p, "%s: a thing of the catalogue, number %d\n", id, i)
	}
	return p
}

// visit asks for the page again and again, in place of visitors.
func visit(ctx context.Context, url string) {
	for ctx.Err() == nil {
		if answer, err := http.Get(url); err == nil {
			_ = answer.Body.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func run(address string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	http.HandleFunc("/", welcome)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second}
	go visit(ctx, "http://"+l.Addr().String()+"/?user=eve")
	go func() { <-ctx.Done(); _ = server.Close() }()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", address, err)
	}
	return nil
}

func main() {
	address := "127.0.0.1:8080"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	fmt.Println("the shop is open on", address)
	if err := run(address); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}
