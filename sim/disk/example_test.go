package disk_test

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/disk"
)

// What was synced survives a crash; of what was not, anything may.
func Example() {
	s := sim.New(sim.Config{Seed: 4})
	defer s.Close()
	d := disk.New(s, disk.Config{Name: "sda", SectorBytes: 512})

	log := d.Open("wal")
	d.SyncDirectory(func(error) { fmt.Println("the name is durable") })
	log.Append("entry 1", 400)
	log.Sync(func(error) { fmt.Println("entry 1 is durable") })
	s.Run(sim.Time(time.Second))

	log.Append("entry 2", 400)
	states, _ := log.CrashStates(100)
	for _, state := range states {
		fmt.Printf("possible: %d bytes, %d good records\n", state.Size, len(state.Prefix))
	}
	d.Crash()
	records, end, clean := log.Prefix()
	fmt.Println(len(records), "good records up to", end, "and nothing behind:", clean)
	// Output:
	// the name is durable
	// entry 1 is durable
	// possible: 400 bytes, 1 good records
	// possible: 800 bytes, 1 good records
	// possible: 800 bytes, 1 good records
	// possible: 800 bytes, 1 good records
	// possible: 800 bytes, 2 good records
	// 1 good records up to 400 and nothing behind: true
}
