package endpoints

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func pod(i int, ready bool, ports ...corev1.ContainerPort) *corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	ip := fmt.Sprintf("10.0.0.%d", i)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%d", i), Namespace: "demo", UID: types.UID(fmt.Sprint(i))},
		Spec:       corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Ports: ports}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}},
		},
	}
}

func service(ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "demo", Labels: map[string]string{"app": "web"}},
		Spec:       corev1.ServiceSpec{ClusterIP: "10.96.0.1", Ports: ports, IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}},
	}
}

func named(name, target string) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Protocol: corev1.ProtocolTCP, TargetPort: intstr.Parse(target)}
}

// describe writes subsets as sorted lines: ready addresses, those that are not, ports.
func describe(subsets []corev1.EndpointSubset) string {
	var lines []string
	for _, s := range subsets {
		var parts []string
		for _, a := range s.Addresses {
			parts = append(parts, a.IP)
		}
		for _, a := range s.NotReadyAddresses {
			parts = append(parts, "("+a.IP+")")
		}
		var ports []string
		for _, p := range s.Ports {
			ports = append(ports, fmt.Sprintf("%s=%d", p.Name, p.Port))
		}
		slices.Sort(ports)
		lines = append(lines, strings.Join(parts, " ")+": "+strings.Join(ports, " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func TestSubsets(t *testing.T) {
	metrics := corev1.ContainerPort{Name: "metrics", ContainerPort: 9090, Protocol: corev1.ProtocolTCP}
	gone := pod(4, true)
	gone.DeletionTimestamp = api.Ptr(metav1.Unix(1, 0))
	headless := service()
	headless.Spec.ClusterIP = corev1.ClusterIPNone
	unready := service(named("http", "80"))
	unready.Spec.PublishNotReadyAddresses = true
	for _, c := range []struct {
		name    string
		service *corev1.Service
		pods    []*corev1.Pod
		want    string
	}{
		{"ready and not ready", service(named("http", "80")), []*corev1.Pod{pod(2, true), pod(1, true), pod(3, false)}, "10.0.0.1 10.0.0.2 (10.0.0.3): http=80"},
		{"a pod that goes", service(named("http", "80")), []*corev1.Pod{pod(1, true), gone}, "10.0.0.1: http=80"},
		{"ports that all have", service(named("http", "80"), named("https", "443")), []*corev1.Pod{pod(1, true), pod(2, true)}, "10.0.0.1 10.0.0.2: http=80 https=443"},
		{"a port that one has", service(named("http", "80"), named("m", "metrics")), []*corev1.Pod{pod(1, true), pod(2, true, metrics)},
			"10.0.0.1 10.0.0.2: http=80; 10.0.0.2: m=9090"},
		{"headless without ports", headless, []*corev1.Pod{pod(1, true)}, "10.0.0.1: "},
		{"nobody has the port", service(named("m", "metrics")), []*corev1.Pod{pod(1, true)}, ""},
		{"published before ready", unready, []*corev1.Pod{pod(1, false), gone}, "10.0.0.1 10.0.0.4: http=80"},
	} {
		if got := describe(subsetsOf(c.service, c.pods)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheOrderOfPodsDoesNotMatter(t *testing.T) {
	svc := service(named("a", "80"), named("b", "81"), named("c", "82"))
	rapid.Check(t, func(t *rapid.T) {
		pods := []*corev1.Pod{pod(1, true), pod(2, false), pod(3, true), pod(4, true)}
		shuffled := rapid.Permutation(pods).Draw(t, "pods")
		if got, want := fmt.Sprint(subsetsOf(svc, shuffled)), fmt.Sprint(subsetsOf(svc, pods)); describe(subsetsOf(svc, shuffled)) != describe(subsetsOf(svc, pods)) || len(got) != len(want) {
			t.Fatal("the same pods give other subsets")
		}
	})
}

func TestTooManyAddressesAreCutInProportion(t *testing.T) {
	many := func(n int) []corev1.EndpointAddress { return make([]corev1.EndpointAddress, n) }
	subsets, cut := truncate([]corev1.EndpointSubset{{Addresses: many(1500), NotReadyAddresses: many(5)}, {Addresses: many(500)}})
	if ready, notReady := countAddresses(subsets); !cut || ready != capacity || notReady != 0 || len(subsets[0].Addresses) != 750 {
		t.Errorf("%d ready, %d not, %d of the first", ready, notReady, len(subsets[0].Addresses))
	}
	subsets, cut = truncate([]corev1.EndpointSubset{{Addresses: many(900), NotReadyAddresses: many(300)}})
	if ready, notReady := countAddresses(subsets); !cut || ready != 900 || notReady != 100 {
		t.Errorf("%d ready, %d not", ready, notReady)
	}
	if _, cut = truncate([]corev1.EndpointSubset{{Addresses: many(1000)}}); cut {
		t.Error("1000 fit")
	}
}

func TestTheObjectIsWrittenOnlyWhereItDiffers(t *testing.T) {
	svc := service(named("http", "80"))
	subsets := subsetsOf(svc, []*corev1.Pod{pod(1, true)})
	e := build(svc, nil, subsets, metav1.Unix(5, 0).Time)
	if e.Annotations[corev1.EndpointsLastChangeTriggerTime] != "1970-01-01T00:00:05Z" || e.Labels[managedByKey] != controllerName || e.Labels["app"] != "web" {
		t.Errorf("got %v %v", e.Annotations, e.Labels)
	}
	if !isCurrent(e, svc, subsets) {
		t.Error("nothing differs")
	}
	if isCurrent(e, svc, subsetsOf(svc, []*corev1.Pod{pod(1, false)})) {
		t.Error("a pod is not ready any more")
	}
	relabelled := api.Shallow(svc)
	relabelled.Labels = map[string]string{"app": "db"}
	if isCurrent(e, relabelled, subsets) {
		t.Error("labels differ")
	}
}
