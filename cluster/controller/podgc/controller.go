package podgc

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const (
	// period is the pause between passes, quarantine how long a node must be missing (gcCheckPeriod, quarantineTime).
	period     = 20 * time.Second
	quarantine = 40 * time.Second
	// endedThreshold is how many ended pods are kept (--terminated-pod-gc-threshold).
	endedThreshold = 12500
)

// Controller is the pod garbage collector.
type Controller struct {
	env    *controller.Env
	client *client.Client
	tally  *tally
	cost   host.Op // one pass

	nodes, pods *client.Informer

	// quarantined are the missing nodes, in the queue once their quarantine is over.
	quarantined *client.WorkQueue[string]
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("pod-garbage-collector")
	c.tally = newTally()
	c.cost = env.Process.Op("kcm.podgc.pass")
	c.quarantined = client.NewWorkQueue[string](env.Process, "orphaned_pods_nodes", client.QueueConfig{})
	c.pods = env.Informers.For(api.Pods, client.Options{})
	c.nodes = env.Informers.For(api.Nodes, client.Options{})
	controller.AddPodIndices(c.pods)
	c.pods.OnEvent(client.Handler{
		Add:    func(o api.Object) { c.tally.podAdded(o.(*corev1.Pod)) },
		Update: func(old, cur api.Object) { c.tally.podUpdated(old.(*corev1.Pod), cur.(*corev1.Pod)) },
		Delete: func(o api.Object) { c.tally.podDeleted(o.(*corev1.Pod)) },
	})
	c.nodes.OnEvent(client.Handler{
		Add:    func(o api.Object) { c.tally.nodeAdded(o.GetName()) },
		Delete: func(o api.Object) { c.tally.nodeDeleted(o.GetName()) },
	})
	synced := env.Synced(c.pods, c.nodes)
	env.Process.Go("podgc", func(t *sim.Task) {
		for synced(t) {
			c.pass(t)
			t.Sleep(period)
		}
	})
}

// pass deletes what there is to delete. Failures are left to the next pass.
func (c *Controller) pass(t *sim.Task) {
	c.env.Process.Compute(t, c.cost, int64(c.pods.Len()))
	c.deleteAll(t, c.tally.endedBeyond(endedThreshold))
	c.deleteAll(t, c.outOfService())
	for _, node := range c.tally.missingNodes() {
		c.quarantined.AddAfter(node, quarantine)
	}
	for _, pod := range c.orphans(t) {
		_ = c.deleteNow(t, pod, &corev1.PodCondition{
			Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, ObservedGeneration: pod.Generation,
			Reason: "DeletionByPodGC", Message: "PodGC: node no longer exists", LastTransitionTime: c.env.Now(),
		})
	}
	for _, pod := range c.tally.goingPods() {
		if pod.Spec.NodeName == "" {
			_ = c.deleteNow(t, pod, nil)
		}
	}
}

// outOfService lists pods that are being deleted on nodes that were declared out of service, evicted and old ones first.
func (c *Controller) outOfService() []*corev1.Pod {
	var pods []*corev1.Pod
	for _, pod := range c.tally.goingPods() {
		if found, ok := c.nodes.Get("", pod.Spec.NodeName); ok && isOutOfService(found.(*corev1.Node)) {
			pods = append(pods, pod)
		}
	}
	return pods
}

func isOutOfService(node *corev1.Node) bool {
	if api.IsNodeReady(node) {
		return false
	}
	for i := range node.Spec.Taints {
		if node.Spec.Taints[i].Key == corev1.TaintNodeOutOfService {
			return true
		}
	}
	return false
}

// orphans lists the pods of nodes whose quarantine is over and that the API server does not know either.
func (c *Controller) orphans(t *sim.Task) []*corev1.Pod {
	var pods []*corev1.Pod
	for {
		node, ok := c.quarantined.TryGet()
		if !ok {
			return pods
		}
		if !c.tally.nodes[node] && c.isGone(t, node) {
			pods = append(pods, controller.PodsOn(c.pods, node)...)
		}
		c.quarantined.Done(node)
	}
}

func (c *Controller) isGone(t *sim.Task, node string) bool {
	_, err := client.Get[*corev1.Node](t, c.client, api.Nodes, "", node)
	return apierrors.IsNotFound(err)
}

// deleteAll deletes pods at the same time.
func (c *Controller) deleteAll(t *sim.Task, pods []*corev1.Pod) {
	controller.Parallel(t, len(pods), func(i int, done func(error)) {
		c.startDelete(pods[i], nil, done)
	})
}

// deleteNow deletes one pod and waits for it.
func (c *Controller) deleteNow(t *sim.Task, pod *corev1.Pod, condition *corev1.PodCondition) error {
	_, err := controller.Parallel(t, 1, func(_ int, done func(error)) { c.startDelete(pod, condition, done) })
	return err
}

// startDelete makes a pod fail that has not ended and deletes it without grace.
func (c *Controller) startDelete(pod *corev1.Pod, condition *corev1.PodCondition, done func(error)) {
	if api.IsPodTerminal(pod) {
		c.remove(pod, done)
		return
	}
	var conditions []corev1.PodCondition
	if condition != nil {
		conditions = append(conditions, *condition)
	}
	request := &api.Request{
		Verb: api.VerbPatch, Resource: api.Pods, Subresource: "status", Namespace: pod.Namespace, Name: pod.Name,
		Patch: controller.PodStatusPatch(pod.UID, corev1.PodFailed, pod.Generation, conditions...),
	}
	c.client.Start(request, func(_ *api.Response, err error) {
		if err != nil {
			done(err)
			return
		}
		c.remove(pod, done)
	})
}

func (c *Controller) remove(pod *corev1.Pod, done func(error)) {
	request := &api.Request{
		Verb: api.VerbDelete, Resource: api.Pods, Namespace: pod.Namespace, Name: pod.Name,
		Delete: metav1.NewDeleteOptions(0),
	}
	c.client.Start(request, func(_ *api.Response, err error) { done(err) })
}
