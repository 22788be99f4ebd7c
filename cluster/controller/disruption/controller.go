package disruption

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/controller"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Controller is the disruption controller.
type Controller struct {
	env      *controller.Env
	client   *client.Client
	recorder *client.Recorder
	cost     host.Op

	budgets, pods, replicaSets, deployments, statefulSets, replicationControllers *client.Informer

	// queue holds budgets, recheck those that wait for the deletion of an evicted pod, stale pods whose announced end
	// does not come.
	queue, recheck, stale *client.WorkQueue[string]
}

// New returns a controller that has not been started.
func New() controller.Controller { return &Controller{} }

// Start implements controller.Controller.
func (c *Controller) Start(env *controller.Env) {
	c.env = env
	c.client = env.NewClient("disruption-controller")
	c.recorder = env.Recorder(c.client, "controllermanager")
	c.cost = env.Process.Op("kcm.disruption.sync")
	c.queue = client.NewWorkQueue[string](env.Process, "disruption", client.QueueConfig{})
	c.recheck = client.NewWorkQueue[string](env.Process, "disruption_recheck", client.QueueConfig{})
	c.stale = client.NewWorkQueue[string](env.Process, "stale_pod_disruption", client.QueueConfig{})
	c.pods = env.Informers.For(api.Pods, client.Options{})
	c.budgets = env.Informers.For(api.PodDisruptionBudgets, client.Options{})
	c.replicationControllers = env.Informers.For(api.ReplicationControllers, client.Options{})
	c.replicaSets = env.Informers.For(api.ReplicaSets, client.Options{})
	c.deployments = env.Informers.For(api.Deployments, client.Options{})
	c.statefulSets = env.Informers.For(api.StatefulSets, client.Options{})
	c.watch()
	synced := env.Synced(c.pods, c.budgets, c.replicationControllers, c.replicaSets, c.deployments, c.statefulSets)
	// One worker for each queue, as upstream.
	for _, w := range []controller.Workers[string]{
		{Name: "disruption", Queue: c.queue, Count: 1, Sync: c.sync},
		{Name: "disruption.recheck", Queue: c.recheck, Count: 1, Sync: c.syncRecheck},
		{Name: "disruption.stale", Queue: c.stale, Count: 1, Sync: c.syncStale},
	} {
		w.Run(env.Process, synced)
	}
}

func (c *Controller) watch() {
	enqueue := func(o api.Object) { c.queue.Add(api.KeyOf(o)) }
	c.budgets.OnEvent(client.Handler{Add: enqueue, Update: func(_, cur api.Object) { enqueue(cur) }, Delete: enqueue})
	c.pods.OnEvent(client.Handler{
		Add:    func(o api.Object) { c.podChanged(o.(*corev1.Pod)) },
		Update: func(_, cur api.Object) { c.podChanged(cur.(*corev1.Pod)) },
		Delete: func(o api.Object) { c.enqueueBudget(o.(*corev1.Pod)) },
	})
}

func (c *Controller) podChanged(pod *corev1.Pod) {
	c.enqueueBudget(pod)
	if wait, stale := c.untilStale(pod); stale {
		c.stale.AddAfter(api.KeyOf(pod), wait)
	}
}

// enqueueBudget wakes the budget that selects the pod; of several the first, which is as arbitrary as upstream's choice.
func (c *Controller) enqueueBudget(pod *corev1.Pod) {
	if c.budgets.Len() == 0 {
		return
	}
	var matching []api.Object
	for _, o := range c.budgets.List(pod.Namespace, nil) {
		if api.Selector(o.(*policyv1.PodDisruptionBudget).Spec.Selector).Matches(labels.Set(pod.Labels)) {
			matching = append(matching, o)
		}
	}
	if len(matching) == 0 {
		return
	}
	if len(matching) > 1 {
		c.recorder.Event(pod, corev1.EventTypeWarning, "MultiplePodDisruptionBudgets", fmt.Sprintf(
			"Pod %q/%q matches multiple PodDisruptionBudgets.  Chose %q arbitrarily.", pod.Namespace, pod.Name, matching[0].GetName()))
	}
	c.queue.Add(api.KeyOf(matching[0]))
}

func (c *Controller) sync(t *sim.Task, key string) error {
	found, ok := c.budgets.Get(api.SplitKey(key))
	if !ok {
		return nil
	}
	b := found.(*policyv1.PodDisruptionBudget)
	err := c.trySync(t, key, b)
	if err == nil || apierrors.IsConflict(err) {
		return err
	}
	_, err = client.UpdateStatus(t, c.client, api.PodDisruptionBudgets, failedStatus(b, err, c.env.Now()))
	return err
}

