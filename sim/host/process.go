package host

import (
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// Process is a program on a machine. Its methods from sim.Process act in its current incarnation.
type Process struct {
	*sim.Process
	machine *Machine
	program string
	start   func(p *Process)
	draws   *sim.Stream
	charged time.Duration
	// paused is the process's own pause; the machine may be frozen beside that.
	paused bool
	// shelved is the work of a paused process, which no core works on.
	shelved []work
	restart sim.Timer
}

func newProcess(m *Machine, program string, start func(p *Process)) *Process {
	name := m.config.Name + "/" + program
	s := m.simulation
	return &Process{
		Process: s.NewProcess(name, m.clock), machine: m, program: program, start: start,
		draws: s.Stream("host/" + name),
	}
}

// Machine is where the process runs.
func (p *Process) Machine() *Machine { return p.machine }

// Program is the process's name on its machine; Name holds the machine's too.
func (p *Process) Program() string { return p.program }

// IsUp reports whether an incarnation of the process lives, paused or not.
func (p *Process) IsUp() bool { return p.Process.Alive() }

// CPU returns the CPU time that the process has been charged so far, in all incarnations.
func (p *Process) CPU() time.Duration { return p.charged }

// Kill ends the current incarnation and takes back a restart that was to come. The operating system closes its
// connections. Where the caller is a task of the process itself, Kill does not return.
func (p *Process) Kill() {
	p.machine.simulation.Cancel(p.restart)
	p.crash()
}

// Restart kills the process and starts its next incarnation after the given time, if its machine is up then.
func (p *Process) Restart(after time.Duration) {
	s := p.machine.simulation
	s.Cancel(p.restart)
	p.restart = s.World().AtTime(s.Now().Add(after), 0, p.machine.world.startKind, 0, p)
	p.crash()
}

// Start begins the next incarnation now, if the process is dead and its machine up.
func (p *Process) Start() {
	p.machine.simulation.Cancel(p.restart)
	if p.machine.up {
		p.begin()
	}
}

func startProcess(_ uint64, ref any) { ref.(*Process).Start() }

// Pause stops the process, as SIGSTOP does, for its machine's cores too.
func (p *Process) Pause() {
	if p.paused || !p.IsUp() {
		return
	}
	p.paused = true
	p.suspend()
}

// Resume lets a paused process go on: overdue timers and messages arrive in order, unfinished work is queued again.
func (p *Process) Resume() {
	if !p.paused {
		return
	}
	p.paused = false
	if !p.machine.paused {
		p.proceed()
	}
}

func (p *Process) crash() {
	if !p.IsUp() {
		return
	}
	p.machine.cpu.drop(p)
	for _, o := range p.machine.observers {
		o.ProcessDown(p)
	}
	p.end()
}

// end finishes the incarnation; the kernel's Kill comes last, since it does not return to a task of the process.
func (p *Process) end() {
	p.paused, p.shelved = false, nil
	p.Process.Kill()
}

func (p *Process) begin() {
	if p.IsUp() {
		return
	}
	p.Process.Start()
	p.Do(func() { p.start(p) })
}

func (p *Process) suspend() {
	if !p.IsUp() || p.Process.Paused() {
		return
	}
	p.Process.Pause()
	p.shelved = append(p.shelved, p.machine.cpu.drop(p)...)
	for _, o := range p.machine.observers {
		o.ProcessPaused(p)
	}
}

func (p *Process) proceed() {
	if !p.IsUp() || !p.Process.Paused() {
		return
	}
	p.Process.Resume()
	shelved := p.shelved
	p.shelved = nil
	for i := range shelved {
		p.machine.cpu.submit(&shelved[i])
	}
	for _, o := range p.machine.observers {
		o.ProcessResumed(p)
	}
}
