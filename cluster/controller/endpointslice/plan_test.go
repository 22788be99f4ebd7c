package endpointslice

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func service(ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "demo", UID: "svc"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"}, Ports: ports, ClusterIP: "10.96.0.10", IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol},
		},
	}
}

func port(name string, target int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(target)}
}

func pod(i int, ready bool) *corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	ip := fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%03d", i), Namespace: "demo", UID: types.UID(fmt.Sprintf("u%d", i))},
		Spec:       corev1.PodSpec{NodeName: fmt.Sprintf("node-%d", i%3)},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}},
		},
	}
}

func zoneNode(name string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelTopologyZone: "zone-" + name[len(name)-1:]}}}
}

// store applies plans, as the API server would.
type store struct {
	slices map[string]*discoveryv1.EndpointSlice
	next   int
}

func (s *store) apply(plans []plan) (writes int) {
	for _, p := range plans {
		for _, c := range p.create {
			s.next++
			c = api.Shallow(c)
			c.Name = fmt.Sprintf("%s%d", c.GenerateName, s.next)
			c.UID = types.UID(c.Name)
			s.slices[c.Name] = c
		}
		for _, u := range p.update {
			if s.slices[u.Name] == nil {
				panic("update of a slice that does not exist")
			}
			s.slices[u.Name] = u
		}
		for _, d := range p.delete {
			delete(s.slices, d.Name)
		}
		writes += len(p.create) + len(p.update) + len(p.delete)
	}
	return writes
}

func (s *store) list() []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	for _, x := range s.slices {
		out = append(out, x)
	}
	slices.SortFunc(out, compareNames)
	return out
}

func (s *store) addresses() []string {
	var out []string
	for _, x := range s.slices {
		for _, e := range x.Endpoints {
			out = append(out, fmt.Sprintf("%s %v %v", e.Addresses[0], *e.Conditions.Ready, *e.Conditions.Terminating))
		}
	}
	slices.Sort(out)
	return out
}

func TestSlicesListExactlyThePodsAndThenRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		svc, st := service(port("http", 8080)), &store{slices: map[string]*discoveryv1.EndpointSlice{}}
		pods := map[int]*corev1.Pod{}
		for range 12 {
			for range rapid.IntRange(1, 60).Draw(t, "changes") {
				i := rapid.IntRange(0, 250).Draw(t, "pod")
				if pods[i] != nil && rapid.Bool().Draw(t, "delete") {
					delete(pods, i)
					continue
				}
				p := pod(i, rapid.Bool().Draw(t, "ready"))
				if rapid.IntRange(0, 5).Draw(t, "going") == 0 {
					p.DeletionTimestamp = api.Ptr(metav1.Unix(1, 0))
				}
				pods[i] = p
			}
			var list []*corev1.Pod
			var want []string
			for i := range 251 {
				if p := pods[i]; p != nil {
					list = append(list, p)
					want = append(want, fmt.Sprintf("%s %v %v", p.Status.PodIP, api.IsPodReady(p) && p.DeletionTimestamp == nil, p.DeletionTimestamp != nil))
				}
			}
			slices.Sort(want)
			st.apply(reconcile(svc, list, st.list(), zoneNode))
			if got := st.addresses(); !slices.Equal(got, want) {
				t.Fatalf("the slices list %d endpoints, the pods are %d", len(got), len(want))
			}
			for _, s := range st.list() {
				if len(s.Endpoints) > maxEndpoints {
					t.Fatalf("%s has %d endpoints", s.Name, len(s.Endpoints))
				}
			}
			if len(st.slices) == 0 {
				t.Fatal("a Service has at least one slice")
			}
			if writes := st.apply(reconcile(svc, list, st.list(), zoneNode)); writes != 0 {
				t.Fatalf("a second sync writes %d slices", writes)
			}
		}
	})
}

func TestAnEmptyServiceGetsOneEmptySlice(t *testing.T) {
	p := reconcile(service(port("http", 80)), nil, nil, zoneNode)[0]
	if len(p.create) != 1 || len(p.create[0].Endpoints) != 0 || len(p.create[0].Ports) != 0 || p.create[0].GenerateName != "web-" {
		t.Fatalf("got %+v", p)
	}
	want := map[string]string{discoveryv1.LabelServiceName: "web", discoveryv1.LabelManagedBy: managedBy}
	if fmt.Sprint(p.create[0].Labels) != fmt.Sprint(want) {
		t.Errorf("labels %v", p.create[0].Labels)
	}
}

