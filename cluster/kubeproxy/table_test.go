package kubeproxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// portOf builds a port from words such as "1@a/z1": address 1 on node a in zone z1; a trailing ! is not ready, ~ is
// terminating but serving, - is terminating and not serving; a hint follows a colon: "1@a/z1:z1".
func portOf(words string) *Port {
	p := &Port{}
	for _, w := range strings.Fields(words) {
		w, hint, _ := strings.Cut(w, ":")
		state := w[len(w)-1]
		w = strings.TrimRight(w, "!~-")
		ip, place, _ := strings.Cut(w, "@")
		node, zone, _ := strings.Cut(place, "/")
		e := Endpoint{IP: ip, Node: node, Zone: zone, Ready: true, Serving: true}
		switch state {
		case '!':
			e.Ready, e.Serving = false, false
		case '~':
			e.Ready, e.Terminating = false, true
		case '-':
			e.Ready, e.Serving, e.Terminating = false, false, true
		}
		if hint != "" {
			e.ForZones = []string{hint}
		}
		p.Endpoints = append(p.Endpoints, e)
	}
	return p
}

func ips(endpoints []Endpoint) string {
	var out []string
	for _, e := range endpoints {
		out = append(out, e.IP)
	}
	return strings.Join(out, " ")
}

func TestCandidatesFollowPolicyAndReadiness(t *testing.T) {
	for _, c := range []struct {
		endpoints string
		local     bool
		want      string
	}{
		{"1@a/x 2@b/y", false, "1 2"},
		{"1@a/x! 2@b/y", false, "2"},
		{"1@a/x~ 2@b/y", false, "2"},
		{"1@a/x~ 2@b/y!", false, "1"},
		{"1@a/x- 2@b/y!", false, ""},
		{"1@a/x 2@b/y", true, "1"},
		{"1@a/x~ 2@b/y", true, "1"},
		{"1@a/x! 2@b/y", true, ""},
		{"1@a/x:x 2@b/y:y", false, "1"},
		{"1@a/x:y 2@b/y:y", false, "1 2"},
		{"1@a/x:x 2@b/y", false, "1 2"},
		{"1@a/x!:x 2@b/y:y 3@b/y:x", false, "3"},
	} {
		p := portOf(c.endpoints)
		p.InternalLocal = c.local
		if got := ips(p.candidates(where{"a", "x"}, false)); got != c.want {
			t.Errorf("%s local=%v: %q, want %q", c.endpoints, c.local, got, c.want)
		}
	}
}

func service(name, ip string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "d", Name: name, UID: types.UID(name), ResourceVersion: "1"},
		Spec:       corev1.ServiceSpec{ClusterIP: ip, Ports: []corev1.ServicePort{{Name: "http", Port: 80, NodePort: 30080, Protocol: corev1.ProtocolTCP}}},
	}
}

func sliceOf(name, service string, ports map[string]int32, addresses ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Namespace: "d", Name: name, UID: types.UID(name), ResourceVersion: "1", Labels: map[string]string{discoveryv1.LabelServiceName: service},
	}}
	for _, n := range []string{"http", "dns"} {
		if number, has := ports[n]; has {
			s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: api.Ptr(n), Port: api.Ptr(number), Protocol: api.Ptr(corev1.ProtocolTCP)})
		}
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}, NodeName: api.Ptr("a")})
	}
	return s
}

func TestTheTableJoinsServicesAndSlices(t *testing.T) {
	external := service("ext", "10.96.0.9")
	external.Spec.ExternalIPs = []string{"203.0.113.1"}
	external.Spec.Ports[0].NodePort = 0
	headless := service("none", corev1.ClusterIPNone)
	parts := map[string][]*discoveryv1.EndpointSlice{
		"web": {sliceOf("s1", "web", map[string]int32{"http": 8080}, "10.0.0.3", "10.0.0.1"), sliceOf("s2", "web", map[string]int32{"http": 8080, "dns": 53}, "10.0.0.2", "10.0.0.1")},
	}
	table := newTable([]*corev1.Service{service("web", "10.96.0.1"), external, headless}, func(s *corev1.Service) []*discoveryv1.EndpointSlice { return parts[s.Name] })
	port, outside := table.find(Connection{Address: "10.96.0.1", Port: 80, Protocol: corev1.ProtocolTCP})
	if port == nil || outside || ips(port.Endpoints) != "10.0.0.1 10.0.0.2 10.0.0.3" || port.Endpoints[0].Port != 8080 {
		t.Fatalf("%+v", port)
	}
	if p, outside := table.find(Connection{NodePort: true, Port: 30080, Protocol: corev1.ProtocolTCP}); p != port || !outside {
		t.Error("the node port is another service")
	}
	if p, outside := table.find(Connection{Address: "203.0.113.1", Port: 80, Protocol: corev1.ProtocolTCP}); p == nil || !outside || len(p.Endpoints) != 0 {
		t.Error("no rule for the external address")
	}
	if table.Ports() != 4 {
		t.Errorf("%d rules", table.Ports())
	}
}

// A fingerprint that follows changes equals one that is summed up anew.
func TestFingerprintsFollowChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		has := map[string]api.Object{}
		var running fingerprint
		for step := range rapid.IntRange(1, 30).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			if old := has[name]; old != nil {
				running.remove(old)
				delete(has, name)
			}
			if rapid.Bool().Draw(t, "add") {
				s := service(name, "10.96.0.1")
				s.ResourceVersion = fmt.Sprint(step + 1)
				has[name] = s
				running.add(s)
			}
			var anew fingerprint
			for _, o := range has {
				anew.add(o)
			}
			if anew != running {
				t.Fatalf("%v, summed up anew %v", running, anew)
			}
		}
	})
}

func TestTablesAreSharedAndForgotten(t *testing.T) {
	c := &tables{byState: map[fingerprint]*Table{}}
	built := 0
	build := func() *Table { built++; return &Table{} }
	a := c.get(fingerprint{1, 1}, build)
	if c.get(fingerprint{1, 1}, build) != a || built != 1 {
		t.Error("a state was built twice")
	}
	for i := range recent {
		c.get(fingerprint{uint64(i + 2), 1}, build)
	}
	if len(c.byState) != recent || slices.Contains(c.order, fingerprint{1, 1}) {
		t.Errorf("%d tables are kept", len(c.byState))
	}
}
