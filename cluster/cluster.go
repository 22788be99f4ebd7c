package cluster

import (
	"cmp"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/cluster/witness"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Cluster is a running Kubernetes.
type Cluster struct {
	simulation *sim.Simulation
	topology   Topology
	network    *network.Network
	store      *Store
	metrics    *metrics.Registry
	catalogue  *runtime.Catalogue
	detector   *storage.Detector
	witness    *witness.Witness
	violated   func(error)

	hosts      []*host.Machine
	members    []*host.Process
	seats      []*seat        // by host: who is the member there
	running    []*etcd.Member // by host; of the current incarnations
	restored   *Backup        // what the store began with; nil is nothing
	failures   []MemberFailure
	onFailure  func(MemberFailure)
	apiservers []*host.Process
	servers    []*apiserver.Server
	views      []*View // by API server
	schedulers []*host.Process
	managers   []*host.Process
	nodes      map[string]*Node
	stageSets  []*stages.Set
	kwoks      []*kwok // by stage set
	lastIP     int

	workstation *host.Machine
	operator    *host.Process
	kubectl     *client.Client
	etcdctl     *etcd.Client
}

// apiAddress is the load balancer's, where every client connects.
const apiAddress network.Address = "kubernetes:6443"

// New places a cluster on machines of the simulation and starts it. The error says what is impossible about the
// topology.
func New(s *sim.Simulation, t Topology) (*Cluster, error) {
	t = t.withDefaults()
	if err := t.Check(); err != nil {
		return nil, err
	}
	c := &Cluster{
		simulation: s, topology: t, network: network.New(s, t.Network), store: newStore(s), metrics: metrics.NewRegistry(),
		catalogue: runtime.NewCatalogue(withControlPlaneImages(t.Images)), nodes: map[string]*Node{},
	}
	if t.DetectMutations {
		c.detector = &storage.Detector{}
	}
	if err := c.registerCosts(); err != nil {
		return nil, err
	}
	c.watchTheWatches()
	if c.restored = t.Restore; c.restored != nil {
		s.World().After(0, func() { c.store.replace(c.restored, s.Now()) })
	}
	c.startControlPlane()
	c.startWorkstation()
	for _, pool := range t.NodePools {
		if err := c.AddPool(pool); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// startWorkstation gives the operator a machine outside of the cluster.
func (c *Cluster) startWorkstation() {
	c.workstation = host.NewMachine(c.simulation, host.Config{
		Name: "workstation", Zone: c.hosts[0].Zone(), Region: c.hosts[0].Region(), Cores: 4,
	})
	c.operator = c.workstation.Spawn("kubectl", func(p *host.Process) {
		c.etcdctl = etcd.NewClient(p, c.network, c.etcdEndpoints(0))
		c.etcdctl.InTurn = true
		if c.topology.ControlPlane.StoreOnly {
			return
		}
		c.kubectl = client.New(p, client.Config{
			Network: c.network, Server: apiAddress, UserAgent: "kubectl/v1.36.3",
			User: &api.User{Name: "kubernetes-admin", Groups: []string{"kubeadm:cluster-admins", "system:authenticated"}},
		})
	})
}

// Operator is the process on a workstation outside of the cluster that runs the operator's tasks.
func (c *Cluster) Operator() *host.Process { return c.operator }

// Kubectl is the operator's client; nil where there is the store alone.
func (c *Cluster) Kubectl() *client.Client { return c.kubectl }

// Store shows what is committed.
func (c *Cluster) Store() *Store { return c.store }

// Simulation is the world that the cluster lives in.
func (c *Cluster) Simulation() *sim.Simulation { return c.simulation }

// Network is what connects the machines.
func (c *Cluster) Network() *network.Network { return c.network }

// Metrics holds every component's metrics under Kubernetes' names.
func (c *Cluster) Metrics() *metrics.Registry { return c.metrics }

// Costs is the cost table with what has been charged.
func (c *Cluster) Costs() []host.OpShare { return host.Costs(c.simulation).Report() }

// Topology is what the cluster was made from, defaults filled in.
func (c *Cluster) Topology() Topology { return c.topology }

// ControlPlane are the control-plane machines, cp-0 first.
func (c *Cluster) ControlPlane() []*host.Machine { return c.hosts }

// EtcdProcesses are the store's members, in the order of the machines.
func (c *Cluster) EtcdProcesses() []*host.Process { return c.members }

// APIServerProcesses are the API servers, in the order of the machines.
func (c *Cluster) APIServerProcesses() []*host.Process { return c.apiservers }

// SchedulerProcesses are the schedulers, one of which is elected.
func (c *Cluster) SchedulerProcesses() []*host.Process { return c.schedulers }

// ControllerManagerProcesses are the controller managers, one of which is elected.
func (c *Cluster) ControllerManagerProcesses() []*host.Process { return c.managers }

// EtcdLeader is the index of the member that leads the store, -1 where none does.
func (c *Cluster) EtcdLeader() int {
	for i, member := range c.running {
		if c.members[i].IsUp() && member.IsLeader() {
			return i
		}
	}
	return -1
}

// Nodes are the cluster's machines that run pods, sorted by name; control-plane machines are not among them.
func (c *Cluster) Nodes() []*Node {
	all := make([]*Node, 0, len(c.nodes))
	for _, n := range c.nodes { //sim:unordered sorted below
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *Node) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Node returns a node by name, nil if there is none.
func (c *Cluster) Node(name string) *Node { return c.nodes[name] }

// DefaultImages names the images of which nothing was known, so that the defaults were assumed.
func (c *Cluster) DefaultImages() []string {
	var names []string
	for _, use := range c.catalogue.Uses() {
		if !use.Described {
			names = append(names, use.Image)
		}
	}
	return names
}

// CheckMutations panics, naming it, at a stored object that somebody has changed since it was stored. It does nothing
// unless the topology asked for the detector.
func (c *Cluster) CheckMutations() { c.detector.Verify() }
