package host

import "github.com/fauxkube/fauxkube/sim"

// world is what all machines of one simulation share.
type world struct {
	costs        *CostTable
	fleet        Fleet
	computations []*computation

	bootKind, startKind, funcKind, computedKind sim.Kind
}

func worldOf(s *sim.Simulation) *world {
	return s.Attach("host", func() any { return newWorld(s) }).(*world)
}

func newWorld(s *sim.Simulation) *world {
	return &world{
		costs:        &CostTable{byName: map[string]Op{}},
		fleet:        Fleet{byName: map[string]*Machine{}},
		bootKind:     s.Kind("host.boot", bootMachine),
		startKind:    s.Kind("host.start", startProcess),
		funcKind:     s.Kind("host.done", runDone),
		computedKind: s.Kind("host.computed", computed),
	}
}
