// Package redis reads a Redis server, or one that speaks its protocol, over the connection any client would use: INFO
// and MEMORY STATS at each reading, CLIENT LIST and the sizes of keys when a person asks. Where the server turns out to
// be a process of this machine, what the operating system tells of it is joined.
//
// It refuses to write: nothing is set, deleted or configured, and MEMORY PURGE, which frees pages and changes no data, is
// sent only when a person asks for it. It never sends KEYS, SAVE or DEBUG, and never a command that takes time in
// proportion to the data: one that must look at everything is sent in small pieces. What a server answers is foreign:
// replies are bounded in size before they are read, and a field that is missing, or no number, is unknown rather than 0.
//
// A server that does not answer, or hangs up at once, is asked over one more connection whether it speaks TLS where the URL
// says that it does not, or the reverse. A password is never sent there, and the connection that was asked for is not made
// in another way than the URL says: what to write is told.
package redis
