package framework

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Scores are within these bounds after NormalizeScore.
const (
	MinNodeScore = 0
	MaxNodeScore = 100
)

// Plugin is known by its name: in configurations, statuses and metrics.
type Plugin interface{ Name() string }

// Partial is a plugin whose type has more extension points than it wants to be asked at. Points are named as in configurations; one more is
// EnqueueExtensions.
type Partial interface{ Has(point string) bool }

// Has reports whether a plugin wants to be asked at an extension point that its type has.
func Has(p Plugin, point string) bool {
	partial, ok := p.(Partial)
	return !ok || partial.Has(point)
}

// PreEnqueuePlugin may keep a pod out of the active queue.
type PreEnqueuePlugin interface {
	Plugin
	PreEnqueue(pod *corev1.Pod) *Status
}

// QueueSortPlugin orders the active queue.
type QueueSortPlugin interface {
	Plugin
	Less(a, b *QueuedPodInfo) bool
}

// EnqueueExtensions names the events that may undo the plugin's refusals.
type EnqueueExtensions interface {
	Plugin
	EventsToRegister() []ClusterEventWithHint
}

// PreFilterPlugin looks at the pod before any node. Skip leaves its Filter out. A result narrows the nodes.
type PreFilterPlugin interface {
	Plugin
	PreFilter(c *Cycle) (*PreFilterResult, *Status)
}

// PreFilterResult names the only nodes worth filtering; nil means all.
type PreFilterResult struct{ NodeNames map[string]bool }

// PreFilterExtensions keep a PreFilterPlugin's state true while dry runs add and remove pods of a node.
type PreFilterExtensions interface {
	AddPod(c *Cycle, added *PodInfo, node *NodeInfo) *Status
	RemovePod(c *Cycle, removed *PodInfo, node *NodeInfo) *Status
}

// FilterPlugin says whether the pod can run on a node.
type FilterPlugin interface {
	Plugin
	Filter(c *Cycle, node *NodeInfo) *Status
}

// ObjectFilter is a FilterPlugin whose answer depends only on the pod's class and on what Snapshot.ObjectVersion versions.
type ObjectFilter interface {
	FilterPlugin
	// AppendFilterClass appends what the answer depends on, self-delimiting.
	AppendFilterClass(key []byte, pod *corev1.Pod) []byte
}

// ColumnFilter is a FilterPlugin that can answer from the snapshot's columns.
type ColumnFilter interface {
	FilterPlugin
	FilterSlot(c *Cycle, slot int32) *Status
}

// PostFilterPlugin is asked when no node fits.
type PostFilterPlugin interface {
	Plugin
	PostFilter(c *Cycle, statuses *NodeStatuses) (*PostFilterResult, *Status)
}

// PreScorePlugin looks at the feasible nodes before scoring. Skip leaves its Score out.
type PreScorePlugin interface {
	Plugin
	PreScore(c *Cycle, feasible []int32) *Status
}

// ScorePlugin ranks a node, which must be one that PreScore was given.
type ScorePlugin interface {
	Plugin
	Score(c *Cycle, node *NodeInfo) (int64, *Status)
}

// ObjectScorer is a ScorePlugin whose raw score depends only on the pod's class and on what Snapshot.ObjectVersion versions.
type ObjectScorer interface {
	ScorePlugin
	AppendScoreClass(key []byte, pod *corev1.Pod) []byte
}

// ColumnScorer is a ScorePlugin that can score many nodes from the snapshot's columns.
type ColumnScorer interface {
	ScorePlugin
	// ScoreSlots sets scores[i] for slots[i].
	ScoreSlots(c *Cycle, slots []int32, scores []int64)
}

// CostedPlugin is a ScorePlugin that declares what its look at a node costs: the name of a row of the cost table.
type CostedPlugin interface {
	ScorePlugin
	CostRow() string
}

// ScoreNormalizer brings the scores of all feasible nodes into bounds.
type ScoreNormalizer interface {
	NormalizeScore(c *Cycle, slots []int32, scores []int64) *Status
}

// SignPlugin is a PreFilter, Filter, PreScore or Score plugin that can say what its answers depend on, so that what was found out for a pod may
// serve the next one that is its equal (KEP-5598). A profile signs pods if all its plugins at these points can.
type SignPlugin interface {
	Plugin
	// Signable reports whether the plugin's answers about the pod depend on its fragments and the nodes alone.
	Signable(pod *corev1.Pod) bool
	// Fragments are always the same.
	Fragments() []SignFragment
}

// SignFragment is a part of the signature. Plugins that look at the same things share a fragment by its name.
type SignFragment struct {
	Name string
	// Append appends what counts, self-delimiting.
	Append func(key []byte, pod *corev1.Pod) []byte
}

// ReservePlugin keeps what the pod needs on the chosen node. Unreserve must do no harm when Reserve was not called.
type ReservePlugin interface {
	Plugin
	Reserve(c *Cycle, node string) *Status
	Unreserve(c *Cycle, node string)
}

// PermitPlugin may delay or refuse the binding; Wait comes with how long.
type PermitPlugin interface {
	Plugin
	Permit(c *Cycle, node string) (*Status, time.Duration)
}

// PreBindPlugin does what must be done before binding. PreFlight says whether it has anything to do (Skip if not). done is
// called once, then or later.
type PreBindPlugin interface {
	Plugin
	PreFlight(c *Cycle, node string) *Status
	PreBind(c *Cycle, node string, done func(*Status))
}

// BindPlugin binds the pod; Skip hands it to the next one. done is called once, then or later.
type BindPlugin interface {
	Plugin
	Bind(c *Cycle, node string, done func(*Status))
}

// PostBindPlugin is told of a success.
type PostBindPlugin interface {
	Plugin
	PostBind(c *Cycle, node string)
}

// NominatingInfo says what to do with status.nominatedNodeName: nothing if nil, otherwise set it to Node.
type NominatingInfo struct{ Node string }

// PostFilterResult is a PostFilter's proposal.
type PostFilterResult struct{ Nominate *NominatingInfo }
