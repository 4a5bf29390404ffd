package demo

import (
	"math/rand/v2"
	"strconv"
)

// Catalogue is what the shop sells. It is loaded once and never changes.
type Catalogue struct{ products []*Product }

// Product is one thing to buy.
type Product struct {
	Name string
	Text string
}

// LoadCatalogue makes n products up.
func LoadCatalogue(n int, random *rand.Rand) *Catalogue {
	c := &Catalogue{products: make([]*Product, n)}
	for i := range c.products {
		c.products[i] = &Product{Name: "product " + strconv.Itoa(i), Text: describe(random)}
	}
	return c
}

func describe(random *rand.Rand) string {
	text := make([]byte, 250+random.IntN(300))
	for i := range text {
		text[i] = 'a' + byte(random.IntN(26))
	}
	return string(text)
}
