package kubeproxy_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/kubeproxy"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

const apiAddress network.Address = "cp-0:6443"

type world struct {
	testing.TB
	s       *sim.Simulation
	admin   *client.Client
	metrics *metrics.Registry
	proxies []*kubeproxy.Proxy
}

func newWorld(t *testing.T, nodes int) *world {
	s := sim.New(sim.Config{Seed: 3})
	t.Cleanup(s.Close)
	n := network.New(s, network.Config{})
	w := &world{TB: t, s: s, metrics: metrics.NewRegistry()}
	m := host.NewMachine(s, host.Config{Name: "cp-0", Cores: 4})
	canonical := etcd.NewCanonical(s)
	m.Spawn("etcd", func(p *host.Process) {
		etcd.StartMember(p, etcd.MemberConfig{Name: "cp-0", Network: n, ClientAddress: "cp-0:2379", PeerAddress: "cp-0:2380",
			InitialCluster: []etcd.Peer{{Name: "cp-0", PeerAddress: "cp-0:2380", ClientAddress: "cp-0:2379"}}, Canonical: canonical})
	})
	m.Spawn("kube-apiserver", func(p *host.Process) {
		apiserver.Start(p, apiserver.Config{Network: n, Address: apiAddress, Etcd: []network.Address{"cp-0:2379"}})
	})
	laptop := host.NewMachine(s, host.Config{Name: "laptop", Cores: 4}).Spawn("kubectl", func(*host.Process) {})
	w.admin = client.New(laptop, client.Config{Network: n, Server: apiAddress, User: &api.User{Name: "admin", Groups: []string{"system:masters"}}})
	w.proxies = make([]*kubeproxy.Proxy, nodes)
	w.run(10 * time.Second)
	for i := range nodes {
		host.NewMachine(s, host.Config{Name: fmt.Sprint("node-", i), Cores: 2}).Spawn("kube-proxy", func(p *host.Process) {
			w.proxies[i] = kubeproxy.Start(p, kubeproxy.Config{NodeName: fmt.Sprint("node-", i), Network: n, Server: apiAddress, Metrics: w.metrics})
		})
	}
	w.run(5 * time.Second)
	return w
}

func (w *world) run(d time.Duration) {
	w.Helper()
	if err := w.s.Run(w.s.Now().Add(d)); err != nil {
		w.Fatal(err)
	}
}

func (w *world) send(verb api.Verb, o api.Object) api.Object {
	w.Helper()
	var out api.Object
	m := api.Meta(o)
	w.admin.Process().Do(func() {
		w.admin.Start(&api.Request{Verb: verb, Resource: api.ResourceOf(o), Namespace: m.Namespace, Name: m.Name, Object: o}, func(r *api.Response, err error) {
			if err != nil {
				w.Fatal(err)
			}
			out = r.Object
		})
	})
	for out == nil {
		w.run(time.Millisecond)
	}
	return out
}

func slice(addresses ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "default", Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: api.Ptr(""), Port: api.Ptr(int32(8080)), Protocol: api.Ptr(corev1.ProtocolTCP)}},
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}, Conditions: discoveryv1.EndpointConditions{Ready: api.Ptr(true)}})
	}
	return s
}

func TestProxiesFollowEndpoints(t *testing.T) {
	w := newWorld(t, 3)
	svc := w.send(api.VerbCreate, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}, SessionAffinity: corev1.ServiceAffinityClientIP},
	}).(*corev1.Service)
	to := kubeproxy.Connection{Client: "10.1.1.1", Address: svc.Spec.ClusterIP, Port: 80}
	w.run(3 * time.Second)
	if _, verdict := w.proxies[0].Lookup(to); verdict != kubeproxy.Reject {
		t.Fatalf("a service without endpoints: %v", verdict)
	}
	stored := w.send(api.VerbCreate, slice("10.0.0.1", "10.0.0.2", "10.0.0.3"))
	w.run(3 * time.Second)
	first, verdict := w.proxies[0].Lookup(to)
	if verdict != kubeproxy.Forward || first.Port != 8080 {
		t.Fatalf("%v %+v", verdict, first)
	}
	for range 20 {
		if e, _ := w.proxies[0].Lookup(to); e.IP != first.IP {
			t.Fatal("a client with affinity went elsewhere")
		}
	}
	seen := map[string]bool{}
	for i := range 60 {
		w.run(time.Millisecond)
		e, _ := w.proxies[1].Lookup(kubeproxy.Connection{Client: fmt.Sprint("10.1.2.", i), Address: svc.Spec.ClusterIP, Port: 80})
		seen[e.IP] = true
	}
	if len(seen) != 3 {
		t.Errorf("60 clients saw %v", seen)
	}
	if w.proxies[0].Table() != w.proxies[1].Table() || w.proxies[1].Table() != w.proxies[2].Table() {
		t.Error("proxies that have seen the same objects have different tables")
	}
	fewer := slice("10.0.0.9")
	fewer.ResourceVersion = stored.GetResourceVersion()
	w.send(api.VerbUpdate, fewer)
	w.run(3 * time.Second)
	if e, _ := w.proxies[0].Lookup(to); e.IP != "10.0.0.9" {
		t.Errorf("affinity to an endpoint that is gone: %+v", e)
	}
	if _, verdict := w.proxies[0].Lookup(kubeproxy.Connection{Address: "10.96.9.9", Port: 80}); verdict != kubeproxy.NoRule {
		t.Errorf("an unknown address: %v", verdict)
	}
}

func TestSyncsAreASecondApart(t *testing.T) {
	w := newWorld(t, 1)
	syncs := func() uint64 {
		return uint64(w.metrics.Histogram("kubeproxy_sync_proxy_rules_duration_seconds").Count())
	}
	before := syncs()
	current := w.send(api.VerbCreate, slice("10.0.0.1"))
	for i := range 40 {
		w.run(100 * time.Millisecond)
		next := slice(fmt.Sprint("10.0.0.", i+2))
		next.ResourceVersion = current.GetResourceVersion()
		current = w.send(api.VerbUpdate, next)
	}
	w.run(2 * time.Second)
	if n := syncs() - before; n < 4 || n > 7 {
		t.Errorf("%d syncs for 41 changes in 4 seconds", n)
	}
}
