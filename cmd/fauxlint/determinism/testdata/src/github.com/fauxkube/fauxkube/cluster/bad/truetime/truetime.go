package truetime

import "github.com/fauxkube/fauxkube/sim"

func now(s *sim.Simulation) int64 { return s.Now() } // want `truetime: the simulation's true time`
