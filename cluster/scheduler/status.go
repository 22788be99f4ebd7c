package scheduler

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// patchRetries is how soon a status write is repeated (client-go util/retry DefaultBackoff: 4 steps, 10 ms, factor 5; its
// jitter of a tenth is left out).
var patchRetries = []time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 250 * time.Millisecond}

// statusChange is what a strategic merge patch of a pod's status says: the fields of one condition that differ, and the
// nominated node.
type statusChange struct {
	condition *corev1.PodCondition // as it should be
	fields    conditionFields      // which of its fields the patch names
	nominated *string
}

type conditionFields struct{ status, reason, message, transition, generation bool }

// setCondition compares with what the scheduler knows of the pod. A condition that differs in nothing but the generation is not
// written.
func (c *statusChange) setCondition(known *corev1.PodStatus, want corev1.PodCondition, now metav1.Time) {
	want.LastTransitionTime = now
	for i := range known.Conditions {
		old := &known.Conditions[i]
		if old.Type != want.Type {
			continue
		}
		if old.Status == want.Status {
			want.LastTransitionTime = old.LastTransitionTime
		}
		c.fields = conditionFields{
			status: old.Status != want.Status, reason: old.Reason != want.Reason, message: old.Message != want.Message,
			transition: !old.LastTransitionTime.Equal(&want.LastTransitionTime),
		}
		if c.fields == (conditionFields{}) {
			return
		}
		c.fields.generation = old.ObservedGeneration != want.ObservedGeneration
		c.condition = &want
		return
	}
	c.fields = conditionFields{true, true, true, true, true}
	c.condition = &want
}

func (c *statusChange) isEmpty() bool { return c.condition == nil && c.nominated == nil }

// apply is the patch as a function.
func (c *statusChange) apply(old api.Object) (api.Object, error) {
	pod := api.Shallow(old.(*corev1.Pod))
	if c.nominated != nil {
		pod.Status.NominatedNodeName = *c.nominated
	}
	if c.condition == nil {
		return pod, nil
	}
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == c.condition.Type {
			pod.Status.Conditions = api.Replace(pod.Status.Conditions, i, c.merge(pod.Status.Conditions[i]))
			return pod, nil
		}
	}
	pod.Status.Conditions = api.Append(pod.Status.Conditions, c.merge(corev1.PodCondition{Type: c.condition.Type}))
	return pod, nil
}

func (c *statusChange) merge(into corev1.PodCondition) corev1.PodCondition {
	if c.fields.status {
		into.Status = c.condition.Status
	}
	if c.fields.reason {
		into.Reason = c.condition.Reason
	}
	if c.fields.message {
		into.Message = c.condition.Message
	}
	if c.fields.transition {
		into.LastTransitionTime = c.condition.LastTransitionTime
	}
	if c.fields.generation {
		into.ObservedGeneration = c.condition.ObservedGeneration
	}
	return into
}

// sizeBytes models the patch's JSON: about 90 bytes of frame, 130 for a condition that is new, and the texts.
func (c *statusChange) sizeBytes() int {
	size := 30
	if c.nominated != nil {
		size += 25 + len(*c.nominated)
	}
	if c.condition != nil {
		size += 90
		if c.fields.message {
			size += 15 + len(c.condition.Message)
		}
		if c.fields.status {
			size += 100
		}
	}
	return size
}
