package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
)

const (
	products    = 24_000
	pageBytes   = 12 << 10
	cacheBytes  = 18 << 20
	uploadBytes = 24 << 10
)

// Request is what a customer asks for.
type Request struct {
	Number  uint64 `json:"number"`
	Visitor uint64 `json:"visitor"`
	Product int    `json:"product"`
	Amount  int    `json:"amount"`
}

// Server is the shop.
type Server struct {
	catalogue *Catalogue
	pages     *Cache
	sessions  *Sessions
	random    *rand.Rand
	made      uint64
	served    atomic.Uint64
}

// NewServer loads the catalogue, which takes some 10 MB, and opens the shop with an empty cache.
func NewServer(seed uint64) *Server {
	random := rand.New(rand.NewPCG(seed, seed))
	return &Server{
		catalogue: LoadCatalogue(products, random),
		pages:     NewCache(cacheBytes),
		sessions:  &everyone,
		random:    random,
	}
}

func (s *Server) work(requests <-chan Request) {
	for r := range requests {
		s.Serve(r)
	}
}

// Serve answers one request: it reads an upload, renders the product's page unless it is in the cache, and notes the visit.
func (s *Server) Serve(r Request) []byte {
	order := decodeOrder(encodeOrder(r))
	key := "page/" + strconv.Itoa(order.Product)
	page, ok := s.pages.Get(key)
	if !ok {
		page = s.renderPage(order)
		s.pages.Add(key, page)
	}
	s.sessions.Touch(order.Visitor, key)
	s.served.Add(1)
	return compress(page, order)
}

// encodeOrder is the customer's side: an order with a picture, as it comes over the wire.
func encodeOrder(r Request) []byte {
	body := bytes.NewBuffer(make([]byte, 0, uploadBytes))
	if err := json.NewEncoder(body).Encode(r); err != nil {
		panic(err) // a Request always encodes
	}
	return body.Bytes()
}

func decodeOrder(body []byte) Request {
	var r Request
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&r); err != nil {
		panic(err) // encodeOrder wrote it
	}
	return r
}

func (s *Server) renderPage(r Request) []byte {
	p := s.catalogue.products[r.Product]
	page := make([]byte, 0, pageBytes)
	page = fmt.Appendf(page, "<h1>%s</h1><p>%s</p>", p.Name, p.Text)
	return page[:pageBytes]
}

// compress stands for the work on an answer: a buffer that lives as long as the request.
func compress(page []byte, r Request) []byte {
	out := make([]byte, 0, len(page)/2)
	sum := fnv.New64a()
	sum.Write(page[:512])
	out = sum.Sum(out)
	return strconv.AppendUint(out, r.Number, 10)
}

func (s *Server) report(w io.Writer) {
	entries, bytes := s.pages.Size()
	fmt.Fprintf(w, "shop: %d served, cache %d pages %.1f MB, sessions %d\n",
		s.served.Load(), entries, float64(bytes)/1e6, s.sessions.Len())
}
