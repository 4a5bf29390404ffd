// Package demo is the server that `heaptop --demo` watches: a small shop that serves made-up customers from memory.
//
// Everything a memory profiler shows is there to be seen, and true: short-lived garbage from steady traffic with a
// rush now and then, a catalogue that is loaded once, a cache that fills and then stays, a pool of idle workers, and
// one slow leak (see Sessions). It opens no port and reads no file; customers are goroutines. The same seed makes the
// same requests in the same order. It is meant to be cheap: a few percent of one CPU, 60 to 100 MB in the first minutes.
package demo

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// DefaultSeed is the seed of the built-in demonstration.
const DefaultSeed = 1

const (
	workers   = 12
	tick      = 25 * time.Millisecond
	perTick   = 4               // requests at an ordinary hour
	rushLasts = 8 * time.Second // of every rushEvery there is a rush
	rushEvery = 40 * time.Second
)

// Run serves until ctx ends, writes a line about its state to w now and then, and returns nil.
func Run(ctx context.Context, w io.Writer, seed uint64) error {
	s := NewServer(seed)
	requests := make(chan Request, 4*workers)
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() { s.work(requests) })
	}
	fmt.Fprintf(w, "shop: catalogue loaded, %d products, serving\n", len(s.catalogue.products))
	s.customers(ctx, requests, w)
	close(requests)
	pool.Wait()
	fmt.Fprintln(w, "shop: closed")
	return nil
}

// customers sends requests at a rate that changes over the day, a day being rushEvery long.
func (s *Server) customers(ctx context.Context, requests chan<- Request, w io.Writer) {
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		}
		for range arrivals(time.Duration(n) * tick) {
			select {
			case requests <- s.next():
			case <-ctx.Done():
				return
			}
		}
		if n%int(5*time.Second/tick) == 0 {
			s.report(w)
		}
	}
}

// arrivals returns how many customers come in the tick at this time of the day.
func arrivals(at time.Duration) int {
	inDay := at % rushEvery
	if inDay >= rushEvery-rushLasts {
		return 3 * perTick
	}
	wave := math.Sin(2 * math.Pi * inDay.Seconds() / (rushEvery - rushLasts).Seconds())
	return perTick + int(math.Round(wave))
}

// next makes the next request. Only customers calls it, so the order is that of the seed.
func (s *Server) next() Request {
	s.made++
	visitor := s.random.Uint64N(40)
	if s.random.Uint64N(6) == 0 {
		visitor = 1000 + s.made // somebody new
	}
	return Request{
		Number:  s.made,
		Visitor: visitor,
		Product: popular(s.random, len(s.catalogue.products)),
		Amount:  1 + s.random.IntN(3),
	}
}

// popular draws a product: half of the customers want one of the first tenth.
func popular(random *rand.Rand, products int) int {
	if random.IntN(2) == 0 {
		return random.IntN(products / 10)
	}
	return random.IntN(products)
}
