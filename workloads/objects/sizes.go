package objects

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/api/gpu"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/workloads/generators"
)

// Size is something of an object that is drawn.
type Size struct {
	Quantity *Quantity
	Of       generators.Distribution
}

func (s *Size) apply(o api.Object, n int64) { s.Quantity.set(o, n) }

// Quantity is a sort of size.
type Quantity struct {
	Name string
	// Kinds are the kinds that have it.
	Kinds []string
	set   func(o api.Object, n int64)
	// purpose keeps its draws apart from those of others, whichever there are.
	purpose sim.Purpose
}

// podKinds are the kinds with pods in them, or that are one.
var podKinds = []string{"Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"}

// The quantities. CPU is in thousandths, memory in bytes; both are requests of the first container, and its limits where
// the template has some. GPUs are whole and GPUMilli thousandths of one, by the annotations of package gpu.
var (
	CPU = &Quantity{"cpu", podKinds, func(o api.Object, n int64) {
		setResource(o, corev1.ResourceCPU, *resource.NewMilliQuantity(n, resource.DecimalSI))
	}, purposeSize}
	Memory = &Quantity{"memory", podKinds, func(o api.Object, n int64) {
		setResource(o, corev1.ResourceMemory, *resource.NewQuantity(n, resource.BinarySI))
	}, purposeSize + 1}
	GPUs     = &Quantity{"gpus", podKinds, func(o api.Object, n int64) { annotate(o, gpu.Request{GPUs: int(n), Milli: gpu.Whole}) }, purposeSize + 2}
	GPUMilli = &Quantity{"gpuMilli", podKinds, func(o api.Object, n int64) { annotate(o, gpu.Request{GPUs: 1, Milli: min(n, gpu.Whole)}) }, purposeSize + 3}
	Replicas = &Quantity{"replicas", []string{"Deployment", "ReplicaSet", "StatefulSet", "Job"}, setReplicas, purposeSize + 4}
)

// SuitsKind reports whether objects of a kind have such a size.
func (q *Quantity) SuitsKind(kind string) bool { return slices.Contains(q.Kinds, kind) }

// podOf is an object's pod, or the template of its pods.
func podOf(o api.Object) (annotations *map[string]string, spec *corev1.PodSpec) {
	switch o := o.(type) {
	case *corev1.Pod:
		return &o.Annotations, &o.Spec
	case *appsv1.Deployment:
		return &o.Spec.Template.Annotations, &o.Spec.Template.Spec
	case *appsv1.ReplicaSet:
		return &o.Spec.Template.Annotations, &o.Spec.Template.Spec
	case *appsv1.StatefulSet:
		return &o.Spec.Template.Annotations, &o.Spec.Template.Spec
	case *appsv1.DaemonSet:
		return &o.Spec.Template.Annotations, &o.Spec.Template.Spec
	case *batchv1.Job:
		return &o.Spec.Template.Annotations, &o.Spec.Template.Spec
	}
	return nil, nil
}

func setResource(o api.Object, name corev1.ResourceName, q resource.Quantity) {
	_, spec := podOf(o)
	if len(spec.Containers) == 0 {
		return // The API server will say what is wrong with it.
	}
	r := &spec.Containers[0].Resources
	if r.Requests == nil {
		r.Requests = corev1.ResourceList{}
	}
	r.Requests[name] = q
	if _, limited := r.Limits[name]; limited {
		r.Limits[name] = q
	}
}

// annotate asks for GPUs; for none, nothing is said.
func annotate(o api.Object, r gpu.Request) {
	annotations, _ := podOf(o)
	if r.GPUs == 0 || r.Milli == 0 {
		return
	}
	if *annotations == nil {
		*annotations = map[string]string{}
	}
	r.Models = (*annotations)[gpu.AnnotationModel]
	for name, value := range r.Annotations() { //sim:unordered builds another map
		(*annotations)[name] = value
	}
}

func setReplicas(o api.Object, n int64) {
	replicas := int32(n)
	switch o := o.(type) {
	case *appsv1.Deployment:
		o.Spec.Replicas = &replicas
	case *appsv1.ReplicaSet:
		o.Spec.Replicas = &replicas
	case *appsv1.StatefulSet:
		o.Spec.Replicas = &replicas
	case *batchv1.Job:
		o.Spec.Parallelism, o.Spec.Completions = &replicas, &replicas
	}
}
