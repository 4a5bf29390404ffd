package redis

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// filesMost bounds how many open files of the server are looked at.
const filesMost = 1 << 17

// owner returns pid if it has the connection from server to client among its open files.
func owner(root string, pid int, server, client *net.TCPAddr) (int, string) {
	inode := socketInode(root, server, client)
	if inode == "" {
		return 0, "its connection is not in this machine's tables: the figures are the server's own"
	}
	dir := filepath.Join(root, strconv.Itoa(pid), "fd")
	d, err := os.Open(dir) //nolint:gosec // a process id under /proc
	if err != nil {
		return 0, fmt.Sprintf("whether process %d is the server may not be looked at: run heaptop as its user, or connect over its unix socket, "+
			"to see what the system tells of it", pid)
	}
	defer d.Close()
	want := "socket:[" + inode + "]"
	for seen := 0; seen < filesMost; {
		names, err := d.Readdirnames(1024)
		for _, name := range names {
			if link, err := os.Readlink(filepath.Join(dir, name)); err == nil && link == want {
				return pid, ""
			}
		}
		seen += len(names)
		if err != nil || len(names) == 0 {
			break
		}
	}
	return 0, fmt.Sprintf("process %d of this machine is not the server, which may be in a container: the figures are the server's own", pid)
}

// socketInode finds the server's end of a connection in the kernel's tables. An IPv4 connection to a socket that takes
// both is in the table of IPv6.
func socketInode(root string, server, client *net.TCPAddr) string {
	for _, file := range []string{"tcp", "tcp6"} {
		if inode := findSocket(filepath.Join(root, "net", file), server, client); inode != "" {
			return inode
		}
	}
	return ""
}

func findSocket(path string, server, client *net.TCPAddr) string {
	f, err := os.Open(path) //nolint:gosec // a table under /proc
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// "  0: 0100007F:18EB 0100007F:D1F2 01 tx:rx tr:tm retr uid timeout inode ..."
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && sameAddr(fields[1], server) && sameAddr(fields[2], client) {
			return fields[9]
		}
	}
	return ""
}

// sameAddr compares an address of the table: each 32-bit word of the address as this machine has it in memory, and the port.
func sameAddr(text string, addr *net.TCPAddr) bool {
	host, port, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil || int(n) != addr.Port {
		return false
	}
	b, err := hex.DecodeString(host)
	if err != nil || len(b)%4 != 0 {
		return false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	return net.IP(b).Equal(addr.IP)
}
