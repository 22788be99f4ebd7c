package scheduler

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

// informers are what the scheduler knows of the cluster; they implement framework.Listers.
type informers struct {
	all                            *client.Informers
	pods, nodes, namespaces        *client.Informer
	services, controllers          *client.Informer
	replicaSets, statefulSets, pdb *client.Informer
	volumes, claims, classes       *client.Informer
	csiNodes, drivers, attachments *client.Informer
	groups                         *client.Informer // nil without the feature gate
}

// livePods leaves out pods that have ended: they hold no resources (pkg/scheduler/scheduler.go: NewInformerFactory).
var livePods = fields.AndSelectors(
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)),
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed)),
)

func newInformers(c *client.Client, podGroups bool) informers {
	all := client.NewInformers(c)
	of := func(r *api.Resource) *client.Informer { return all.For(r, client.Options{}) }
	known := informers{
		all:  all,
		pods: all.For(api.Pods, client.Options{FieldSelector: livePods}), nodes: of(api.Nodes), namespaces: of(api.Namespaces),
		services: of(api.Services), controllers: of(api.ReplicationControllers),
		replicaSets: of(api.ReplicaSets), statefulSets: of(api.StatefulSets), pdb: of(api.PodDisruptionBudgets),
		volumes: of(api.PersistentVolumes), claims: of(api.PersistentVolumeClaims), classes: of(api.StorageClasses),
		csiNodes: of(api.CSINodes), drivers: of(api.CSIDrivers), attachments: of(api.VolumeAttachments),
	}
	if podGroups {
		known.groups = of(api.PodGroups)
	}
	return known
}

func get[T api.Object](i *client.Informer, namespace, name string) T {
	object, _ := i.Get(namespace, name)
	typed, _ := object.(T)
	return typed
}

func list[T api.Object](i *client.Informer, namespace string) []T {
	return api.Items[T](i.List(namespace, nil))
}

func (k *informers) Pod(namespace, name string) *corev1.Pod {
	return get[*corev1.Pod](k.pods, namespace, name)
}

func (k *informers) NamespaceLabels(name string) map[string]string {
	if ns := get[*corev1.Namespace](k.namespaces, "", name); ns != nil {
		return ns.Labels
	}
	return nil
}

func (k *informers) Namespaces() []*corev1.Namespace {
	return list[*corev1.Namespace](k.namespaces, "")
}

func (k *informers) Services(namespace string) []*corev1.Service {
	return list[*corev1.Service](k.services, namespace)
}

func (k *informers) ReplicationController(namespace, name string) *corev1.ReplicationController {
	return get[*corev1.ReplicationController](k.controllers, namespace, name)
}

func (k *informers) ReplicaSet(namespace, name string) *appsv1.ReplicaSet {
	return get[*appsv1.ReplicaSet](k.replicaSets, namespace, name)
}

func (k *informers) StatefulSet(namespace, name string) *appsv1.StatefulSet {
	return get[*appsv1.StatefulSet](k.statefulSets, namespace, name)
}

func (k *informers) PodDisruptionBudgets() []*policyv1.PodDisruptionBudget {
	return list[*policyv1.PodDisruptionBudget](k.pdb, "")
}
