package tainteviction

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/controller"
)

const (
	// An eviction is tried so often, with such pauses (retries and deletePodHandler in pkg/controller/tainteviction).
	evictTries = 5
	evictDelay = 10 * time.Millisecond
)

// eviction is the deletion of one pod in progress: a chain of callbacks, since there may be many.
type eviction struct {
	*Controller
	pod   types.NamespacedName
	tries int
}

// evict starts the eviction of a pod.
func (c *Controller) evict(pod types.NamespacedName) {
	c.record(pod, "Marking for deletion Pod "+pod.String())
	(&eviction{Controller: c, pod: pod}).attempt()
}

// record writes an Event about a pod that is known by name only.
func (c *Controller) record(pod types.NamespacedName, message string) {
	ref := &corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, Namespace: pod.Namespace}
	c.recorder.Event(ref, corev1.EventTypeNormal, "TaintManagerEviction", message)
}

func (e *eviction) attempt() {
	e.tries++
	e.client.Start(e.request(api.VerbGet), func(answer *api.Response, err error) {
		if err != nil {
			e.failed()
			return
		}
		e.mark(answer.Object.(*corev1.Pod))
	})
}

func (e *eviction) request(verb api.Verb) *api.Request {
	return &api.Request{Verb: verb, Resource: api.Pods, Namespace: e.pod.Namespace, Name: e.pod.Name}
}

// mark writes into the pod's status why it goes, unless that is there already.
func (e *eviction) mark(pod *corev1.Pod) {
	condition := corev1.PodCondition{
		Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, ObservedGeneration: pod.Generation,
		Reason: "DeletionByTaintManager", Message: "Taint manager: deleting due to NoExecute taint",
		LastTransitionTime: e.env.Now(),
	}
	if _, changed := api.WithPodCondition(pod.Status.Conditions, condition, condition.LastTransitionTime); !changed {
		e.delete()
		return
	}
	request := e.request(api.VerbPatch)
	request.Subresource = "status"
	request.Patch = controller.PodStatusPatch(pod.UID, "", 0, condition)
	e.client.Start(request, func(_ *api.Response, err error) {
		if err != nil {
			e.failed()
			return
		}
		e.delete()
	})
}

func (e *eviction) delete() {
	request := e.request(api.VerbDelete)
	request.Delete = &metav1.DeleteOptions{}
	e.client.Start(request, func(_ *api.Response, err error) {
		if err != nil {
			e.failed()
			return
		}
		e.timers.finished(e.pod)
	})
}

// failed tries again, whatever the error: also a pod that is gone is looked for five times.
func (e *eviction) failed() {
	if e.tries == evictTries {
		e.timers.finished(e.pod)
		return
	}
	e.env.Process.After(evictDelay, e.attempt)
}
