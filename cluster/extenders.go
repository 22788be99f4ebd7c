package cluster

import (
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/scheduler/extender"
	"github.com/fauxkube/fauxkube/sim/host"
)

// startExtenders gives each scheduler extender a machine beside the first control-plane host.
func (c *Cluster) startExtenders() {
	for _, e := range c.topology.Extenders {
		name, _ := e.Machine() // Check has seen the error
		machine := host.NewMachine(c.simulation, host.Config{
			Name: name, Zone: c.hosts[0].Zone(), Region: c.hosts[0].Region(), Cores: c.topology.ControlPlane.Cores,
		})
		machine.Spawn("scheduler-extender", func(p *host.Process) {
			env := extender.Env{Process: p, Client: client.New(p, client.Config{
				Network: c.network, Server: apiAddress, UserAgent: "scheduler-extender", Metrics: c.metrics.With("instance", name),
				User: &api.User{Name: "system:serviceaccount:kube-system:scheduler-extender", Groups: []string{"system:masters", "system:authenticated"}},
			})}
			if err := extender.Start(c.network, e, env); err != nil {
				panic("cluster: " + err.Error())
			}
		})
	}
}

// checkExtenders refuses extenders without a machine of their own.
func (t Topology) checkExtenders() error {
	seen := map[string]bool{"workstation": true}
	for i := range t.ControlPlane.hosts() {
		seen[fmt.Sprintf("cp-%d", i)] = true
	}
	for i := range t.Extenders {
		name, err := t.Extenders[i].Machine()
		if err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
		if seen[name] {
			return fmt.Errorf("cluster: extender %q: machine %s is somebody else's: want a name of its own", t.Extenders[i].URLPrefix, name)
		}
		seen[name] = true
	}
	return nil
}