func TestTheFirstPodTakesTheEmptySliceOver(t *testing.T) {
	svc, st := service(port("http", 80)), &store{slices: map[string]*discoveryv1.EndpointSlice{}}
	st.apply(reconcile(svc, nil, nil, zoneNode))
	empty := st.list()[0].Name
	p := reconcile(svc, []*corev1.Pod{pod(1, true)}, st.list(), zoneNode)[0]
	if len(p.create) != 0 || len(p.delete) != 0 || len(p.update) != 1 || p.update[0].Name != empty {
		t.Fatalf("got %d, %d, %d", len(p.create), len(p.update), len(p.delete))
	}
	if p.update[0].ResourceVersion != "" || p.update[0].UID != "" {
		t.Error("as upstream, the update is built from nothing but the name")
	}
	e := p.update[0].Endpoints[0]
	if *e.NodeName != "node-1" || *e.Zone != "zone-1" || e.TargetRef.Name != "p001" || !*e.Conditions.Ready || !*e.Conditions.Serving {
		t.Errorf("got %+v", e)
	}
}

func TestNamedPortsSplitTheSlices(t *testing.T) {
	svc := service(corev1.ServicePort{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("http")})
	withPort := func(i int, number int32) *corev1.Pod {
		p := pod(i, true)
		p.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: number, Protocol: corev1.ProtocolTCP}}}}
		return p
	}
	p := reconcile(svc, []*corev1.Pod{withPort(1, 80), withPort(2, 8080), withPort(3, 80)}, nil, zoneNode)[0]
	if len(p.create) != 2 || *p.create[0].Ports[0].Port != 80 || len(p.create[0].Endpoints) != 2 || *p.create[1].Ports[0].Port != 8080 {
		t.Fatalf("got %+v", p.create)
	}
}

func TestPodsOnUnknownNodesAreLeftOutForNow(t *testing.T) {
	nowhere := func(string) *corev1.Node { return nil }
	p := reconcile(service(port("http", 80)), []*corev1.Pod{pod(1, true)}, nil, nowhere)[0]
	if want := "skipping Pod p001 for Service demo/web: Node node-1 Not Found"; len(p.skipped) != 1 || p.skipped[0].Error() != want {
		t.Fatalf("got %v", p.skipped)
	}
}

func TestTrafficDistributionIsHinted(t *testing.T) {
	svc, st := service(port("http", 80)), &store{slices: map[string]*discoveryv1.EndpointSlice{}}
	pods := []*corev1.Pod{pod(1, true), pod(2, false)}
	st.apply(reconcile(svc, pods, nil, zoneNode))
	svc.Spec.TrafficDistribution = api.Ptr(corev1.ServiceTrafficDistributionPreferSameNode)
	if writes := st.apply(reconcile(svc, pods, st.list(), zoneNode)); writes != 1 {
		t.Fatalf("%d writes", writes)
	}
	e := st.list()[0].Endpoints
	if h := e[0].Hints; h == nil || h.ForZones[0].Name != "zone-1" || h.ForNodes[0].Name != "node-1" {
		t.Errorf("got %+v", h)
	}
	if e[1].Hints != nil {
		t.Error("an endpoint that is not ready gets no hints")
	}
	svc.Spec.TrafficDistribution = nil
	st.apply(reconcile(svc, pods, st.list(), zoneNode))
	if st.list()[0].Endpoints[0].Hints != nil {
		t.Error("hints that nothing asks for are removed")
	}
}

func TestAForeignSliceIsReplaced(t *testing.T) {
	svc := service(port("http", 80))
	old := newSlice(svc, nil, discoveryv1.AddressTypeIPv4)
	old.Name, old.OwnerReferences[0].UID = "web-old", "an earlier Service"
	p := reconcile(svc, []*corev1.Pod{pod(1, true)}, []*discoveryv1.EndpointSlice{old}, zoneNode)[0]
	if len(p.create) != 1 || len(p.delete) != 1 || len(p.update) != 0 {
		t.Fatalf("got %d, %d, %d", len(p.create), len(p.update), len(p.delete))
	}
}

func TestTheTrackerKnowsStaleCaches(t *testing.T) {
	tr := newTracker()
	s := newSlice(service(), nil, discoveryv1.AddressTypeIPv4)
	s.UID, s.Generation = "s", 2
	tr.wrote(s)
	older := api.Shallow(s)
	older.Generation = 1
	for _, c := range []struct {
		name   string
		cached []*discoveryv1.EndpointSlice
		want   bool
	}{{"as written", []*discoveryv1.EndpointSlice{s}, false}, {"older", []*discoveryv1.EndpointSlice{older}, true}, {"missing", nil, true}} {
		if got := tr.isStale("demo/web", c.cached); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if tr.isNews(s) || !tr.isNews(&discoveryv1.EndpointSlice{}) {
		t.Error("only what others wrote is news")
	}
	tr.expectDeletion(s)
	if !tr.isStale("demo/web", []*discoveryv1.EndpointSlice{s}) || tr.isStale("demo/web", nil) {
		t.Error("a deleted slice must be gone")
	}
	if !tr.sawDeletion(s) || tr.has(s) {
		t.Error("the deletion was expected")
	}
}
