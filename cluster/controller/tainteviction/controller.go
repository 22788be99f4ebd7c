package tainteviction

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Controller is the taint eviction controller.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	recorder *client.Recorder
	timers   *timers
	cost     host.Op // deciding about one pod

	nodes, pods *client.Informer

	// tainted are the NoExecute taints of the nodes that have any, as they were dealt with last.
	tainted map[string][]corev1.Taint

	nodeQueue, podQueue changes
}

// changes is a queue of names without duplicates.
type changes struct {
	sim.Queue[types.NamespacedName]
	queued map[types.NamespacedName]bool
}

func (q *changes) add(name types.NamespacedName) {
	if q.queued == nil {
		q.queued = make(map[types.NamespacedName]bool)
	}
	if !q.queued[name] {
		q.queued[name] = true
		q.Push(name)
	}
}

func (q *changes) pop() (types.NamespacedName, bool) {
	name, ok := q.Pop()
	delete(q.queued, name)
	return name, ok
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	// The account of the node lifecycle controller, but a clientset and token bucket of its own.
	c.client = env.NewClient("node-controller")
	c.recorder = env.Recorder(c.client, "taint-eviction-controller")
	c.timers = newTimers(env.Process, c.evict)
	c.cost = env.Process.Op("kcm.tainteviction.pod")
	c.tainted = make(map[string][]corev1.Taint)
	c.pods = env.Informers.For(api.Pods, client.Options{})
	c.nodes = env.Informers.For(api.Nodes, client.Options{})
	controller.AddPodIndices(c.pods)
	c.watch()
	synced := env.Synced(c.pods, c.nodes)
	env.Process.Go("tainteviction", func(t *sim.Task) {
		if synced(t) {
			c.work(t)
		}
	})
}

func (c *Controller) watch() {
	c.nodes.OnEvent(client.Handler{
		Add:    func(o api.Object) { c.nodeQueue.add(types.NamespacedName{Name: o.GetName()}) },
		Update: func(old, cur api.Object) { c.nodeUpdated(old.(*corev1.Node), cur.(*corev1.Node)) },
		Delete: func(o api.Object) { c.nodeQueue.add(types.NamespacedName{Name: o.GetName()}) },
	})
	c.pods.OnEvent(client.Handler{
		Add: func(o api.Object) { c.podChanged(o.(*corev1.Pod)) },
		Update: func(o, n api.Object) {
			old, cur := o.(*corev1.Pod), n.(*corev1.Pod)
			if old.Spec.NodeName != cur.Spec.NodeName || !api.Shared(old.Spec.Tolerations, cur.Spec.Tolerations) && !equality.Semantic.DeepEqual(old.Spec.Tolerations, cur.Spec.Tolerations) {
				c.podChanged(cur)
			}
		},
		Delete: func(o api.Object) {
			if name := nameOf(o); c.timers.pending[name] != nil {
				c.podQueue.add(name)
			}
		},
	})
}

func nameOf(o api.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

func (c *Controller) nodeUpdated(old, cur *corev1.Node) {
	if len(old.Spec.Taints) == 0 && len(cur.Spec.Taints) == 0 {
		return
	}
	if !equality.Semantic.DeepEqual(noExecute(old.Spec.Taints), noExecute(cur.Spec.Taints)) {
		c.nodeQueue.add(types.NamespacedName{Name: cur.Name})
	}
}

// podChanged queues a pod on a node with taints. On other nodes there is nothing to decide; should taints be on their
// way, all pods of the node will be looked at.
func (c *Controller) podChanged(pod *corev1.Pod) {
	if len(c.tainted[pod.Spec.NodeName]) > 0 {
		c.podQueue.add(nameOf(pod))
	}
}

// work handles changes of nodes before those of pods, which depend on them.
func (c *Controller) work(t *sim.Task) {
	for {
		t.Wait(sim.Forever, &c.nodeQueue, &c.podQueue)
		if node, ok := c.nodeQueue.pop(); ok {
			c.handleNode(t, node.Name)
		} else if pod, ok := c.podQueue.pop(); ok {
			c.handlePod(t, pod)
		}
	}
}

func (c *Controller) handleNode(t *sim.Task, name string) {
	found, ok := c.nodes.Get("", name)
	if !ok {
		delete(c.tainted, name)
		return
	}
	taints := noExecute(found.(*corev1.Node).Spec.Taints)
	if len(taints) == 0 && len(c.tainted[name]) == 0 && len(c.timers.pending) == 0 {
		return // Nothing to cancel.
	}
	// Before the pods are listed: those that come later see the new taints.
	if len(taints) == 0 {
		delete(c.tainted, name)
	} else {
		c.tainted[name] = taints
	}
	pods := controller.PodsOn(c.pods, name)
	c.env.Process.Compute(t, c.cost, int64(len(pods)))
	now := c.env.Process.Monotonic()
	for _, pod := range pods {
		if len(taints) == 0 {
			c.cancel(nameOf(pod))
		} else {
			c.decide(pod, taints, now)
		}
	}
}

func (c *Controller) handlePod(t *sim.Task, name types.NamespacedName) {
	c.env.Process.Compute(t, c.cost, 1)
	found, ok := c.pods.Get(name.Namespace, name.Name)
	if !ok {
		c.cancel(name)
		return
	}
	pod := found.(*corev1.Pod)
	if taints := c.tainted[pod.Spec.NodeName]; len(taints) > 0 {
		c.decide(pod, taints, c.env.Process.Monotonic())
	}
}

// decide schedules, keeps or cancels the eviction of a pod on a node with taints.
func (c *Controller) decide(pod *corev1.Pod, taints []corev1.Taint, now sim.Monotonic) {
	name := nameOf(pod)
	stay, evict := tolerated(taints, pod.Spec.Tolerations)
	switch {
	case evict:
		// What was scheduled is void: the pod goes now.
		c.cancel(name)
		c.timers.add(name, now, 0)
		return
	case stay == forEver:
		c.cancel(name)
		return
	}
	created := now
	if scheduled, ok := c.timers.scheduled(name); ok {
		if scheduled < now {
			return // Its time runs since then.
		}
		created = scheduled
		c.cancel(name)
	}
	c.timers.add(name, created, stay)
}

// cancel stops a waiting eviction, if any, and says so.
func (c *Controller) cancel(pod types.NamespacedName) {
	if c.timers.cancel(pod) {
		c.record(pod, "Cancelling deletion of Pod "+pod.String())
	}
}
