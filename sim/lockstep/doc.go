// Package lockstep proves that a run repeats: two processes run the same simulation, block of steps by block of
// steps, and are compared after each. At the first block whose digests differ, both hand over the block's records,
// and the first record that differs is the answer: what, when, in which process, caused by what.
//
// The child's end is a Reporter that sits in the simulation's configuration; the parent's end is Compare. Between
// them go frames over two pipes: the child sends a block's last step and digest and waits for one byte, "go on" or
// "hand over". The child's processor count, environment and memory layout may differ; its steps may not.
//
// It runs beside simulations, on the host's side, and so is outside of the determinism rules.
package lockstep
