package fault

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// Selector chooses pods, or machines, as Chaos Mesh's does: all given parts must match.
type Selector struct {
	Namespaces          []string            `json:"namespaces,omitempty"`
	LabelSelectors      map[string]string   `json:"labelSelectors,omitempty"`
	ExpressionSelectors []Expression        `json:"expressionSelectors,omitempty"`
	AnnotationSelectors map[string]string   `json:"annotationSelectors,omitempty"`
	FieldSelectors      map[string]string   `json:"fieldSelectors,omitempty"`
	Nodes               []string            `json:"nodes,omitempty"`
	NodeSelectors       map[string]string   `json:"nodeSelectors,omitempty"`
	Pods                map[string][]string `json:"pods,omitempty"`
	PodPhaseSelectors   []string            `json:"podPhaseSelectors,omitempty"`
}

// Expression is a requirement on a label.
type Expression struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator" jsonschema:"enum=In,enum=NotIn,enum=Exists,enum=DoesNotExist"`
	Values   []string `json:"values,omitempty"`
}

// namesPods reports whether the selector says something about pods rather than machines only.
func (s *Selector) namesPods() bool {
	return len(s.Namespaces)+len(s.LabelSelectors)+len(s.ExpressionSelectors)+len(s.AnnotationSelectors)+
		len(s.FieldSelectors)+len(s.Pods)+len(s.PodPhaseSelectors) > 0
}

func (s *Selector) empty() bool { return !s.namesPods() && len(s.Nodes)+len(s.NodeSelectors) == 0 }

// String says what was asked for, for the message that nothing matches.
func (s *Selector) String() string {
	var parts []string
	list := func(name string, values []string) {
		if len(values) > 0 {
			parts = append(parts, name+" "+strings.Join(values, ", "))
		}
	}
	pairs := func(name string, m map[string]string) {
		if len(m) > 0 {
			parts = append(parts, name+" "+labels.Set(m).String())
		}
	}
	list("namespaces", s.Namespaces)
	pairs("labels", s.LabelSelectors)
	for _, e := range s.ExpressionSelectors {
		parts = append(parts, fmt.Sprintf("%s %s %s", e.Key, e.Operator, strings.Join(e.Values, ", ")))
	}
	pairs("annotations", s.AnnotationSelectors)
	pairs("fields", s.FieldSelectors)
	list("nodes", s.Nodes)
	pairs("node labels", s.NodeSelectors)
	for _, namespace := range slices.Sorted(maps.Keys(s.Pods)) {
		list("pods of "+namespace, s.Pods[namespace])
	}
	list("phases", s.PodPhaseSelectors)
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, "; ")
}

// check finds what can be known to be wrong without a cluster.
func (s *Selector) check(d *document, field string) error {
	if _, err := s.labelSelector(); err != nil {
		return d.fail(field, "%v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.FieldSelectors)) {
		if podFields[name] == nil {
			return d.fail(field, "fieldSelectors: %q is not a field that pods are selected by: want one of %s", name,
				strings.Join(slices.Sorted(maps.Keys(podFields)), ", "))
		}
	}
	return nil
}

func (s *Selector) labelSelector() (labels.Selector, error) {
	selector := labels.SelectorFromSet(s.LabelSelectors)
	for _, e := range s.ExpressionSelectors {
		operators := map[string]selection.Operator{
			"In": selection.In, "NotIn": selection.NotIn, "Exists": selection.Exists, "DoesNotExist": selection.DoesNotExist,
		}
		r, err := labels.NewRequirement(e.Key, operators[e.Operator], e.Values)
		if err != nil {
			return nil, err
		}
		selector = selector.Add(*r)
	}
	return selector, nil
}

// podFields are the fields that the API selects pods by.
var podFields = map[string]func(*corev1.Pod) string{
	"metadata.name":      func(p *corev1.Pod) string { return p.Name },
	"metadata.namespace": func(p *corev1.Pod) string { return p.Namespace },
	"spec.nodeName":      func(p *corev1.Pod) string { return p.Spec.NodeName },
	"spec.restartPolicy": func(p *corev1.Pod) string { return string(p.Spec.RestartPolicy) },
	"spec.schedulerName": func(p *corev1.Pod) string { return p.Spec.SchedulerName },
	"status.phase":       func(p *corev1.Pod) string { return string(p.Status.Phase) },
	"status.podIP":       func(p *corev1.Pod) string { return p.Status.PodIP },
}

// pods lists the pods that are neither ended nor on their way out, sorted by key. Without a namespace those of the
// document's own are meant, as in Chaos Mesh.
func (s *Selector) pods(w *World, namespace string) []*corev1.Pod {
	selector, err := s.labelSelector()
	if err != nil {
		panic(fmt.Sprintf("fault: a selector that was checked does not parse: %v", err))
	}
	namespaces := s.Namespaces
	if len(namespaces) == 0 && len(s.Pods) == 0 {
		namespaces = []string{namespace}
	}
	var found []*corev1.Pod
	for _, o := range w.Cluster.Store().List(api.Pods, "", selector) {
		pod := o.(*corev1.Pod)
		if (len(namespaces) == 0 || slices.Contains(namespaces, pod.Namespace)) && api.IsPodActive(pod) && s.matchesPod(w, pod) {
			found = append(found, pod)
		}
	}
	return found
}

func (s *Selector) matchesPod(w *World, pod *corev1.Pod) bool {
	for name, value := range s.FieldSelectors { //sim:unordered all must match
		if podFields[name](pod) != value {
			return false
		}
	}
	switch {
	case !hasAll(pod.Annotations, s.AnnotationSelectors):
	case len(s.Pods) > 0 && !slices.Contains(s.Pods[pod.Namespace], pod.Name):
	case len(s.PodPhaseSelectors) > 0 && !slices.Contains(s.PodPhaseSelectors, string(pod.Status.Phase)):
	case (len(s.Nodes) > 0 || len(s.NodeSelectors) > 0) && !s.matchesNode(w, pod.Spec.NodeName):
	default:
		return true
	}
	return false
}

// matchesNode asks for the name, which may be a glob pattern, and for the labels of the Node object.
func (s *Selector) matchesNode(w *World, name string) bool {
	if len(s.Nodes) > 0 && !slices.ContainsFunc(s.Nodes, func(pattern string) bool { ok, err := path.Match(pattern, name); return ok && err == nil }) {
		return false
	}
	if len(s.NodeSelectors) == 0 {
		return true
	}
	o, ok := w.Cluster.Store().Get(api.Nodes, name)
	return ok && hasAll(o.GetLabels(), s.NodeSelectors)
}

func hasAll(have, want map[string]string) bool {
	for k, v := range want { //sim:unordered all must match
		if value, ok := have[k]; !ok || value != v {
			return false
		}
	}
	return true
}
