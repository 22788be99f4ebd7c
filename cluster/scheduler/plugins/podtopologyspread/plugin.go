package podtopologyspread

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Args are PodTopologySpreadArgs. The zero value is the default: the system's constraints.
type Args struct {
	// ListDefaulting uses DefaultConstraints in place of the system's.
	ListDefaulting     bool
	DefaultConstraints []corev1.TopologySpreadConstraint
}

// systemDefaults apply to pods without constraints (pkg/scheduler/framework/plugins/podtopologyspread/plugin.go).
var systemDefaults = []corev1.TopologySpreadConstraint{
	{TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway, MaxSkew: 3},
	{TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway, MaxSkew: 5},
}

// PodTopologySpread is a PreFilter, Filter, PreScore and Score plugin.
type PodTopologySpread struct {
	listers     framework.Listers
	defaults    []corev1.TopologySpreadConstraint
	system      bool
	filterState framework.StateKey
	scoreState  framework.StateKey
	tallies     map[string]*tally
}

var (
	errConstraints  = framework.Rejection(names.PodTopologySpread, framework.Unschedulable, "node(s) didn't match pod topology spread constraints")
	errMissingLabel = framework.Rejection(names.PodTopologySpread, framework.UnschedulableAndUnresolvable,
		"node(s) didn't match pod topology spread constraints (missing required label)")
	skip = framework.NewStatus(framework.Skip)
)

// New returns the plugin.
func New(h *framework.Handle, args Args) *PodTopologySpread {
	p := &PodTopologySpread{
		listers: h.Listers, defaults: systemDefaults, system: true,
		filterState: h.NewStateKey(), scoreState: h.NewStateKey(), tallies: map[string]*tally{},
	}
	if args.ListDefaulting {
		p.defaults, p.system = args.DefaultConstraints, false
	}
	return p
}

func (*PodTopologySpread) Name() string { return names.PodTopologySpread }

// constraint is a TopologySpreadConstraint, parsed and with its defaults.
type constraint struct {
	maxSkew       int32
	topologyKey   string
	selector      labels.Selector
	minDomains    int32
	honorNodes    bool // count only nodes that the pod's node affinity allows
	honorTaints   bool // count only nodes whose taints the pod tolerates
	matchesItself bool
}

// constraints returns the pod's constraints of a kind, or the defaults of that kind if it has none at all.
func (p *PodTopologySpread) constraints(pod *corev1.Pod, kind corev1.UnsatisfiableConstraintAction) ([]constraint, error) {
	if len(pod.Spec.TopologySpreadConstraints) > 0 {
		return parse(pod.Spec.TopologySpreadConstraints, pod, kind)
	}
	defaults, err := parse(p.defaults, pod, kind)
	if err != nil || len(defaults) == 0 {
		return nil, err
	}
	selector := defaultSelector(p.listers, pod)
	if selector.Empty() {
		return nil, nil
	}
	for i := range defaults {
		defaults[i].selector = selector
		defaults[i].matchesItself = selector.Matches(labels.Set(pod.Labels))
	}
	return defaults, nil
}

func parse(list []corev1.TopologySpreadConstraint, pod *corev1.Pod, kind corev1.UnsatisfiableConstraintAction) ([]constraint, error) {
	var parsed []constraint
	for i := range list {
		c := &list[i]
		if c.WhenUnsatisfiable != kind {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(c.LabelSelector)
		if err != nil {
			return nil, err
		}
		selector = withMatchLabelKeys(selector, c.MatchLabelKeys, pod)
		one := constraint{
			maxSkew: c.MaxSkew, topologyKey: c.TopologyKey, selector: selector, minDomains: 1,
			honorNodes:    c.NodeAffinityPolicy == nil || *c.NodeAffinityPolicy == corev1.NodeInclusionPolicyHonor,
			honorTaints:   c.NodeTaintsPolicy != nil && *c.NodeTaintsPolicy == corev1.NodeInclusionPolicyHonor,
			matchesItself: selector.Matches(labels.Set(pod.Labels)),
		}
		if c.MinDomains != nil {
			one.minDomains = *c.MinDomains
		}
		parsed = append(parsed, one)
	}
	return parsed, nil
}

// withMatchLabelKeys narrows the selector to pods whose labels of these keys are the pod's own.
func withMatchLabelKeys(selector labels.Selector, keys []string, pod *corev1.Pod) labels.Selector {
	own := labels.Set{}
	for _, key := range keys {
		if value, ok := pod.Labels[key]; ok {
			own[key] = value
		}
	}
	requirements, selectable := selector.Requirements()
	if len(own) == 0 || !selectable {
		return selector
	}
	return labels.SelectorFromSet(own).Add(requirements...)
}

// hasKeys reports whether a node carries the labels of all constraints.
func hasKeys(nodeLabels map[string]string, constraints []constraint) bool {
	for i := range constraints {
		if _, ok := nodeLabels[constraints[i].topologyKey]; !ok {
			return false
		}
	}
	return true
}

func errorf(format string, err error) *framework.Status {
	return framework.AsStatus(fmt.Errorf(format, err))
}
