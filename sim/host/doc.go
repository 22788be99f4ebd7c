// Package host simulates machines and the processes that run on them.
//
// A Machine stands in a rack, a zone and a region. It has a pair of clocks that may be wrong, a disk, and a number of
// cores. A Process is a program on it, described by the function that starts it: Spawn runs that function now, and
// every restart runs it again, in a new incarnation that knows nothing of the one before but what is on the disk.
//
// # Work takes time by being charged
//
// Simulated code takes no simulated time. What should take some is charged: an operation of the cost table, times a
// number of units, becomes work on the machine's cores, and an event fires when it is done.
//
//	p.Charge(op, units, lane, kind, num, ref)   // hot: no allocation
//	p.ChargeFunc(op, units, done)               // the same with a closure
//	p.Compute(t, op, units)                     // parks a task
//
// Work waits in one first-in, first-out run queue for the core that is free first, whoever's it is, so that latency
// grows under load and a busy neighbour is felt. A core finishes what it began: there is no time slicing, which makes
// a long piece of work worse for its neighbours than a real scheduler would.
//
// The queue costs nothing to run. As nobody can overtake, the instant at which a piece of work will end is known when
// it is submitted, and the event is scheduled for then. Only when something breaks the forecast (a process dies or is
// paused, the machine changes its speed) are the outstanding pieces taken back and planned anew.
//
// # The cost table
//
// There is one CostTable per simulation. It names each operation, what it costs, and where the number comes from; a
// scenario may override a row, and Report says how often each was charged and what share of the processors it took.
// An operation that nobody registered costs nothing, and is reported as such.
//
// # Failures
//
// A process can be killed, restarted after a while, paused and resumed (its overdue timers and messages then arrive in
// order). A machine can lose power and boot, freeze, run slowly, and have its clocks put wrong. Fleet does the same to a
// whole rack, zone or region in one step, in the machines' order of creation. Whoever must know of it, as the network
// must, is an Observer.
//
// Crash, Kill and their like are for those outside of the machine: a scenario, a test, a fault. A process may end itself
// or its machine; where one of its tasks does, the call does not return.
package host
