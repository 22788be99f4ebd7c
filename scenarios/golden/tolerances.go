package golden

import "regexp"

// Tolerance is a difference that two runs may have.
type Tolerance struct {
	// Items is a regular expression for "<recording>: <item>".
	Items string
	// Kind is the kind of difference.
	Kind string
	// Within limits the numbers of the two sides; nil where the kind is limit enough.
	Within func(recorded, replayed float64) bool
	Reason string

	pattern *regexp.Regexp
	used    int
}

// tolerate gives a row its verdict.
func tolerate(name string, row *Row, tolerances []*Tolerance) {
	if row.Verdict == Equal {
		return
	}
	row.Verdict = Different
	for _, t := range tolerances {
		if t.pattern == nil {
			t.pattern = regexp.MustCompile(t.Items)
		}
		if t.Kind != row.Kind || !t.pattern.MatchString(name+": "+row.Item) {
			continue
		}
		if t.Within != nil && (row.numbers == nil || !t.Within(row.numbers[0], row.numbers[1])) {
			continue
		}
		t.used++
		row.Verdict, row.Reason = Tolerated, t.Reason
		return
	}
}

// within reports whether a number is near another: by a share of it, or by a few.
func within(share float64, few float64) func(a, b float64) bool {
	return func(a, b float64) bool {
		d := max(a-b, b-a)
		return d <= few || d <= float64(share*max(a, b))
	}
}

// conflicts may be twice as many as recorded, and a few.
func conflicts(recorded, replayed float64) bool { return replayed <= float64(2*recorded)+8 }

// between reports whether both numbers lie in an interval.
func between(low, high float64) func(a, b float64) bool {
	return func(a, b float64) bool { return low <= a && a <= high && low <= b && b <= high }
}

// Tolerances is the list of differences that two runs may have.
func Tolerances() []*Tolerance {
	const (
		batching = "how many changes one reconciliation sees at once depends on their timing to the millisecond, and with it how " +
			"large the steps of a rolling update are and how many states lie between two settled ones"
		combined = batching + "; and which messages are combined after ten is the order of a Go map (EventAggregator's PopAny)"
		race     = "a reconciliation that begins before the controller's own last write has come back by its watch conflicts: a race " +
			"that a millisecond decides"
		again = "a reconciliation that begins before the Endpoints that it created have come back by their watch creates them again: a " +
			"race that a millisecond decides"
		twice     = "KWOK deletes a pod twice; whether the second request still finds it, on its way out, is a race of a millisecond"
		first     = "which of a ReplicaSet's pods go first depends on the nodes that they are on, and on names"
		orphans   = "pods of a node that is gone go 40 to 80 s after it: pod garbage collection runs every 20 s and gives the node 40 s"
		heartbeat = "a heartbeat of KWOK's that it had planned for a node of the same name in an earlier recording"
		loopback  = "the API server writes this itself, where the real one sends itself a request"
		emptied   = "the namespace controller empties a namespace in the order of a Go map: where the Deployment goes before what it owns, " +
			"the garbage collector deletes that too, else the Deployment controller tries to create it anew"
	)
	return []*Tolerance{
		{Items: `: objects (Deployment|ReplicaSet|Endpoints|EndpointSlice|PodDisruptionBudget)/`, Kind: coalesced, Reason: batching},
		{Items: `: objects EndpointSlice/`, Kind: late, Reason: "a reconciliation that begins before the slice that it wrote has come back by its " +
			"watch is repeated after a second (defaultSyncBackOff): a race that a millisecond decides"},
		{Items: `: requests deployment-controller .* update (deployments/status|replicasets) 200$`, Kind: counted, Within: within(.25, 2), Reason: batching},
		{Items: `: requests replicaset-controller .* update replicasets/status 200$`, Kind: counted, Within: within(.25, 2), Reason: batching},
		{Items: `: requests (endpoint|endpointslice)-controller .* update \w+ 200$`, Kind: counted, Within: within(.25, 4), Reason: batching},
		{Items: `: requests disruption-controller .* update poddisruptionbudgets/status 200$`, Kind: counted, Within: within(.25, 2), Reason: batching},
		{Items: `: events Deployment/.* ScalingReplicaSet `, Kind: worded, Reason: combined},
		{Items: `: requests (deployment|replicaset|disruption)-controller .* update .* 409$`, Kind: counted, Within: conflicts, Reason: race},
		{Items: `: (requests endpoint-controller .* create (endpoints 409|events 201)|events Endpoints/.*FailedToCreateEndpoint.*)$`, Kind: counted,
			Within: within(0, 2), Reason: again},
		{Items: `: objects Pod/`, Kind: permuted, Reason: first},
		{Items: `^deployment: times (node deletion: until|Pod/.*until the last change)`, Kind: timed, Within: between(40, 80), Reason: orphans},
		{Items: `: requests kwok-admin .* delete pods (200|404)$`, Kind: counted, Within: within(.25, 2), Reason: twice},
		{Items: `^unschedulable: requests (kwok-admin .* patch nodes/status|node-controller .* patch nodes) 200$`, Kind: counted, Within: within(0, 1),
			Reason: "a new node is looked at again when it changes while the first patch is under way"},
		{Items: `^taints: objects Deployment/tol$`, Kind: changed, Reason: "two pods reach the end of their toleration within a tenth of a second: where " +
			"the first is replaced before the second goes, the Deployment is available in between"},
		{Items: `^(taints|node-failure): requests kwok-admin .* patch nodes/status 200$`, Kind: counted, Within: within(0, 1), Reason: heartbeat},
		{Items: `^node-failure: objects Node/node-1$`, Kind: missing, Reason: heartbeat},
		{Items: `: requests system:apiserver .* (ipaddresses|poddisruptionbudgets/status) `, Kind: counted, Reason: loopback},
		{Items: `^pdb: (events PodDisruptionBudget/web Normal NoPods|requests disruption-controller .* create events 201)`, Kind: counted, Within: within(0, 1),
			Reason: "there is an Event if the budget is looked at before the Deployment's first pod is there, which took the busy recorder longer"},
		{Items: `^namespace-delete: requests (generic-garbage-collector .* delete|deployment-controller .* create replicasets 403)`, Kind: counted,
			Within: within(0, 1), Reason: emptied},
		{Items: `^namespace-delete: requests namespace-controller .* deletecollection (csistoragecapacities|podtemplates|resourceclaims|resourceclaimtemplates) `,
			Kind: counted, Reason: "these kinds are not served"},
		{Items: `: left out `, Kind: missing, Reason: "there is no controller for this kind: its objects, their pods and what was done about them are compared " +
			"on neither side"},
	}
}
