package redis

import (
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// parseClients reads CLIENT LIST: a line each, "id=3 addr=127.0.0.1:6 name= age=0 ... tot-mem=22298 cmd=client|list". No
// value has a space in it.
func parseClients(text string) []sampler.Client {
	var list []sampler.Client
	for line := range strings.Lines(text) {
		if len(list) > 2*clientsMost {
			break
		}
		c, any := sampler.Client{}, false
		for field := range strings.FieldsSeq(line) {
			name, value, found := strings.Cut(field, "=")
			if !found {
				continue
			}
			any = setClient(&c, name, value) || any
		}
		if any {
			list = append(list, c)
		}
	}
	return list
}

// setClient sets one field, and reports whether it is one that names the client.
func setClient(c *sampler.Client, name, value string) bool {
	text := plain(value, 128)
	switch name {
	case "id":
		c.ID = text
	case "addr":
		c.Addr = text
		return true
	case "name":
		c.Name = text
	case "user":
		c.User = text
	case "cmd":
		c.Command = text
	case "age":
		c.Age = number(value)
	case "idle":
		c.Idle = number(value)
	case "tot-mem":
		c.Memory = number(value)
	case "omem":
		c.Output = number(value)
	case "qbuf":
		c.Input = number(value)
	}
	return name == "id"
}
