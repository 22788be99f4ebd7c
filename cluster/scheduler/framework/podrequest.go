package framework

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"
)

// What a container without a request counts as when nodes are scored, so that pods which ask for nothing still spread
// (pkg/scheduler/util/pod_resources.go).
const (
	DefaultMilliCPURequest = 100
	DefaultMemoryRequest   = 200 * 1024 * 1024
)

// Demand is what a pod asks of one column; the amount is positive.
type Demand struct {
	Column int
	Amount int64
}

// Request is what a pod asks of its node, computed once.
type Request struct {
	// Demands is what Filter compares, by column.
	Demands []Demand
	// Amounts is the same by column: what the pod adds to its node.
	Amounts Vector
	// NonZeroCPU and NonZeroMemory are what the pod adds to its node's non-zero sums.
	NonZeroCPU, NonZeroMemory int64
	// Containers is the request summed over containers alone, with the defaults above for those that ask for nothing: what
	// NodeResourcesFit scores by. It differs from the sums above only for pods with pod-level resources.
	Containers Vector
}

// RequestOf computes a pod's request. Containers' actual and allocated resources count where the pod's status has them,
// as in-place resize requires.
func (s *Symbols) RequestOf(pod *corev1.Pod) Request {
	if r, ok := s.plainRequest(pod); ok {
		return r
	}
	return s.generalRequest(pod)
}

// plainRequest covers nearly every pod without building resource lists: containers only, whole millicores and bytes.
func (s *Symbols) plainRequest(pod *corev1.Pod) (Request, bool) {
	if !isPlain(pod) {
		return Request{}, false
	}
	var r Request
	amounts := make(Vector, firstScalarColumn, firstScalarColumn+2)
	for i := range pod.Spec.Containers {
		requests := pod.Spec.Containers[i].Resources.Requests
		cpu, memory := int64(DefaultMilliCPURequest), int64(DefaultMemoryRequest)
		//sim:unordered each entry goes to a column of its own; anything else leaves the function
		for name, quantity := range requests {
			switch name {
			case corev1.ResourceCPU:
				milli, exact := exactMilli(quantity)
				if !exact {
					return Request{}, false
				}
				cpu = milli
				amounts[ColumnCPU] += milli
			case corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
				amount, exact := quantity.AsInt64()
				if !exact {
					return Request{}, false
				}
				if name == corev1.ResourceMemory {
					memory = amount
					amounts[ColumnMemory] += amount
				} else {
					amounts[ColumnEphemeralStorage] += amount
				}
			default:
				if IsScalar(name) {
					return Request{}, false
				}
			}
		}
		r.NonZeroCPU += cpu
		r.NonZeroMemory += memory
	}
	r.Amounts = amounts
	r.Demands = demandsOf(amounts)
	r.Containers = Vector{r.NonZeroCPU, r.NonZeroMemory, amounts[ColumnEphemeralStorage]}
	return r, true
}

// isPlain reports whether the pod's request is the plain sum of its containers'. Resources that a kubelet reports change nothing as
// long as they are those of the spec.
func isPlain(pod *corev1.Pod) bool {
	if len(pod.Spec.InitContainers) > 0 || pod.Spec.Resources != nil || pod.Spec.Overhead != nil || pod.Status.Resources != nil {
		return false
	}
	for i := range pod.Status.ContainerStatuses {
		if status := &pod.Status.ContainerStatuses[i]; status.Resources != nil && !isAsAsked(pod, i, status) {
			return false
		}
	}
	return true
}

// isAsAsked reports whether a container has what its spec asks for. Statuses usually are in the order of the containers.
func isAsAsked(pod *corev1.Pod, at int, status *corev1.ContainerStatus) bool {
	containers := pod.Spec.Containers
	if at >= len(containers) || containers[at].Name != status.Name {
		at = slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == status.Name })
	}
	if at < 0 {
		return true // counts for nothing
	}
	asked := containers[at].Resources.Requests
	return sameList(asked, status.Resources.Requests) && sameList(asked, status.AllocatedResources)
}

func (s *Symbols) generalRequest(pod *corev1.Pod) Request {
	options := resourcehelper.PodResourcesOptions{UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true}
	requests := resourcehelper.PodRequests(pod, options)
	amounts, _ := s.Vector(requests)

	nonZero := options
	nonZero.NonMissingContainerRequests = missingDefaults(pod, requests)
	nonZeroRequests := requests
	if len(nonZero.NonMissingContainerRequests) > 0 {
		nonZeroRequests = resourcehelper.PodRequests(pod, nonZero)
	}

	containers, _ := s.Vector(resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{
		SkipPodLevelResources:       true,
		NonMissingContainerRequests: defaultRequests(),
	}))
	return Request{
		Demands:       demandsOf(amounts),
		Amounts:       amounts,
		NonZeroCPU:    nonZeroRequests.Cpu().MilliValue(),
		NonZeroMemory: nonZeroRequests.Memory().Value(),
		Containers:    containers,
	}
}

// missingDefaults returns the defaults that apply to a pod's containers: with pod-level requests only those that the
// pod as a whole does not state.
func missingDefaults(pod *corev1.Pod, requests corev1.ResourceList) corev1.ResourceList {
	defaults := defaultRequests()
	if resourcehelper.IsPodLevelRequestsSet(pod) {
		maps.DeleteFunc(defaults, func(name corev1.ResourceName, _ resource.Quantity) bool {
			_, stated := requests[name]
			return stated
		})
	}
	return defaults
}

func defaultRequests() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewMilliQuantity(DefaultMilliCPURequest, resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(DefaultMemoryRequest, resource.BinarySI),
	}
}

func demandsOf(v Vector) []Demand {
	n := 0
	for _, amount := range v {
		if amount > 0 {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	demands := make([]Demand, 0, n)
	for column, amount := range v {
		if amount > 0 {
			demands = append(demands, Demand{Column: column, Amount: amount})
		}
	}
	return demands
}

// orderedScalars returns the scalar resources of a list by name, so that columns are numbered alike in every run.
func orderedScalars(list corev1.ResourceList) []corev1.ResourceName {
	var scalars []corev1.ResourceName
	//sim:unordered sorted below
	for name := range list {
		switch name {
		case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage, corev1.ResourcePods:
		default:
			if IsScalar(name) {
				scalars = append(scalars, name)
			}
		}
	}
	slices.Sort(scalars)
	return scalars
}
