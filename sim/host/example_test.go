package host_test

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Work is charged to a machine's cores and takes longer when they are busy; a crash ends it.
func Example() {
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	m := host.NewMachine(s, host.Config{Name: "node-1", Zone: "a", Cores: 1})

	m.Spawn("worker", func(p *host.Process) {
		encode := p.Costs().Register("encode", host.Cost{PerUnit: time.Second, Source: "this example"})
		fmt.Printf("%v started for the %d. time\n", s.Now(), p.Incarnation())
		for i := range 3 {
			p.ChargeFunc(encode, 2, func() { fmt.Printf("%v done with %d\n", s.Now(), i) })
		}
	})

	s.Run(sim.Time(5 * time.Second))
	m.Reboot(10 * time.Second)
	s.Run(sim.Time(18 * time.Second))
	for _, row := range host.Costs(s).Report() {
		fmt.Printf("%s: %d times, %v of CPU\n", row.Name, row.Count, row.CPU)
	}
	// Output:
	// 0s started for the 1. time
	// 2s done with 0
	// 4s done with 1
	// 15s started for the 2. time
	// 17s done with 0
	// encode: 6 times, 12s of CPU
}
