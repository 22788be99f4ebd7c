package client

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func pod(namespace, name, node string, app string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{NodeName: node},
	}
}

func byNode(o api.Object) []string {
	if node := o.(*corev1.Pod).Spec.NodeName; node != "" {
		return []string{node}
	}
	return nil
}

// dumbStore is a slice of everything.
type dumbStore []*corev1.Pod

func (d *dumbStore) put(p *corev1.Pod) {
	d.remove(keyOf(p))
	*d = append(*d, p)
}

func (d *dumbStore) remove(k key) {
	*d = slices.DeleteFunc(*d, func(p *corev1.Pod) bool { return keyOf(p) == k })
}

func (d dumbStore) where(match func(*corev1.Pod) bool) []api.Object {
	var found []api.Object
	for _, p := range d {
		if match(p) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b api.Object) int { return compareKeys(keyOf(a), keyOf(b)) })
	return found
}

func TestStoreEqualsItsDumbTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStore()
		var twin dumbStore
		lateIndex := rapid.IntRange(0, 60).Draw(rt, "indexAfter")
		nodes := []string{"", "n1", "n2", "n3"}
		for step := range rapid.IntRange(1, 120).Draw(rt, "steps") {
			if step == lateIndex {
				s.addIndex("node", byNode)
			}
			k := key{rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(rt, "ns"), fmt.Sprint(rapid.IntRange(0, 12).Draw(rt, "name"))}
			switch rapid.IntRange(0, 5).Draw(rt, "op") {
			case 0, 1, 2:
				p := pod(k.namespace, k.name, rapid.SampledFrom(nodes).Draw(rt, "node"), rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "app"))
				s.put(k, p)
				twin.put(p)
			case 3:
				s.remove(k)
				twin.remove(k)
			case 4:
				selector := labels.SelectorFromSet(labels.Set{"app": "x"})
				same(rt, s.list(k.namespace, selector), twin.where(func(p *corev1.Pod) bool {
					return p.Namespace == k.namespace && p.Labels["app"] == "x"
				}))
				same(rt, s.list("", nil), twin.where(func(*corev1.Pod) bool { return true }))
			case 5:
				if x := s.index("node"); x != nil {
					node := rapid.SampledFrom(nodes[1:]).Draw(rt, "which")
					var got []api.Object
					if bucket := x.buckets[node]; bucket != nil {
						got = bucket.objects()
					}
					same(rt, got, twin.where(func(p *corev1.Pod) bool { return p.Spec.NodeName == node }))
				}
			}
		}
	})
}

func same(t *rapid.T, got, want []api.Object) {
	if !slices.Equal(got, want) {
		t.Fatalf("got %d objects, want %d", len(got), len(want))
	}
}

func TestSortedItemsStayInOrderWhenTheyGrowIntoATree(t *testing.T) {
	var s sortedItems
	items := map[int]*item{}
	for n := range 3 * sliceLimit {
		i := n * 7919 % (3 * sliceLimit) // visits every number once, out of order
		items[i] = &item{key: key{"ns", fmt.Sprintf("%05d", i)}}
		s.insert(items[i])
	}
	if s.many == nil || s.len() != 3*sliceLimit {
		t.Fatalf("%d items, tree %v", s.len(), s.many != nil)
	}
	for i := 0; i < 3*sliceLimit; i += 2 {
		s.remove(items[i])
	}
	next := 1001
	s.from(key{"ns", "01000"}, func(it *item) bool {
		if it != items[next] {
			t.Fatalf("found %v, want %v", it.key, items[next].key)
		}
		next += 2
		return true
	})
	if next != 3*sliceLimit+1 {
		t.Errorf("stopped before %d", next)
	}
}

func BenchmarkStoreUpdateOf10000Indexed(b *testing.B) {
	s := newStore()
	s.addIndex("node", byNode)
	pods := make([]*corev1.Pod, 10_000)
	for i := range pods {
		pods[i] = pod("default", fmt.Sprintf("web-%05d", i), fmt.Sprintf("node-%d", i%1000), "web")
		s.put(keyOf(pods[i]), pods[i])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		p := pods[i%len(pods)]
		s.put(keyOf(p), p)
	}
}
