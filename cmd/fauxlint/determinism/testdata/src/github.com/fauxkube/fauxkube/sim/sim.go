// Package sim stands in for the kernel.
package sim

type Simulation struct{}

func (s *Simulation) Now() int64 { return 0 }
