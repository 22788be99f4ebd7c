package sim

import "time"

// Process is the unit of failure: a program running on some machine. It lives through incarnations; events, timers
// and tasks belong to the incarnation that made them and are dropped with it.
type Process struct {
	simulation  *Simulation
	name        string
	clock       *Clock
	id          uint32
	incarnation uint32
	alive       bool
	paused      bool
	tasks       taskList
	// overdue are the events that came due while the process was paused.
	overdue []entry
}

// NewProcess returns a process in its first incarnation, alive, that reads the given clock.
func (s *Simulation) NewProcess(name string, c *Clock) *Process {
	p := &Process{
		simulation: s, name: name, clock: c,
		id: uint32(len(s.processes)) + 1, incarnation: 1, alive: true,
	}
	s.processes = append(s.processes, p)
	s.traceProcess(p.id, name)
	return p
}

// Name is the process's name.
func (p *Process) Name() string { return p.name }

// ID is the process's number in traces.
func (p *Process) ID() uint32 { return p.id }

// Incarnation counts the starts of the process.
func (p *Process) Incarnation() uint32 { return p.incarnation }

// Alive reports whether the current incarnation still lives.
func (p *Process) Alive() bool { return p.alive }

// Paused reports whether the process is stopped, as by SIGSTOP.
func (p *Process) Paused() bool { return p.paused }

// Wall reads the machine's wall clock.
func (p *Process) Wall() Wall { return p.clock.Wall() }

// Monotonic reads the machine's monotonic clock.
func (p *Process) Monotonic() Monotonic { return p.clock.Monotonic() }

// At schedules an event of this incarnation after d on the process's own monotonic clock; negative d counts as 0.
// On a dead process it does nothing and returns the zero Timer. It does not allocate if ref is a pointer.
func (p *Process) At(d time.Duration, lane Lane, k Kind, num uint64, ref any) Timer {
	s := p.simulation
	if !p.alive {
		s.checkKilled()
		return Timer{}
	}
	return s.schedule(s.now.Add(max(p.clock.trueDuration(d), 0)), p, lane, k, num, ref)
}

// AtTime schedules an event of this incarnation at a true virtual time: for simulated hardware only.
func (p *Process) AtTime(at Time, lane Lane, k Kind, num uint64, ref any) Timer {
	if !p.alive {
		p.simulation.checkKilled()
		return Timer{}
	}
	return p.simulation.schedule(at, p, lane, k, num, ref)
}

// After runs fn after d on the process's monotonic clock. It allocates.
func (p *Process) After(d time.Duration, fn func()) Timer {
	return p.At(d, 0, p.simulation.closureKind, 0, fn)
}

// Cancel removes a scheduled event; see Simulation.Cancel.
func (p *Process) Cancel(t Timer) bool { return p.simulation.Cancel(t) }

// LastOfInstant reports that nothing more is due at this instant; see Simulation.LastOfInstant.
func (p *Process) LastOfInstant() bool { return p.simulation.LastOfInstant() }

// Kind registers an event kind; see Simulation.Kind.
func (p *Process) Kind(name string, handler func(num uint64, ref any)) Kind {
	return p.simulation.Kind(name, handler)
}

// NewLane returns a lane of its own.
func (p *Process) NewLane() Lane { return p.simulation.NewLane() }

// Stream returns the stream of draws with a stable name.
func (p *Process) Stream(name string) *Stream { return p.simulation.Stream(name) }

// Observe mixes a fact into the digest and the trace.
func (p *Process) Observe(k Kind, a, b uint64) { p.simulation.Observe(k, a, b) }

// Mode returns the mode of the run.
func (p *Process) Mode() Mode { return p.simulation.config.Mode }

// Kill ends the current incarnation: its events will be dropped, its tasks unwind now. Where the caller is a task of
// the process itself, Kill does not return.
func (p *Process) Kill() {
	if !p.alive || p == p.simulation.world {
		return
	}
	p.alive, p.paused = false, false
	p.dropOverdue()
	p.killTasks()
	p.simulation.checkKilled()
}

// Do runs fn now as the process: what it schedules belongs to the process's incarnation. It is for what starts a
// program; messages and timers come as events.
func (p *Process) Do(fn func()) {
	s := p.simulation
	outer := s.process
	s.process = p
	defer func() { s.process = outer }()
	fn()
}

// Start begins the next incarnation of a dead process.
func (p *Process) Start() {
	if p.alive {
		panic("sim: process " + p.name + " started while alive")
	}
	p.incarnation++
	p.alive = true
}

// Pause stops the process: its timers and messages wait until it resumes.
func (p *Process) Pause() {
	if p.alive {
		p.paused = true
	}
}

// Resume lets a paused process go on: what has come due meanwhile runs now, in the order in which it came due.
func (p *Process) Resume() {
	if !p.paused {
		return
	}
	p.paused = false
	overdue := p.overdue
	p.overdue = nil
	if len(overdue) > 0 {
		s := p.simulation
		s.schedule(s.now, p, 0, s.pauseKind, uint64(len(overdue)), &catchUp{process: p, entries: overdue})
	}
}

// catchUp is what a resumed process still has to see. It is one event, so that nothing overtakes what was due first.
type catchUp struct {
	process *Process
	entries []entry
}

func runOverdue(_ uint64, ref any) {
	c := ref.(*catchUp)
	s := c.process.simulation
	for _, e := range c.entries {
		if s.entryAlive(e) { // Not cancelled by one of those before it.
			s.dispatch(e)
		}
	}
}

// dropOverdue releases what a killed process had waiting.
func (p *Process) dropOverdue() {
	p.simulation.dropEntries(p.overdue)
	p.overdue = nil
}

// dropEntries releases events that will never run: those that a process had waiting when it was killed.
func (s *Simulation) dropEntries(entries []entry) {
	for _, e := range entries {
		if s.entryAlive(e) {
			s.releaseSlot(e.slot)
			s.dropped++
		}
	}
}
