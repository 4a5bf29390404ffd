// Package capture writes and reads what was read of a target: snapshot files, *.heapsnap, which hold one instant, and
// recordings, *.heaprec, which hold a time. It also keeps the last minutes of a live watch in memory, in the same form,
// so that going back in time is the same live and recorded, and so that a black box can be written when the target dies.
//
// A snapshot is a zip of meta.json, metrics.json, ledger.json, heap.pb.gz, goroutine.pb.gz and maps.json, so that it can
// be opened without heaptop; a part that was not available is absent. The ledger is kept as the JSON it came in: its
// meaning belongs to the analysis, which this package does not know. Write never replaces a file and never leaves half
// of one under its name.
//
// A recording is gzip members, each of some lines of JSON, one after the other: zcat shows it. A field in each member's
// gzip header says how long it is, what it holds and of which time, so that opening an hour means reading some headers,
// and a file that a crash cut off is read to its last whole member. A member of samples needs no other. Heap profiles,
// goroutines, mappings and processes are written as differences from the one before, and whole every so often. The
// ledger is not recorded: whoever reads computes it from the samples, by the function that computes it live. What is
// written is handed to the kernel within 5 s, and to the disk every 30 s: a kill loses the former at most, a loss of
// power the latter. Past a size older members are thinned as sampler.Series thins, into a new file that takes the old
// one's place; the largest and smallest readings are kept.
//
// The Recorder packs and writes on a goroutine of its own, and drops, and counts, what comes faster than that: the loop
// that reads the target must not wait for a disk. On a full disk it keeps what it has, up to a bound, and tries again.
//
// Who reads all of a recording has it read ahead on every processor, in bounded memory: 2 MiB of lines at most besides the
// member that is next. The lines that we write are read by hand, others by package json, to the same result.
//
// Both readers take files from strangers: sizes, counts and ratios are bounded before anything is unpacked, and what does
// not fit is an error that names the file and the part, or the member and its byte. They refuse another schema rather
// than to guess; unknown fields, parts, lines and members they pass over.
//
// Files hold command lines, output and function names of the target: they are readable by their owner alone, and
// passwords in the target's URL are left out. Texts are kept as UTF-8; other bytes become the replacement character.
package capture
