package host

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/disk"
)

// Config says what a machine is and where it stands.
type Config struct {
	// Name is unique in the simulation; the draws of the machine's hardware depend on it.
	Name string
	// Rack, Zone and Region place the machine; the network's latencies follow from them.
	Rack, Zone, Region string
	// Cores is the number of pieces of work that run at once; 0 counts as 1.
	Cores int
	// Disk describes the machine's disk; an empty name becomes the machine's.
	Disk disk.Config
}

// Observer is told at once what happens to a machine and its processes.
type Observer interface {
	// ProcessDown: an incarnation has ended while its machine goes on; the operating system closes what it had open.
	ProcessDown(p *Process)
	// ProcessPaused: the process does nothing and answers nothing, but its sockets are still there.
	ProcessPaused(p *Process)
	// ProcessResumed: a paused process goes on.
	ProcessResumed(p *Process)
	// MachineDown: everything on the machine ended in silence.
	MachineDown(m *Machine)
	// MachineUp: the machine boots, with none of its processes started yet.
	MachineUp(m *Machine)
}

// Machine is a simulated computer.
type Machine struct {
	simulation *sim.Simulation
	config     Config
	clock      *sim.Clock
	disk       *disk.Disk
	processes  []*Process
	observers  []Observer
	world      *world
	cpu        cpu
	up         bool
	paused     bool
	boot       sim.Timer
}

// NewMachine returns a machine that is up and runs nothing. It panics if the simulation has one of that name.
func NewMachine(s *sim.Simulation, c Config) *Machine {
	c.Cores = max(c.Cores, 1)
	m := &Machine{simulation: s, config: c, clock: s.NewClock(), up: true, world: worldOf(s)}
	m.cpu.init(s, c.Cores)
	m.world.fleet.add(m)
	return m
}

// Name is the machine's name.
func (m *Machine) Name() string { return m.config.Name }

// Rack is the rack that the machine stands in.
func (m *Machine) Rack() string { return m.config.Rack }

// Zone is the failure zone that the machine stands in.
func (m *Machine) Zone() string { return m.config.Zone }

// Region is the region that the machine stands in.
func (m *Machine) Region() string { return m.config.Region }

// Cores is the number of cores.
func (m *Machine) Cores() int { return m.config.Cores }

// Clock is the machine's pair of clocks; put it wrong with SetOffset, SetDrift and Step.
func (m *Machine) Clock() *sim.Clock { return m.clock }

// Disk is the machine's disk; it survives crashes, less what was not synced.
func (m *Machine) Disk() *disk.Disk {
	if m.disk == nil {
		c := m.config.Disk
		if c.Name == "" {
			c.Name = m.config.Name
		}
		m.disk = disk.New(m.simulation, c)
	}
	return m.disk
}

// Up reports whether the machine has power.
func (m *Machine) Up() bool { return m.up }

// Paused reports whether the whole machine is frozen.
func (m *Machine) Paused() bool { return m.paused }

// Processes returns the machine's processes in the order in which they were spawned. The slice must not be changed.
func (m *Machine) Processes() []*Process { return m.processes }

// Process returns the process of that name, nil if there is none.
func (m *Machine) Process(name string) *Process {
	for _, p := range m.processes {
		if p.program == name {
			return p
		}
	}
	return nil
}

// Observe makes o hear of what happens to this machine from now on.
func (m *Machine) Observe(o Observer) { m.observers = append(m.observers, o) }

// Spawn adds a program to the machine and, if the machine is up, starts it now: start has run when Spawn returns. It
// runs again at each restart of the process or the machine.
func (m *Machine) Spawn(name string, start func(p *Process)) *Process {
	if m.Process(name) != nil {
		panic(fmt.Sprintf("host: machine %s has a process %s already", m.config.Name, name))
	}
	p := newProcess(m, name, start)
	m.processes = append(m.processes, p)
	if !m.up {
		p.Process.Kill() // It lives from the machine's next boot on.
		return p
	}
	p.Do(func() { start(p) })
	if m.paused {
		p.suspend()
	}
	return p
}

// Crash cuts the machine's power: every process ends, nothing is said to anybody, and the disk keeps what it keeps.
func (m *Machine) Crash() {
	m.simulation.Cancel(m.boot)
	if !m.up {
		return
	}
	m.up, m.paused = false, false
	m.cpu.clear()
	for _, o := range m.observers {
		o.MachineDown(m)
	}
	if m.disk != nil {
		m.disk.Crash()
	}
	m.endProcesses()
}

// endProcesses ends the process that is running now last, as its end does not return where a task called for it.
func (m *Machine) endProcesses() {
	running := m.simulation.Running()
	var last *Process
	for _, p := range m.processes {
		if p.Process == running {
			last = p
			continue
		}
		p.end()
	}
	if last != nil {
		last.end()
	}
}

// Boot gives a crashed machine power and starts its processes in the order in which they were spawned.
func (m *Machine) Boot() {
	m.simulation.Cancel(m.boot)
	if m.up {
		return
	}
	m.up = true
	for _, o := range m.observers {
		o.MachineUp(m)
	}
	for _, p := range m.processes {
		p.begin()
	}
}

// Reboot crashes the machine and boots it after the given time.
func (m *Machine) Reboot(after time.Duration) {
	m.Crash()
	m.boot = m.simulation.World().AtTime(m.simulation.Now().Add(after), 0, m.world.bootKind, 0, m)
}

func bootMachine(_ uint64, ref any) { ref.(*Machine).Boot() }

// Pause freezes the whole machine, as a hypervisor does: no process runs, and nothing answers. Its clocks go on.
func (m *Machine) Pause() {
	if !m.up || m.paused {
		return
	}
	m.paused = true
	for _, p := range m.processes {
		p.suspend()
	}
}

// Resume lets a frozen machine go on; processes that were paused on their own stay so.
func (m *Machine) Resume() {
	if !m.paused {
		return
	}
	m.paused = false
	for _, p := range m.processes {
		if !p.paused {
			p.proceed()
		}
	}
}

// SetSpeed makes the cores run at permille thousandths of their speed, from now on, for work that has begun too.
func (m *Machine) SetSpeed(permille int) {
	if permille <= 0 {
		panic(fmt.Sprintf("host: machine %s cannot run at %d permille", m.config.Name, permille))
	}
	m.cpu.setSpeed(int64(permille))
}

// Busy returns the CPU time that the machine's cores have been given to do so far.
func (m *Machine) Busy() time.Duration { return m.cpu.charged }

// Backlog returns how long a piece of work submitted now would wait for a core.
func (m *Machine) Backlog() time.Duration { return m.cpu.backlog() }
