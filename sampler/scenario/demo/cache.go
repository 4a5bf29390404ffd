package demo

import (
	"container/list"
	"sync"
)

// Cache keeps the pages that were asked for last, up to a number of bytes. Memory grows while it fills and then stays:
// a profiler should not call that a leak.
type Cache struct {
	mu    sync.Mutex
	limit int
	bytes int
	byKey map[string]*list.Element
	order *list.List // front: used last
}

type entry struct {
	key  string
	page []byte
}

// NewCache returns an empty cache of at most limit bytes of pages.
func NewCache(limit int) *Cache {
	return &Cache{limit: limit, byKey: make(map[string]*list.Element), order: list.New()}
}

// Get returns the page and marks it as used.
func (c *Cache) Get(key string) (page []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry).page, true
}

// Add keeps a copy of the page and drops those not used for longest.
func (c *Cache) Add(key string, page []byte) {
	kept := make([]byte, len(page))
	copy(kept, page)
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.bytes += len(kept) - len(e.Value.(*entry).page)
		e.Value.(*entry).page = kept
	} else {
		c.byKey[key] = c.order.PushFront(&entry{key, kept})
		c.bytes += len(kept)
	}
	for c.bytes > c.limit {
		last := c.order.Back()
		e := c.order.Remove(last).(*entry)
		delete(c.byKey, e.key)
		c.bytes -= len(e.page)
	}
}

// Size returns the number of pages and their bytes.
func (c *Cache) Size() (entries, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byKey), c.bytes
}
