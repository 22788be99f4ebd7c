package framework

import (
	corev1 "k8s.io/api/core/v1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
)

// Extender is a service outside of the scheduler that has a say in its decisions (extenders in a KubeSchedulerConfiguration). Calls take
// simulated time: the scheduler waits for the answers, but for Bind's.
type Extender interface {
	// Name is its URL.
	Name() string
	// IsIgnorable says that the scheduler goes on without it when it fails.
	IsIgnorable() bool
	// IsInterested says whether it is to be asked about a pod.
	IsInterested(pod *corev1.Pod) bool
	IsFilter() bool
	IsPrioritizer() bool
	IsBinder() bool
	SupportsPreemption() bool

	// Filter returns the nodes that are left, and why others are not. Bare nodes are as the extender sent them back: without pods.
	Filter(pod *corev1.Pod, nodes []*NodeInfo) (ExtenderVerdict, error)
	// Prioritize returns scores from 0 to 10, each to be multiplied by the weight.
	Prioritize(pod *corev1.Pod, nodes []*NodeInfo) (extenderv1.HostPriorityList, int64, error)
	// ProcessPreemption returns which of the candidates are left, by node, with their victims.
	ProcessPreemption(pod *corev1.Pod, victims map[string]*extenderv1.Victims, snapshot *Snapshot) (map[string]*extenderv1.Victims, error)
	Bind(pod *corev1.Pod, node string, done func(error))
}

// ExtenderVerdict is an extender's answer about nodes.
type ExtenderVerdict struct {
	Nodes                []*NodeInfo
	Bare                 bool
	Failed, Unresolvable map[string]string // by node: why
}

// ExtenderName stands for all extenders where refusals are counted by plugin.
const ExtenderName = "Extender"
