package replicaset

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

var now = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

// pod returns a running pod that has been ready for as long as it exists, on a node.
func pod(name, node string, age time.Duration) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), CreationTimestamp: ago(age)},
		Spec:       corev1.PodSpec{NodeName: node},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: ago(age)},
		}},
	}
}

func change(p *corev1.Pod, f func(*corev1.Pod)) *corev1.Pod { f(p); return p }

func names(pods []*corev1.Pod) []string {
	var out []string
	for _, p := range pods {
		out = append(out, p.Name)
	}
	return out
}

func TestPodsGoInOrderOfWhatIsLostWithThem(t *testing.T) {
	old := 40 * time.Hour
	pods := []*corev1.Pod{
		pod("i-oldest", "n1", 1000*time.Hour),
		pod("h-young", "n1", time.Hour),
		change(pod("g-restarted", "n1", old), func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: 3}}
			p.Status.Conditions[0].LastTransitionTime = ago(1000 * time.Hour)
		}),
		pod("f-in-company", "n2", 1000*time.Hour),
		change(pod("e-cheap", "n1", 1000*time.Hour), func(p *corev1.Pod) {
			p.Annotations = map[string]string{corev1.PodDeletionCost: "-10"}
		}),
		change(pod("d-not-ready", "n1", old), func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }),
		change(pod("c-unknown", "n1", old), func(p *corev1.Pod) { p.Status.Phase = corev1.PodUnknown }),
		change(pod("b-pending", "n1", old), func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }),
		change(pod("a-unassigned", "", old), func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }),
	}
	// A third ReplicaSet's pods crowd n2.
	related := append(slices.Clone(pods), slices.Repeat([]*corev1.Pod{pod("x", "n2", old)}, 9)...)
	got := names(podsToDelete(pods, related, len(pods)-1, now))
	want := []string{"a-unassigned", "b-pending", "c-unknown", "d-not-ready", "e-cheap", "f-in-company", "h-young"}
	if !slices.Equal(got[:len(want)], want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestAllPodsGoWithoutBeingRanked(t *testing.T) {
	pods := []*corev1.Pod{pod("b", "n", time.Hour), pod("a", "n", time.Minute)}
	if got := names(podsToDelete(pods, pods, 2, now)); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("got %v", got)
	}
}

func TestDeletionCosts(t *testing.T) {
	for value, want := range map[string]int64{"": 0, "0": 0, "-5": -5, "17": 17, "+1": 0, "007": 0, "x": 0, "99999999999": 0} {
		p := change(pod("a", "n", 0), func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.PodDeletionCost: value} })
		if got := deletionCost(p); got != want {
			t.Errorf("%q costs %d, want %d", value, got, want)
		}
	}
}

func drawPod(t *rapid.T, i int) *corev1.Pod {
	age := time.Duration(rapid.SampledFrom([]int{0, 1, 2, 3, 60, 3600, 86400}).Draw(t, "age")) * time.Second
	p := pod(string(rune('a'+i)), rapid.SampledFrom([]string{"", "n1", "n2"}).Draw(t, "node"), age)
	p.Status.Phase = rapid.SampledFrom([]corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodUnknown}).Draw(t, "phase")
	if rapid.Bool().Draw(t, "ready") {
		p.Status.Conditions[0].LastTransitionTime = ago(time.Duration(rapid.IntRange(0, 100).Draw(t, "since")) * time.Second)
	} else {
		p.Status.Conditions[0].Status = corev1.ConditionFalse
	}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: rapid.Int32Range(0, 2).Draw(t, "restarts")}}
	p.Annotations = map[string]string{corev1.PodDeletionCost: rapid.SampledFrom([]string{"0", "1", "-1"}).Draw(t, "cost")}
	return p
}

// lessTwin is the rule written down rule by rule, with nothing computed ahead.
func lessTwin(a, b *corev1.Pod, rankA, rankB int) bool {
	unassigned := func(p *corev1.Pod) bool { return p.Spec.NodeName == "" }
	if unassigned(a) != unassigned(b) {
		return unassigned(a)
	}
	order := map[corev1.PodPhase]int{corev1.PodPending: 0, corev1.PodUnknown: 1, corev1.PodRunning: 2}
	if order[a.Status.Phase] != order[b.Status.Phase] {
		return order[a.Status.Phase] < order[b.Status.Phase]
	}
	ready := func(p *corev1.Pod) bool { return p.Status.Conditions[0].Status == corev1.ConditionTrue }
	if ready(a) != ready(b) {
		return !ready(a)
	}
	cost := func(p *corev1.Pod) int {
		return map[string]int{"0": 0, "1": 1, "-1": -1}[p.Annotations[corev1.PodDeletionCost]]
	}
	if cost(a) != cost(b) {
		return cost(a) < cost(b)
	}
	if rankA != rankB {
		return rankA > rankB
	}
	log := func(at metav1.Time) (n int) {
		for age := now.Sub(at.Time); age > 1; age /= 2 {
			n++
		}
		if !now.After(at.Time) {
			return -1
		}
		return n
	}
	compare := func(x, y metav1.Time) bool {
		if log(x) == log(y) {
			return a.UID < b.UID
		}
		return log(x) < log(y)
	}
	if x, y := a.Status.Conditions[0].LastTransitionTime, b.Status.Conditions[0].LastTransitionTime; ready(a) && !x.Equal(&y) {
		return compare(x, y)
	}
	if x, y := a.Status.ContainerStatuses[0].RestartCount, b.Status.ContainerStatuses[0].RestartCount; x != y {
		return x > y
	}
	if x, y := a.CreationTimestamp, b.CreationTimestamp; !x.Equal(&y) {
		return compare(x, y)
	}
	return false
}

func TestRankingAgreesWithItsTwinAndNeverWithItsOpposite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pods := []*corev1.Pod{drawPod(t, 0), drawPod(t, 1)}
		related := []*corev1.Pod{pods[0], pods[1], pod("x", "n1", 0)}
		r := newRanking(pods, related, now)
		perNode := map[string]int{}
		for _, p := range related {
			perNode[p.Spec.NodeName]++
		}
		rank := func(i int) int { return perNode[pods[i].Spec.NodeName] }
		if got, want := r.Less(0, 1), lessTwin(pods[0], pods[1], rank(0), rank(1)); got != want {
			t.Fatalf("Less is %v, by the rules %v", got, want)
		}
		if r.Less(0, 1) && r.Less(1, 0) || r.Less(0, 0) {
			t.Fatal("no pod goes before one that goes before it")
		}
	})
}
