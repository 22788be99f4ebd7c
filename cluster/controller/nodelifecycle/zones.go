package nodelifecycle

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

const (
	// Rates at which nodes of one zone are tainted NoExecute, in thousandths a second (--node-eviction-rate 0.1,
	// --secondary-node-eviction-rate 0.01).
	evictionRateMilli          = 100
	secondaryEvictionRateMilli = 10
	// evictionBurst is how many nodes may be tainted at once (scheduler.EvictionRateLimiterBurst).
	evictionBurst = 1
	// largeZone is the size above which a partly disrupted zone keeps the secondary rate (--large-cluster-size-threshold).
	largeZone = 50
	// unhealthyPercent of a zone's nodes, and more than two of them, not ready make it partly disrupted
	// (--unhealthy-zone-threshold 0.55).
	unhealthyPercent = 55
)

// zoneState is how healthy a zone is.
type zoneState uint8

const (
	initial zoneState = iota
	normal
	partialDisruption
	fullDisruption
)

// zoneCount counts the nodes of a zone.
type zoneCount struct{ ready, notReady int }

func (n zoneCount) size() int { return n.ready + n.notReady }

// state computes a zone's state from its nodes.
func (n zoneCount) state() zoneState {
	switch {
	case n.ready == 0 && n.notReady > 0:
		return fullDisruption
	case n.notReady > 2 && n.notReady*100 >= unhealthyPercent*n.size():
		return partialDisruption
	}
	return normal
}

// rateMilli is the rate of a zone of a size in a state.
func rateMilli(s zoneState, size int) int64 {
	if s != partialDisruption {
		return evictionRateMilli
	}
	if size > largeZone {
		return secondaryEvictionRateMilli
	}
	return 0
}

// disruption is what a new look at the zones asks for.
type disruption struct {
	states map[string]zoneState
	// rates are the zones whose rate changes, in order of name.
	rates []zoneRate
	// enterFull: from now on no zone has a ready node; all taints are to be taken back.
	enterFull bool
	// leaveFull: a node is ready again after none was; all nodes get a new grace period.
	leaveFull bool
}

type zoneRate struct {
	zone  string
	milli int64
}

// assess derives the zones' states from the states so far and the nodes counted now.
func assess(old map[string]zoneState, counted map[string]zoneCount) disruption {
	d := disruption{states: make(map[string]zoneState, len(counted))}
	allAre, allWere := true, true
	for _, zone := range slices.Sorted(maps.Keys(counted)) {
		d.states[zone] = counted[zone].state()
		allAre = allAre && d.states[zone] == fullDisruption
		allWere = allWere && old[zone] == fullDisruption
	}
	if allAre && allWere {
		return d
	}
	d.enterFull, d.leaveFull = allAre, allWere
	for _, zone := range slices.Sorted(maps.Keys(counted)) {
		state := d.states[zone]
		switch {
		case allAre:
			d.rates = append(d.rates, zoneRate{zone, 0})
		case allWere || old[zone] != state:
			d.rates = append(d.rates, zoneRate{zone, rateMilli(state, counted[zone].size())})
		}
	}
	return d
}

// zoneKey names a node's failure domain as k8s.io/component-helpers/node/topology does.
func zoneKey(node *corev1.Node) string {
	region := labelOr(node.Labels, corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaRegion)
	zone := labelOr(node.Labels, corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone)
	if region == "" && zone == "" {
		return ""
	}
	return region + ":\x00:" + zone
}

func labelOr(labels map[string]string, key, deprecated string) string {
	// The deprecated key wins, as in upstream's helper.
	if v, ok := labels[deprecated]; ok {
		return v
	}
	return labels[key]
}
