package network_test

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// greeter answers calls and sends three messages on each stream.
type greeter struct{}

func (greeter) ServeCall(c *network.ServerCall) {
	c.Reply(fmt.Sprintf("hello, %v", c.Payload()), 100)
}

func (greeter) ServeStream(st *network.ServerStream) {
	for i := range 3 {
		st.Send(i, 100)
	}
	st.Close(nil)
}

type printer struct{}

func (printer) Receive(msg any, _ int) { fmt.Println("received", msg) }
func (printer) Closed(err error)       { fmt.Println("closed", err) }

// A client calls a server, opens a stream, and sits out a partition that is healed before its ping expires.
func Example() {
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	n := network.New(s, network.Config{})
	host.NewMachine(s, host.Config{Name: "server", Zone: "a"}).Spawn("greeter", func(p *host.Process) {
		n.Listen(p, "server:443", greeter{})
	})
	client := host.NewMachine(s, host.Config{Name: "client", Zone: "b"}).Spawn("visitor", func(*host.Process) {})
	conn := n.Dial(client, "server:443")
	ask := func(who string) {
		asked := s.Now()
		conn.Call(0, who, 100, time.Minute, func(answer any, err error) {
			fmt.Println(answer, err, "after", s.Now().Sub(asked).Round(100*time.Millisecond))
		})
	}

	ask("world")
	conn.Stream(0, "count", 100, printer{})
	s.Run(sim.Time(time.Second))

	cut := n.Partition(network.Selector{"client"}, nil, network.Both)
	ask("anybody")
	s.Run(sim.Time(6 * time.Second))
	n.Heal(cut)
	s.Run(sim.Time(20 * time.Second))
	// Output:
	// hello, world <nil> after 0s
	// received 0
	// received 1
	// received 2
	// closed <nil>
	// hello, anybody <nil> after 6.2s
}
