package profile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds on what is built from a stranger's bytes. The largest Go programs have some ten thousand buckets of up to 128
// frames; a message takes at most some 200 bytes in memory and a reference 16.
const (
	maxRaw        = 64 << 20
	maxMessages   = 1_000_000
	maxReferences = 8_000_000
)

var (
	errTooLarge = errors.New("too large")
	errEmpty    = errors.New("no bytes")
	errFormat   = errors.New("not a profile in pprof's format")
)

// unpack returns the profile without its compression, having checked how much it would build.
func unpack(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errEmpty
	}
	if len(data) > maxRaw {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", errTooLarge, len(data), maxRaw)
	}
	if len(data) > 2 && data[0] == 0x1f && data[1] == 0x8b {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		data, err = io.ReadAll(io.LimitReader(z, maxRaw+1))
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		if len(data) > maxRaw {
			return nil, fmt.Errorf("%w: more than %d bytes when unpacked", errTooLarge, maxRaw)
		}
	}
	c := counter{}
	if err := c.message(data, topLevel, 0); err != nil {
		return nil, err
	}
	return data, nil
}

// level says which messages may stand in a message.
type level int

const (
	topLevel    level = iota
	sampleMsg         // field 2 of the profile
	locationMsg       // field 4
	leaf              // nothing that repeats
)

// counter counts what a parser would build, without building it.
type counter struct{ messages, references int }

func (c *counter) message(b []byte, at level, offset int) error {
	whole := len(b)
	for len(b) > 0 {
		where := offset + whole - len(b)
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag>>3 == 0 {
			return fmt.Errorf("%w: bad field at byte %d", errFormat, where)
		}
		b = b[n:]
		size, body, err := field(b, int(tag&7))
		if err != nil {
			return fmt.Errorf("%w: %w at byte %d", errFormat, err, where)
		}
		if body != nil {
			err = c.nested(body, at, tag>>3, offset+whole-len(b)+size-len(body))
		} else {
			c.references++
		}
		if err != nil {
			return err
		}
		if c.messages > maxMessages || c.references > maxReferences {
			return fmt.Errorf("%w: more than %d messages or %d references", errTooLarge, maxMessages, maxReferences)
		}
		b = b[size:]
	}
	return nil
}

// nested counts a field with a length: a message, a text or packed numbers.
func (c *counter) nested(body []byte, at level, number uint64, offset int) error {
	inner := leaf
	switch {
	case at == topLevel && number == 2:
		inner = sampleMsg
	case at == topLevel && number == 4:
		inner = locationMsg
	}
	packed := at == sampleMsg && number <= 2 || at == topLevel && number == 13
	if packed {
		for _, x := range body {
			if x < 0x80 {
				c.references++
			}
		}
		return nil
	}
	c.messages++
	if inner == leaf {
		return nil // few fixed fields, which a parser overwrites, or a text
	}
	return c.message(body, inner, offset)
}

// field returns how long a field is behind its tag, and its body when it has a length of its own.
func field(b []byte, kind int) (size int, body []byte, err error) {
	switch kind {
	case 0:
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, nil, errors.New("bad number")
		}
		return n, nil, nil
	case 1:
		size = 8
	case 5:
		size = 4
	case 2:
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return 0, nil, errors.New("bad length")
		}
		size = n + int(length)
		return size, b[n:size:size], nil
	default:
		return 0, nil, fmt.Errorf("unknown wire type %d", kind)
	}
	if size > len(b) {
		return 0, nil, errors.New("cut off")
	}
	return size, nil, nil
}
