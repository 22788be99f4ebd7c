package defaultpreemption

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// execution is a preemption on its way: all victims but one at once, then the last. Until the last one's deletion is seen, the pod
// is kept back; after that, whoever sees it may let the pod in.
type execution struct {
	plugin  *DefaultPreemption
	pod     *corev1.Pod
	node    string
	victims []*corev1.Pod
	left    int // answers to wait for before the last victim
	failed  bool
	last    *corev1.Pod // set once its turn has come
	release func()      // lets the serial loop go on, where it waits
}

// execute starts a preemption. The scheduler does not wait for it, unless the feature gate is off.
func (p *DefaultPreemption) execute(cycle *framework.Cycle, c candidate, pod *corev1.Pod) {
	e := &execution{plugin: p, pod: pod, node: c.node}
	for _, v := range c.victims {
		if v.Pod.DeletionTimestamp == nil {
			e.victims = append(e.victims, v.Pod)
		}
	}
	if len(e.victims) == 0 {
		return
	}
	p.handle.Observe.PreemptionVictims(len(c.victims))
	if p.handle.SynchronousPreemption {
		e.release = cycle.Hold()
		e.deleteAtOnce()
		return
	}
	p.preempting[pod.UID] = e
	e.clearNominations(p.lesserNominees(c.node, pod), e.deleteVictims)
}

// deleteAtOnce deletes all victims side by side, lets lesser pods look elsewhere, and lets the loop go on. The pod is not kept back.
func (e *execution) deleteAtOnce() {
	e.left = len(e.victims)
	for _, victim := range e.victims {
		e.delete(victim, func(err error) {
			e.failed = e.failed || err != nil
			if e.left--; e.left > 0 {
				return
			}
			if e.failed {
				e.release()
				return
			}
			e.clearNominations(e.plugin.lesserNominees(e.node, e.pod), e.release)
		})
	}
}

// lesserNominees returns the pods of lower priority that wait for room on the node: they may no longer fit.
func (p *DefaultPreemption) lesserNominees(node string, pod *corev1.Pod) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, nominee := range p.handle.Nominator.NominatedPods(node) {
		if nominee.Priority() < framework.Priority(pod) && nominee.Pod.Status.NominatedNodeName != "" {
			pods = append(pods, nominee.Pod)
		}
	}
	return pods
}

// clearNominations lets the pods look elsewhere, one after the other.
func (e *execution) clearNominations(pods []*corev1.Pod, then func()) {
	if len(pods) == 0 {
		then()
		return
	}
	e.plugin.handle.Actions.Nominate(pods[0], "", func(err error) {
		e.failed = e.failed || err != nil
		e.clearNominations(pods[1:], then)
	})
}

func (e *execution) deleteVictims() {
	others := e.victims[:len(e.victims)-1]
	if len(others) == 0 {
		e.deleteLast()
		return
	}
	e.left = len(others)
	failed := false
	for _, victim := range others {
		e.delete(victim, func(err error) {
			failed = failed || err != nil
			if e.left--; e.left > 0 {
				return
			}
			if failed {
				e.failed = true
				e.end()
			} else {
				e.deleteLast()
			}
		})
	}
}

func (e *execution) deleteLast() {
	e.last = e.victims[len(e.victims)-1]
	e.delete(e.last, func(err error) {
		e.failed = e.failed || err != nil
		e.end()
	})
}

// end lets the pod in. After a failure nobody else may bring it back, so that it is made active.
func (e *execution) end() {
	delete(e.plugin.preempting, e.pod.UID)
	if e.failed {
		e.plugin.handle.Actions.Activate(e.pod)
	}
}

// isNearlyOver reports whether the last victim is seen to be leaving: its deletion may bring the pod back before the answer to the
// request does.
func (e *execution) isNearlyOver() bool {
	if e.last == nil {
		return false
	}
	current := e.plugin.handle.Listers.Pod(e.last.Namespace, e.last.Name)
	return current == nil || current.DeletionTimestamp != nil
}

// delete sends a victim away: it is told why, and then deleted with its own grace period. One that waits at Permit only goes
// back to the queue.
func (e *execution) delete(victim *corev1.Pod, done func(error)) {
	actions := e.plugin.handle.Actions
	note := fmt.Sprintf("Preempted by pod %v on node %v", e.pod.UID, e.node)
	if actions.PreemptWaiting(victim.UID, names.DefaultPreemption) {
		e.report(victim, note+" (in kube-scheduler memory).")
		done(nil)
		return
	}
	condition := corev1.PodCondition{
		Type: corev1.DisruptionTarget, ObservedGeneration: victim.Generation, Status: corev1.ConditionTrue,
		Reason:  corev1.PodReasonPreemptionByScheduler,
		Message: fmt.Sprintf("%s: preempting to accommodate a higher priority pod", e.pod.Spec.SchedulerName),
	}
	actions.SetCondition(victim, condition, func(err error) {
		if err != nil {
			done(ignoreGone(err))
			return
		}
		actions.DeletePod(victim, func(err error) {
			if err == nil {
				e.report(victim, note)
			}
			done(ignoreGone(err))
		})
	})
}

func (e *execution) report(victim *corev1.Pod, note string) {
	e.plugin.handle.Actions.Event(victim, e.pod, corev1.EventTypeNormal, "Preempted", "Preempting", note)
}

// ignoreGone: a victim that is gone has made room.
func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
