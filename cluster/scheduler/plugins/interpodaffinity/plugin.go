package interpodaffinity

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Args are InterPodAffinityArgs.
type Args struct {
	// HardPodAffinityWeight is what an existing pod's required term is worth to a pod that it matches; nil is 1.
	HardPodAffinityWeight *int32
	// IgnorePreferredTermsOfExistingPods leaves pods without preferred terms of their own unscored.
	IgnorePreferredTermsOfExistingPods bool
}

// InterPodAffinity is a PreFilter, Filter, PreScore and Score plugin.
type InterPodAffinity struct {
	listers       framework.Listers
	hardWeight    int64
	ignoreOthers  bool
	filterState   framework.StateKey
	scoreState    framework.StateKey
	filterTallies map[string]*tally
	scoreTallies  map[string]*tally
}

var (
	errAffinity     = framework.Rejection(names.InterPodAffinity, framework.UnschedulableAndUnresolvable, "node(s) didn't match pod affinity rules")
	errAntiAffinity = framework.Rejection(names.InterPodAffinity, framework.Unschedulable, "node(s) didn't match pod anti-affinity rules")
	errExisting     = framework.Rejection(names.InterPodAffinity, framework.Unschedulable, "node(s) didn't satisfy existing pods anti-affinity rules")
	skip            = framework.NewStatus(framework.Skip)
)

// New returns the plugin.
func New(h *framework.Handle, args Args) *InterPodAffinity {
	p := &InterPodAffinity{
		listers: h.Listers, hardWeight: 1, ignoreOthers: args.IgnorePreferredTermsOfExistingPods,
		filterState: h.NewStateKey(), scoreState: h.NewStateKey(),
		filterTallies: map[string]*tally{}, scoreTallies: map[string]*tally{},
	}
	if args.HardPodAffinityWeight != nil {
		p.hardWeight = int64(*args.HardPodAffinityWeight)
	}
	return p
}

func (*InterPodAffinity) Name() string { return names.InterPodAffinity }

// incoming is the pod to be scheduled, with its terms' namespace selectors resolved into names.
type incoming struct {
	pod             *framework.PodInfo
	namespaceLabels labels.Set

	requiredAffinity, requiredAnti   []framework.AffinityTerm
	preferredAffinity, preferredAnti []framework.WeightedAffinityTerm
}

func (p *InterPodAffinity) incoming(pod *framework.PodInfo) *incoming {
	return &incoming{pod: pod, namespaceLabels: p.listers.NamespaceLabels(pod.Pod.Namespace)}
}

// resolve replaces a namespace selector by the names of the namespaces that it selects now. One that selects everything stays.
func (p *InterPodAffinity) resolve(t framework.AffinityTerm) framework.AffinityTerm {
	if t.NamespaceSelector.Empty() {
		return t
	}
	selected := slices.Clone(t.Namespaces)
	if _, selectable := t.NamespaceSelector.Requirements(); selectable {
		for _, ns := range p.listers.Namespaces() {
			if t.NamespaceSelector.Matches(labels.Set(ns.Labels)) {
				selected = append(selected, ns.Name)
			}
		}
	}
	slices.Sort(selected)
	t.Namespaces, t.NamespaceSelector = slices.Compact(selected), labels.Nothing()
	return t
}

func (p *InterPodAffinity) resolveAll(terms []framework.AffinityTerm) []framework.AffinityTerm {
	resolved := make([]framework.AffinityTerm, len(terms))
	for i := range terms {
		resolved[i] = p.resolve(terms[i])
	}
	return resolved
}

func (p *InterPodAffinity) resolveWeighted(terms []framework.WeightedAffinityTerm) []framework.WeightedAffinityTerm {
	resolved := make([]framework.WeightedAffinityTerm, len(terms))
	for i := range terms {
		resolved[i] = framework.WeightedAffinityTerm{AffinityTerm: p.resolve(terms[i].AffinityTerm), Weight: terms[i].Weight}
	}
	return resolved
}

// key is everything that a tally depends on beside the nodes: what others may match, and what the pod itself asks for.
func (in *incoming) key() []byte {
	key := helper.AppendString(make([]byte, 0, 512), in.pod.Pod.Namespace)
	key = helper.AppendMap(key, in.pod.Pod.Labels)
	key = helper.AppendMap(key, in.namespaceLabels)
	key = appendTerms(key, in.requiredAffinity)
	key = appendTerms(key, in.requiredAnti)
	key = appendWeighted(key, in.preferredAffinity)
	return appendWeighted(key, in.preferredAnti)
}

func appendTerms(key []byte, terms []framework.AffinityTerm) []byte {
	key = append(key, byte(len(terms)))
	for i := range terms {
		key = appendTerm(key, &terms[i])
	}
	return key
}

func appendWeighted(key []byte, terms []framework.WeightedAffinityTerm) []byte {
	key = append(key, byte(len(terms)))
	for i := range terms {
		key = append(key, byte(terms[i].Weight))
		key = appendTerm(key, &terms[i].AffinityTerm)
	}
	return key
}

func appendTerm(key []byte, t *framework.AffinityTerm) []byte {
	key = helper.AppendString(key, t.TopologyKey)
	key = helper.AppendStrings(key, t.Namespaces)
	key = appendSelector(key, t.NamespaceSelector)
	return appendSelector(key, t.Selector)
}

// appendSelector tells a selector of nothing from one of everything: both read as the empty string.
func appendSelector(key []byte, s labels.Selector) []byte {
	if _, selectable := s.Requirements(); !selectable {
		return append(key, 0)
	}
	return helper.AppendString(append(key, 1), s.String())
}
