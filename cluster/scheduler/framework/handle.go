package framework

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Handle is what a plugin is built with: the scheduler around it.
type Handle struct {
	Profile   string // schedulerName
	Symbols   *Symbols
	Listers   Listers
	Storage   Storage
	Nominator Nominator
	Runner    Runner
	Actions   Actions
	Observe   Observer
	// PodGroups is nil unless pods are scheduled in groups.
	PodGroups PodGroups
	// Extenders are the profile's, in the order in which they are asked.
	Extenders []Extender
	// SynchronousPreemption keeps the serial loop until victims are deleted (feature gate SchedulerAsyncPreemption off).
	SynchronousPreemption bool
	// Now reads the host's wall clock.
	Now func() time.Time
	// Monotonic reads the host's monotonic clock.
	Monotonic func() time.Duration
	// After calls back later; not if the scheduler has died meanwhile.
	After func(d time.Duration, then func())
	// Draw returns a number in [0, n) from the simulation's random stream: upstream uses math/rand where this is called.
	Draw func(n int) int

	stateKeys *StateKey
	shared    map[string]any
}

// Shared returns what plugins of a profile share under a key, making it the first time.
func (h *Handle) Shared(key string, make func() any) any {
	if h.shared == nil {
		h.shared = map[string]any{}
	}
	if _, made := h.shared[key]; !made {
		h.shared[key] = make()
	}
	return h.shared[key]
}

// NewHandle returns a handle whose state keys are unused, on a cluster without volumes.
func NewHandle(profile string, symbols *Symbols) *Handle {
	return &Handle{Profile: profile, Symbols: symbols, Storage: NoStorage{}, stateKeys: new(StateKey)}
}

// NewStateKey returns a fresh place in Cycle's memory.
func (h *Handle) NewStateKey() StateKey {
	*h.stateKeys++
	return *h.stateKeys - 1
}

// Listers read the scheduler's informers. Results are shared and immutable; lists are in key order.
type Listers interface {
	Pod(namespace, name string) *corev1.Pod
	NamespaceLabels(name string) map[string]string
	Namespaces() []*corev1.Namespace
	Services(namespace string) []*corev1.Service
	ReplicationController(namespace, name string) *corev1.ReplicationController
	ReplicaSet(namespace, name string) *appsv1.ReplicaSet
	StatefulSet(namespace, name string) *appsv1.StatefulSet
	PodDisruptionBudgets() []*policyv1.PodDisruptionBudget
}

// Nominator knows which pods wait for room on which node.
type Nominator interface {
	// NominatedPods returns the pods nominated to a node, oldest nomination first.
	NominatedPods(node string) []*PodInfo
	// HasNominated reports whether any pod is nominated anywhere.
	HasNominated() bool
}

// Runner lets plugins run the profile's Filter plugins on nodes they have changed.
type Runner interface {
	// FilterWithNominated runs the filters as scheduling does: with nominated pods of equal or higher priority, then without.
	FilterWithNominated(c *Cycle, node *NodeInfo) *Status
	AddPod(c *Cycle, added *PodInfo, node *NodeInfo) *Status
	RemovePod(c *Cycle, removed *PodInfo, node *NodeInfo) *Status
}

// Actions are the writes that plugins cause. All return at once; done is called when the API server has answered.
type Actions interface {
	// Bind posts a binding; the API server copies its annotations to the pod.
	Bind(pod *corev1.Pod, node string, annotations map[string]string, done func(error))
	// SetCondition writes a condition of the pod's status, with the present as its transition time if its status changes.
	SetCondition(pod *corev1.Pod, condition corev1.PodCondition, done func(error))
	// Nominate writes the pod's nominated node; empty for none.
	Nominate(pod *corev1.Pod, node string, done func(error))
	DeletePod(pod *corev1.Pod, done func(error))
	// Event records an events.k8s.io Event.
	Event(regarding, related *corev1.Pod, eventType, reason, action, note string)
	// Activate moves pods to the active queue.
	Activate(pods ...*corev1.Pod)
	// AllowWaiting lets a Permit plugin stop waiting for a pod.
	AllowWaiting(pod types.UID, plugin string)
	// PreemptWaiting sends a pod that waits at Permit back to the queue; false if it doesn't wait.
	PreemptWaiting(pod types.UID, plugin string) bool
}

// Observer counts what only plugins see.
type Observer interface {
	// PreemptionAttempt: a pod asked for preemption.
	PreemptionAttempt()
	// PreemptionVictims: so many pods are to go.
	PreemptionVictims(n int)
	// BatchAttempt: batching was asked for a hint, or a hint was used or not.
	BatchAttempt(profile, result string)
	// BatchFlushed: batching gave up what it knew.
	BatchFlushed(profile, reason string)
}

// NoObserver counts nothing.
type NoObserver struct{}

func (NoObserver) PreemptionAttempt()          {}
func (NoObserver) PreemptionVictims(int)       {}
func (NoObserver) BatchAttempt(string, string) {}
func (NoObserver) BatchFlushed(string, string) {}
