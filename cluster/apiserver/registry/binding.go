package registry

import (
	"fmt"
	"maps"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// topologyLabels are what a pod inherits from its node when it is bound (admission plugin PodTopologyLabels).
var topologyLabels = []string{corev1.LabelTopologyZone, corev1.LabelTopologyRegion}

// Bind decides on the assignment of the stored pod old to a node. Its answer is bare.
func Bind(ctx *Context, old api.Object, binding *corev1.Binding) (Outcome, error) {
	if errs := validateBinding(binding); len(errs) > 0 {
		return Outcome{}, apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Binding").GroupKind(), binding.Name, errs)
	}
	pod := old.(*corev1.Pod)
	if err := mayBind(pod, binding); err != nil {
		return Outcome{}, err
	}
	pod = api.Shallow(pod)
	pod.Spec.NodeName = binding.Target.Name
	pod.Status.NominatedNodeName = "" // the nomination has served its purpose
	if len(binding.Annotations) > 0 {
		pod.Annotations = merged(pod.Annotations, binding.Annotations)
	}
	if labels := bindingLabels(ctx, binding); len(labels) > 0 {
		pod.Labels = merged(pod.Labels, labels)
	}
	pod.Status.Conditions, _ = api.WithPodCondition(pod.Status.Conditions,
		corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, ctx.time())
	return Outcome{Action: Write, Object: pod, Bare: true}, nil
}

func mayBind(pod *corev1.Pod, binding *corev1.Binding) error {
	fail := func(format string, args ...any) error {
		return apierrors.NewConflict(corev1.Resource("pods/binding"), pod.Name, fmt.Errorf(format, args...))
	}
	switch {
	case binding.UID != "" && binding.UID != pod.UID:
		return apierrors.NewConflict(corev1.Resource("pods/binding"), pod.Name,
			fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", binding.UID, pod.UID))
	case pod.DeletionTimestamp != nil:
		return fail("pod %s is being deleted, cannot be assigned to a host", pod.Name)
	case pod.Spec.NodeName != "":
		return fail("pod %v is already assigned to node %q", pod.Name, pod.Spec.NodeName)
	case len(pod.Spec.SchedulingGates) > 0:
		return fail("pod %v has non-empty .spec.schedulingGates", pod.Name)
	}
	return nil
}

// bindingLabels are the binding's own labels and the node's topology.
func bindingLabels(ctx *Context, binding *corev1.Binding) map[string]string {
	labels := binding.Labels
	node, _ := ctx.Lookup.Get(api.Nodes, "", binding.Target.Name).(*corev1.Node)
	if node == nil {
		return labels
	}
	for _, key := range topologyLabels {
		if v, ok := node.Labels[key]; ok {
			labels = api.With(labels, key, v)
		}
	}
	return labels
}

func merged(a, b map[string]string) map[string]string {
	m := make(map[string]string, len(a)+len(b))
	maps.Copy(m, a)
	maps.Copy(m, b)
	return m
}

func validateBinding(b *corev1.Binding) field.ErrorList {
	var errs field.ErrorList
	if b.Target.Kind != "" && b.Target.Kind != "Node" {
		errs = append(errs, field.NotSupported(field.NewPath("target", "kind"), b.Target.Kind, []string{"Node", "<empty>"}))
	}
	if b.Target.Name == "" {
		errs = append(errs, field.Required(field.NewPath("target", "name"), ""))
	}
	return errs
}
