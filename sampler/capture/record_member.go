package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// kind says what the lines of a member are.
type kind byte

// The kinds of members. A reader passes over kinds it does not know.
const (
	kindHeader kind = iota + 1
	kindSamples
	kindHeap
	kindGoroutines
	kindMappings
	kindProcesses
	kindLog
	kindEnd
	kindCount
)

// String returns the kind as messages name it.
func (k kind) String() string {
	names := [...]string{"?", "header", "samples", "heap profile", "goroutines", "mappings", "processes", "log", "end"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// entry is what the extra field of a member's gzip header says, and where the member stands. With it a reader finds its
// way without unpacking: how long the member is, what it holds, and of which time.
type entry struct {
	kind     kind
	key      bool // a table that needs no other before it
	offset   int64
	size     int // of the member, header and all
	raw      int // bytes unpacked
	count    int // samples, or rows
	from, to int64
}

// member is a gzip member, ready to append.
type member struct {
	entry
	data []byte
}

// The shape of a member's beginning: gzip's fixed header, the length of its extra field, and there one subfield, ours.
const (
	gzipFixed   = 10
	extraTag    = "HR"
	extraLength = 32
	headLength  = gzipFixed + 2 + 4 + extraLength
	extraMost   = 4096 // of a future version's
	headVersion = 1
)

// What a recording may hold.
const (
	maxMemberSize = 32 << 20
	maxMemberRaw  = 64 << 20
	maxSamplesRaw = 8 << 20
	maxMembers    = 1 << 18
)

// rawLimit returns how long a member's lines may be.
func (k kind) rawLimit() int {
	switch k {
	case kindHeap, kindGoroutines, kindProcesses, kindMappings:
		return maxMemberRaw
	}
	return maxSamplesRaw
}

func (e entry) put(b []byte) {
	little := binary.LittleEndian
	b[0], b[1], b[2], b[3] = headVersion, byte(e.kind), 0, 0
	if e.key {
		b[2] = 1
	}
	little.PutUint32(b[4:], uint32(e.size))
	little.PutUint32(b[8:], uint32(e.raw))
	little.PutUint32(b[12:], uint32(e.count))
	little.PutUint64(b[16:], uint64(e.from))
	little.PutUint64(b[24:], uint64(e.to))
}

var (
	errCutOff    = errors.New("cut off")
	errNotMember = errors.New("no member of a recording begins there")
)

// parseEntry reads the beginning of a member. It returns errCutOff when b ends too early and errNotMember for anything else.
func parseEntry(b []byte) (entry, error) {
	fixed := []byte{0x1f, 0x8b, 8, 4} // gzip, deflate, with an extra field
	if !bytes.HasPrefix(b, fixed[:min(len(fixed), len(b))]) {
		return entry{}, errNotMember
	}
	if len(b) < headLength {
		return entry{}, errCutOff
	}
	little := binary.LittleEndian
	extra := int(little.Uint16(b[gzipFixed:]))
	x := b[gzipFixed+2:]
	if extra < 4+extraLength || extra > extraMost || string(x[:2]) != extraTag || little.Uint16(x[2:]) < extraLength {
		return entry{}, errNotMember
	}
	x = x[4:]
	e := entry{
		kind: kind(x[1]), key: x[2]&1 != 0, size: int(little.Uint32(x[4:])), raw: int(little.Uint32(x[8:])),
		count: int(little.Uint32(x[12:])), from: int64(little.Uint64(x[16:])), to: int64(little.Uint64(x[24:])),
	}
	if e.size <= headLength || e.size > maxMemberSize || e.raw > e.kind.rawLimit() || e.from > e.to ||
		e.raw > freeRatio && e.raw/maxRatio > e.size {
		return entry{}, fmt.Errorf("%w: %d bytes that unpack to %d", errNotMember, e.size, e.raw)
	}
	return e, nil
}

// unpacker unpacks members, one after the other, in memory that it uses again. Its zero value is ready.
type unpacker struct {
	packed []byte // of a member that stands in a file
	raw    bytes.Buffer
	zip    *gzip.Reader
}

// maxKept is how much memory of a member an unpacker keeps for the next one.
const maxKept = 2 << 20

// unpack returns the lines of the member in data, which is as long as e says. They are good until the next call.
func (u *unpacker) unpack(e entry, data []byte) ([]byte, error) {
	if u.raw.Cap() > maxKept {
		u.raw = bytes.Buffer{}
	}
	var err error
	if u.zip == nil {
		u.zip, err = gzip.NewReader(bytes.NewReader(data))
	} else {
		err = u.zip.Reset(bytes.NewReader(data))
	}
	if err != nil {
		u.zip = nil
		return nil, err
	}
	u.zip.Multistream(false)
	u.raw.Reset()
	u.raw.Grow(min(e.raw, freeRatio) + bytes.MinRead)
	if _, err := io.Copy(&u.raw, io.LimitReader(u.zip, int64(e.raw)+1)); err != nil {
		return nil, fmt.Errorf("byte %d unpacked: %w", u.raw.Len(), err)
	}
	if u.raw.Len() != e.raw {
		return nil, fmt.Errorf("%d bytes or more unpacked, not the %d it says", u.raw.Len(), e.raw)
	}
	return u.raw.Bytes(), nil
}

// room returns n bytes for a member that is read from a file. They are good until the next call.
func (u *unpacker) room(n int) []byte {
	if cap(u.packed) < n || cap(u.packed) > maxKept {
		u.packed = make([]byte, n)
	}
	return u.packed[:n]
}

// packer makes members. One goroutine uses it at a time.
type packer struct {
	zip    *gzip.Writer
	lines  bytes.Buffer
	chains [kindCount]*chain
}

func newPacker() *packer { return &packer{zip: gzip.NewWriter(io.Discard)} }

// breakChains makes the next table of each kind one that needs no other before it.
func (p *packer) breakChains() { p.chains = [kindCount]*chain{} }

// line appends a line to the member that is being made.
func (p *packer) line(v any) error {
	enc := json.NewEncoder(&p.lines)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// seal compresses the lines into a member and begins the next one.
func (p *packer) seal(e entry) (member, error) {
	defer p.lines.Reset()
	e.raw = p.lines.Len()
	if most := e.kind.rawLimit(); e.raw > most {
		return member{}, fmt.Errorf("%v: %d bytes are more than the %d a recording may hold in one piece", e.kind, e.raw, most)
	}
	var out bytes.Buffer
	p.zip.Reset(&out)
	p.zip.Extra = make([]byte, 4+extraLength)
	copy(p.zip.Extra, extraTag)
	binary.LittleEndian.PutUint16(p.zip.Extra[2:], extraLength)
	if _, err := p.zip.Write(p.lines.Bytes()); err != nil {
		return member{}, err
	}
	if err := p.zip.Close(); err != nil {
		return member{}, err
	}
	data := bytes.Clone(out.Bytes())
	e.size = len(data)
	if e.size > maxMemberSize || e.raw > freeRatio && e.raw/maxRatio > e.size {
		return member{}, fmt.Errorf("%v: %d bytes that pack to %d are not what a recording may hold", e.kind, e.raw, e.size)
	}
	e.put(data[headLength-extraLength:])
	return member{e, data}, nil
}

// instant returns t in nanoseconds since 1970, and whether that can tell it: from 1970 to 2262.
func instant(t time.Time) (ns int64, ok bool) {
	s := t.Unix()
	return t.UnixNano(), s >= 0 && s < math.MaxInt64/int64(time.Second)
}

// eachLine calls f with each line of a member.
func eachLine(raw []byte, f func([]byte) error) error {
	for n := 1; len(raw) > 0; n++ {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		if err := f(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		raw = rest
	}
	return nil
}

// decodeLine reads a line into v. Its errors are short and show where.
func decodeLine(line []byte, v any) error {
	err := json.Unmarshal(line, v)
	var syntax *json.SyntaxError
	var sort *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return fmt.Errorf("byte %d: %s", syntax.Offset, clip(err.Error()))
	case errors.As(err, &sort):
		return fmt.Errorf("byte %d: %s where a %v belongs", sort.Offset, clip(sort.Value), sort.Type)
	}
	return errors.New(clip(err.Error()))
}
