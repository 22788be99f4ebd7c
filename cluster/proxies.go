package cluster

import (
	"github.com/fauxkube/fauxkube/cluster/kubeproxy"
	"github.com/fauxkube/fauxkube/sim/host"
)

// startProxy runs the node's kube-proxy.
func (c *Cluster) startProxy(n *Node) {
	n.machine.Spawn("kube-proxy", func(p *host.Process) {
		n.proxy = kubeproxy.Start(p, kubeproxy.Config{NodeName: n.Name, Network: c.network, Server: apiAddress, Metrics: c.metrics})
	})
}