func (c *Controller) trySync(t *sim.Task, key string, b *policyv1.PodDisruptionBudget) error {
	pods := api.Items[*corev1.Pod](c.pods.List(b.Namespace, api.Selector(b.Spec.Selector)))
	c.env.Process.Compute(t, c.cost, int64(len(pods)))
	if len(pods) == 0 {
		c.recorder.Event(b, corev1.EventTypeNormal, "NoPods", "No matching pods found")
	}
	expected, err := c.expected(t, b, pods)
	if err != nil {
		return err
	}
	wanted, err := desired(b, expected)
	if err != nil {
		return c.miscalculated(b, err)
	}
	now := c.env.Clock()
	marked, due, overdue := stillDisrupted(b, pods, now)
	for _, pod := range overdue {
		// The namespace twice, where the budget's name was meant, is upstream's.
		c.recorder.Eventf(pod, corev1.EventTypeWarning, "NotDeleted", "Pod was expected by PDB %s/%s to be deleted but it wasn't",
			b.Namespace, b.Namespace)
	}
	next, changed := withStatus(b, healthy(pods, marked, now), wanted, expected, marked, c.env.Now())
	if changed {
		if _, err := client.UpdateStatus(t, c.client, api.PodDisruptionBudgets, next); err != nil {
			return err
		}
	}
	if !due.IsZero() {
		c.recheck.AddAfter(key, due.Sub(now))
	}
	return nil
}

// expected is how many pods there should be.
func (c *Controller) expected(t *sim.Task, b *policyv1.PodDisruptionBudget, pods []*corev1.Pod) (int32, error) {
	if !needsScale(b) {
		if b.Spec.MinAvailable == nil {
			return 0, nil
		}
		return int32(len(pods)), nil
	}
	expected, unmanaged, err := c.expectedScale(t, pods)
	if err != nil {
		return 0, c.miscalculated(b, err)
	}
	if len(unmanaged) > 0 {
		c.recorder.Eventf(b, corev1.EventTypeWarning, "UnmanagedPods", "Pods selected by this PodDisruptionBudget (selector: %v) were found "+
			"to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. "+
			"To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value.", b.Spec.Selector)
	}
	return expected, nil
}

func (c *Controller) miscalculated(b *policyv1.PodDisruptionBudget, err error) error {
	c.recorder.Eventf(b, corev1.EventTypeWarning, "CalculateExpectedPodCountFailed", "Failed to calculate the number of expected pods: %v", err)
	return err
}

func (c *Controller) syncRecheck(_ *sim.Task, key string) error {
	c.queue.AddRateLimited(key)
	return nil
}

// staleAfter is how long a pod may carry an announced end (stalePodDisruptionTimeout).
const staleAfter = 2 * time.Minute

// untilStale is when the pod's announced end is to be taken back; stale is false if none was announced or it has come.
func (c *Controller) untilStale(pod *corev1.Pod) (wait time.Duration, stale bool) {
	if pod.DeletionTimestamp != nil || api.IsPodTerminal(pod) {
		return 0, false
	}
	announced := api.PodCondition(pod, corev1.DisruptionTarget)
	if announced == nil || announced.Status != corev1.ConditionTrue || announced.Reason == corev1.PodReasonTerminationByKubelet {
		return 0, false
	}
	return max(0, staleAfter-c.env.Clock().Sub(announced.LastTransitionTime.Time)), true
}

func (c *Controller) syncStale(t *sim.Task, key string) error {
	found, ok := c.pods.Get(api.SplitKey(key))
	if !ok {
		return nil
	}
	pod := found.(*corev1.Pod)
	wait, stale := c.untilStale(pod)
	if !stale {
		return nil
	}
	if wait > 0 {
		c.stale.AddAfter(key, wait)
		return nil
	}
	now := c.env.Now()
	next := api.Shallow(pod)
	next.Status.Conditions, _ = api.WithPodCondition(pod.Status.Conditions, corev1.PodCondition{
		Type: corev1.DisruptionTarget, Status: corev1.ConditionFalse, ObservedGeneration: pod.Generation, LastTransitionTime: now,
	}, now)
	_, err := client.UpdateStatus(t, c.client, api.Pods, next)
	return err
}
