package nodelifecycle

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// monitorPeriod is the pause between two looks at all nodes (--node-monitor-period).
	monitorPeriod = 5 * time.Second
	// nodeWorkers and podWorkers are upstream's nodeUpdateWorkerSize and podUpdateWorkerSize.
	nodeWorkers = 8
	podWorkers  = 4
)

// Controller is the node lifecycle controller.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	recorder *client.Recorder
	draws    *sim.Stream

	nodes, leases, pods *client.Informer

	nodeQueue *client.WorkQueue[string]
	podQueue  *client.WorkQueue[types.NamespacedName]
	nodeCost  host.Op // one pass of a node worker
	lookCost  host.Op // one node in a monitor pass

	// known are the nodes that were announced, health what is known of each.
	known  map[string]*corev1.Node
	health map[string]*health
	// retry are nodes whose pods could not all be marked.
	retry map[string]bool

	// places are those of the nodes of the last pass, in its order.
	places []place

	states map[string]zoneState
	queues map[string]*taintQueue
	// tainting is set while any queue has something that can be let through.
	tainting sim.Signal
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("node-controller")
	c.recorder = env.Recorder(c.client, "node-controller")
	c.draws = env.Process.Stream(env.Process.Name() + "/nodelifecycle")
	c.nodeCost = env.Process.Op("kcm.nodelifecycle.node")
	c.lookCost = env.Process.Op("kcm.nodelifecycle.look")
	c.known, c.health = make(map[string]*corev1.Node), make(map[string]*health)
	c.retry = make(map[string]bool)
	c.states, c.queues = make(map[string]zoneState), make(map[string]*taintQueue)
	c.leases = env.Informers.For(api.Leases, client.Options{})
	c.pods = env.Informers.For(api.Pods, client.Options{})
	c.nodes = env.Informers.For(api.Nodes, client.Options{})
	controller.AddPodIndices(c.pods)
	c.nodeQueue = client.NewWorkQueue[string](env.Process, "node_lifecycle_controller", client.QueueConfig{})
	c.podQueue = client.NewWorkQueue[types.NamespacedName](env.Process, "node_lifecycle_controller_pods", client.QueueConfig{})
	c.watch()
	c.run()
}

func (c *Controller) run() {
	p, synced := c.env.Process, c.env.Synced(c.leases, c.nodes, c.pods)
	nodes := controller.Workers[string]{Name: "nodelifecycle.node", Queue: c.nodeQueue, Count: nodeWorkers, Sync: c.syncNode}
	nodes.Run(p, synced)
	pods := controller.Workers[types.NamespacedName]{Name: "nodelifecycle.pod", Queue: c.podQueue, Count: podWorkers, Sync: c.syncPod}
	pods.Run(p, synced)
	p.Go("nodelifecycle.taint", func(t *sim.Task) {
		if synced(t) {
			c.taintForEver(t)
		}
	})
	p.Go("nodelifecycle.monitor", func(t *sim.Task) {
		for synced(t) {
			c.monitor(t)
			t.Sleep(monitorPeriod)
		}
	})
}

func (c *Controller) watch() {
	c.nodes.OnEvent(client.Handler{
		Add:    func(o api.Object) { c.nodeQueue.Add(o.GetName()) },
		Update: func(_, cur api.Object) { c.nodeQueue.Add(cur.GetName()) },
		Delete: func(o api.Object) { delete(c.retry, o.GetName()) },
	})
	c.pods.OnEvent(client.Handler{
		Add: func(o api.Object) { c.podBound(o.(*corev1.Pod)) },
		Update: func(old, cur api.Object) {
			if pod := cur.(*corev1.Pod); pod.Spec.NodeName != old.(*corev1.Pod).Spec.NodeName {
				c.podBound(pod)
			}
		},
	})
}

// now reads both clocks.
func (c *Controller) now() clock {
	return clock{wall: c.env.Clock(), monotonic: c.env.Process.Monotonic()}
}

// lease is the node's Lease as the informer knows it, or nil.
func (c *Controller) lease(node string) *coordinationv1.Lease {
	if o, ok := c.leases.Get(corev1.NamespaceNodeLease, node); ok {
		return o.(*coordinationv1.Lease)
	}
	return nil
}

// nodeReference is how Events name a node: by name and uid, without a version.
func nodeReference(node *corev1.Node) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}
}
