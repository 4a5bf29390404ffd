// Package peer tells which process is at the other end of a connection within this machine. It asks the kernel alone and
// believes nothing that the other end says of itself; where the kernel does not tell, it does not guess.
package peer
