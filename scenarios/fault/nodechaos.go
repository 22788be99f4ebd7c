package fault

import (
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const nodeChaosExample = `
apiVersion: fauxkube.dev/v1alpha1
kind: NodeChaos
metadata: {name: lose-one}
spec: {action: crash, mode: one, duration: 5m, selector: {nodeSelectors: {pool: web}}}
`

// RebootTakes is how long a machine is down when nobody says: a server's firmware and an operating system's boot.
const RebootTakes = 30 * time.Second

// defaultSlowPercent is the speed that a slow machine has left when nobody says.
const defaultSlowPercent = 10

// nodeChaos acts on whole machines, control-plane hosts among them where they are named.
type nodeChaos struct {
	Selector Selector        `json:"selector,omitempty"`
	Mode     string          `json:"mode,omitempty" jsonschema:"enum=one,enum=all,enum=fixed,enum=fixed-percent,enum=random-max-percent"`
	Value    string          `json:"value,omitempty"`
	Action   string          `json:"action"`
	Duration format.Duration `json:"duration,omitempty"`
	// Zone is what a zone-outage takes.
	Zone string `json:"zone,omitempty"`
	// SpeedPercent is what slow leaves.
	SpeedPercent int `json:"speedPercent,omitempty" jsonschema:"minimum=1,maximum=100"`

	choice choice
}

func parseNodeChaos(d *document) (injector, error) {
	n := &nodeChaos{}
	if err := d.decode(n); err != nil {
		return nil, err
	}
	switch outage := n.Action == "zone-outage"; {
	case outage && n.Zone == "":
		return nil, d.fail("spec.action", "zone-outage wants a zone")
	case outage && (n.Mode != "" || !n.Selector.empty()):
		return nil, d.fail("spec.action", "zone-outage takes the whole zone: want neither selector nor mode")
	case !outage && n.Zone != "":
		return nil, d.fail("spec.zone", "belongs to zone-outage")
	case n.Action != "slow" && n.SpeedPercent != 0:
		return nil, d.fail("spec.speedPercent", "belongs to slow")
	}
	var err error
	if n.choice, err = d.parseChoice("spec.mode", n.Mode, n.Value); err != nil {
		return nil, err
	}
	return n, n.Selector.check(d, "spec.selector")
}

func (n *nodeChaos) inject(i *injection) error {
	if n.Action == "zone-outage" {
		return n.takeZone(i)
	}
	names, err := i.machines(&n.Selector, n.choice)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := n.act(i, name); err != nil {
			return err
		}
	}
	return nil
}

func (n *nodeChaos) act(i *injection, name string) error {
	switch n.Action {
	case "crash", "reboot":
		n.crash(i, name)
		return nil
	case "pause":
		i.power(name).Pause()
		i.hit("node "+name+" paused", i.power(name).Resume)
		return nil
	}
	machine, err := i.realMachine(name)
	if err != nil {
		return err
	}
	if n.Action == "kubelet-stop" {
		i.process(machine.Process("kubelet"), n.Action)
		return nil
	}
	percent := n.SpeedPercent
	if percent == 0 {
		percent = defaultSlowPercent
	}
	machine.SetSpeed(percent * 10)
	i.hit("node "+name+" slowed down", func() { machine.SetSpeed(1000) })
	return nil
}

// crash cuts a machine's power. A reboot gives it back by itself.
func (n *nodeChaos) crash(i *injection, name string) {
	p, m := i.power(name), i.machine(name)
	if n.Action == "crash" {
		p.Crash()
		i.hit("node "+name+" crashed", func() {
			if m == nil || !m.Up() {
				p.Boot()
			}
		})
		return
	}
	after := time.Duration(n.Duration)
	if after == 0 {
		after = RebootTakes
	}
	Reboot(i.Simulation, p, m, after)
	i.hit("node "+name+" rebooted", nil)
}

// Power is what can be done to any node's machine, also to one that KWOK stages play.
type Power interface {
	Crash()
	Boot()
	Pause()
	Resume()
}

// Reboot crashes a node and boots it after a while; machine is nil where KWOK stages play it.
func Reboot(s *sim.Simulation, p Power, machine *host.Machine, after time.Duration) {
	if machine != nil {
		machine.Reboot(after) // A crash meanwhile takes the boot back.
		return
	}
	p.Crash()
	s.World().After(after, p.Boot)
}

// takeZone cuts the power of everything in a zone, in the order of creation.
func (n *nodeChaos) takeZone(i *injection) error {
	machines := slices.Clone(host.FleetOf(i.Simulation).Zone(n.Zone))
	machines = slices.DeleteFunc(machines, func(m *host.Machine) bool { return i.machine(m.Name()) == nil || !m.Up() })
	if len(machines) == 0 {
		return noMachine(n.Zone)
	}
	machines.Crash()
	for _, m := range machines {
		i.hit("node "+m.Name()+" crashed", func() {
			if !m.Up() {
				m.Boot()
			}
		})
	}
	return nil
}

type noMachine string

func (zone noMachine) Error() string { return "no machine stands in zone " + string(zone) }
