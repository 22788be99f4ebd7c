// Package testcluster draws random nodes, pods and changes for property tests of the scheduler, and holds what plugins need around
// them: listers and actions that only remember.
package testcluster

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// Fakes are listers and actions without an API server.
type Fakes struct {
	Pods        map[string]*corev1.Pod // "namespace/name"
	NS          []*corev1.Namespace
	Svcs        []*corev1.Service
	RSs         map[string]*appsv1.ReplicaSet
	PDBs        []*policyv1.PodDisruptionBudget
	Nominations map[string][]*framework.PodInfo
	Volumes     *Volumes
	// After, if set, is told of every wait.
	After func(then func())
	// Clock is the monotonic clock.
	Clock time.Duration
	// Batch lists what batching counted, in order.
	Batch []string
	// Did lists the actions, in order.
	Did []string
	// Bound are the annotations of the last binding.
	Bound map[string]string
}

func (f *Fakes) Pod(ns, name string) *corev1.Pod { return f.Pods[ns+"/"+name] }

func (f *Fakes) NamespaceLabels(name string) map[string]string {
	for _, ns := range f.NS {
		if ns.Name == name {
			return ns.Labels
		}
	}
	return nil
}

func (f *Fakes) Namespaces() []*corev1.Namespace { return f.NS }

func (f *Fakes) Services(ns string) []*corev1.Service {
	var in []*corev1.Service
	for _, s := range f.Svcs {
		if s.Namespace == ns {
			in = append(in, s)
		}
	}
	return in
}

func (f *Fakes) ReplicationController(string, string) *corev1.ReplicationController { return nil }
func (f *Fakes) ReplicaSet(ns, name string) *appsv1.ReplicaSet                      { return f.RSs[ns+"/"+name] }
func (f *Fakes) StatefulSet(string, string) *appsv1.StatefulSet                     { return nil }
func (f *Fakes) PodDisruptionBudgets() []*policyv1.PodDisruptionBudget              { return f.PDBs }

func (f *Fakes) NominatedPods(node string) []*framework.PodInfo { return f.Nominations[node] }
func (f *Fakes) HasNominated() bool                             { return len(f.Nominations) > 0 }

func (f *Fakes) Bind(pod *corev1.Pod, node string, annotations map[string]string, done func(error)) {
	f.Did = append(f.Did, "bind "+pod.Name+" "+node)
	f.Bound = annotations
	done(nil)
}

func (f *Fakes) SetCondition(pod *corev1.Pod, c corev1.PodCondition, done func(error)) {
	f.Did = append(f.Did, "condition "+pod.Name+" "+string(c.Type))
	done(nil)
}

func (f *Fakes) Nominate(pod *corev1.Pod, node string, done func(error)) {
	f.Did = append(f.Did, "nominate "+pod.Name+" "+node)
	done(nil)
}

func (f *Fakes) DeletePod(pod *corev1.Pod, done func(error)) {
	f.Did = append(f.Did, "delete "+pod.Name)
	done(nil)
}

func (f *Fakes) Event(regarding, _ *corev1.Pod, _, reason, _, note string) {
	f.Did = append(f.Did, "event "+regarding.Name+" "+reason+": "+note)
}

func (f *Fakes) Activate(pods ...*corev1.Pod) {
	for _, p := range pods {
		f.Did = append(f.Did, "activate "+p.Name)
	}
}

func (f *Fakes) AllowWaiting(types.UID, string)        {}
func (f *Fakes) PreemptWaiting(types.UID, string) bool { return false }
func (f *Fakes) PreemptionAttempt()                    {}
func (f *Fakes) PreemptionVictims(int)                 {}
func (f *Fakes) BatchAttempt(_, result string)         { f.Batch = append(f.Batch, result) }
func (f *Fakes) BatchFlushed(_, reason string)         { f.Batch = append(f.Batch, reason) }

// Now is the instant at which random clusters live.
var Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Handle returns a handle on the fakes.
func (f *Fakes) Handle(symbols *framework.Symbols) *framework.Handle {
	h := framework.NewHandle("default-scheduler", symbols)
	h.Listers, h.Actions, h.Nominator, h.Observe = f, f, f, f
	h.Storage = f.Volumes
	h.Now = func() time.Time { return Now }
	h.Monotonic = func() time.Duration { return f.Clock }
	h.After = func(_ time.Duration, then func()) {
		if f.After == nil {
			then()
			return
		}
		f.After(then)
	}
	h.Draw = func(int) int { return 0 }
	return h
}

// NewFakes returns two namespaces with a Service and a ReplicaSet each.
func NewFakes() *Fakes {
	f := &Fakes{Pods: map[string]*corev1.Pod{}, RSs: map[string]*appsv1.ReplicaSet{}, Volumes: &Volumes{}}
	for i, ns := range namespaces {
		f.NS = append(f.NS, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{"team": string(rune('a' + i))}}})
		f.Svcs = append(f.Svcs, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}})
		f.RSs[ns+"/db"] = &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "db"},
			Spec: appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}}}
	}
	return f
}

