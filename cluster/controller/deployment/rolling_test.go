package deployment

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// rollout is a Deployment in the middle of an update, driven by the decisions alone.
type rollout struct {
	d    *appsv1.Deployment
	sets []*appsv1.ReplicaSet
}

// step applies one sync's decisions; it reports whether anything moved.
func (r *rollout) step() bool {
	newRS, oldRSs := split(r.d, r.sets)
	if size := newSize(r.d, r.sets, newRS); size != *newRS.Spec.Replicas {
		r.resize(newRS, size)
		return true
	}
	steps := shrinkOld(r.d, newRS, oldRSs)
	for _, s := range steps {
		r.resize(s.rs, s.size)
	}
	return len(steps) > 0
}

// resize does what the ReplicaSet controller does at once: unavailable pods go first.
func (r *rollout) resize(rs *appsv1.ReplicaSet, size int32) {
	for i, s := range r.sets {
		if s.UID == rs.UID {
			next := withSize(s, size)
			next.Status.Replicas = size
			next.Status.AvailableReplicas = min(next.Status.AvailableReplicas, size)
			r.sets[i] = next
		}
	}
}

// becomeAvailable makes up to n pods of the i-th ReplicaSet available, or unavailable where n is negative.
func (r *rollout) becomeAvailable(i int, n int32) {
	next := api.Shallow(r.sets[i])
	next.Status.AvailableReplicas = min(max(0, next.Status.AvailableReplicas+n), *next.Spec.Replicas)
	r.sets[i] = next
}

func drawRollout(t *rapid.T) *rollout {
	d := deploy(rapid.Int32Range(0, 30).Draw(t, "replicas"),
		rapid.SampledFrom([]string{"0", "1", "3", "25%", "100%"}).Draw(t, "surge"),
		rapid.SampledFrom([]string{"0", "1", "4", "25%", "100%"}).Draw(t, "unavailable"), "new")
	r := &rollout{d: d, sets: []*appsv1.ReplicaSet{set(d, "new", 9, 0, 0)}}
	for i, left := 0, replicas(d); i < 3; i++ {
		size := rapid.Int32Range(0, left).Draw(t, "size")
		left -= size
		r.sets = append(r.sets, set(d, string(rune('a'+i)), i, size, rapid.Int32Range(0, size).Draw(t, "available")))
	}
	return r
}

func TestARollingUpdateStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRollout(t)
		for range 40 {
			before := total(r.sets, specReplicas)
			available := total(r.sets, availableReplicas)
			r.step()
			if after := total(r.sets, specReplicas); after > max(before, replicas(r.d)+maxSurge(r.d)) {
				t.Fatalf("%d pods wanted, %d replicas and a surge of %d allow no more than %d",
					after, replicas(r.d), maxSurge(r.d), replicas(r.d)+maxSurge(r.d))
			}
			least := min(available, replicas(r.d)-maxUnavailable(r.d))
			if now := total(r.sets, availableReplicas); now < least {
				t.Fatalf("%d pods are available after the step, %d must be", now, least)
			}
			r.becomeAvailable(rapid.IntRange(0, len(r.sets)-1).Draw(t, "whose"), rapid.Int32Range(-2, 4).Draw(t, "change"))
		}
	})
}

func TestARollingUpdateEndsWhereNewPodsBecomeAvailable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRollout(t)
		for range 300 {
			if !r.step() {
				r.becomeAvailable(0, 1)
			}
		}
		newRS, oldRSs := split(r.d, r.sets)
		if *newRS.Spec.Replicas != replicas(r.d) || total(oldRSs, specReplicas) != 0 {
			t.Fatalf("the new ReplicaSet has %d of %d replicas, old ones still %d",
				*newRS.Spec.Replicas, replicas(r.d), total(oldRSs, specReplicas))
		}
	})
}

func TestUnhealthyOldPodsGoFirst(t *testing.T) {
	d := deploy(10, "3", "2", "new")
	newRS := set(d, "new", 3, 3, 0)
	// Three of the old pods are broken. The new ones are not available, so only what does no harm may go: 13 pods, 8 must be
	// available, 3 new ones are not: room for 2, both from the broken.
	oldRS := set(d, "old", 1, 10, 7)
	steps := shrinkOld(d, newRS, []*appsv1.ReplicaSet{oldRS})
	if len(steps) != 1 || steps[0].size != 8 {
		t.Fatalf("got %+v", steps)
	}
}

func TestOldReplicaSetsThatAreShrinkingAreLeftAlone(t *testing.T) {
	d := deploy(10, "3", "2", "new")
	newRS, oldRS := set(d, "new", 3, 3, 3), set(d, "old", 1, 8, 8)
	oldRS.Status.AvailableReplicas = 10
	if steps := shrinkOld(d, newRS, []*appsv1.ReplicaSet{oldRS}); len(steps) != 0 {
		t.Fatalf("got %+v", steps)
	}
}

func TestARolloverStartsTheNewestReplicaSetWithWhatIsLeft(t *testing.T) {
	// The numbers of the recording golden/deployment: 15 replicas, 25 % each way, nothing of the new template yet.
	d := deploy(15, "25%", "25%", "new")
	rs := buildReplicaSet(d, []*appsv1.ReplicaSet{set(d, "old", 1, 15, 15)}, 2)
	if *rs.Spec.Replicas != 4 {
		t.Errorf("the new ReplicaSet starts with %d, want 4", *rs.Spec.Replicas)
	}
	if steps := shrinkOld(d, withSize(rs, 4), []*appsv1.ReplicaSet{set(d, "old", 1, 15, 15)}); len(steps) != 1 || steps[0].size != 12 {
		t.Errorf("the old one goes to %+v, want 12", steps)
	}
}
