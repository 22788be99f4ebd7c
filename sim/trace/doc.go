// Package trace is the binary record of a run: what happened at which step, and which step caused it.
//
// A trace is a stream. It opens with the magic "FKTRACE" and a version byte, then a JSON header (binary, seed, mode,
// scenario hash). Then come frames, each a type byte followed by varints: definitions, which give the numbers of
// event kinds and processes their names before these are first used, and records. Times, steps and causes are written
// as differences, so that a record takes about ten bytes. A reader refuses versions that it does not know.
//
// The package knows nothing of the kernel: package sim writes traces through Writer; Reader gives them back to
// whatever wants to print them (WriteText) or look at them in a trace viewer (WritePerfetto).
package trace
