// Package nodedeclaredfeatures keeps pods off nodes that don't declare the kubelet features that the pods need.
package nodedeclaredfeatures

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
	ndf "k8s.io/component-helpers/nodedeclaredfeatures"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// NodeDeclaredFeatures is a PreFilter and Filter plugin.
type NodeDeclaredFeatures struct{ key framework.StateKey }

// New returns the plugin.
func New(h *framework.Handle) *NodeDeclaredFeatures { return &NodeDeclaredFeatures{h.NewStateKey()} }

func (*NodeDeclaredFeatures) Name() string { return names.NodeDeclaredFeatures }

var (
	// release is the version for which features are looked up: those that every node of it has need not be declared.
	release = version.MustParse("v1.36.3")

	skip       = framework.NewStatus(framework.Skip)
	errMissing = framework.Rejection(names.NodeDeclaredFeatures, framework.UnschedulableAndUnresolvable, "node(s) didn't match Pod's required features")
)

type state struct{ needs ndf.FeatureSet }

func needsOf(pod *corev1.Pod) (ndf.FeatureSet, error) {
	return ndf.DefaultFramework.InferForPodScheduling(&ndf.PodInfo{Spec: &pod.Spec}, release)
}

// PreFilter finds out what the pod needs; most need nothing.
func (p *NodeDeclaredFeatures) PreFilter(c *framework.Cycle) (*framework.PreFilterResult, *framework.Status) {
	needs, err := needsOf(c.Pod.Pod)
	if err != nil {
		return nil, framework.AsStatus(err)
	}
	if needs.IsEmpty() {
		return nil, skip
	}
	c.Write(p.key, &state{needs})
	return nil, nil
}

// Filter refuses nodes that lack any of it.
func (p *NodeDeclaredFeatures) Filter(c *framework.Cycle, node *framework.NodeInfo) *framework.Status {
	has := ndf.DefaultFramework.TryMap(node.Node.Status.DeclaredFeatures)
	fits, err := framework.StateOf[state](c, p.key).needs.IsSubset(has)
	if err != nil {
		return framework.AsStatus(err)
	}
	if !fits {
		return errMissing
	}
	return nil
}

// EventsToRegister: a node may come or declare more, the pod may need less.
func (*NodeDeclaredFeatures) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{
		{Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeDeclaredFeature}, Hint: afterNode},
		{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Update}, Hint: afterPod},
	}
}

func afterNode(_ *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Node](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if was != nil && slices.Equal(was.Status.DeclaredFeatures, is.Status.DeclaredFeatures) {
		return framework.QueueSkip, nil
	}
	return framework.Queue, nil
}

func afterPod(pod *corev1.Pod, before, after any) (framework.Hint, error) {
	was, is, err := helper.As[corev1.Pod](before, after)
	if err != nil {
		return framework.Queue, err
	}
	if pod.UID != is.UID {
		return framework.QueueSkip, nil
	}
	needed, err := needsOf(was)
	if err != nil {
		return framework.Queue, err
	}
	needs, err := needsOf(is)
	if err != nil {
		return framework.Queue, err
	}
	if needs.Equal(needed) {
		return framework.QueueSkip, nil
	}
	return framework.Queue, nil
}

// Signable implements framework.SignPlugin.
func (*NodeDeclaredFeatures) Signable(pod *corev1.Pod) bool {
	_, err := needsOf(pod)
	return err == nil
}

// Fragments implements framework.SignPlugin.
func (*NodeDeclaredFeatures) Fragments() []framework.SignFragment {
	return []framework.SignFragment{{Name: "features", Append: func(key []byte, pod *corev1.Pod) []byte {
		needs, _ := needsOf(pod) // Signable has seen the error
		return helper.AppendString(key, needs.String())
	}}}
}
