package podtopologyspread

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// defaultSelector selects the pods that belong together with a pod: by the selectors of the Services that select it and of the
// controller that owns it. An empty selector means that nothing says so.
func defaultSelector(l framework.Listers, pod *corev1.Pod) labels.Selector {
	set := labels.Set{}
	for _, service := range l.Services(pod.Namespace) {
		if service.Spec.Selector != nil && labels.Set(service.Spec.Selector).AsSelectorPreValidated().Matches(labels.Set(pod.Labels)) {
			set = labels.Merge(set, service.Spec.Selector)
		}
	}
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil {
		return set.AsSelector()
	}
	switch owner.APIVersion + "/" + owner.Kind {
	case corev1.SchemeGroupVersion.String() + "/ReplicationController":
		if rc := l.ReplicationController(pod.Namespace, owner.Name); rc != nil {
			set = labels.Merge(set, rc.Spec.Selector)
		}
	case appsv1.SchemeGroupVersion.String() + "/ReplicaSet":
		if rs := l.ReplicaSet(pod.Namespace, owner.Name); rs != nil {
			return withSelector(set, rs.Spec.Selector)
		}
	case appsv1.SchemeGroupVersion.String() + "/StatefulSet":
		if ss := l.StatefulSet(pod.Namespace, owner.Name); ss != nil {
			return withSelector(set, ss.Spec.Selector)
		}
	}
	return set.AsSelector()
}

func withSelector(set labels.Set, own *metav1.LabelSelector) labels.Selector {
	selector := set.AsSelector()
	if parsed, err := metav1.LabelSelectorAsSelector(own); err == nil {
		if requirements, selectable := parsed.Requirements(); selectable {
			selector = selector.Add(requirements...)
		}
	}
	return selector
}
