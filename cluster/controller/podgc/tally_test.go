package podgc

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// world is the twin: all pods and nodes, listed anew for every question, as upstream does.
type world struct {
	pods  map[string]*corev1.Pod
	nodes map[string]bool
}

func (w *world) list() []*corev1.Pod { return byKey(w.pods) }

func (w *world) missingNodes() []string {
	var out []string
	for _, p := range w.list() {
		if n := p.Spec.NodeName; n != "" && !w.nodes[n] && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) where(in func(*corev1.Pod) bool) []*corev1.Pod {
	out := []*corev1.Pod{}
	for _, p := range w.list() {
		if in(p) {
			out = append(out, p)
		}
	}
	return out
}

func drawPod(t *rapid.T, name string, old *corev1.Pod) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: name}}
	p.Status.Phase = rapid.SampledFrom([]corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed}).Draw(t, "phase")
	if old != nil && old.Spec.NodeName != "" {
		p.Spec.NodeName = old.Spec.NodeName
	} else {
		p.Spec.NodeName = rapid.SampledFrom([]string{"", "n1", "n2", "n3"}).Draw(t, "node")
	}
	if old != nil && old.DeletionTimestamp != nil || rapid.Bool().Draw(t, "going") {
		p.DeletionTimestamp = api.Ptr(metav1.Unix(1, 0))
	}
	return p
}

func TestTheTallyIsWhatAListOfEverythingWouldSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, s := &world{pods: map[string]*corev1.Pod{}, nodes: map[string]bool{}}, newTally()
		for range 60 {
			name := fmt.Sprintf("p%d", rapid.IntRange(0, 5).Draw(t, "pod"))
			node := rapid.SampledFrom([]string{"n1", "n2", "n3"}).Draw(t, "changed node")
			key, old := "demo/"+name, w.pods["demo/"+name]
			switch rapid.IntRange(0, 3).Draw(t, "event") {
			case 0, 1:
				p := drawPod(t, name, old)
				if w.pods[key] = p; old == nil {
					s.podAdded(p)
				} else {
					s.podUpdated(old, p)
				}
			case 2:
				if old != nil {
					delete(w.pods, key)
					s.podDeleted(old)
				}
			case 3:
				if w.nodes[node] = !w.nodes[node]; w.nodes[node] {
					s.nodeAdded(node)
				} else {
					s.nodeDeleted(node)
				}
			}
			if got, want := s.missingNodes(), w.missingNodes(); !slices.Equal(got, want) {
				t.Fatalf("missing nodes %v, want %v", got, want)
			}
			if got, want := s.goingPods(), w.where(func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil }); !slices.Equal(got, want) {
				t.Fatalf("%d pods are going, want %d", len(got), len(want))
			}
			if got, want := byKey(s.ended), w.where(hasEnded); !slices.Equal(got, want) {
				t.Fatalf("%d pods have ended, want %d", len(got), len(want))
			}
		}
	})
}

func TestEvictedAndOldPodsGoFirst(t *testing.T) {
	s := newTally()
	ended := func(name, reason string, age time.Duration) {
		s.podAdded(&corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(0, 0).Add(-age))},
			Status:     corev1.PodStatus{Phase: corev1.PodFailed, Reason: reason},
		})
	}
	ended("new", "", time.Hour)
	ended("old", "", 2*time.Hour)
	ended("evicted", "Evicted", time.Minute)
	ended("newest", "", time.Second)
	var got []string
	for _, p := range s.endedBeyond(1) {
		got = append(got, p.Name)
	}
	if want := []string{"evicted", "old", "new"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if s.endedBeyond(4) != nil {
		t.Error("four may stay")
	}
}
