package config

import (
	corev1 "k8s.io/api/core/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/defaultbinder"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/defaultpreemption"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/dynamicresources"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/gangscheduling"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/imagelocality"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/interpodaffinity"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodeaffinity"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodedeclaredfeatures"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodename"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodeports"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/noderesources"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodeunschedulable"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/nodevolumelimits"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/podtopologyspread"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/prioritysort"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/schedulinggates"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/tainttoleration"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/volumebinding"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/volumerestrictions"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/volumezone"
)

type builder func(args apiruntime.Object, h *framework.Handle) (framework.Plugin, error)

// inTree builds kube-scheduler's own plugins. Arguments have been checked by validate.
var inTree = map[string]builder{
	names.SchedulingGates:                 plain(func(*framework.Handle) framework.Plugin { return schedulinggates.SchedulingGates{} }),
	names.PrioritySort:                    plain(func(*framework.Handle) framework.Plugin { return prioritysort.PrioritySort{} }),
	names.NodeUnschedulable:               plain(func(*framework.Handle) framework.Plugin { return nodeunschedulable.NodeUnschedulable{} }),
	names.NodeName:                        plain(func(*framework.Handle) framework.Plugin { return nodename.NodeName{} }),
	names.TaintToleration:                 plain(func(*framework.Handle) framework.Plugin { return tainttoleration.TaintToleration{} }),
	names.NodeAffinity:                    nodeAffinity,
	names.NodePorts:                       plain(func(*framework.Handle) framework.Plugin { return nodeports.NodePorts{} }),
	names.NodeResourcesFit:                nodeResourcesFit,
	names.VolumeRestrictions:              plain(func(h *framework.Handle) framework.Plugin { return volumerestrictions.New(h) }),
	names.NodeVolumeLimits:                plain(func(h *framework.Handle) framework.Plugin { return nodevolumelimits.New(h) }),
	names.VolumeBinding:                   volumeBinding,
	names.VolumeZone:                      plain(func(h *framework.Handle) framework.Plugin { return volumezone.New(h) }),
	names.PodTopologySpread:               podTopologySpread,
	names.InterPodAffinity:                interPodAffinity,
	names.DynamicResources:                plain(func(h *framework.Handle) framework.Plugin { return dynamicresources.New(h) }),
	names.DefaultPreemption:               defaultPreemption,
	names.NodeResourcesBalancedAllocation: balancedAllocation,
	names.ImageLocality:                   plain(func(h *framework.Handle) framework.Plugin { return imagelocality.New(h) }),
	names.DefaultBinder:                   plain(func(h *framework.Handle) framework.Plugin { return defaultbinder.New(h) }),
	names.NodeDeclaredFeatures:            plain(func(h *framework.Handle) framework.Plugin { return nodedeclaredfeatures.New(h) }),
	names.GangScheduling:                  plain(func(h *framework.Handle) framework.Plugin { return gangscheduling.New(h) }),
}

func plain(build func(*framework.Handle) framework.Plugin) builder {
	return func(_ apiruntime.Object, h *framework.Handle) (framework.Plugin, error) { return build(h), nil }
}

func nodeAffinity(args apiruntime.Object, h *framework.Handle) (framework.Plugin, error) {
	var a nodeaffinity.Args
	if given, ok := args.(*configv1.NodeAffinityArgs); ok {
		a.AddedAffinity = given.AddedAffinity
	}
	return nodeaffinity.New(h, a)
}

func nodeResourcesFit(args apiruntime.Object, h *framework.Handle) (framework.Plugin, error) {
	var a noderesources.FitArgs
	if given, ok := args.(*configv1.NodeResourcesFitArgs); ok {
		a.IgnoredResources, a.IgnoredResourceGroups = given.IgnoredResources, given.IgnoredResourceGroups
		if s := given.ScoringStrategy; s != nil {
			a.Strategy = noderesources.Strategy{Type: noderesources.StrategyType(s.Type), Resources: weights(s.Resources)}
			if s.RequestedToCapacityRatio != nil {
				for _, corner := range s.RequestedToCapacityRatio.Shape {
					a.Strategy.Shape = append(a.Strategy.Shape, noderesources.ShapePoint{Utilization: int64(corner.Utilization), Score: int64(corner.Score)})
				}
			}
		}
	}
	return noderesources.NewFit(h, a)
}

func weights(specs []configv1.ResourceSpec) []noderesources.ResourceWeight {
	var list []noderesources.ResourceWeight
	for _, s := range specs {
		list = append(list, noderesources.ResourceWeight{Name: corev1.ResourceName(s.Name), Weight: max(s.Weight, 1)})
	}
	return list
}

func balancedAllocation(args apiruntime.Object, h *framework.Handle) (framework.Plugin, error) {
	var resources []noderesources.ResourceWeight
	if given, ok := args.(*configv1.NodeResourcesBalancedAllocationArgs); ok {
		resources = weights(given.Resources)
	}
	return noderesources.NewBalanced(h, resources), nil
}

func volumeBinding(args apiruntime.Object, h *framework.Handle) (framework.Plugin, error) {
	var a volumebinding.Args
	if given, ok := args.(*configv1.VolumeBindingArgs); ok && given.BindTimeoutSeconds != nil {
		a.BindTimeoutSeconds = given.BindTimeoutSeconds
	}
	return volumebinding.New(h, a), nil
}

func podTopologySpread(args apiruntime.Object, h *framework.Handle) (framework.Plugin, error) {
	var a podtopologyspread.Args
	if given, ok := args.(*configv1.PodTopologySpreadArgs); ok {
		a.ListDefaulting = given.DefaultingType == configv1.ListDefaulting
		a.DefaultConstraints = given.DefaultConstraints
	}
	return podtopologyspread.New(h, a), nil
}

func interPodAffinity(args apiruntime.Object, h *framework.Handle) (framework.Plugin, error) {
	var a interpodaffinity.Args
	if given, ok := args.(*configv1.InterPodAffinityArgs); ok {
		a.HardPodAffinityWeight = given.HardPodAffinityWeight
		a.IgnorePreferredTermsOfExistingPods = given.IgnorePreferredTermsOfExistingPods
	}
	return interpodaffinity.New(h, a), nil
}

func defaultPreemption(args apiruntime.Object, h *framework.Handle) (framework.Plugin, error) {
	a := defaultpreemption.Args{MinCandidateNodesPercentage: defaultCandidatesPercentage, MinCandidateNodesAbsolute: defaultCandidatesAbsolute}
	if given, ok := args.(*configv1.DefaultPreemptionArgs); ok {
		if given.MinCandidateNodesPercentage != nil {
			a.MinCandidateNodesPercentage = int(*given.MinCandidateNodesPercentage)
		}
		if given.MinCandidateNodesAbsolute != nil {
			a.MinCandidateNodesAbsolute = int(*given.MinCandidateNodesAbsolute)
		}
	}
	return defaultpreemption.New(h, a), nil
}

// Defaults of DefaultPreemptionArgs (pkg/scheduler/apis/config/v1/defaults.go).
const (
	defaultCandidatesPercentage = 10
	defaultCandidatesAbsolute   = 100
)
