package goruntime

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// listener is a TCP socket that waits for connections.
type listener struct {
	addr  netip.AddrPort
	inode uint64
}

// loopback returns the address under which this machine reaches the listener without leaving it; ok is false when it
// listens on another interface only.
func (l listener) loopback() (addr netip.AddrPort, ok bool) {
	ip := l.addr.Addr().Unmap()
	switch {
	case ip.IsLoopback():
		return netip.AddrPortFrom(ip, l.addr.Port()), true
	case ip.IsUnspecified() && ip.Is4():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), l.addr.Port()), true
	case ip.IsUnspecified():
		return netip.AddrPortFrom(netip.IPv6Loopback(), l.addr.Port()), true
	}
	return netip.AddrPort{}, false
}

// parseListener reads a line of /proc/net/tcp or tcp6:
//
//	0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 ...
//
// ok is false when it is the heading or a socket that does not listen.
func parseListener(line []byte) (l listener, ok bool) {
	f := bytes.Fields(line)
	if len(f) < 10 || string(f[3]) != "0A" {
		return l, false
	}
	host, port, found := bytes.Cut(f[1], []byte(":"))
	var raw [16]byte
	n, err := hex.Decode(raw[:min(len(host)/2, 16)], host[:min(len(host), 32)])
	if !found || err != nil || n != 4 && n != 16 || len(host) != 2*n {
		return l, false
	}
	for i := 0; i < n; i += 4 { // each word is printed as a number of this machine
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	ip := netip.AddrFrom16(raw)
	if n == 4 {
		ip = netip.AddrFrom4([4]byte(raw[:4]))
	}
	p, err := strconv.ParseUint(string(port), 16, 16)
	if err != nil {
		return l, false
	}
	if l.inode, err = strconv.ParseUint(string(f[9]), 10, 64); err != nil || l.inode == 0 {
		return l, false
	}
	l.addr = netip.AddrPortFrom(ip, uint16(p))
	return l, true
}
