package scheduler

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	schedulingv1alpha2 "k8s.io/api/scheduling/v1alpha2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

// errGroupUnschedulable is why pods fail whose group does not come together.
var errGroupUnschedulable = errors.New("pod group is unschedulable")

// groupAttempt is an attempt to schedule the pods of a PodGroup that have no node, all on one snapshot: first on trial, each pod seeing the
// ones before it as placed; then, if Permit let one of them through, for good.
type groupAttempt struct {
	s         *Scheduler
	namespace string
	name      string
	trials    []*trial
	// status is the group's: success, rejected or an error. preempting says that it would fit once victims are gone.
	status     *framework.Status
	preempting bool
}

// trial is one pod's part.
type trial struct {
	*attempt
	work     runtime.Work
	status   *framework.Status
	nominate *framework.NominatingInfo
	// permit is what Permit said, and preempts that the pod counts as placed where it preempts.
	permit   *framework.Status
	preempts bool
	placed   bool
	done     bool // it was tried
}

// inGroup reports whether a pod is scheduled with its group (feature gate GenericWorkload).
func (s *Scheduler) inGroup(pod *corev1.Pod) bool {
	return s.config.PodGroups && framework.GroupOf(pod) != ""
}

// scheduleGroup takes a popped pod and the others of its group through the serial part.
func (s *Scheduler) scheduleGroup(t *sim.Task, first *framework.QueuedPodInfo) {
	g := &groupAttempt{s: s, namespace: first.Pod.Namespace, name: framework.GroupOf(first.Pod)}
	pods, err := s.popGroup(g, first)
	if err != nil {
		for _, pod := range pods {
			if a := s.newAttempt(pod); a.fw != nil {
				a.fail(t, framework.AsStatus(err), clearNomination)
			} else {
				s.queue.Done(pod.Pod.UID)
			}
		}
		return
	}
	for _, pod := range pods {
		if s.profiles[pod.Pod.Spec.SchedulerName] == nil || s.skip(pod.Pod) {
			s.queue.Done(pod.Pod.UID)
			continue
		}
		g.trials = append(g.trials, &trial{attempt: s.newAttempt(pod)})
	}
	if len(g.trials) == 0 {
		return
	}
	s.cache.UpdateSnapshot(s.snapshot)
	g.try()
	for _, a := range g.trials {
		if a.done {
			a.charge(t, a.work)
			a.publish(t)
		}
	}
	g.settle(t)
	g.report(t)
}

func (s *Scheduler) newAttempt(pod *framework.QueuedPodInfo) *attempt {
	a := &attempt{s: s, fw: s.profiles[pod.Pod.Spec.SchedulerName], pod: pod, cycle: framework.NewCycle(pod.PodInfo, s.snapshot), start: s.process.Monotonic()}
	a.cycle.Signature, a.cycle.Number = pod.Signature, s.queue.SchedulingCycle()
	return a
}

// popGroup takes the group's other pods without a node out of the queue, wherever they wait, but for gated ones. They are tried by
// priority, then by when they first became active.
func (s *Scheduler) popGroup(g *groupAttempt, first *framework.QueuedPodInfo) ([]*framework.QueuedPodInfo, error) {
	pods := []*framework.QueuedPodInfo{first}
	state := s.cache.Groups.State(g.namespace, g.name)
	if state == nil {
		return pods, fmt.Errorf("error while retrieving pod group state: pod group state not found for pod group %s/%s", g.namespace, g.name)
	}
	for _, pod := range state.Unscheduled() {
		if pod.Name == first.Pod.Name {
			continue
		}
		if popped := s.queue.PopSpecific(pod); popped != nil {
			pods = append(pods, popped)
		}
	}
	slices.SortStableFunc(pods, func(a, b *framework.QueuedPodInfo) int {
		return cmp.Or(cmp.Compare(b.Priority(), a.Priority()), cmp.Compare(a.InitialAttempt, b.InitialAttempt), cmp.Compare(a.Sequence, b.Sequence))
	})
	want := pods[0].Pod.Spec.SchedulerName
	for _, pod := range pods {
		if name := pod.Pod.Spec.SchedulerName; name != want {
			return pods, fmt.Errorf("all pods in a single pod group should have the same .spec.schedulerName set, got: %q and %q", name, want)
		}
	}
	return pods, nil
}

// try places the pods one after the other, and takes everything back. Nothing else happens meanwhile.
func (g *groupAttempt) try() {
	g.status = framework.NewStatus(framework.Unschedulable).WithError(errGroupUnschedulable)
	preempts := false
	for _, a := range g.trials {
		a.tryInGroup()
		if !a.status.IsSuccess() && !a.preempts {
			if a.status.IsRejected() {
				continue
			}
			g.status = framework.AsStatus(fmt.Errorf("failed to schedule other pod from a pod group: %w", a.status.AsError()))
			g.preempting = false
			break
		}
		preempts = preempts || a.preempts
		if !a.permit.IsSuccess() {
			continue
		}
		if g.status = nil; preempts {
			g.status = framework.NewStatus(framework.Unschedulable, "pod group is waiting for preemption to complete").WithError(errGroupUnschedulable)
			g.preempting = true
		}
	}
	for _, a := range slices.Backward(g.trials) {
		if a.placed {
			a.revert()
		}
	}
	g.s.cache.UpdateSnapshot(g.s.snapshot)
}

