// Package sim is a deterministic discrete-event kernel: a virtual clock, a queue of events, processes that can die,
// coroutines, and random draws that nothing disturbs. It knows nothing of Kubernetes.
//
// # The loop
//
// A Simulation runs one event at a time, in order of virtual time, on the goroutine that called Run. An event is a
// kind (a registered handler), a number that goes into the digest, and a payload by reference; scheduling one neither
// allocates nor needs a closure. Its handler schedules further events. When no event is left the simulation is Idle.
//
//	s := sim.New(sim.Config{Seed: 1})
//	defer s.Close()
//	hello := s.Kind("hello", func(num uint64, ref any) { fmt.Println(num) })
//	s.At(sim.Time(time.Second), 0, hello, 42, nil)
//	err := s.Run(sim.Time(time.Minute))
//
// # Processes and tasks
//
// A Process is the unit of failure. Every event belongs to the incarnation of the process that scheduled it and is
// dropped if that has died by then; a paused process gets its events late, in order. Programs read the clocks of
// their process, which may be wrong; only observers see the true Time.
//
// A Task is a coroutine: control loops that read straight down, parking on Waitables (Queue, Future, Signal, Alarm,
// other tasks) with timeouts. Killing a process unwinds its tasks by a panic that they must not keep; deferred calls
// run, but every simulated call in them panics again.
//
// # Order
//
// Events of one lane and instant stay in the order in which they were scheduled. Across lanes that holds too in
// Benchmark mode; in Hunt mode the order is drawn, and wake-ups may come late.
//
// # Randomness
//
// A draw is a hash of the epoch, its stream's name, a purpose, the virtual time and an ordinal within the instant.
// There is no generator whose state a further draw would move: adding a component, or removing a fault, leaves the
// draws of all others as they are.
//
// # Digest, trace, comparison
//
// Every step enters the Digest. The last 65,536 steps are kept and can be written as a trace (package sim/trace),
// as can all of them. Config.OnBlock hands out digests as the run goes on, so that two runs can be compared in
// lock-step and the first difference found: see package sim/lockstep.
//
// # Rejected
//
// Goroutines under testing/synctest (their wake-up order is random by design); a generator per component (one more
// draw moves all later ones); snapshots of the whole simulation (task stacks cannot be copied: going back is running
// again).
package sim
