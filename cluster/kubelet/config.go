package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Config describes the kubelet of one node. Zero values mean the defaults.
type Config struct {
	NodeName string
	Network  *network.Network
	Server   network.Address
	Metrics  *metrics.Registry // may be nil

	// Capacity of the node; what it leaves out is 110 pods and 100 GiB of disk.
	Capacity corev1.ResourceList
	Labels   map[string]string
	Taints   []corev1.Taint // at registration
	NodeIP   string
	// PodCIDR is used until the node's spec names one.
	PodCIDR    string
	ProviderID string
	StaticPods []*corev1.Pod

	// QPSMilli and Burst replace the rate of the client for work, if not 0: thousandths of a request a second.
	QPSMilli int64
	Burst    int

	// Runtime configures the node's containerd.
	Runtime runtime.Config
}

// Periods, limits and back-offs, with the field of KubeletConfiguration or the constant of pkg/kubelet they come from.
const (
	statusPeriod       = 10 * time.Second // nodeStatusUpdateFrequency
	reportPeriod       = 5 * time.Minute  // nodeStatusReportFrequency
	leaseSeconds       = 40               // nodeLeaseDurationSeconds
	leasePeriod        = 10 * time.Second // a quarter of it: nodeLeaseRenewIntervalFraction
	resyncPeriod       = time.Minute      // syncFrequency
	relistPeriod       = time.Second      // genericPlegRelistPeriod
	syncTick           = time.Second      // syncTicker of the sync loop
	housekeepingPeriod = 2 * time.Second  // housekeepingPeriod
	runtimePeriod      = 5 * time.Second  // updateRuntimeUp
	runtimeTimeout     = 30 * time.Second // maxWaitForContainerRuntime
	reconcilePeriod    = 10 * time.Second // syncPeriod of the status manager
	fastStatusPeriod   = 100 * time.Millisecond
	fastStatusLimit    = 2 * time.Minute  // nodeReadyGracePeriod
	syncBackoff        = 10 * time.Second // backOffPeriod
	transientBackoff   = time.Second      // backOffOnTransientErrorPeriod
	crashBackoff       = 10 * time.Second // initialCrashLoopBackOff
	crashBackoffMax    = 5 * time.Minute  // MaxCrashLoopBackOff
	imageBackoff       = 10 * time.Second // imageBackOffPeriod
	imageBackoffMax    = 5 * time.Minute  // MaxImageBackOff
	minimumGrace       = 2                // minimumGracePeriodInSeconds
	statusRetries      = 5                // nodeStatusUpdateRetry
	leaseRetries       = 5                // maxUpdateRetries of component-helpers' lease controller
	restartGrace       = 10 * time.Second // kubeletRestartGracePeriod of the prober

	kubeQPSMilli  = 50_000 // kubeAPIQPS, and kubeAPIBurst
	kubeBurst     = 100
	eventQPSMilli = 50_000 // eventRecordQPS, and eventBurst
	eventBurst    = 100
	pullQPSMilli  = 5_000 // registryPullQPS, and registryBurst
	pullBurst     = 10
)

// jitters, as a part of the period: wait.Jitter(period, 1/part) adds up to that.
const (
	heartbeatJitterPart = 25 // .04 of the lease and the node status
	workerJitterPart    = 2  // workerResyncIntervalJitterFactor, workerBackOffPeriodJitterFactor: .5
)

// Purposes of the kubelet's draws.
const (
	purposeHeartbeat sim.Purpose = iota
	purposeReport
	purposeWorker
	purposeProbe
)

// moment is a reading of the node's monotonic clock.
type moment = sim.Monotonic

// Node is a machine that runs a kubelet and its container runtime.
type Node struct {
	Machine *host.Machine
	Runtime *runtime.Runtime
	Process *host.Process // the kubelet's
	boots   uint32
	current *Kubelet // of the running incarnation
	// checkpoint is the device manager's file, kubelet_internal_checkpoint: who has which devices. It is there as soon as it is
	// written; the kubelet writes it before a pod starts.
	checkpoint map[types.UID]holding
}

// Spawn puts a kubelet and its runtime on a machine: they start with it and come back after crashes.
func Spawn(m *host.Machine, c Config) *Node {
	n := &Node{Machine: m, boots: 1, checkpoint: map[types.UID]holding{}}
	m.Observe((*bootCounter)(n))
	n.Runtime = runtime.New(m, c.Runtime)
	n.Process = m.Spawn("kubelet", func(p *host.Process) {
		n.current = start(p, c, n)
	})
	return n
}

// Kubelet returns the running kubelet, or nil while it is down.
func (n *Node) Kubelet() *Kubelet {
	if !n.Process.IsUp() {
		return nil
	}
	return n.current
}

// bootCounter counts the machine's boots, for the boot ID, and tells the kubelet that containerd is gone.
type bootCounter Node

func (b *bootCounter) ProcessDown(p *host.Process) {
	n := (*Node)(b)
	if n.Runtime != nil && p == n.Runtime.Daemon() && n.Kubelet() != nil {
		n.current.runtimeChanged()
	}
}
func (b *bootCounter) MachineUp(*host.Machine)      { b.boots++ }
func (b *bootCounter) MachineDown(*host.Machine)    {}
func (b *bootCounter) ProcessPaused(*host.Process)  {}
func (b *bootCounter) ProcessResumed(*host.Process) {}

func nodeUser(node string) *api.User {
	return &api.User{Name: "system:node:" + node, Groups: []string{"system:nodes", "system:authenticated"}}
}
