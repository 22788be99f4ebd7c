package framework

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// PodInfo is a pod with everything about it that is computed once and read often. Immutable.
type PodInfo struct {
	Pod *corev1.Pod
	Request
	Ports []HostPort // host ports of containers that run as long as the pod

	RequiredAffinity      []AffinityTerm
	RequiredAntiAffinity  []AffinityTerm
	PreferredAffinity     []WeightedAffinityTerm
	PreferredAntiAffinity []WeightedAffinityTerm
	// ParseError is what is wrong with the affinity terms; validation lets some through.
	ParseError error

	priority int32
}

// NewPodInfo computes a pod's info.
func (s *Symbols) NewPodInfo(pod *corev1.Pod) *PodInfo {
	info := &PodInfo{Pod: pod, Request: s.RequestOf(pod), Ports: HostPorts(pod), priority: Priority(pod)}
	info.parseAffinity()
	return info
}

// With returns the info of another version of the same pod. Terms, ports and images can't change in place; requests can, if
// the pod is resized.
func (s *Symbols) With(info *PodInfo, pod *corev1.Pod) *PodInfo {
	next := *info
	next.Pod, next.priority = pod, Priority(pod)
	if !sameRequests(info.Pod, pod) {
		next.Request = s.RequestOf(pod)
	}
	return &next
}

// Priority returns the pod's priority; unset is zero.
func (p *PodInfo) Priority() int32 { return p.priority }

// Priority returns a pod's priority; unset is zero.
func Priority(pod *corev1.Pod) int32 {
	if pod.Spec.Priority != nil {
		return *pod.Spec.Priority
	}
	return 0
}

// HasAffinity reports whether the pod states inter-pod affinity or anti-affinity of any kind.
func (p *PodInfo) HasAffinity() bool {
	a := p.Pod.Spec.Affinity
	return a != nil && (a.PodAffinity != nil || a.PodAntiAffinity != nil)
}

// HasRequiredAntiAffinity reports whether the pod keeps other pods away.
func (p *PodInfo) HasRequiredAntiAffinity() bool {
	a := p.Pod.Spec.Affinity
	return a != nil && a.PodAntiAffinity != nil && len(a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution) > 0
}

// AffinityTerm is a parsed term of inter-pod affinity.
type AffinityTerm struct {
	Namespaces        []string // sorted
	Selector          labels.Selector
	TopologyKey       string
	NamespaceSelector labels.Selector
}

// WeightedAffinityTerm is a preferred term.
type WeightedAffinityTerm struct {
	AffinityTerm
	Weight int32
}

// Matches reports whether a pod is meant by the term; namespaceLabels are those of the pod's namespace.
func (t *AffinityTerm) Matches(pod *corev1.Pod, namespaceLabels labels.Set) bool {
	if _, named := slices.BinarySearch(t.Namespaces, pod.Namespace); named || t.NamespaceSelector.Matches(namespaceLabels) {
		return t.Selector.Matches(labels.Set(pod.Labels))
	}
	return false
}

// MatchesAll reports whether a pod is meant by all terms, of which there must be one.
func MatchesAll(terms []AffinityTerm, pod *corev1.Pod) bool {
	for i := range terms {
		if !terms[i].Matches(pod, nil) {
			return false
		}
	}
	return len(terms) > 0
}

func (p *PodInfo) parseAffinity() {
	affinity := p.Pod.Spec.Affinity
	if affinity == nil {
		return
	}
	var failed []error
	note := func(field string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", field, err))
		}
	}
	var err error
	if a := affinity.PodAffinity; a != nil {
		p.RequiredAffinity, err = parseTerms(p.Pod, a.RequiredDuringSchedulingIgnoredDuringExecution)
		note("requiredAffinityTerms", err)
		p.PreferredAffinity, err = parseWeightedTerms(p.Pod, a.PreferredDuringSchedulingIgnoredDuringExecution)
		note("preferredAffinityTerms", err)
	}
	if a := affinity.PodAntiAffinity; a != nil {
		p.RequiredAntiAffinity, err = parseTerms(p.Pod, a.RequiredDuringSchedulingIgnoredDuringExecution)
		note("requiredAntiAffinityTerms", err)
		p.PreferredAntiAffinity, err = parseWeightedTerms(p.Pod, a.PreferredDuringSchedulingIgnoredDuringExecution)
		note("preferredAntiAffinityTerms", err)
	}
	p.ParseError = errors.Join(failed...)
}

func parseTerms(pod *corev1.Pod, terms []corev1.PodAffinityTerm) ([]AffinityTerm, error) {
	parsed := make([]AffinityTerm, 0, len(terms))
	for i := range terms {
		term, err := parseTerm(pod, &terms[i])
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, term)
	}
	return parsed, nil
}

func parseWeightedTerms(pod *corev1.Pod, terms []corev1.WeightedPodAffinityTerm) ([]WeightedAffinityTerm, error) {
	parsed := make([]WeightedAffinityTerm, 0, len(terms))
	for i := range terms {
		term, err := parseTerm(pod, &terms[i].PodAffinityTerm)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, WeightedAffinityTerm{AffinityTerm: term, Weight: terms[i].Weight})
	}
	return parsed, nil
}

func parseTerm(pod *corev1.Pod, term *corev1.PodAffinityTerm) (AffinityTerm, error) {
	selector, err := metav1.LabelSelectorAsSelector(term.LabelSelector)
	if err != nil {
		return AffinityTerm{}, err
	}
	namespaceSelector, err := metav1.LabelSelectorAsSelector(term.NamespaceSelector)
	if err != nil {
		return AffinityTerm{}, err
	}
	namespaces := slices.Clone(term.Namespaces)
	if len(namespaces) == 0 && term.NamespaceSelector == nil {
		namespaces = []string{pod.Namespace}
	}
	slices.Sort(namespaces)
	return AffinityTerm{Namespaces: namespaces, Selector: selector, TopologyKey: term.TopologyKey, NamespaceSelector: namespaceSelector}, nil
}

// ImageNames returns the images of a pod's init containers, containers and image volumes, as node statuses spell them.
func ImageNames(pod *corev1.Pod, visit func(name string)) {
	for i := range pod.Spec.InitContainers {
		visit(NormalizeImage(pod.Spec.InitContainers[i].Image))
	}
	for i := range pod.Spec.Containers {
		visit(NormalizeImage(pod.Spec.Containers[i].Image))
	}
	for i := range pod.Spec.Volumes {
		if image := pod.Spec.Volumes[i].Image; image != nil {
			visit(NormalizeImage(image.Reference))
		}
	}
}

// NormalizeImage adds the tag that a name without tag or digest means.
func NormalizeImage(name string) string {
	if strings.LastIndexByte(name, ':') <= strings.LastIndexByte(name, '/') {
		return name + ":latest"
	}
	return name
}

// RequiredTerms are a pod's required terms.
type RequiredTerms struct{ Affinity, AntiAffinity []AffinityTerm }

// ParseTerms parses a pod's required terms.
func ParseTerms(pod *corev1.Pod) (RequiredTerms, error) {
	var terms RequiredTerms
	var err error
	a := pod.Spec.Affinity
	if a != nil && a.PodAffinity != nil {
		if terms.Affinity, err = parseTerms(pod, a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution); err != nil {
			return terms, err
		}
	}
	if a != nil && a.PodAntiAffinity != nil {
		terms.AntiAffinity, err = parseTerms(pod, a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
	}
	return terms, err
}
