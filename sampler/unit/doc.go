// Package unit reads and prints sizes, rates, durations and counts, the same way on the screen, in reports and in the
// policy.
//
// MB is 10^6 bytes and MiB is 2^20; both are read, and what is printed is decimal. Sizes have three significant digits
// and at most Width cells, so that columns do not jitter. It refuses a unit that can be meant in two ways: "64k" and
// "1g" are an error that names the choices, because a limit that is 7 % off is worse than a message.
package unit
