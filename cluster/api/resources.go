package api

import (
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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is an API object: a pointer to one of the structs of k8s.io/api, such as *corev1.Pod.
type Object interface {
	runtime.Object
	metav1.Object
}

// Resource describes one served kind. There is exactly one *Resource per kind, so resources compare by pointer.
type Resource struct {
	Group      string // "" is the core group
	Version    string
	Kind       string
	Name       string // plural, as in URLs
	Singular   string
	ShortNames []string
	Namespaced bool
	// Gate is the feature gate without which the API server does not serve the resource; empty for nearly all.
	Gate string
	// ID is the position in Resources(): dense from 0, so that a slice can replace a map keyed by resource.
	ID int

	newObject func() Object
	newList   func() runtime.Object
	shallow   func(Object) Object
}

// resources is filled by the declarations below, in source order.
var resources []*Resource

// The served resources. The order is that of discovery in upstream: core first, then the named groups.
var (
	Pods                   = namespaced[corev1.Pod](corev1.SchemeGroupVersion, "Pod", "pods", &corev1.PodList{}, "po")
	Nodes                  = global[corev1.Node](corev1.SchemeGroupVersion, "Node", "nodes", &corev1.NodeList{}, "no")
	Namespaces             = global[corev1.Namespace](corev1.SchemeGroupVersion, "Namespace", "namespaces", &corev1.NamespaceList{}, "ns")
	Services               = namespaced[corev1.Service](corev1.SchemeGroupVersion, "Service", "services", &corev1.ServiceList{}, "svc")
	Endpoints              = namespaced[corev1.Endpoints](corev1.SchemeGroupVersion, "Endpoints", "endpoints", &corev1.EndpointsList{}, "ep")
	ConfigMaps             = namespaced[corev1.ConfigMap](corev1.SchemeGroupVersion, "ConfigMap", "configmaps", &corev1.ConfigMapList{}, "cm")
	Secrets                = namespaced[corev1.Secret](corev1.SchemeGroupVersion, "Secret", "secrets", &corev1.SecretList{})
	ServiceAccounts        = namespaced[corev1.ServiceAccount](corev1.SchemeGroupVersion, "ServiceAccount", "serviceaccounts", &corev1.ServiceAccountList{}, "sa")
	Events                 = namespaced[corev1.Event](corev1.SchemeGroupVersion, "Event", "events", &corev1.EventList{}, "ev")
	PersistentVolumes      = global[corev1.PersistentVolume](corev1.SchemeGroupVersion, "PersistentVolume", "persistentvolumes", &corev1.PersistentVolumeList{}, "pv")
	PersistentVolumeClaims = namespaced[corev1.PersistentVolumeClaim](corev1.SchemeGroupVersion, "PersistentVolumeClaim", "persistentvolumeclaims", &corev1.PersistentVolumeClaimList{}, "pvc")
	ResourceQuotas         = namespaced[corev1.ResourceQuota](corev1.SchemeGroupVersion, "ResourceQuota", "resourcequotas", &corev1.ResourceQuotaList{}, "quota")
	LimitRanges            = namespaced[corev1.LimitRange](corev1.SchemeGroupVersion, "LimitRange", "limitranges", &corev1.LimitRangeList{}, "limits")
	ReplicationControllers = namespaced[corev1.ReplicationController](corev1.SchemeGroupVersion, "ReplicationController", "replicationcontrollers", &corev1.ReplicationControllerList{}, "rc")

	Deployments         = namespaced[appsv1.Deployment](appsv1.SchemeGroupVersion, "Deployment", "deployments", &appsv1.DeploymentList{}, "deploy")
	ReplicaSets         = namespaced[appsv1.ReplicaSet](appsv1.SchemeGroupVersion, "ReplicaSet", "replicasets", &appsv1.ReplicaSetList{}, "rs")
	DaemonSets          = namespaced[appsv1.DaemonSet](appsv1.SchemeGroupVersion, "DaemonSet", "daemonsets", &appsv1.DaemonSetList{}, "ds")
	StatefulSets        = namespaced[appsv1.StatefulSet](appsv1.SchemeGroupVersion, "StatefulSet", "statefulsets", &appsv1.StatefulSetList{}, "sts")
	ControllerRevisions = namespaced[appsv1.ControllerRevision](appsv1.SchemeGroupVersion, "ControllerRevision", "controllerrevisions", &appsv1.ControllerRevisionList{})

	Jobs     = namespaced[batchv1.Job](batchv1.SchemeGroupVersion, "Job", "jobs", &batchv1.JobList{})
	CronJobs = namespaced[batchv1.CronJob](batchv1.SchemeGroupVersion, "CronJob", "cronjobs", &batchv1.CronJobList{}, "cj")

	HorizontalPodAutoscalers = namespaced[autoscalingv2.HorizontalPodAutoscaler](autoscalingv2.SchemeGroupVersion, "HorizontalPodAutoscaler", "horizontalpodautoscalers", &autoscalingv2.HorizontalPodAutoscalerList{}, "hpa")

	PodDisruptionBudgets = namespaced[policyv1.PodDisruptionBudget](policyv1.SchemeGroupVersion, "PodDisruptionBudget", "poddisruptionbudgets", &policyv1.PodDisruptionBudgetList{}, "pdb")

	Leases         = namespaced[coordinationv1.Lease](coordinationv1.SchemeGroupVersion, "Lease", "leases", &coordinationv1.LeaseList{})
	EndpointSlices = namespaced[discoveryv1.EndpointSlice](discoveryv1.SchemeGroupVersion, "EndpointSlice", "endpointslices", &discoveryv1.EndpointSliceList{})
	// EventsV1 shares its storage with Events: the API server converts between the two.
	EventsV1 = namespaced[eventsv1.Event](eventsv1.SchemeGroupVersion, "Event", "events", &eventsv1.EventList{}, "ev")

	PriorityClasses = global[schedulingv1.PriorityClass](schedulingv1.SchemeGroupVersion, "PriorityClass", "priorityclasses", &schedulingv1.PriorityClassList{}, "pc")

	// PodGroups are alpha in v1.36: pods that are scheduled together or not at all.
	PodGroups = gated("GenericWorkload", namespaced[schedulingv1alpha2.PodGroup](schedulingv1alpha2.SchemeGroupVersion, "PodGroup", "podgroups", &schedulingv1alpha2.PodGroupList{}))

	StorageClasses    = global[storagev1.StorageClass](storagev1.SchemeGroupVersion, "StorageClass", "storageclasses", &storagev1.StorageClassList{}, "sc")
	CSIDrivers        = global[storagev1.CSIDriver](storagev1.SchemeGroupVersion, "CSIDriver", "csidrivers", &storagev1.CSIDriverList{})
	CSINodes          = global[storagev1.CSINode](storagev1.SchemeGroupVersion, "CSINode", "csinodes", &storagev1.CSINodeList{})
	VolumeAttachments = global[storagev1.VolumeAttachment](storagev1.SchemeGroupVersion, "VolumeAttachment", "volumeattachments", &storagev1.VolumeAttachmentList{})

	Ingresses       = namespaced[networkingv1.Ingress](networkingv1.SchemeGroupVersion, "Ingress", "ingresses", &networkingv1.IngressList{}, "ing")
	NetworkPolicies = namespaced[networkingv1.NetworkPolicy](networkingv1.SchemeGroupVersion, "NetworkPolicy", "networkpolicies", &networkingv1.NetworkPolicyList{}, "netpol")
	IngressClasses  = global[networkingv1.IngressClass](networkingv1.SchemeGroupVersion, "IngressClass", "ingressclasses", &networkingv1.IngressClassList{})

	Roles               = namespaced[rbacv1.Role](rbacv1.SchemeGroupVersion, "Role", "roles", &rbacv1.RoleList{})
	RoleBindings        = namespaced[rbacv1.RoleBinding](rbacv1.SchemeGroupVersion, "RoleBinding", "rolebindings", &rbacv1.RoleBindingList{})
	ClusterRoles        = global[rbacv1.ClusterRole](rbacv1.SchemeGroupVersion, "ClusterRole", "clusterroles", &rbacv1.ClusterRoleList{})
	ClusterRoleBindings = global[rbacv1.ClusterRoleBinding](rbacv1.SchemeGroupVersion, "ClusterRoleBinding", "clusterrolebindings", &rbacv1.ClusterRoleBindingList{})
)

// object constrains P to be the pointer type of T and an Object.
type object[T any] interface {
	*T
	Object
}

func namespaced[T any, P object[T]](gv schema.GroupVersion, kind, plural string, list runtime.Object, short ...string) *Resource {
	r := define[T, P](gv, kind, plural, list, short)
	r.Namespaced = true
	return r
}

func gated(gate string, r *Resource) *Resource {
	r.Gate = gate
	return r
}

func global[T any, P object[T]](gv schema.GroupVersion, kind, plural string, list runtime.Object, short ...string) *Resource {
	return define[T, P](gv, kind, plural, list, short)
}

func define[T any, P object[T]](gv schema.GroupVersion, kind, plural string, list runtime.Object, short []string) *Resource {
	r := &Resource{
		Group: gv.Group, Version: gv.Version, Kind: kind, Name: plural, Singular: singular(kind),
		ShortNames: short, ID: len(resources),
		newObject: func() Object { return P(new(T)) },
		newList:   list.DeepCopyObject,
		shallow: func(o Object) Object {
			c := *(o.(P))
			return P(&c)
		},
	}
	resources = append(resources, r)
	return r
}

// Served reports whether API servers with these feature gates serve the resource.
func (r *Resource) Served(gates map[string]bool) bool { return r.Gate == "" || gates[r.Gate] }

// Resources returns every served resource in table order. The slice is shared; do not change it.
func Resources() []*Resource { return resources }

// New returns an empty object of the resource's kind.
func (r *Resource) New() Object { return r.newObject() }

// GroupVersion is the resource's group and version.
func (r *Resource) GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: r.Group, Version: r.Version}
}

// APIVersion is what a manifest of this kind writes as apiVersion: "v1", "apps/v1".
func (r *Resource) APIVersion() string { return r.GroupVersion().String() }

// GroupVersionKind is the resource's kind with its group and version.
func (r *Resource) GroupVersionKind() schema.GroupVersionKind {
	return r.GroupVersion().WithKind(r.Kind)
}

// GroupResource is how status errors name the resource: "pods", "deployments.apps".
func (r *Resource) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.Group, Resource: r.Name}
}

// GroupKind is how invalid-object errors name the resource.
func (r *Resource) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: r.Group, Kind: r.Kind}
}

// String is the resource's name with its group: "pods", "deployments.apps".
func (r *Resource) String() string { return r.GroupResource().String() }
