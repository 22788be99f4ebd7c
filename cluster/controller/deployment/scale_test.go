package deployment

import (
	"math"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"pgregory.net/rapid"
)

// inProportion draws a Deployment in the middle of a rollout whose size has just been changed.
func inProportion(t *rapid.T) (*appsv1.Deployment, []*appsv1.ReplicaSet) {
	before := deploy(rapid.Int32Range(1, 60).Draw(t, "before"), rapid.SampledFrom([]string{"0", "1", "25%", "100%"}).Draw(t, "surge"), "25%", "a")
	limit := replicas(before) + maxSurge(before)
	var sets []*appsv1.ReplicaSet
	for i, left := 0, limit; i < 4 && left > 0; i++ {
		size := rapid.Int32Range(1, left).Draw(t, "size")
		left -= size
		rs := set(before, string(rune('a'+i)), i%2, size, size)
		sets = append(sets, rs)
	}
	after := *before
	n := rapid.Int32Range(0, 60).Draw(t, "after")
	after.Spec.Replicas = &n
	return &after, sets
}

func TestProportionalScalingSpendsExactlyWhatThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, sets := inProportion(t)
		var allowed int32
		if replicas(d) > 0 {
			allowed = replicas(d) + maxSurge(d)
		}
		var sum int32
		for _, step := range proportional(d, sets) {
			if step.size < 0 {
				t.Fatalf("%s shall have %d replicas", step.rs.Name, step.size)
			}
			sum += step.size
		}
		if sum != allowed {
			t.Fatalf("the ReplicaSets have %d replicas together, the Deployment may have %d", sum, allowed)
		}
	})
}

// fractionTwin computes a share as upstream does, in floating point.
func fractionTwin(size, after, before int32) int32 {
	return int32(math.Floor(float64(size*after)/float64(before)+0.5)) - size
}

func TestSharesAreRoundedAsInFloatingPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, after, before := rapid.Int32Range(1, 5000).Draw(t, "size"), rapid.Int32Range(0, 5000).Draw(t, "after"), rapid.Int32Range(1, 5000).Draw(t, "before")
		if got, want := divideRounded(int64(size)*int64(after), int64(before))-size, fractionTwin(size, after, before); got != want {
			t.Fatalf("%d of %d, was %d: %d, want %d", size, after, before, got, want)
		}
	})
}

func TestScalingKeepsTheProportionsOfARollout(t *testing.T) {
	d := deploy(10, "3", "2", "new")
	newRS, oldRS := set(d, "new", 2, 5, 3), set(d, "old", 1, 8, 8)
	d.Spec.Replicas = ptr32(30)
	got := scale(d, newRS, []*appsv1.ReplicaSet{oldRS})
	// 13 pods become 33: 8 of 13 are 20, 5 of 13 are 13.
	if len(got) != 2 || got[0].rs != oldRS || got[0].size != 20 || got[1].size != 13 {
		t.Errorf("got %v %v", got[0].size, got[1].size)
	}
}

func TestScalingTakesTheOnlyReplicaSetThatHasPods(t *testing.T) {
	d := deploy(4, "1", "1", "new")
	newRS, oldRS := set(d, "new", 2, 0, 0), set(d, "old", 1, 3, 3)
	if got := scale(d, newRS, []*appsv1.ReplicaSet{oldRS}); len(got) != 1 || got[0].rs != oldRS || got[0].size != 4 {
		t.Errorf("got %+v", got)
	}
	if got := scale(d, newRS, []*appsv1.ReplicaSet{set(d, "old", 1, 0, 0)}); len(got) != 1 || got[0].rs != newRS {
		t.Errorf("without pods the new ReplicaSet grows; got %+v", got)
	}
}

func TestASaturatedReplicaSetNeedsNoOldOnes(t *testing.T) {
	d := deploy(4, "1", "1", "new")
	newRS, oldRS := set(d, "new", 2, 4, 4), set(d, "old", 1, 2, 2)
	if got := scale(d, newRS, []*appsv1.ReplicaSet{oldRS}); len(got) != 1 || got[0].rs != oldRS || got[0].size != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAScalingEventIsSeenInTheAnnotations(t *testing.T) {
	d := deploy(4, "1", "1", "a")
	rs := set(d, "a", 1, 4, 4)
	if isScalingEvent(d, []*appsv1.ReplicaSet{rs}) {
		t.Error("nothing was scaled")
	}
	d.Spec.Replicas = ptr32(6)
	if !isScalingEvent(d, []*appsv1.ReplicaSet{rs}) {
		t.Error("4 became 6")
	}
	if isScalingEvent(d, []*appsv1.ReplicaSet{set(d, "a", 1, 0, 0)}) {
		t.Error("a ReplicaSet without pods does not count")
	}
}

func ptr32(n int32) *int32 { return &n }
