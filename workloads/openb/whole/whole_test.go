package whole

import (
	"fmt"
	"slices"
	"testing"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/workloads/openb"
	"github.com/fauxkube/fauxkube/workloads/synthetic"
)

// samePlacements runs a trace in both ways and compares every pod's node and GPUs.
func samePlacements(t *testing.T, trace *openb.Trace, o Options) *Result {
	t.Helper()
	var want []openb.Placement
	end, err := openb.Follow(trace, o.Policy, o.Seed, openb.ByName, func(p openb.Placement) { want = append(want, p) })
	if err != nil {
		t.Fatal(err)
	}
	if end.Failed == 0 || end.Failed == end.Pods {
		t.Errorf("%s: %d of %d pods fit nowhere: the test shows nothing", o.Policy, end.Failed, end.Pods)
	}
	r, err := Run(t.Context(), trace, o)
	if err != nil {
		t.Fatalf("%s: %v", o.Policy, err)
	}
	if len(r.Placements) != len(want) {
		t.Fatalf("%s: %d pods, %d by the protocol", o.Policy, len(r.Placements), len(want))
	}
	for i, got := range r.Placements {
		if got.Pod.Name != want[i].Pod.Name || got.Node != want[i].Node || !slices.Equal(got.GPUs, want[i].GPUs) {
			t.Fatalf("%s: pod %d, %+v: %s %v, by the protocol %s %s %v", o.Policy, i, *got.Pod, got.Node, got.GPUs, want[i].Pod.Name, want[i].Node, want[i].GPUs)
		}
	}
	return r
}

// The same trace through API, store, scheduler and kubelets has the same placements as in protocol mode.
func TestPlacementsAreTheProtocols(t *testing.T) {
	trace := synthetic.Trace(12)
	for _, policy := range []string{"fgd", "bestfit", "dotprod", "gpuclustering", "gpupacking", "firstfit"} {
		samePlacements(t, trace, Options{Policy: policy, Seed: 42, Topology: func(top *cluster.Topology) { top.DetectMutations = policy == "fgd" }})
	}
}

// The comparison can fail: with ties that are drawn, the placements are others.
func TestOtherTiesAreOtherPlacements(t *testing.T) {
	trace := synthetic.Trace(12)
	var want []string
	if _, err := openb.Follow(trace, "firstfit", 42, openb.ByName, func(p openb.Placement) { want = append(want, fmt.Sprint(p.Node, p.GPUs)) }); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), trace, Options{Policy: "firstfit", Seed: 42, Ties: openb.AtRandom})
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i, p := range r.Placements {
		if fmt.Sprint(p.Node, p.GPUs) == want[i] {
			same++
		}
	}
	if same == len(want) {
		t.Error("all placements are equal")
	}
}