// tryInGroup looks for a node and counts the pod as placed there; or where it preempts, as if its victims were gone.
func (a *trial) tryInGroup() {
	a.done = true
	a.s.config.Stopwatch.start()
	a.status, a.nominate, a.work = a.compute()
	switch {
	case a.status.IsSuccess():
	case a.nominate != nil && a.nominate.Node != "":
		a.preempts = true
		a.result = runtime.Result{Node: a.nominate.Node, Slot: a.cycle.Snapshot.Node(a.nominate.Node).Slot}
	default:
		return
	}
	entry, pod := a.attempt.pod, a.cycle.Pod
	status := a.assume()
	if !status.IsSuccess() {
		a.status, a.nominate, a.preempts = status, clearNomination, false
		a.attempt.pod, a.cycle.Pod = entry, pod
		return
	}
	a.placed = true
	_, a.permit = a.fw.Permit(a.cycle, a.result.Node)
	if !a.permit.IsSuccess() && !a.permit.IsWait() {
		a.revert()
		a.status, a.nominate, a.preempts = a.rejectedHere(a.permit), clearNomination, false
	}
	a.s.cache.UpdateSnapshot(a.s.snapshot)
}

// revert takes the pod back from its node. What its nomination was before, it is again.
func (a *trial) revert() {
	a.placed = false
	a.unreserve()
	entry := *a.attempt.pod
	before := api.Shallow(entry.Pod)
	before.Spec.NodeName = ""
	entry.PodInfo = a.s.symbols.With(entry.PodInfo, before)
	a.attempt.pod, a.cycle.Pod = &entry, entry.PodInfo
	if node := before.Status.NominatedNodeName; node != "" {
		a.s.queue.Nominate(entry.PodInfo, &framework.NominatingInfo{Node: node})
	}
}

// settle does what was found out: binds the pods of a group that comes together, and returns all others to the queue.
func (g *groupAttempt) settle(t *sim.Task) {
	for _, a := range g.trials {
		switch {
		case g.status.IsError():
			status := g.status
			if a.status.IsError() {
				status = a.status
			}
			a.fail(t, status, clearNomination)
		case !a.done:
			a.fail(t, g.status, clearNomination)
		case a.status.IsSuccess() && g.status.IsSuccess():
			a.commit(t)
		case a.status.IsSuccess() && g.preempting:
			a.fail(t, g.status, &framework.NominatingInfo{Node: a.result.Node})
		case a.status.IsSuccess(), a.preempts && !g.preempting:
			a.fail(t, framework.NewStatus(framework.Unschedulable, a.permit.Message()).WithError(errGroupUnschedulable), clearNomination)
		default:
			a.fail(t, a.status, a.nominate)
		}
	}
}

// commit places the pod for good.
func (a *trial) commit(t *sim.Task) {
	status := a.assume()
	var waits []runtime.PermitWait
	if status.IsSuccess() {
		waits, status = a.attempt.permit()
	}
	if !status.IsSuccess() {
		a.fail(t, status, clearNomination)
		return
	}
	a.s.queue.Activate(a.cycle.TakeActivations()...)
	a.bind(waits)
}

// report writes the group's condition. One that says that the group was scheduled once stays.
func (g *groupAttempt) report(t *sim.Task) {
	s := g.s
	group := get[*schedulingv1alpha2.PodGroup](s.known.groups, g.namespace, g.name)
	if group == nil {
		return
	}
	condition := g.condition()
	existing := meta.FindStatusCondition(group.Status.Conditions, condition.Type)
	if existing != nil && existing.Status == metav1.ConditionTrue && condition.Status != metav1.ConditionTrue {
		return
	}
	condition.ObservedGeneration, condition.LastTransitionTime = group.Generation, client.Now(s.process)
	change := func(old api.Object) (api.Object, error) {
		updated := old.(*schedulingv1alpha2.PodGroup).DeepCopy()
		meta.SetStatusCondition(&updated.Status.Conditions, condition)
		return updated, nil
	}
	if meta.SetStatusCondition(&group.DeepCopy().Status.Conditions, condition) {
		// An error is only logged upstream.
		_, _ = s.client.Do(t, &api.Request{
			Verb: api.VerbPatch, Resource: api.PodGroups, Subresource: "status", Namespace: g.namespace, Name: g.name,
			Patch: &api.PatchBody{Apply: change, SizeBytes: groupConditionBytes},
		})
	}
}

// groupConditionBytes is the modelled size of a patch of one condition.
const groupConditionBytes = 256

func (g *groupAttempt) condition() metav1.Condition {
	c := metav1.Condition{Type: schedulingv1alpha2.PodGroupScheduled, Status: metav1.ConditionFalse, Message: g.status.Message()}
	switch {
	case g.status.IsSuccess():
		c.Status, c.Reason = metav1.ConditionTrue, "Scheduled"
	case g.status.IsRejected():
		c.Reason = schedulingv1alpha2.PodGroupReasonUnschedulable
	default:
		c.Reason = schedulingv1alpha2.PodGroupReasonSchedulerError
	}
	return c
}

// podGroups shows plugins the groups: framework.PodGroups.
type podGroups Scheduler

func (g *podGroups) Object(namespace, name string) *schedulingv1alpha2.PodGroup {
	return get[*schedulingv1alpha2.PodGroup](g.known.groups, namespace, name)
}

func (g *podGroups) State(namespace, name string) framework.PodGroupState {
	return g.cache.Groups.State(namespace, name)
}
