package scheduler

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/metrics"
)

// bind takes an assumed pod through the binding cycle, beside the serial loop: PreBind's preflight, the wait at Permit, PreBind,
// Bind, PostBind. Each step calls the next when it is done.
func (a *attempt) bind(waits []runtime.PermitWait) {
	busy, status := a.fw.PreFlight(a.cycle, a.result.Node)
	if status.IsError() || status.IsRejected() {
		a.bindingFailed(status)
		return
	}
	waiting := a.s.waitOnPermit(a.pod.Pod, waits)
	if waiting == nil && len(busy) == 0 {
		a.permitted(nil, nil)
		return
	}
	// Others should know where the pod will go, since it may take a while.
	nominate := &framework.NominatingInfo{Node: a.result.Node}
	a.s.updateStatus(a.pod.Pod, nil, nominate, func(error) { // an error is not worth giving up for
		if waiting == nil {
			a.permitted(busy, nil)
		} else {
			waiting.then(func(status *framework.Status) { a.permitted(busy, status) })
		}
	})
}

// permitted goes on to bind. From here on the pod can't become unschedulable, only fail: events no longer concern the attempt.
func (a *attempt) permitted(busy []framework.PreBindPlugin, status *framework.Status) {
	if !status.IsSuccess() {
		a.bindingFailed(a.rejectedHere(status))
		return
	}
	a.s.queue.Done(a.pod.Pod.UID)
	a.s.process.ChargeFunc(a.s.ops.bind, 1, func() {
		a.fw.PreBind(busy, a.cycle, a.result.Node, func(status *framework.Status) {
			if !status.IsSuccess() {
				a.bindingFailed(status)
				return
			}
			a.fw.Bind(a.cycle, a.result.Node, a.bound)
		})
	})
}

// bound ends the attempt: the API server has answered.
func (a *attempt) bound(status *framework.Status) {
	if !status.IsSuccess() {
		a.bindingFailed(status)
		return
	}
	s, pod := a.s, a.pod.Pod
	s.events.Eventf(pod, nil, corev1.EventTypeNormal, "Scheduled", "Binding",
		"Successfully assigned "+pod.Namespace+"/"+pod.Name+" to "+a.result.Node)
	s.metrics.Attempted(metrics.Scheduled, a.fw.ProfileName(), a.age())
	s.metrics.Bound(a.pod.Attempts, s.now().Sub(a.pod.InitialAttempt))
	if a.pod.FlushedFromUnschedulable {
		s.metrics.ScheduledAfterFlush.Inc()
	}
	a.fw.PostBind(a.cycle, a.result.Node)
	s.queue.Activate(a.cycle.TakeActivations()...)
}

// bindingFailed gives back what the pod held, which may let others in.
func (a *attempt) bindingFailed(status *framework.Status) {
	s, pod := a.s, a.pod.Pod
	a.unreserve()
	others := func() {
		s.queue.Move(framework.EventAssignedPodDelete, pod, nil, func(other *corev1.Pod) bool { return other.UID != pod.UID })
	}
	if status.IsRejected() {
		// After the pod itself is back in the queue, so that its own leaving doesn't count as an event that might help it.
		defer others()
	} else {
		s.queue.Move(framework.EventAssignedPodDelete, pod, nil, nil)
	}
	a.failBeside(status, clearNomination)
}

// waitingPod is a pod that waits at Permit.
type waitingPod struct {
	s       *Scheduler
	uid     uid
	pending []pendingPlugin
	result  *framework.Status
	over    bool
	next    func(*framework.Status)
}

type pendingPlugin struct {
	name    string
	timeout func() // stops its timer
}

// waitOnPermit makes a pod wait for the plugins that asked for it; nil if none did.
func (s *Scheduler) waitOnPermit(pod *corev1.Pod, waits []runtime.PermitWait) *waitingPod {
	if len(waits) == 0 {
		return nil
	}
	w := &waitingPod{s: s, uid: pod.UID}
	for _, wait := range waits {
		timer := s.process.After(wait.Timeout, func() {
			w.end(framework.Rejection(wait.Plugin, framework.Unschedulable, timeoutMessage(wait)))
		})
		w.pending = append(w.pending, pendingPlugin{wait.Plugin, func() { s.process.Cancel(timer) }})
	}
	s.waiting[pod.UID] = w
	return w
}

func timeoutMessage(w runtime.PermitWait) string {
	return "rejected due to timeout after waiting " + w.Timeout.Round(time.Nanosecond).String() + " at plugin " + w.Plugin
}

// then says what follows when the wait is over, which it may be already.
func (w *waitingPod) then(next func(*framework.Status)) {
	w.next = next
	if w.over {
		next(w.result)
	}
}

// end ends the wait; the first to do so decides.
func (w *waitingPod) end(status *framework.Status) bool {
	if w.over {
		return false
	}
	for _, p := range w.pending {
		p.timeout()
	}
	w.over, w.result = true, status
	delete(w.s.waiting, w.uid)
	if w.next != nil {
		w.next(status)
	}
	return true
}

// allow lets a plugin stop waiting for a pod; the last one lets it go.
func (s *Scheduler) allow(pod uid, plugin string) {
	w := s.waiting[pod]
	if w == nil {
		return
	}
	for i, p := range w.pending {
		if p.name == plugin {
			p.timeout()
			w.pending = append(w.pending[:i:i], w.pending[i+1:]...)
			break
		}
	}
	if len(w.pending) == 0 {
		w.end(nil)
	}
}

// reject ends a pod's wait by a refusal; false if it doesn't wait.
func (s *Scheduler) reject(pod uid, plugin, message string) bool {
	w := s.waiting[pod]
	return w != nil && w.end(framework.Rejection(plugin, framework.Unschedulable, message))
}
