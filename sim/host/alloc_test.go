package host

import (
	"testing"
	"time"
)

func TestChargeDoesNotAllocate(t *testing.T) {
	s := newSimulation(t, 1)
	p := NewMachine(s, Config{Name: "m", Cores: 2}).Spawn("p", func(*Process) {})
	op := p.Costs().Register("work", Cost{Fixed: time.Microsecond})
	k := s.Kind("test.done", func(uint64, any) {})
	step := func() {
		p.Charge(op, 1, 0, k, 0, p)
		run(t, s, time.Millisecond)
	}
	for range 70_000 { // The kernel's ring of recent records must be full.
		step()
	}
	if allocs := testing.AllocsPerRun(5000, step); allocs > 0 {
		t.Errorf("Charge allocates %v times", allocs)
	}
}
