package framework

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	resourcehelper "k8s.io/component-helpers/resource"
)

// ActionType is what happened to a resource; values combine as bits. They are those of k8s.io/kube-scheduler/framework.
type ActionType int64

const (
	Add ActionType = 1 << iota
	Delete
	UpdateNodeAllocatable
	UpdateNodeLabel
	UpdateNodeTaint // taints or spec.unschedulable
	UpdateNodeCondition
	UpdateNodeAnnotation
	UpdateNodeDeclaredFeature
	UpdatePodLabel
	UpdatePodScaleDown
	UpdatePodToleration
	UpdatePodSchedulingGatesEliminated
	UpdatePodGeneratedResourceClaim

	All ActionType = 1<<iota - 1

	// Update is any update: what an event says that no more specific action describes.
	Update = All &^ (Add | Delete)
)

var actionNames = map[ActionType]string{
	Add: "Add", Delete: "Delete", Update: "Update", All: "All",
	UpdateNodeAllocatable: "UpdateNodeAllocatable", UpdateNodeLabel: "UpdateNodeLabel", UpdateNodeTaint: "UpdateNodeTaint",
	UpdateNodeCondition: "UpdateNodeCondition", UpdateNodeAnnotation: "UpdateNodeAnnotation", UpdateNodeDeclaredFeature: "UpdateNodeDeclaredFeature",
	UpdatePodLabel: "UpdatePodLabel", UpdatePodScaleDown: "UpdatePodScaleDown", UpdatePodToleration: "UpdatePodToleration",
	UpdatePodSchedulingGatesEliminated: "UpdatePodSchedulingGatesEliminated", UpdatePodGeneratedResourceClaim: "UpdatePodGeneratedResourceClaim",
}

func (a ActionType) String() string { return actionNames[a] }

// EventResource is what an event is about.
type EventResource string

const (
	Pod                   EventResource = "Pod"
	Node                  EventResource = "Node"
	PersistentVolume      EventResource = "PersistentVolume"
	PersistentVolumeClaim EventResource = "PersistentVolumeClaim"
	CSINode               EventResource = "storage.k8s.io/CSINode"
	CSIDriver             EventResource = "storage.k8s.io/CSIDriver"
	VolumeAttachment      EventResource = "storage.k8s.io/VolumeAttachment"
	CSIStorageCapacity    EventResource = "storage.k8s.io/CSIStorageCapacity"
	StorageClass          EventResource = "storage.k8s.io/StorageClass"
	ResourceClaim         EventResource = "resource.k8s.io/ResourceClaim"
	ResourceSlice         EventResource = "resource.k8s.io/ResourceSlice"
	DeviceClass           EventResource = "resource.k8s.io/DeviceClass"
	PodGroup              EventResource = "scheduling.k8s.io/PodGroup"
	WildCard              EventResource = "*"

	// Incoming pod events say which kind of pod they are about; plugins register for Pod and get both.
	assignedPod      EventResource = "AssignedPod"
	unschedulablePod EventResource = "UnschedulablePod"
)

// ClusterEvent is a change that may make pods schedulable. Label overrides the name under which metrics count it.
type ClusterEvent struct {
	Resource EventResource
	Action   ActionType
	label    string
}

// Label is the event's name in metrics.
func (e ClusterEvent) Label() string {
	if e.label != "" {
		return e.label
	}
	return string(e.Resource) + e.Action.String()
}

// Names of the causes, other than cluster events, that move pods between queues.
const (
	ScheduleAttemptFailure = "ScheduleAttemptFailure"
	BackoffComplete        = "BackoffComplete"
	PopFromBackoffQ        = "PopFromBackoffQ"
	ForceActivate          = "ForceActivate"
	UnschedulableTimeout   = "UnschedulableTimeout"
)

var (
	EventAssignedPodAdd       = ClusterEvent{Resource: assignedPod, Action: Add}
	EventAssignedPodDelete    = ClusterEvent{Resource: assignedPod, Action: Delete}
	EventUnscheduledPodAdd    = ClusterEvent{Resource: unschedulablePod, Action: Add}
	EventUnscheduledPodUpdate = ClusterEvent{Resource: unschedulablePod, Action: Update}
	EventUnschedulableTimeout = ClusterEvent{Resource: WildCard, Action: All, label: UnschedulableTimeout}
	EventForceActivate        = ClusterEvent{Resource: WildCard, Action: All, label: ForceActivate}
	EventNodeAdd              = ClusterEvent{Resource: Node, Action: Add}
	EventNodeDelete           = ClusterEvent{Resource: Node, Action: Delete}
)

// IsWildCard reports whether the event moves pods whatever plugin refused them.
func (e ClusterEvent) IsWildCard() bool { return e.Resource == WildCard && e.Action == All }

// Covers reports whether a plugin that registered for e hears of incoming: the same resource, and an action that is the same
// or more specific. A wild card that comes in is covered only by a registered wild card.
func (e ClusterEvent) Covers(incoming ClusterEvent) bool {
	return e.IsWildCard() ||
		e.Resource.covers(incoming.Resource) && e.Action&incoming.Action != 0 && incoming.Action <= e.Action
}

func (r EventResource) covers(incoming EventResource) bool {
	return r == WildCard || r == incoming || r == Pod && (incoming == assignedPod || incoming == unschedulablePod)
}

