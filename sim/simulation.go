package sim

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fauxkube/fauxkube/sim/trace"
)

// Mode says how much the kernel stirs what it is free to choose.
type Mode uint8

const (
	// Benchmark keeps events of one instant in the order in which they were scheduled.
	Benchmark Mode = iota
	// Hunt draws the order of one instant's events and adds heavy-tailed delays to wake-ups: more interleavings.
	Hunt
)

func (m Mode) String() string {
	if m == Hunt {
		return "hunt"
	}
	return "benchmark"
}

// Config says what a simulation starts from. The zero value is seed 0 in benchmark mode.
type Config struct {
	// Seed decides every draw.
	Seed uint64
	// Mode is Benchmark unless set.
	Mode Mode
	// Start is the wall time at Time 0; 2026-01-01T00:00:00Z where it is zero.
	Start time.Time
	// StepsPerInstant is how many steps one instant may take before the run counts as a livelock; 0 means 10 million.
	StepsPerInstant int
	// Trace receives the binary trace (package sim/trace); nil switches it off.
	Trace io.Writer
	// Scenario is the hash of what is run; it goes into the trace's header.
	Scenario uint64
	// BlockSteps and OnBlock hand out the digest after each BlockSteps steps, for comparing two runs in lock-step.
	BlockSteps uint64
	OnBlock    func(Block)
	// ForkStep and ForkEpoch, where ForkStep is not 0, change all draws from that step on: the run is the same up
	// to there and another one afterwards.
	ForkStep, ForkEpoch uint64
	// NoWatchdog leaves out the goroutine that reports a step that does not end.
	NoWatchdog bool
}

const defaultStepsPerInstant = 10_000_000

// Simulation is one deterministic world: a virtual clock, a queue of events and the processes that they belong to.
// It is used from one goroutine; several simulations may run side by side.
type Simulation struct {
	config     Config
	startNanos int64
	now        Time
	epoch      uint64

	queue     queue
	slots     []event
	freeSlots []uint32
	lanes     Lane

	kinds       []kindEntry
	kindByName  map[string]Kind
	closureKind Kind
	resumeKind  Kind
	timeoutKind Kind
	alarmKind   Kind
	pauseKind   Kind

	// What is running: the step's number, its process, and the task if it is one.
	step    uint64
	process *Process
	task    *Task

	attached  map[string]any
	processes []*Process
	world     *Process
	tasks     uint64
	swallowed []string

	instantSteps int
	stopped      bool
	stopAt       uint64
	stopError    error
	running      bool
	closed       bool

	digest     digest
	ring       ring
	trace      *trace.Writer
	traceError error
	dropped    uint64
	nextBlock  uint64
	hunt       *Stream
	watchdog   watchdog
}

// New returns a simulation at Time 0 with nothing in it. Call Close when done with it.
func New(c Config) *Simulation {
	if c.Start.IsZero() {
		c.Start = defaultStart
	}
	if c.StepsPerInstant <= 0 {
		c.StepsPerInstant = defaultStepsPerInstant
	}
	s := &Simulation{
		config: c, startNanos: c.Start.UnixNano(), epoch: mix(c.Seed, seedSalt),
		kindByName: map[string]Kind{}, attached: map[string]any{}, digest: newDigest(c.Seed, c.Mode), nextBlock: c.BlockSteps,
	}
	s.openTrace()
	s.closureKind = s.Kind("sim.closure", runClosure)
	s.resumeKind = s.Kind("sim.task.resume", resumeTask)
	s.timeoutKind = s.Kind("sim.task.timeout", timeoutTask)
	s.alarmKind = s.Kind("sim.alarm", fireAlarm)
	s.pauseKind = s.Kind("sim.process.catchup", runOverdue)
	s.hunt = s.Stream("sim/hunt")
	s.world = s.NewProcess("world", s.NewClock())
	return s
}

// Now is the true virtual time.
func (s *Simulation) Now() Time { return s.now }

// Start is the wall time at Time 0.
func (s *Simulation) Start() time.Time { return s.config.Start }

// Seed returns the seed of the run.
func (s *Simulation) Seed() uint64 { return s.config.Seed }

// Mode returns the mode of the run.
func (s *Simulation) Mode() Mode { return s.config.Mode }

// World is the process of what belongs to no machine: the scenario, the observers. It never dies.
func (s *Simulation) World() *Process { return s.world }

// Running is the process whose event is running now, nil outside of one or where the event belongs to none.
func (s *Simulation) Running() *Process { return s.process }

// Steps counts the events that have run.
func (s *Simulation) Steps() uint64 { return s.step }

// Dropped counts the events that were due for a process incarnation that had died.
func (s *Simulation) Dropped() uint64 { return s.dropped }

// Pending counts the events that are scheduled.
func (s *Simulation) Pending() int { return s.queue.live }

// LastOfInstant reports that nothing more is due at this instant, so that who gathers what comes at one instant need not wait
// for its end. What is cancelled may still count as due.
func (s *Simulation) LastOfInstant() bool {
	zero := &s.queue.buckets[0]
	return zero.head == len(zero.entries)
}

