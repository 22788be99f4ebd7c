package deployment

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/api"
)

var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) metav1.Time {
	return metav1.NewTime(epoch.Add(time.Duration(seconds) * time.Second))
}

// deploy returns a Deployment of a size with the given bounds, and an image that makes its template.
func deploy(size int32, surge, unavailable, image string) *appsv1.Deployment {
	s, u := intstr.Parse(surge), intstr.Parse(unavailable)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "demo", UID: "d", Generation: 1},
		Spec: appsv1.DeploymentSpec{
			Replicas: &size,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: template(image),
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &s, MaxUnavailable: &u},
			},
			ProgressDeadlineSeconds: api.Ptr(int32(600)),
			RevisionHistoryLimit:    api.Ptr(int32(10)),
		},
	}
}

func template(image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: image}}},
	}
}

// set returns a ReplicaSet of the Deployment for an image, created at a second, with a desired and an available size.
func set(d *appsv1.Deployment, image string, created int, size, available int32) *appsv1.ReplicaSet {
	c := api.Shallow(d)
	c.Spec.Template = template(image)
	rs := buildReplicaSet(c, nil, 1)
	rs.UID = types.UID("rs-" + image)
	rs.CreationTimestamp = at(created)
	rs.Spec.Replicas = &size
	rs.Status = appsv1.ReplicaSetStatus{
		Replicas: size, ReadyReplicas: available, AvailableReplicas: available, ObservedGeneration: 1,
		TerminatingReplicas: api.Ptr(int32(0)),
	}
	return rs
}
