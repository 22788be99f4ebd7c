package controller

import (
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// WithUID makes a typed patch hold for one object only: a successor of the same name answers with a conflict, as the
// API server does when a patch changes metadata.uid.
func WithUID(r *api.Resource, uid types.UID, sizeBytes int, apply func(old api.Object) (api.Object, error)) *api.PatchBody {
	return &api.PatchBody{Type: types.StrategicMergePatchType, SizeBytes: sizeBytes, Apply: func(old api.Object) (api.Object, error) {
		if got := old.GetUID(); got != uid {
			return nil, apierrors.NewConflict(r.GroupResource(), old.GetName(), fmt.Errorf(
				"Precondition failed: UID in precondition: %v, UID in object meta: %v", uid, got))
		}
		return apply(old)
	}}
}

// optimisticLock is what the API server says to a write that is based on an old version.
const optimisticLock = "the object has been modified; please apply your changes to the latest version and try again"

// WithVersion makes a typed patch hold for one version of the object, as a patch does that carries
// metadata.resourceVersion.
func WithVersion(r *api.Resource, version string, sizeBytes int, apply func(old api.Object) (api.Object, error)) *api.PatchBody {
	return &api.PatchBody{Type: types.StrategicMergePatchType, SizeBytes: sizeBytes, Apply: func(old api.Object) (api.Object, error) {
		if old.GetResourceVersion() != version {
			return nil, apierrors.NewConflict(r.GroupResource(), old.GetName(), errors.New(optimisticLock))
		}
		return apply(old)
	}}
}

// PodStatusPatch is the patch of pods/status by which a component changes conditions and, unless empty, the phase. The
// pod must still be the one with uid.
func PodStatusPatch(uid types.UID, phase corev1.PodPhase, observedGeneration int64, conditions ...corev1.PodCondition) *api.PatchBody {
	return WithUID(api.Pods, uid, podStatusPatchBytes(uid, phase, conditions), func(old api.Object) (api.Object, error) {
		pod := api.Shallow(old.(*corev1.Pod))
		for _, c := range conditions {
			pod.Status.Conditions, _ = api.WithPodCondition(pod.Status.Conditions, c, c.LastTransitionTime)
		}
		if phase != "" {
			pod.Status.Phase = phase
		}
		if observedGeneration != 0 {
			pod.Status.ObservedGeneration = observedGeneration
		}
		return pod, nil
	})
}

// podStatusPatchBytes is the length of the JSON body that the patch stands for.
func podStatusPatchBytes(uid types.UID, phase corev1.PodPhase, conditions []corev1.PodCondition) int {
	body := map[string]any{
		"metadata": map[string]any{"uid": uid},
		"status":   map[string]any{"conditions": conditions, "phase": phase},
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("controller: pod status patch: %v", err))
	}
	return len(data)
}