// Hint is a plugin's opinion of an event.
type Hint uint8

const (
	QueueSkip Hint = iota // the event can't help the pod
	Queue                 // the pod is worth another attempt
)

// HintFunc says whether an event may make a pod schedulable that the plugin refused. before and after are the object's
// versions: one of them is nil when it appeared or went. An error counts as Queue.
type HintFunc func(pod *corev1.Pod, before, after any) (Hint, error)

// ClusterEventWithHint registers interest in an event. A nil Hint always queues.
type ClusterEventWithHint struct {
	Event ClusterEvent
	Hint  HintFunc
}

// PodUpdates returns the events that a pod's update amounts to.
func PodUpdates(before, after *corev1.Pod) []ClusterEvent {
	resource := assignedPod
	if after.Spec.NodeName == "" {
		resource = unschedulablePod
	}
	var events []ClusterEvent
	event := func(happened bool, action ActionType) {
		if happened {
			events = append(events, ClusterEvent{Resource: resource, Action: action})
		}
	}
	event(!sameLabels(before.Labels, after.Labels), UpdatePodLabel)
	event(scaledDown(before, after), UpdatePodScaleDown)
	event(len(after.Spec.SchedulingGates) == 0 && len(before.Spec.SchedulingGates) != 0, UpdatePodSchedulingGatesEliminated)
	// Validation lets tolerations only be added, so that their number tells.
	event(len(before.Spec.Tolerations) != len(after.Spec.Tolerations), UpdatePodToleration)
	event(!slices.EqualFunc(before.Status.ResourceClaimStatuses, after.Status.ResourceClaimStatuses, sameClaimStatus), UpdatePodGeneratedResourceClaim)
	if len(events) == 0 {
		event(true, Update)
	}
	return events
}

func sameClaimStatus(a, b corev1.PodResourceClaimStatus) bool {
	return a.Name == b.Name && (a.ResourceClaimName == nil) == (b.ResourceClaimName == nil) &&
		(a.ResourceClaimName == nil || *a.ResourceClaimName == *b.ResourceClaimName)
}

// scaledDown reports whether any resource that the pod asked for is asked for less.
func scaledDown(before, after *corev1.Pod) bool {
	if sameRequests(before, after) {
		return false
	}
	options := resourcehelper.PodResourcesOptions{UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true}
	now := resourcehelper.PodRequests(after, options)
	//sim:unordered true if any entry says so
	for name, was := range resourcehelper.PodRequests(before, options) {
		is, asked := now[name]
		if !asked || was.MilliValue() > is.MilliValue() {
			return true
		}
	}
	return false
}

// sameRequests sees at a glance that two versions of a pod ask for the same: status and label updates share or repeat
// the containers' resources.
func sameRequests(before, after *corev1.Pod) bool {
	if !isPlain(before) || !isPlain(after) || len(before.Spec.Containers) != len(after.Spec.Containers) {
		return false
	}
	if len(before.Spec.Containers) > 0 && &before.Spec.Containers[0] == &after.Spec.Containers[0] {
		return true
	}
	for i := range before.Spec.Containers {
		if !sameList(before.Spec.Containers[i].Resources.Requests, after.Spec.Containers[i].Resources.Requests) {
			return false
		}
	}
	return true
}

func sameList(a, b corev1.ResourceList) bool {
	if len(a) != len(b) {
		return false
	}
	//sim:unordered true only if all entries are equal
	for name, quantity := range a {
		other, ok := b[name]
		if !ok || quantity.Cmp(other) != 0 {
			return false
		}
	}
	return true
}

// NodeUpdates returns the events that a node's update amounts to; none if nothing that plugins care for changed.
func NodeUpdates(before, after *corev1.Node) []ClusterEvent {
	var events []ClusterEvent
	event := func(happened bool, action ActionType) {
		if happened {
			events = append(events, ClusterEvent{Resource: Node, Action: action})
		}
	}
	event(before.Spec.Unschedulable && !after.Spec.Unschedulable, UpdateNodeTaint)
	event(!sameList(before.Status.Allocatable, after.Status.Allocatable), UpdateNodeAllocatable)
	event(!sameLabels(before.Labels, after.Labels), UpdateNodeLabel)
	event(!equality.Semantic.DeepEqual(after.Spec.Taints, before.Spec.Taints), UpdateNodeTaint)
	event(!sameConditions(before.Status.Conditions, after.Status.Conditions), UpdateNodeCondition)
	event(!sameLabels(before.Annotations, after.Annotations), UpdateNodeAnnotation)
	event(!slices.Equal(before.Status.DeclaredFeatures, after.Status.DeclaredFeatures), UpdateNodeDeclaredFeature)
	return events
}

// sameConditions compares types and statuses; times and messages don't count.
func sameConditions(a, b []corev1.NodeCondition) bool {
	return conditionsCover(a, b) && conditionsCover(b, a)
}

func conditionsCover(a, b []corev1.NodeCondition) bool {
	for i := range b {
		if !slices.ContainsFunc(a, func(c corev1.NodeCondition) bool { return c.Type == b[i].Type && c.Status == b[i].Status }) {
			return false
		}
	}
	return true
}

func sameLabels(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	//sim:unordered true only if all entries are equal
	for key, value := range a {
		if other, ok := b[key]; !ok || other != value {
			return false
		}
	}
	return true
}
