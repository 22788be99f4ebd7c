package sim_test

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
)

// Events are registered kinds with a number and a payload; running them moves the virtual clock.
func Example() {
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	hello := s.Kind("hello", func(num uint64, ref any) { fmt.Println(s.Now(), *ref.(*string), num) })
	name := "world"
	s.At(sim.Time(2*time.Second), 0, hello, 2, &name)
	s.At(sim.Time(time.Second), 0, hello, 1, &name)
	cancelled := s.At(sim.Time(3*time.Second), 0, hello, 3, &name)
	s.Cancel(cancelled)
	if err := s.Run(sim.Time(time.Minute)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(s.Now(), s.Idle())
	// Output:
	// 1s world 1
	// 2s world 2
	// 1m0s true
}

// A task is a coroutine: it reads straight down and parks on what it waits for.
func ExampleTask() {
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	var orders sim.Queue[string]
	kitchen := s.NewProcess("kitchen", s.NewClock())
	kitchen.Go("cook", func(t *sim.Task) {
		for {
			if t.Wait(5*time.Second, &orders) < 0 {
				fmt.Println(s.Now(), "nothing to do")
				return
			}
			dish, _ := orders.Pop()
			t.Sleep(time.Second)
			fmt.Println(s.Now(), dish)
		}
	})
	s.After(time.Second, func() { orders.Push("soup"); orders.Push("bread") })
	if err := s.Run(sim.Time(time.Minute)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2s soup
	// 3s bread
	// 8s nothing to do
}

// A process dies with everything that it had scheduled; its tasks unwind, and the next incarnation starts from nothing.
func ExampleProcess_Kill() {
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	p := s.NewProcess("server", s.NewClock())
	p.Go("loop", func(t *sim.Task) {
		defer fmt.Println("unwound")
		t.Sleep(time.Hour)
		fmt.Println("never printed")
	})
	p.After(30*time.Minute, func() { fmt.Println("never printed") })
	s.After(time.Minute, func() {
		p.Kill()
		p.Start()
		fmt.Println("incarnation", p.Incarnation())
	})
	if err := s.Run(sim.Time(2 * time.Hour)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// unwound
	// incarnation 2
}

// Draws depend on the seed, the stream's name, the purpose and the virtual time, and on nothing else: taking one stream
// away moves no other.
func ExampleStream() {
	s := sim.New(sim.Config{Seed: 42})
	defer s.Close()
	const latency, loss sim.Purpose = 0, 1
	link := s.Stream("a->b")
	fmt.Println(link.Duration(latency, sim.LogNormal(time.Millisecond, 10*time.Millisecond)))
	fmt.Println(link.Chance(loss, 500_000))
	// Output:
	// 963.882µs
	// false
}
