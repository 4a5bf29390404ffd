// Package proc reads processes from the operating system: one process with its descendants, cgroup and machine as a
// sampler.Source, and the table of all processes as a sampler.Lister.
//
// On Linux it has a reader of its own, because these numbers are read on every tick: pread on descriptors that are kept
// open (at most half of RLIMIT_NOFILE and 4,096 of them), parsers over bytes, no allocation in the steady state. A kept
// descriptor stays with its process: when the id is used again it reads nothing, so two processes are never mixed up.
// What changes seldom (command line, user, container) is asked once for a process. On other systems gopsutil reads, and
// what it cannot tell is absent, with a warning.
//
// What the numbers are on Linux:
//
//   - RSS is statm's in a session and stat's in the table. Since Linux 6.2 the kernel counts pages per CPU; some
//     kernels sum these counters only roughly, so that both may be off by some hundred KiB on a large machine.
//     smaps_rollup is exact; statm is preferred all the same, because it can be read at every tick.
//   - The peak is VmHWM, the kernel's own high-water mark, so that a spike between two readings is not lost. After
//     ResetPeaks it is the largest RSS sampled since, or VmHWM once that has risen. Nothing is written to the target:
//     clear_refs would also change what its parent is told.
//   - PSS and USS hold the target's mmap_lock while the kernel walks its pages. They are read when at most 0.25 % of the
//     time goes there, and are absent from the snapshots between. Mappings has another 0.25 %.
//   - The tree is the process and its descendants as the kernel knows them: a child whose parent has ended belongs to
//     init. Every reading sums the RSS of the known descendants; new ones are looked for when at most 0.1 % of the time
//     goes there. Pages that processes share count once for each.
//   - The cgroup is the one with memory accounting, version 1 or 2. Its limit is the smallest on the way up to the root,
//     its other numbers are its own. No limit is an absent sample without a warning.
//   - How a process ended is told from its zombie, where the kernel shows that, and an OOM kill from the cgroup's count,
//     which is the cgroup's: another process of it, killed in the same seconds, would look the same.
//
// It refuses to read what it may not: another user's smaps is a warning and an absent number. It starts nothing, ends
// nothing and writes nothing below /proc.
package proc
