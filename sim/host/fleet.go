package host

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// Fleet is all machines of a simulation, in the order of their creation.
type Fleet struct {
	machines []*Machine
	byName   map[string]*Machine
}

// FleetOf returns the simulation's machines.
func FleetOf(s *sim.Simulation) *Fleet { return &worldOf(s).fleet }

func (f *Fleet) add(m *Machine) {
	if m.config.Name == "" {
		panic("host: a machine needs a name: its draws depend on it")
	}
	if f.byName[m.config.Name] != nil {
		panic(fmt.Sprintf("host: two machines are named %q", m.config.Name))
	}
	f.byName[m.config.Name] = m
	f.machines = append(f.machines, m)
}

// Machine returns the machine of that name, nil if there is none.
func (f *Fleet) Machine(name string) *Machine { return f.byName[name] }

// All returns every machine.
func (f *Fleet) All() Group { return f.where(func(*Machine) bool { return true }) }

// Rack returns the machines of a rack.
func (f *Fleet) Rack(name string) Group {
	return f.where(func(m *Machine) bool { return m.config.Rack == name })
}

// Zone returns the machines of a zone.
func (f *Fleet) Zone(name string) Group {
	return f.where(func(m *Machine) bool { return m.config.Zone == name })
}

// Region returns the machines of a region.
func (f *Fleet) Region(name string) Group {
	return f.where(func(m *Machine) bool { return m.config.Region == name })
}

func (f *Fleet) where(wanted func(*Machine) bool) Group {
	var g Group
	for _, m := range f.machines {
		if wanted(m) {
			g = append(g, m)
		}
	}
	return g
}

// Group is a set of machines that share a fate.
type Group []*Machine

// Names returns the machines' names.
func (g Group) Names() []string {
	names := make([]string, len(g))
	for i, m := range g {
		names[i] = m.config.Name
	}
	return names
}

// Crash cuts the power of all.
func (g Group) Crash() { g.each((*Machine).Crash) }

// Boot gives power to all.
func (g Group) Boot() { g.each((*Machine).Boot) }

// Pause freezes all.
func (g Group) Pause() { g.each((*Machine).Pause) }

// Resume lets all go on.
func (g Group) Resume() { g.each((*Machine).Resume) }

// SetSpeed makes all run at permille thousandths of their speed.
func (g Group) SetSpeed(permille int) {
	g.each(func(m *Machine) { m.SetSpeed(permille) })
}

// Reboot crashes all and boots them after the given time.
func (g Group) Reboot(after time.Duration) {
	g.each(func(m *Machine) { m.Reboot(after) })
}

func (g Group) each(do func(*Machine)) {
	for _, m := range g {
		do(m)
	}
}
