// Package nodeaffinity keeps pods on nodes that match their nodeSelector and required node affinity, and prefers nodes by the
// weights of the preferred terms that they match.
package nodeaffinity

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Args are NodeAffinityArgs: an affinity that every pod of the profile has in addition to its own.
type Args struct{ AddedAffinity *corev1.NodeAffinity }

// NodeAffinity is a PreFilter, Filter and Score plugin.
type NodeAffinity struct {
	addedRequired  *nodeaffinity.NodeSelector
	addedPreferred *nodeaffinity.PreferredSchedulingTerms
	filterState    framework.StateKey
	scoreState     framework.StateKey
}

var (
	errPod      = framework.Rejection(names.NodeAffinity, framework.UnschedulableAndUnresolvable, "node(s) didn't match Pod's node affinity/selector")
	errEnforced = framework.Rejection(names.NodeAffinity, framework.UnschedulableAndUnresolvable, "node(s) didn't match scheduler-enforced node affinity")
	errConflict = framework.Rejection(names.NodeAffinity, framework.UnschedulableAndUnresolvable, "pod affinity terms conflict")
	skip        = framework.NewStatus(framework.Skip)
)

// New returns the plugin.
func New(h *framework.Handle, args Args) (*NodeAffinity, error) {
	p := &NodeAffinity{filterState: h.NewStateKey(), scoreState: h.NewStateKey()}
	if args.AddedAffinity == nil {
		return p, nil
	}
	var err error
	if required := args.AddedAffinity.RequiredDuringSchedulingIgnoredDuringExecution; required != nil {
		if p.addedRequired, err = nodeaffinity.NewNodeSelector(required); err != nil {
			return nil, fmt.Errorf("parsing addedAffinity.requiredDuringSchedulingIgnoredDuringExecution: %w", err)
		}
	}
	if preferred := args.AddedAffinity.PreferredDuringSchedulingIgnoredDuringExecution; len(preferred) > 0 {
		if p.addedPreferred, err = nodeaffinity.NewPreferredSchedulingTerms(preferred); err != nil {
			return nil, fmt.Errorf("parsing addedAffinity.preferredDuringSchedulingIgnoredDuringExecution: %w", err)
		}
	}
	return p, nil
}

func (*NodeAffinity) Name() string { return names.NodeAffinity }

// required returns the pod's own required terms, or nil.
func required(pod *corev1.Pod) *corev1.NodeSelector {
	if a := pod.Spec.Affinity; a != nil && a.NodeAffinity != nil {
		return a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	}
	return nil
}

func preferred(pod *corev1.Pod) []corev1.PreferredSchedulingTerm {
	if a := pod.Spec.Affinity; a != nil && a.NodeAffinity != nil {
		return a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution
	}
	return nil
}

// PreFilter leaves out pods that ask for nothing, and narrows the nodes of pods whose every term names nodes (as those of
// DaemonSets do).
func (p *NodeAffinity) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	pod := c.Pod.Pod
	own := required(pod)
	if own == nil && p.addedRequired == nil && pod.Spec.NodeSelector == nil {
		return nil, skip
	}
	match := nodeaffinity.GetRequiredNodeAffinity(pod)
	c.Write(p.filterState, &match)
	if own == nil || len(own.NodeSelectorTerms) == 0 {
		return nil, nil
	}
	named := map[string]bool{}
	for i := range own.NodeSelectorTerms {
		nodes, all := namedByTerm(&own.NodeSelectorTerms[i])
		if all {
			return nil, nil
		}
		for _, node := range nodes {
			named[node] = true
		}
	}
	if len(named) == 0 {
		return nil, errConflict
	}
	return &framework.PreFilterResult{NodeNames: named}, nil
}

// namedByTerm returns the nodes that a term's metadata.name fields leave; all if it has none.
func namedByTerm(term *corev1.NodeSelectorTerm) (nodes []string, all bool) {
	all = true
	for i := range term.MatchFields {
		r := &term.MatchFields[i]
		if r.Key != metav1.ObjectNameField || r.Operator != corev1.NodeSelectorOpIn {
			continue
		}
		if all {
			nodes, all = r.Values, false
			continue
		}
		nodes = common(nodes, r.Values)
	}
	return nodes, all
}

