package gpu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
)

// Annotations of pods (pkg/type/open-gpu-share/utils/const.go of hkust-adsl/kubernetes-scheduler-simulator).
const (
	AnnotationCount = "alibabacloud.com/gpu-count"
	AnnotationMilli = "alibabacloud.com/gpu-milli"
	AnnotationModel = "alibabacloud.com/gpu-card-model"
	AnnotationIndex = "alibabacloud.com/gpu-index"
)

// Labels of nodes that name the model of their GPUs; the first that is there counts.
const (
	LabelModel       = "alibabacloud.com/gpu-card-model"
	LabelModelNVIDIA = "nvidia.com/gpu.product"
)

// Whole is a GPU, in thousandths.
const Whole = 1000

// Resources are the extended resources that count a node's GPUs. A node has one of them; of several the first counts.
var Resources = []corev1.ResourceName{"nvidia.com/gpu", "amd.com/gpu", "alibabacloud.com/gpu-count"}

// MilliResource is the name that refusals of shares use: what is short is thousandths of a device.
const MilliResource = "alibabacloud.com/gpu-milli"

// largestCount is far above any machine.
const largestCount = 1024

// Request is what a pod asks for: so many GPUs, so many thousandths of each.
type Request struct {
	GPUs  int
	Milli int64
	// Models will do, separated by |; empty is any.
	Models string
}

// RequestOf reads a pod's request; the zero Request asks for nothing. The error says what makes no sense about it.
func RequestOf(pod *corev1.Pod) (Request, error) {
	whole := wholeOf(pod)
	count, hasCount := pod.Annotations[AnnotationCount]
	milli, hasMilli := pod.Annotations[AnnotationMilli]
	if !hasCount && !hasMilli {
		if whole == 0 {
			return Request{}, nil
		}
		return Request{GPUs: whole, Milli: Whole, Models: pod.Annotations[AnnotationModel]}, nil
	}
	r := Request{GPUs: 1, Milli: Whole, Models: pod.Annotations[AnnotationModel]}
	if hasCount {
		n, err := number(AnnotationCount, count, largestCount)
		if err != nil {
			return Request{}, err
		}
		r.GPUs = int(n)
	}
	if hasMilli {
		n, err := number(AnnotationMilli, milli, Whole)
		if err != nil {
			return Request{}, err
		}
		r.Milli = n
	}
	if r.GPUs == 0 || r.Milli == 0 {
		if hasCount && hasMilli && (r.GPUs != 0 || r.Milli != 0) {
			return Request{}, fmt.Errorf("annotations %s %d and %s %d: want both 0 or neither", AnnotationCount, r.GPUs, AnnotationMilli, r.Milli)
		}
		r = Request{}
	}
	if whole > 0 && (r.GPUs != whole || r.Milli != Whole) {
		return Request{}, fmt.Errorf("%d GPUs by request and %d times %d thousandths by annotation: want one of both, or the same", whole, r.GPUs, r.Milli)
	}
	return r, nil
}

// wholeOf counts the GPUs that a pod's containers request as extended resources.
func wholeOf(pod *corev1.Pod) int {
	if !namesGPU(pod.Spec.Containers) && !namesGPU(pod.Spec.InitContainers) {
		return 0
	}
	requests := resource.PodRequests(pod, resource.PodResourcesOptions{})
	sum := int64(0)
	for _, name := range Resources {
		q := requests[name]
		sum += q.Value()
	}
	return int(sum)
}

func namesGPU(containers []corev1.Container) bool {
	for i := range containers {
		for _, name := range Resources {
			if _, named := containers[i].Resources.Requests[name]; named {
				return true
			}
		}
	}
	return false
}

// number reads a whole number from 0 to most.
func number(what, text string, most int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("annotation %s: want a whole number from 0 to %d, got %q", what, most, text)
	}
	return n, nil
}

// Annotations are those that say a request; nil where it asks for nothing.
func (r Request) Annotations() map[string]string {
	if r.GPUs == 0 {
		return nil
	}
	a := map[string]string{AnnotationCount: strconv.Itoa(r.GPUs), AnnotationMilli: strconv.FormatInt(r.Milli, 10)}
	if r.Models != "" {
		a[AnnotationModel] = r.Models
	}
	return a
}

// Resource is the name of what is short where a request can't be met: the node's resource for whole GPUs, else thousandths.
func (r Request) Resource(onNode corev1.ResourceName) corev1.ResourceName {
	if r.Milli == Whole && onNode != "" {
		return onNode
	}
	return MilliResource
}

// CountOf is how many GPUs a node's capacity or allocatable lists, and as which resource.
func CountOf(list corev1.ResourceList) (corev1.ResourceName, int) {
	for _, name := range Resources {
		if q, has := list[name]; has && q.Value() > 0 {
			return name, int(q.Value())
		}
	}
	return "", 0
}

// ModelOf is the model of a node's GPUs by its labels.
func ModelOf(labels map[string]string) string {
	if model, has := labels[LabelModel]; has {
		return model
	}
	return labels[LabelModelNVIDIA]
}

// Indexes are the devices that a pod was given; nil where it was given none.
func Indexes(pod *corev1.Pod) ([]int, error) {
	text, has := pod.Annotations[AnnotationIndex]
	if !has || text == "" {
		return nil, nil
	}
	var indexes []int
	for part := range strings.SplitSeq(text, indexSeparator) {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || slices.Contains(indexes, n) {
			return nil, fmt.Errorf("annotation %s: want different numbers of GPUs as in 0%s3, got %q", AnnotationIndex, indexSeparator, text)
		}
		indexes = append(indexes, n)
	}
	return indexes, nil
}

const indexSeparator = "-"

// FormatIndexes is the value of AnnotationIndex.
func FormatIndexes(indexes []int) string {
	parts := make([]string, len(indexes))
	for i, n := range indexes {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, indexSeparator)
}

// Choose says which of a node's GPUs, of which so many thousandths are left, a request gets where nobody else decides: for a share
// the one with the least left that is enough, otherwise the first that have enough. It is nil where they are too few.
func Choose(left []int64, r Request) []int {
	if r.GPUs == 0 {
		return nil
	}
	if r.GPUs == 1 && r.Milli < Whole {
		best := -1
		for i, free := range left {
			if free >= r.Milli && (best < 0 || free < left[best]) {
				best = i
			}
		}
		if best < 0 {
			return nil
		}
		return []int{best}
	}
	chosen := make([]int, 0, r.GPUs)
	for i, free := range left {
		if free < r.Milli {
			continue
		}
		if chosen = append(chosen, i); len(chosen) == r.GPUs {
			return chosen
		}
	}
	return nil
}
