package cluster

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/kubelet"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/cluster/kubeproxy"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Node is a machine that runs pods: a real kubelet's, or one that KWOK stages play.
type Node struct {
	Name string
	Pool string

	cluster *Cluster
	machine *host.Machine // nil where stages play the node
	kubelet *kubelet.Node
	proxy   *kubeproxy.Proxy // of the running incarnation
	off     bool             // switched off, where stages play the node
	kwok    *kwok
	zone    string
}

// kwok plays the nodes of all pools with one set of stages.
type kwok struct {
	process *host.Process
	down    stages.Down
	managed map[string]bool
}

// Machine is the node's machine; nil where KWOK stages play the node.
func (n *Node) Machine() *host.Machine { return n.machine }

// Kubelet is the node's kubelet process; nil where KWOK stages play the node.
func (n *Node) Kubelet() *host.Process {
	if n.kubelet == nil {
		return nil
	}
	return n.kubelet.Process
}

// Proxy is the node's running kube-proxy; nil where KWOK stages play the node.
func (n *Node) Proxy() *kubeproxy.Proxy { return n.proxy }

// Zone is where the node stands.
func (n *Node) Zone() string { return n.zone }

// Crash cuts the node's power.
func (n *Node) Crash() { n.power(false, (*host.Machine).Crash) }

// Boot gives it back.
func (n *Node) Boot() { n.power(true, (*host.Machine).Boot) }

// Pause freezes the node, as a suspended virtual machine.
func (n *Node) Pause() { n.power(false, (*host.Machine).Pause) }

// Resume lets a frozen node go on.
func (n *Node) Resume() { n.power(true, (*host.Machine).Resume) }

// power acts on the machine, or on what stands for it.
func (n *Node) power(up bool, act func(*host.Machine)) {
	if n.machine != nil {
		act(n.machine)
		return
	}
	n.off = !up
	n.kwok.down.Set(n.Name, n.off)
}

// Up reports whether the node has power.
func (n *Node) Up() bool {
	if n.machine != nil {
		return n.machine.Up() && !n.machine.Paused()
	}
	return !n.off
}

// AddPool adds nodes. A second pool of the same name continues its numbers. The error says which node exists.
func (c *Cluster) AddPool(p NodePool) error {
	first := 0
	for _, n := range c.nodes { //sim:unordered counts
		if n.Pool == p.Name {
			first++
		}
	}
	var played []*corev1.Node
	for i := first; i < first+p.Count; i++ {
		name := p.nodeName(i)
		if c.nodes[name] != nil {
			return fmt.Errorf("cluster: node pool %s: a node %s exists", p.Name, name)
		}
		node := &Node{Name: name, Pool: p.Name, cluster: c, zone: p.zone(i)}
		c.nodes[name] = node
		if p.Stages != nil {
			node.kwok = c.kwokFor(p.Stages)
			node.kwok.managed[name] = true
			played = append(played, p.object(name, node.zone))
			continue
		}
		c.startNode(node, p)
	}
	if len(played) > 0 {
		c.createNodes(played)
	}
	return nil
}

// startNode places a machine with a kubelet, a runtime and a kube-proxy.
func (c *Cluster) startNode(n *Node, p NodePool) {
	capacity := p.capacity()
	cores := capacity[corev1.ResourceCPU]
	n.machine = host.NewMachine(c.simulation, host.Config{Name: n.Name, Zone: n.zone, Region: p.region(), Cores: int(max(cores.Value(), 1))})
	n.kubelet = kubelet.Spawn(n.machine, kubelet.Config{
		NodeName: n.Name, Network: c.network, Server: apiAddress, Metrics: c.metrics, NodeIP: c.nextIP(),
		Capacity: capacity, Labels: located(p.labels(), n.zone, p.region()), Taints: p.Taints,
		Runtime: runtime.Config{Catalogue: c.catalogue, OnDevices: c.auditDevices(n.Name, capacity)},
	})
	c.startProxy(n)
}

func (p NodePool) labels() map[string]string {
	labels := map[string]string{"pool": p.Name}
	for k, v := range p.Labels { //sim:unordered builds another map
		labels[k] = v
	}
	return labels
}

// located adds the labels with which a cloud provider says where a node stands.
func located(labels map[string]string, zone, region string) map[string]string {
	labels[corev1.LabelTopologyZone], labels[corev1.LabelTopologyRegion] = zone, region
	return labels
}

// nextIP gives a machine an address: 172.16.0.0/12 holds a million of them.
func (c *Cluster) nextIP() string {
	c.lastIP++
	return fmt.Sprintf("172.%d.%d.%d", 16+c.lastIP>>16, c.lastIP>>8&255, c.lastIP&255)
}

// kwokFor returns the controller that plays nodes with these stages, started when first asked for.
func (c *Cluster) kwokFor(set *stages.Set) *kwok {
	for i, known := range c.stageSets {
		if known == set {
			return c.kwoks[i]
		}
	}
	k := &kwok{managed: map[string]bool{}}
	machine := host.NewMachine(c.simulation, host.Config{
		Name: fmt.Sprintf("kwok-%d", len(c.kwoks)), Zone: c.hosts[0].Zone(), Region: c.hosts[0].Region(), Cores: c.topology.ControlPlane.Cores,
	})
	k.process = machine.Spawn("kwok", func(p *host.Process) {
		stages.Start(p, stages.Config{
			Network: c.network, Server: apiAddress, Metrics: c.metrics, Stages: set, Down: &k.down,
			Manage: func(n *corev1.Node) bool { return k.managed[n.Name] },
		})
	})
	c.stageSets, c.kwoks = append(c.stageSets, set), append(c.kwoks, k)
	return k
}

// object is the Node that an operator creates for KWOK: labels and annotations are those of the recordings.
func (p NodePool) object(name, zone string) *corev1.Node {
	labels := p.labels()
	for k, v := range map[string]string{ //sim:unordered builds another map
		"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok",
		corev1.LabelTopologyRegion: p.region(), corev1.LabelTopologyZone: zone,
	} {
		labels[k] = v
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: map[string]string{
			"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0",
		}},
		Spec:   corev1.NodeSpec{Taints: p.Taints},
		Status: corev1.NodeStatus{Capacity: p.capacity(), Allocatable: p.capacity()},
	}
}

// createRetry is how long the operator waits when the API does not answer.
const createRetry = time.Second

// createNodes creates Node objects one after the other, as a script of the operator does.
func (c *Cluster) createNodes(nodes []*corev1.Node) {
	c.kubectl.Process().Go("create nodes", func(t *sim.Task) {
		for _, node := range nodes {
			for {
				_, err := client.Create(t, c.kubectl, api.Nodes, node)
				if err == nil || client.IsStatus(err) {
					break
				}
				t.Sleep(createRetry) // The API is not up yet.
			}
		}
	})
}

// DeleteNode takes a machine out of the cluster: it loses its power for good. The Node object is the operator's to
// delete.
func (c *Cluster) DeleteNode(name string) {
	n := c.nodes[name]
	if n == nil {
		return
	}
	n.Crash()
	delete(c.nodes, name)
	if n.kwok != nil {
		delete(n.kwok.managed, name)
	}
}

// IsControlPlane reports whether a machine's name is one of the control plane's.
func IsControlPlane(machine string) bool { return strings.HasPrefix(machine, "cp-") }