// Idle reports quiescence: nothing is scheduled, so nothing will ever happen again unless somebody outside acts.
func (s *Simulation) Idle() bool { return s.queue.live == 0 }

// Stop makes Run return err after the current step.
func (s *Simulation) Stop(err error) {
	s.stopped, s.stopError = true, err
}

// StopAt makes Run return nil when the step with that number has run. 0 takes it back.
func (s *Simulation) StopAt(step uint64) { s.stopAt = step }

// ErrClosed is returned by a simulation that has been closed.
var ErrClosed = errors.New("sim: the simulation is closed")

// Run runs all events up to and including until; then the clock stands at until. It returns early with the error
// given to Stop, or with a *LivelockError. A panic of simulated code comes out of it as a *TaskPanic or as itself.
func (s *Simulation) Run(until Time) error {
	if until < s.now {
		panic(fmt.Sprintf("sim: Run until %v, which is before now, %v", until, s.now))
	}
	s.enter()
	defer s.leave()
	if !s.config.NoWatchdog {
		s.watchdog.start()
	}
	for !s.stopped {
		ran, err := s.next(until)
		if err != nil {
			return err
		}
		if !ran {
			s.now = until
			return nil
		}
	}
	s.stopped = false
	return s.stopError
}

// Step runs the next event. It reports false where none is scheduled.
func (s *Simulation) Step() (bool, error) {
	s.enter()
	defer s.leave()
	return s.next(1<<63 - 1)
}

func (s *Simulation) enter() {
	if s.closed {
		panic(ErrClosed)
	}
	if s.running {
		panic("sim: Run was called from inside a simulation")
	}
	s.running = true
}

func (s *Simulation) leave() {
	s.watchdog.stop()
	s.running, s.process, s.task = false, nil, nil
}

// next takes the event that is due first, if not after until, and runs it.
func (s *Simulation) next(until Time) (bool, error) {
	e, ok := s.pop(until)
	if !ok {
		return false, nil
	}
	if e.at != s.now {
		s.now, s.instantSteps = e.at, 0
	}
	s.instantSteps++
	if s.instantSteps > s.config.StepsPerInstant {
		return false, s.livelock()
	}
	s.dispatch(e)
	s.watchdog.stepEnded()
	return true, nil
}

// pop returns the next living entry.
func (s *Simulation) pop(until Time) (entry, bool) {
	q := &s.queue
	if q.live == 0 {
		q.reset(s.now)
		return entry{}, false
	}
	zero := &q.buckets[0]
	for q.prepare(until) {
		if s.config.Mode == Hunt {
			s.stir(zero)
		}
		e := zero.entries[zero.head]
		zero.head++
		if s.slots[e.slot].generation == e.generation {
			return e, true
		}
		q.dead--
	}
	return entry{}, false
}

// stirWindow bounds how far an event may be brought forward past its equals.
const stirWindow = 64

// stir brings one of the entries of this instant to the front, drawn among the first few, keeping lanes in order.
func (s *Simulation) stir(b *bucket) {
	rest := b.entries[b.head:]
	n := min(len(rest), stirWindow)
	if n < 2 {
		return
	}
	pick := int(s.hunt.Uint64(purposeOrder) % uint64(n))
	if lane := s.slots[rest[pick].slot].lane; lane != 0 {
		for i := range pick {
			if s.entryAlive(rest[i]) && s.slots[rest[i].slot].lane == lane {
				pick = i
				break
			}
		}
	}
	chosen := rest[pick]
	copy(rest[1:pick+1], rest[:pick])
	rest[0] = chosen
}

// dispatch runs the event in a slot: the step.
func (s *Simulation) dispatch(due entry) {
	e := &s.slots[due.slot]
	owner, kind, num, ref, lane, cause, incarnation := e.owner, e.kind, e.num, e.ref, e.lane, e.cause, e.incarnation
	if owner != nil && owner.paused && owner.incarnation == incarnation {
		owner.overdue = append(owner.overdue, due) // It keeps its slot, so that it can still be cancelled.
		return
	}
	s.releaseSlot(due.slot)
	var id uint32
	if owner != nil {
		id = owner.id
		if owner.incarnation != incarnation || !owner.alive {
			s.dropped++
			if kind == s.pauseKind { // Killed between its resumption and its catching up.
				s.dropEntries(ref.(*catchUp).entries)
			}
			s.record(trace.Dropped, kind, id, incarnation, lane, num, cause)
			return
		}
	}
	s.step++
	if s.step == s.config.ForkStep {
		s.epoch = mix(s.epoch, s.config.ForkEpoch)
	}
	s.record(trace.Step, kind, id, incarnation, lane, num, cause)
	s.process = owner
	s.kinds[kind].handler(num, ref)
	s.process = nil
	if s.step == s.stopAt {
		s.Stop(nil)
	}
	if s.step == s.nextBlock {
		s.endBlock()
	}
}

// Close ends every task and releases everything; afterwards no goroutine is left. Closing twice is allowed.
func (s *Simulation) Close() {
	if s.closed {
		return
	}
	for _, p := range s.processes {
		p.killTasks()
	}
	s.closed = true
	s.watchdog.stop()
	s.closeTrace()
}
