package scheduler

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/metrics"
	"github.com/fauxkube/fauxkube/sim"
)

// noteLimit is the longest note of an event, in bytes; longer ones end in dots (k8s.io/api/events/v1 validation).
const noteLimit = 1024

// fail ends an attempt of the serial loop, which waits for the status write unless SchedulerAsyncAPICalls is on (it is off in v1.36).
func (a *attempt) fail(t *sim.Task, status *framework.Status, nominate *framework.NominatingInfo) {
	if a.s.config.AsyncAPICalls {
		a.failBeside(status, nominate)
		return
	}
	var written sim.Signal
	a.handleFailure(status, nominate, func(error) { written.Set() })
	t.Wait(sim.Forever, &written)
}

// failBeside ends an attempt without waiting for the write, as where binding failed.
func (a *attempt) failBeside(status *framework.Status, nominate *framework.NominatingInfo) {
	a.handleFailure(status, nominate, func(error) {})
}

// handleFailure takes the pod back into the queue, as it is now, and tells its owner why: event and condition.
func (a *attempt) handleFailure(status *framework.Status, nominate *framework.NominatingInfo, done func(error)) {
	s := a.s
	reason := corev1.PodReasonSchedulerError
	if status.IsRejected() {
		reason = corev1.PodReasonUnschedulable
		s.metrics.Attempted(metrics.Unschedulable, a.fw.ProfileName(), a.age())
	} else {
		s.metrics.Attempted(metrics.Error, a.fw.ProfileName(), a.age())
	}
	a.blame(status)
	pod, again := a.requeue()
	if !again {
		done(nil)
		return
	}
	s.queue.Nominate(a.pod.PodInfo, nominate)
	message := status.Message()
	s.events.Eventf(pod, nil, corev1.EventTypeWarning, "FailedScheduling", "Scheduling", truncate(message))
	s.updateStatus(pod, &corev1.PodCondition{
		Type: corev1.PodScheduled, ObservedGeneration: pod.Generation,
		Status: corev1.ConditionFalse, Reason: reason, Message: message,
	}, nominate, done)
}

// blame notes which plugins refused the pod: their hints decide when it is tried again.
func (a *attempt) blame(status *framework.Status) {
	a.pod.ClearRejectors()
	var unfit *framework.FitError
	if errors.As(status.AsError(), &unfit) {
		a.pod.UnschedulablePlugins, a.pod.PendingPlugins = unfit.UnschedulablePlugins, unfit.PendingPlugins
	}
}

// requeue puts the pod back as the informer knows it, and returns that version. It reports false if the pod was created anew
// under the same name: then nothing is said about it. One that is gone or bound after all is not put back, but spoken of.
func (a *attempt) requeue() (*corev1.Pod, bool) {
	s, pod := a.s, a.pod.Pod
	current := s.known.Pod(pod.Namespace, pod.Name)
	switch {
	case current == nil || isAssigned(current):
		s.queue.Done(pod.UID)
		return pod, true
	case current.UID != pod.UID:
		s.queue.Done(pod.UID)
		return nil, false
	}
	entry := *a.pod
	entry.PodInfo = s.symbols.With(a.pod.PodInfo, current)
	a.pod = &entry
	_ = s.queue.AddUnschedulable(&entry) // an error means that an update brought it back already
	return current, true
}

func truncate(message string) string {
	const dots = " ..."
	if len(message) <= noteLimit {
		return message
	}
	return message[:noteLimit-len(dots)] + dots
}

// updateStatus patches the pod's condition and nominated node, if either differs. A nil condition or nomination is left alone.
func (s *Scheduler) updateStatus(pod *corev1.Pod, condition *corev1.PodCondition, nominate *framework.NominatingInfo, done func(error)) {
	var change statusChange
	if condition != nil {
		change.setCondition(&pod.Status, *condition, client.Now(s.process))
	}
	if nominate != nil && pod.Status.NominatedNodeName != nominate.Node {
		change.nominated = &nominate.Node
	}
	if change.isEmpty() {
		done(nil)
		return
	}
	s.patchStatus(pod, &change, patchRetries, done)
}

// patchStatus sends a status change, and again after each of the delays if it failed for a passing reason.
func (s *Scheduler) patchStatus(pod *corev1.Pod, change *statusChange, delays []time.Duration, done func(error)) {
	request := &api.Request{
		Verb: api.VerbPatch, Resource: api.Pods, Subresource: "status", Namespace: pod.Namespace, Name: pod.Name,
		Patch: &api.PatchBody{Apply: change.apply, SizeBytes: change.sizeBytes()},
	}
	s.client.Start(request, func(_ *api.Response, err error) {
		if len(delays) > 0 && isRetriable(err) {
			s.process.After(delays[0], func() { s.patchStatus(pod, change, delays[1:], done) })
			return
		}
		done(err)
	})
}

func isRetriable(err error) bool {
	return err != nil && (apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsConflict(err) ||
		client.IsConnectionRefused(err))
}
