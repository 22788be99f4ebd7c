package sim

// Attach returns the value that this simulation keeps under a key, made by make at the first call. It is where
// packages above keep what belongs to a whole simulation (a table of costs, a registry), so that nothing is global.
func (s *Simulation) Attach(key string, make func() any) any {
	if value, ok := s.attached[key]; ok {
		return value
	}
	value := make()
	s.attached[key] = value
	return value
}

// Attach returns the value that the process's simulation keeps under a key; see Simulation.Attach.
func (p *Process) Attach(key string, make func() any) any { return p.simulation.Attach(key, make) }
