package api

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	schedulingv1alpha2 "k8s.io/api/scheduling/v1alpha2"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func singular(kind string) string { return strings.ToLower(kind) }

var byKind, byName map[string]*Resource

// init, because the resource table is complete only after every package variable is initialised.
func init() {
	byKind = index(func(r *Resource) []string { return []string{r.APIVersion() + "/" + r.Kind} })
	byName = index(spellings)
}

// spellings lists what kubectl accepts for r. The first resource of the table wins a shared spelling, as the core
// Event does in discovery order.
func spellings(r *Resource) []string {
	all := append([]string{r.Name, r.Singular}, r.ShortNames...)
	for _, n := range []string{r.Name, r.Singular} {
		all = append(all, n+"."+r.Group, n+"."+r.Version+"."+r.Group)
	}
	return all
}

func index(keys func(*Resource) []string) map[string]*Resource {
	m := make(map[string]*Resource)
	for _, r := range resources {
		for _, k := range keys(r) {
			if _, taken := m[k]; !taken {
				m[k] = r
			}
		}
	}
	return m
}

// ForKind returns the resource of an apiVersion ("apps/v1") and kind ("Deployment"), or nil if it is not served.
func ForKind(apiVersion, kind string) *Resource { return byKind[apiVersion+"/"+kind] }

// ForGVK returns the resource of a kind, or nil if it is not served.
func ForGVK(gvk schema.GroupVersionKind) *Resource {
	return ForKind(gvk.GroupVersion().String(), gvk.Kind)
}

// ForName returns the resource that a kubectl user would get for name, in any case: a plural, a singular, a short
// name, or one of the first two with ".group" or ".version.group" behind it. It returns nil for an unknown name.
func ForName(name string) *Resource { return byName[strings.ToLower(name)] }

// ResourceOf returns the resource of an object by its Go type, or nil if the type is not served.
func ResourceOf(obj Object) *Resource {
	switch obj.(type) {
	case *corev1.Pod:
		return Pods
	case *corev1.Node:
		return Nodes
	case *corev1.Event:
		return Events
	case *coordinationv1.Lease:
		return Leases
	case *appsv1.ReplicaSet:
		return ReplicaSets
	case *appsv1.Deployment:
		return Deployments
	case *discoveryv1.EndpointSlice:
		return EndpointSlices
	case *eventsv1.Event:
		return EventsV1
	}
	return resourceOfRare(obj)
}

func resourceOfRare(obj Object) *Resource {
	switch obj.(type) {
	case *corev1.Namespace:
		return Namespaces
	case *corev1.Service:
		return Services
	case *corev1.Endpoints:
		return Endpoints
	case *corev1.ConfigMap:
		return ConfigMaps
	case *corev1.Secret:
		return Secrets
	case *corev1.ServiceAccount:
		return ServiceAccounts
	case *corev1.PersistentVolume:
		return PersistentVolumes
	case *corev1.PersistentVolumeClaim:
		return PersistentVolumeClaims
	case *corev1.ResourceQuota:
		return ResourceQuotas
	case *corev1.LimitRange:
		return LimitRanges
	case *corev1.ReplicationController:
		return ReplicationControllers
	case *appsv1.DaemonSet:
		return DaemonSets
	case *appsv1.StatefulSet:
		return StatefulSets
	case *appsv1.ControllerRevision:
		return ControllerRevisions
	case *batchv1.Job:
		return Jobs
	case *batchv1.CronJob:
		return CronJobs
	case *autoscalingv2.HorizontalPodAutoscaler:
		return HorizontalPodAutoscalers
	case *policyv1.PodDisruptionBudget:
		return PodDisruptionBudgets
	case *schedulingv1.PriorityClass:
		return PriorityClasses
	case *schedulingv1alpha2.PodGroup:
		return PodGroups
	case *storagev1.StorageClass:
		return StorageClasses
	case *storagev1.CSIDriver:
		return CSIDrivers
	case *storagev1.CSINode:
		return CSINodes
	case *storagev1.VolumeAttachment:
		return VolumeAttachments
	case *networkingv1.Ingress:
		return Ingresses
	case *networkingv1.NetworkPolicy:
		return NetworkPolicies
	case *networkingv1.IngressClass:
		return IngressClasses
	case *rbacv1.Role:
		return Roles
	case *rbacv1.RoleBinding:
		return RoleBindings
	case *rbacv1.ClusterRole:
		return ClusterRoles
	case *rbacv1.ClusterRoleBinding:
		return ClusterRoleBindings
	}
	return nil
}