func common(a, b []string) []string {
	var both []string
	for _, x := range a {
		for _, y := range b {
			if x == y {
				both = append(both, x)
				break
			}
		}
	}
	return both
}

// Filter refuses nodes that don't match the profile's or the pod's required affinity.
func (p *NodeAffinity) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	if p.addedRequired != nil && !p.addedRequired.Match(node.Node) {
		return errEnforced
	}
	match := framework.StateOf[nodeaffinity.RequiredNodeAffinity](c, p.filterState)
	if matched, _ := match.Match(node.Node); !matched { // a term that can't be parsed matches nothing
		return errPod
	}
	return nil
}

// AppendFilterClass implements framework.ObjectFilter.
func (p *NodeAffinity) AppendFilterClass(key []byte, pod *corev1.Pod) []byte {
	key = helper.AppendMap(key, pod.Spec.NodeSelector)
	own := required(pod)
	if own == nil {
		return append(key, 0)
	}
	key = append(key, 1, byte(len(own.NodeSelectorTerms)))
	for i := range own.NodeSelectorTerms {
		key = helper.AppendTerm(key, &own.NodeSelectorTerms[i])
	}
	return key
}

// PreScore leaves out pods without preferences.
func (p *NodeAffinity) PreScore(c *framework.Cycle, _ []int32) *framework.Status {
	own := preferred(c.Pod.Pod)
	if own == nil && p.addedPreferred == nil {
		return skip
	}
	if own != nil {
		terms, err := nodeaffinity.NewPreferredSchedulingTerms(own)
		if err != nil {
			return framework.AsStatus(err)
		}
		c.Write(p.scoreState, terms)
	}
	return nil
}

// Score sums the weights of the preferred terms that the node matches.
func (p *NodeAffinity) Score(c *framework.Cycle, node *framework.NodeInfo) (int64, *framework.Status) {
	var sum int64
	if p.addedPreferred != nil {
		sum += p.addedPreferred.Score(node.Node)
	}
	if own := framework.StateOf[nodeaffinity.PreferredSchedulingTerms](c, p.scoreState); own != nil {
		sum += own.Score(node.Node)
	}
	return sum, nil
}

// AppendScoreClass implements framework.ObjectScorer.
func (p *NodeAffinity) AppendScoreClass(key []byte, pod *corev1.Pod) []byte {
	for _, term := range preferred(pod) {
		key = append(key, byte(term.Weight))
		key = helper.AppendTerm(key, &term.Preference)
	}
	return key
}

// NormalizeScore makes the best node 100.
func (p *NodeAffinity) NormalizeScore(_ *framework.Cycle, _ []int32, scores []int64) *framework.Status {
	helper.Normalize(scores, false)
	return nil
}

// EventsToRegister: a node may come or get labels.
func (p *NodeAffinity) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{{
		Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeLabel},
		Hint:  p.afterNodeChange,
	}}
}

func (p *NodeAffinity) afterNodeChange(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Node](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if p.addedRequired != nil && !p.addedRequired.Match(is) {
		return framework.QueueSkip, nil
	}
	match := nodeaffinity.GetRequiredNodeAffinity(pod)
	if matches, err := match.Match(is); err != nil || !matches {
		return framework.QueueSkip, err
	}
	if was == nil {
		return framework.Queue, nil
	}
	if matched, err := match.Match(was); err != nil || matched {
		return framework.QueueSkip, err
	}
	return framework.Queue, nil
}

// Signable implements framework.SignPlugin.
func (*NodeAffinity) Signable(*corev1.Pod) bool { return true }

// Fragments implements framework.SignPlugin.
func (*NodeAffinity) Fragments() []framework.SignFragment {
	return []framework.SignFragment{{Name: "nodeAffinity", Append: func(key []byte, pod *corev1.Pod) []byte {
		key = helper.AppendMapOrNil(key, pod.Spec.NodeSelector)
		if a := pod.Spec.Affinity; a != nil && a.NodeAffinity != nil {
			return helper.AppendNodeAffinity(append(key, 1), a.NodeAffinity)
		}
		return append(key, 0)
	}}}
}
