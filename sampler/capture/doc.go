// Package capture writes and reads snapshot files, *.heapsnap: what was known of a target at one instant, in one file to
// keep, to compare and to send.
//
// The file is a zip of meta.json, metrics.json, ledger.json, heap.pb.gz, goroutine.pb.gz and maps.json, so that it can
// be opened without heaptop; a part that was not available is absent. The ledger is kept as the JSON it came in: its
// meaning belongs to the analysis, which this package does not know. Write never replaces a file and never leaves half
// of one under its name. Read takes files from strangers: sizes, counts and ratios are bounded before anything is
// unpacked, nothing is written to disk, and what does not fit is an error that names the file and the part. It refuses
// another schema rather than to guess; unknown fields and parts it passes over.
//
// Snapshots hold command lines and function names of the target: they are readable by their owner alone, and passwords
// in the target's URL are left out.
package capture