var (
	namespaces = []string{"one", "two"}
	zones      = []string{"", "a", "b", "c"}
	images     = []string{"nginx:1.25", "redis:7", "app:latest"}
	apps       = []string{"web", "db", "batch"}
)

// uniform draws from [0, n). rapid's own numbers cluster at the ends of their range, where most features of a pod would be
// off or on together; its bits don't. It shrinks towards 0.
func uniform(t *rapid.T, label string, n int) int {
	drawn := 0
	for range uniformBits {
		drawn <<= 1
		if rapid.Bool().Draw(t, label) {
			drawn |= 1
		}
	}
	return drawn * n >> uniformBits
}

const uniformBits = 10

// chance is true in so many of a hundred cases.
func chance(t *rapid.T, label string, percent int) bool { return uniform(t, label, 100) >= 100-percent }

func between(t *rapid.T, label string, low, high int) int { return low + uniform(t, label, high-low+1) }

// Pick draws an element, all alike.
func Pick[T any](t *rapid.T, label string, from []T) T { return from[uniform(t, label, len(from))] }

func pick(t *rapid.T, label string, from []string) string { return Pick(t, label, from) }

// Node draws a node.
func Node(t *rapid.T, name string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Labels: map[string]string{}}}
	if !chance(t, "no hostname", 5) {
		n.Labels[corev1.LabelHostname] = name
	}
	if zone := pick(t, "zone", zones); zone != "" {
		n.Labels[corev1.LabelTopologyZone] = zone
	}
	if chance(t, "disk label", 40) {
		n.Labels["disk"] = pick(t, "disk", []string{"ssd", "hdd"})
	}
	n.Status.Allocatable = api.Quantities(
		"cpu", fmt.Sprintf("%dm", Pick(t, "cpu", []int{4000, 2000, 1000, 0})),
		"memory", fmt.Sprintf("%dMi", Pick(t, "memory", []int{4096, 1024, 512})),
		"pods", fmt.Sprint(Pick(t, "pods", []int{110, 3, 1})),
		"ephemeral-storage", "10Gi")
	if chance(t, "gpus", 40) {
		//sim:unordered one entry
		for name, quantity := range api.Quantities("example.com/gpu", fmt.Sprint(between(t, "gpu", 0, 4))) {
			n.Status.Allocatable[name] = quantity
		}
	}
	n.Spec.Unschedulable = chance(t, "cordoned", 7)
	if chance(t, "tainted", 25) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{
			Key: "dedicated", Value: pick(t, "taint", []string{"a", "b"}),
			Effect: Pick(t, "effect", []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}),
		})
	}
	for _, image := range images {
		if chance(t, "has image", 30) {
			n.Status.Images = append(n.Status.Images, corev1.ContainerImage{Names: []string{image}, SizeBytes: int64(between(t, "MB", 1, 900)) << 20})
		}
	}
	return n
}

// Pod draws a pod; with all of the features, or only such as have no effect on other pods.
func Pod(t *rapid.T, name string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pick(t, "namespace", namespaces), Name: name, UID: types.UID(name), Generation: 1}}
	app := pick(t, "app", apps)
	p.Labels = map[string]string{"app": app}
	if app == "db" {
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "db", Controller: api.Ptr(true)}}
	}
	p.Spec.SchedulerName = "default-scheduler"
	for i := range between(t, "containers", 1, 2) {
		p.Spec.Containers = append(p.Spec.Containers, container(t, fmt.Sprintf("c%d", i)))
	}
	if chance(t, "init container", 15) {
		p.Spec.InitContainers = append(p.Spec.InitContainers, container(t, "init"))
	}
	if chance(t, "priority", 60) {
		p.Spec.Priority = api.Ptr(int32(between(t, "value", -1, 3)))
	}
	tolerations(t, p)
	placement(t, p)
	return p
}

func container(t *rapid.T, name string) corev1.Container {
	c := corev1.Container{Name: name, Image: pick(t, "image", append(images, "other"))}
	requests := corev1.ResourceList{}
	add := func(resource, amount string) {
		//sim:unordered one entry
		for k, v := range api.Quantities(resource, amount) {
			requests[k] = v
		}
	}
	if chance(t, "asks cpu", 90) {
		add("cpu", fmt.Sprintf("%dm", Pick(t, "cpu", []int{100, 500, 0, 1500})))
	}
	if chance(t, "asks memory", 90) {
		add("memory", fmt.Sprintf("%dMi", Pick(t, "memory", []int{10, 100, 700})))
	}
	if chance(t, "asks gpu", 7) {
		add("example.com/gpu", fmt.Sprint(between(t, "gpu", 0, 2)))
	}
	if len(requests) > 0 {
		c.Resources.Requests = requests
	}
	if chance(t, "host port", 8) {
		c.Ports = []corev1.ContainerPort{{HostPort: int32(between(t, "port", 80, 82)), HostIP: pick(t, "ip", []string{"", "10.0.0.1", "10.0.0.2"})}}
	}
	return c
}

