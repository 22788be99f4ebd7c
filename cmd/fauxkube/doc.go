// Command fauxkube runs a whole Kubernetes on a virtual clock: scenario files, or plain manifests, from YAML to a
// verdict, a report and a digest that repeats.
//
// Each verb has a file of its own (run.go, test.go, verify.go, ...) that parses flags, calls the packages below and
// renders what comes back. What verbs share stands beside them: source.go finds scenarios by name, path or folder;
// execute.go runs one of them with one seed and turns a panic into a bug report; output.go writes files as a whole or
// not at all; progress.go draws the line that a terminal shows meanwhile.
//
// # Exit status
//
//	0    everything held
//	1    an expectation, a measure or an invariant failed, or something never became ready
//	2    bad files or flags; nothing ran
//	3    a bug of Fauxkube: a panic, a livelock, two runs of one seed that differ
//	130  interrupted; reports are partial and say so
//
// Reports go to standard output, everything else to standard error. The last line of run is the digest.
package main
