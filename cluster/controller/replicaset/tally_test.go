package replicaset

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/controller"
)

func drawOwned(t *rapid.T, name string) *corev1.Pod {
	p := pod(name, "n", 0)
	p.Namespace, p.UID = "demo", types.UID(name)
	p.Labels = rapid.SampledFrom([]map[string]string{{"app": "web"}, {"app": "web", "x": "y"}, {"app": "db"}, nil}).Draw(t, "labels")
	p.Status.Phase = rapid.SampledFrom([]corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodFailed}).Draw(t, "phase")
	p.Status.Conditions[0].Status = rapid.SampledFrom([]corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse}).Draw(t, "ready")
	if rapid.IntRange(0, 3).Draw(t, "going") == 0 {
		p.DeletionTimestamp = api.Ptr(metav1.Unix(1, 0))
	}
	owner := rapid.SampledFrom([]string{"rs", "other", ""}).Draw(t, "owner")
	if owner != "" {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: owner, UID: types.UID(owner), Controller: api.Ptr(true)}}
	}
	return p
}

func TestTheTallyIsWhatAListWouldSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := replicaSet(3)
		rs.Spec.MinReadySeconds = 0
		rs.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
		s, pods := newTally(), map[string]*corev1.Pod{}
		s.start(rs, nil)
		for range 40 {
			name := fmt.Sprintf("p%d", rapid.IntRange(0, 4).Draw(t, "pod"))
			old := pods[name]
			if old != nil && rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
				last := drawOwned(t, name) // A state that nobody has seen.
				last.OwnerReferences = old.OwnerReferences
				delete(pods, name)
				s.changed(last, nil)
			} else {
				pods[name] = drawOwned(t, name)
				s.changed(old, pods[name])
			}
			var active, terminating []*corev1.Pod
			strays, total := int32(0), 0
			for _, p := range pods {
				if !api.IsControlledBy(&p.ObjectMeta, rs.UID) {
					continue
				}
				total++
				if p.Labels["app"] != "web" {
					strays++
				}
				active = append(active, controller.ActivePods([]*corev1.Pod{p})...)
				terminating = append(terminating, controller.TerminatingPods([]*corev1.Pod{p})...)
			}
			o := s.of(rs)
			if want := count(rs, active, terminating, now); o.counts != want || o.strays != strays || len(o.pods) != total {
				t.Fatalf("counted %+v, %d strays of %d; by list %+v, %d of %d", o.counts, o.strays, len(o.pods), want, strays, total)
			}
		}
	})
}

func TestATallyOfAnotherGenerationIsVoid(t *testing.T) {
	s, rs := newTally(), replicaSet(3)
	s.start(rs, nil)
	rs = api.Shallow(rs)
	rs.Generation++
	if s.of(rs) != nil {
		t.Error("selector and template may have changed")
	}
}