func tolerations(t *rapid.T, p *corev1.Pod) {
	if chance(t, "tolerates", 40) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{
			Key: pick(t, "key", []string{"", "dedicated"}), Value: pick(t, "value", []string{"a", "b"}),
			Operator: Pick(t, "operator", []corev1.TolerationOperator{"", corev1.TolerationOpEqual, corev1.TolerationOpExists}),
			Effect:   Pick(t, "effect", []corev1.TaintEffect{"", corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule}),
		})
	}
	if chance(t, "tolerates cordon", 20) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists})
	}
}

func placement(t *rapid.T, p *corev1.Pod) {
	if chance(t, "node selector", 10) {
		p.Spec.NodeSelector = map[string]string{"disk": pick(t, "disk", []string{"ssd", "hdd"})}
	}
	a := &corev1.Affinity{}
	if chance(t, "node affinity", 20) {
		a.NodeAffinity = nodeAffinity(t)
	}
	if chance(t, "pod affinity", 20) {
		a.PodAffinity = &corev1.PodAffinity{}
		if chance(t, "required", 60) {
			a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution = []corev1.PodAffinityTerm{term(t)}
		}
		if chance(t, "preferred", 60) {
			a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution = []corev1.WeightedPodAffinityTerm{{Weight: int32(between(t, "weight", 1, 100)), PodAffinityTerm: term(t)}}
		}
	}
	if chance(t, "pod anti-affinity", 20) {
		a.PodAntiAffinity = &corev1.PodAntiAffinity{}
		if chance(t, "required", 60) {
			a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution = []corev1.PodAffinityTerm{term(t)}
		}
		if chance(t, "preferred", 60) {
			a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution = []corev1.WeightedPodAffinityTerm{{Weight: int32(between(t, "weight", 1, 100)), PodAffinityTerm: term(t)}}
		}
	}
	if *a != (corev1.Affinity{}) {
		p.Spec.Affinity = a
	}
	for range Pick(t, "constraints", []int{0, 0, 0, 1, 2}) {
		p.Spec.TopologySpreadConstraints = append(p.Spec.TopologySpreadConstraints, constraint(t))
	}
}

func nodeAffinity(t *rapid.T) *corev1.NodeAffinity {
	a := &corev1.NodeAffinity{}
	ssd := corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{
		Key: "disk", Operator: Pick(t, "op", []corev1.NodeSelectorOperator{corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn}), Values: []string{"ssd"},
	}}}
	if chance(t, "required", 60) {
		terms := []corev1.NodeSelectorTerm{ssd}
		if chance(t, "by name", 30) {
			terms = []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{pick(t, "node", []string{"n0", "n1", "n9"})}}}}}
		}
		a.RequiredDuringSchedulingIgnoredDuringExecution = &corev1.NodeSelector{NodeSelectorTerms: terms}
	}
	if chance(t, "preferred", 60) {
		a.PreferredDuringSchedulingIgnoredDuringExecution = []corev1.PreferredSchedulingTerm{{Weight: int32(between(t, "weight", 1, 100)), Preference: ssd}}
	}
	return a
}

func selector(t *rapid.T) *metav1.LabelSelector {
	switch between(t, "selector", 0, 9) {
	case 0:
		return nil
	case 1:
		return &metav1.LabelSelector{}
	case 2:
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: []string{pick(t, "app", apps)}}}}
	default:
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": pick(t, "app", apps)}}
	}
}

var topologyKeys = []string{corev1.LabelHostname, corev1.LabelTopologyZone, "disk"}

func term(t *rapid.T) corev1.PodAffinityTerm {
	p := corev1.PodAffinityTerm{LabelSelector: selector(t), TopologyKey: pick(t, "topology key", topologyKeys)}
	switch between(t, "namespaces", 0, 5) {
	case 0:
		p.Namespaces = namespaces
	case 1:
		p.NamespaceSelector = &metav1.LabelSelector{}
	case 2:
		p.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": pick(t, "team", []string{"a", "b", "z"})}}
	}
	return p
}

func constraint(t *rapid.T) corev1.TopologySpreadConstraint {
	c := corev1.TopologySpreadConstraint{
		MaxSkew: int32(between(t, "skew", 1, 3)), TopologyKey: pick(t, "topology key", topologyKeys), LabelSelector: selector(t),
		WhenUnsatisfiable: Pick(t, "action", []corev1.UnsatisfiableConstraintAction{corev1.DoNotSchedule, corev1.ScheduleAnyway}),
	}
	if chance(t, "min domains", 20) {
		c.MinDomains = api.Ptr(int32(between(t, "domains", 1, 4)))
	}
	policies := []*corev1.NodeInclusionPolicy{nil, api.Ptr(corev1.NodeInclusionPolicyHonor), api.Ptr(corev1.NodeInclusionPolicyIgnore)}
	c.NodeAffinityPolicy = Pick(t, "affinity policy", policies)
	c.NodeTaintsPolicy = Pick(t, "taints policy", policies)
	if chance(t, "match label keys", 15) {
		c.MatchLabelKeys = []string{"app"}
	}
	return c
}
