package config

import (
	"fmt"
	"maps"
	"slices"
)

// gate is a feature gate that changes what kube-scheduler does: its default in v1.36 (pkg/features/kube_features.go), and whether the
// other value is modelled too.
type gate struct{ byDefault, both bool }

// gates are the feature gates that the scheduler reads. NodeDeclaredFeatures and DynamicResourceAllocation decide whether the plugin of that
// purpose is among the defaults; without SchedulerQueueingHints plugins are not asked whether an event helps. OpportunisticBatching makes no
// difference to the default profile, whose pods can't be signed because of the default topology constraints.
var gates = map[string]gate{
	"ClearingNominatedNodeNameAfterBinding":          {byDefault: true},
	"DRASchedulerFilterTimeout":                      {byDefault: true, both: true},
	"DynamicResourceAllocation":                      {byDefault: true, both: true},
	"GangScheduling":                                 {},
	"GenericWorkload":                                {},
	"InPlacePodLevelResourcesVerticalScaling":        {byDefault: true},
	"InPlacePodVerticalScaling":                      {byDefault: true},
	"MatchLabelKeysInPodTopologySpread":              {byDefault: true},
	"MatchLabelKeysInPodTopologySpreadSelectorMerge": {byDefault: true},
	"NodeDeclaredFeatures":                           {byDefault: true, both: true},
	"NodeInclusionPolicyInPodTopologySpread":         {byDefault: true},
	"NominatedNodeNameForExpectation":                {byDefault: true},
	"OpportunisticBatching":                          {byDefault: true, both: true},
	"PodLevelResources":                              {byDefault: true},
	"SchedulerAsyncAPICalls":                         {},
	"SchedulerAsyncPreemption":                       {byDefault: true},
	"SchedulerPopFromBackoffQ":                       {byDefault: true},
	"SchedulerQueueingHints":                         {byDefault: true, both: true},
	"SidecarContainers":                              {byDefault: true},
	"StorageCapacityScoring":                         {},
	"TaintTolerationComparisonOperators":             {},
	"TopologyAwareWorkloadScheduling":                {},
	"VolumeAttributesClass":                          {byDefault: true},
	"VolumeLimitScaling":                             {},
	"WorkloadAwarePreemption":                        {},
}

// checkGates refuses gates that nobody knows and values that are not modelled.
func checkGates(set map[string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		g, known := gates[name]
		if !known {
			return fmt.Errorf("feature gate %s: not one that the scheduler reads; it reads %v", name, slices.Sorted(maps.Keys(gates)))
		}
		if set[name] != g.byDefault && !g.both {
			return fmt.Errorf("feature gate %s=%v: only its default, %v, is modelled", name, set[name], g.byDefault)
		}
	}
	return nil
}

// enabled is a gate's value.
func (o Options) enabled(name string) bool {
	if value, set := o.Gates[name]; set {
		return value
	}
	return gates[name].byDefault
}
