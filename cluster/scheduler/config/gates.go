package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// gate is a feature gate that changes what kube-scheduler does: its default in v1.36 (pkg/features/kube_features.go), and whether the
// other value is modelled too.
type gate struct{ byDefault, both bool }

// gates are the feature gates that the scheduler reads. NodeDeclaredFeatures and DynamicResourceAllocation decide whether the plugin of that
// purpose is among the defaults; without SchedulerQueueingHints plugins are not asked whether an event helps; with SchedulerAsyncAPICalls the
// serial loop does not wait for what it writes about a pod that failed, without SchedulerAsyncPreemption it waits until the victims
// are deleted. ComponentFlagz and ComponentStatusz are pages that nobody reads here. Those that begin with DRA change
// nothing for pods without devices, and pods with devices are refused. OpportunisticBatching makes no difference to the default profile, whose pods can't be signed because of the default topology constraints.
var gates = map[string]gate{
	"ClearingNominatedNodeNameAfterBinding":          {byDefault: true},
	"ComponentFlagz":                                 {byDefault: true, both: true},
	"ComponentStatusz":                               {byDefault: true, both: true},
	"CoordinatedLeaderElection":                      {},
	"DRAAdminAccess":                                 {byDefault: true, both: true},
	"DRAConsumableCapacity":                          {byDefault: true, both: true},
	"DRADeviceBindingConditions":                     {byDefault: true, both: true},
	"DRADeviceTaintRules":                            {both: true},
	"DRADeviceTaints":                                {byDefault: true, both: true},
	"DRAExtendedResource":                            {byDefault: true, both: true},
	"DRAListTypeAttributes":                          {both: true},
	"DRANodeAllocatableResources":                    {both: true},
	"DRAPartitionableDevices":                        {byDefault: true, both: true},
	"DRAPrioritizedList":                             {byDefault: true, both: true},
	"DRAResourceClaimDeviceStatus":                   {byDefault: true, both: true},
	"DRASchedulerFilterTimeout":                      {byDefault: true, both: true},
	"DRAWorkloadResourceClaims":                      {both: true},
	"DynamicResourceAllocation":                      {byDefault: true, both: true},
	"GangScheduling":                                 {both: true},
	"GenericWorkload":                                {both: true},
	"InPlacePodLevelResourcesVerticalScaling":        {byDefault: true},
	"InPlacePodVerticalScaling":                      {byDefault: true},
	"MatchLabelKeysInPodTopologySpread":              {byDefault: true},
	"MatchLabelKeysInPodTopologySpreadSelectorMerge": {byDefault: true},
	"NodeDeclaredFeatures":                           {byDefault: true, both: true},
	"NodeInclusionPolicyInPodTopologySpread":         {byDefault: true},
	"NominatedNodeNameForExpectation":                {byDefault: true},
	"OpportunisticBatching":                          {byDefault: true, both: true},
	"PodLevelResources":                              {byDefault: true},
	"SchedulerAsyncAPICalls":                         {both: true},
	"SchedulerAsyncPreemption":                       {byDefault: true, both: true},
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
	// Placements and preemption of groups are refused above: what else a group needs is GenericWorkload.
	if set["GangScheduling"] && !set["GenericWorkload"] {
		return errors.New("feature gate GangScheduling=true: needs GenericWorkload=true as well")
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
