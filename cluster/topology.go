package cluster

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fauxkube/fauxkube/cluster/apiserver"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/cluster/scheduler/extender"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Topology says what a cluster consists of. Zero fields mean the defaults given with them.
type Topology struct {
	ControlPlane ControlPlane
	// Clients are the token buckets that differ from upstream's: kube-controller-manager (each controller's, 20/30),
	// kube-scheduler (50/100), kubelet (50/100).
	Clients map[string]ClientRate
	// Scheduler is a KubeSchedulerConfiguration; nil is the default one. Clients' rate for kube-scheduler goes before its own.
	Scheduler *config.Configuration
	// Gates are the control plane's feature gates that are not at their default, as far as they concern the API. The scheduler has its own.
	Gates map[string]bool
	// Extenders are services that the scheduler's configuration may name by URL.
	Extenders []extender.Config
	// Stopwatch, where it is not nil, measures what decisions take of the host on which the simulation runs.
	Stopwatch *scheduler.Stopwatch
	// Explain says which pods' scheduling is to be explained, and Explained is told of every attempt.
	Explain   func(namespace, name string) bool
	Explained func(scheduler.Explanation)
	NodePools []NodePool
	// Images describes container images by reference; what it does not name is 100 MiB, starts in 1 s, answers every
	// probe and exits 1 s after SIGTERM.
	Images map[string]runtime.Image
	// Costs replaces rows of the cost table.
	Costs   map[string]host.Cost
	Network network.Config
	// Restore is the state that the store begins with; nil is an empty one.
	Restore *Backup
	// DetectMutations hashes every stored object and checks it again: for tests.
	DetectMutations bool
	// Audit is told every completed write request.
	Audit func(apiserver.AuditRecord)
}

// ControlPlane sizes the control plane.
type ControlPlane struct {
	APIServers  int // 2
	EtcdMembers int // 3; 1, 3 or 5
	// Zones over which the hosts are spread in turn; by default each stands in a zone of its own.
	Zones  []string
	Region string // region-1
	Cores  int    // 4 per host
	// Headless leaves the hosts without kubelets, so that they do not show up as nodes.
	Headless bool
	// StoreOnly runs the store's members and nothing else, for work on the store itself.
	StoreOnly bool
	// DisableAdmissionPlugins are kube-apiserver's of that flag: ServiceAccount, Priority or TaintNodesByCondition.
	DisableAdmissionPlugins []string
	// SnapshotEntries is after how many entries a member of the store takes a snapshot: 10,000.
	SnapshotEntries uint64
}

// ClientRate is a token bucket.
type ClientRate struct {
	QPSMilli int64 // thousandths of a request a second
	Burst    int
}

// NodePool is a number of equal nodes, named <pool>-<number> and labelled pool=<pool>.
type NodePool struct {
	Name   string
	Count  int
	Zones  []string // over which the nodes are spread in turn; one zone, "a", unless given
	Region string   // region-1
	// Capacity of each node: 4 CPUs, 16Gi, 110 pods, 100Gi ephemeral storage, where it names nothing else.
	Capacity corev1.ResourceList
	Labels   map[string]string
	Taints   []corev1.Taint
	// Stages plays the kubelet from KWOK stages; nil is the real kubelet.
	Stages *stages.Set
	// Names are the nodes', in place of <pool>-<number>: as many as Count.
	Names []string
	// NamePrefix replaces <pool>- in the nodes' names, e.g. to repeat a recording.
	NamePrefix string
}

const defaultRegion = "region-1"

// withDefaults fills in what is not given.
func (t Topology) withDefaults() Topology {
	c := &t.ControlPlane
	if !c.StoreOnly {
		c.APIServers = orDefault(c.APIServers, 2)
	}
	c.EtcdMembers = orDefault(c.EtcdMembers, 3)
	c.Cores = orDefault(c.Cores, 4)
	if c.Region == "" {
		c.Region = defaultRegion
	}
	return t
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Check refuses topologies that cannot be. New does so too; a caller that wants to know before anything runs asks here.
func (t Topology) Check() error {
	t = t.withDefaults()
	if err := checkCosts(t.Costs); err != nil {
		return err
	}
	c := t.ControlPlane
	if c.EtcdMembers != 1 && c.EtcdMembers != 3 && c.EtcdMembers != 5 {
		return fmt.Errorf("cluster: %d store members: want 1, 3 or 5", c.EtcdMembers)
	}
	if c.StoreOnly {
		return t.checkStoreOnly()
	}
	if c.APIServers < 1 {
		return fmt.Errorf("cluster: %d API servers: want at least 1", c.APIServers)
	}
	if err := t.checkExtenders(); err != nil {
		return err
	}
	if _, err := registry.ParseAdmission(c.DisableAdmissionPlugins); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	seen := map[string]bool{}
	for _, p := range t.NodePools {
		if p.Name == "" || seen[p.Name] {
			return fmt.Errorf("cluster: node pool %q: want a name of its own", p.Name)
		}
		seen[p.Name] = true
		if p.Count < 0 {
			return fmt.Errorf("cluster: node pool %s: %d nodes", p.Name, p.Count)
		}
		if len(p.Names) != 0 && len(p.Names) != p.Count {
			return fmt.Errorf("cluster: node pool %s: %d names for %d nodes", p.Name, len(p.Names), p.Count)
		}
	}
	return nil
}

func (t Topology) checkStoreOnly() error {
	if t.ControlPlane.APIServers != 0 || len(t.NodePools) > 0 {
		return fmt.Errorf("cluster: %d API servers and %d node pools beside the store alone: want none", t.ControlPlane.APIServers, len(t.NodePools))
	}
	return nil
}

// hosts is the number of control-plane machines: enough for the members and the API servers.
func (c ControlPlane) hosts() int { return max(c.APIServers, c.EtcdMembers) }

func (c ControlPlane) zone(i int) string {
	if len(c.Zones) > 0 {
		return c.Zones[i%len(c.Zones)]
	}
	return string(rune('a' + i%26))
}

func (p NodePool) zone(i int) string {
	if len(p.Zones) > 0 {
		return p.Zones[i%len(p.Zones)]
	}
	return "a"
}

func (p NodePool) region() string {
	if p.Region == "" {
		return defaultRegion
	}
	return p.Region
}

func (p NodePool) nodeName(i int) string {
	if i < len(p.Names) {
		return p.Names[i]
	}
	prefix := p.NamePrefix
	if prefix == "" {
		prefix = p.Name + "-"
	}
	return fmt.Sprintf("%s%d", prefix, i)
}

// defaultCapacity is that of the recorded nodes.
var defaultCapacity = corev1.ResourceList{
	corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("16Gi"),
	corev1.ResourcePods: resource.MustParse("110"), corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
}

func (p NodePool) capacity() corev1.ResourceList {
	all := corev1.ResourceList{}
	for name, quantity := range defaultCapacity { //sim:unordered builds another map
		all[name] = quantity
	}
	for name, quantity := range p.Capacity { //sim:unordered builds another map
		all[name] = quantity
	}
	return all
}
