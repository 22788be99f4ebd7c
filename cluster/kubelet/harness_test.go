package kubelet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/kubelet"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

const apiAddress network.Address = "cp-0:6443"

// world is a real store and API server on one machine, and nodes with kubelets; no controller and no scheduler: tests
// bind pods themselves.
type world struct {
	testing.TB
	s        *sim.Simulation
	network  *network.Network
	audit    []apiserver.AuditRecord
	detector *storage.Detector
	admin    *client.Client
	nodes    []*kubelet.Node
	server   *host.Machine
	devices  []runtime.DeviceUse
}

func newWorld(t testing.TB, images map[string]runtime.Image, nodes int) *world {
	t.Helper()
	return newWorldIn(t, sim.Config{Seed: 7}, images, nodes)
}

func newWorldIn(t testing.TB, config sim.Config, images map[string]runtime.Image, nodes int) *world {
	t.Helper()
	return newWorldOf(t, config, images, nodes, api.Quantities("cpu", "4", "memory", "8Gi"))
}

func newWorldOf(t testing.TB, config sim.Config, images map[string]runtime.Image, nodes int, capacity corev1.ResourceList) *world {
	t.Helper()
	s := sim.New(config)
	t.Cleanup(s.Close)
	w := &world{TB: t, s: s, network: network.New(s, network.Config{}), detector: &storage.Detector{}}
	w.server = host.NewMachine(s, host.Config{Name: "cp-0", Zone: "a", Cores: 4})
	peers := []etcd.Peer{{Name: "cp-0", PeerAddress: "cp-0:2380", ClientAddress: "cp-0:2379"}}
	canonical := etcd.NewCanonical(s)
	w.server.Spawn("etcd", func(p *host.Process) {
		etcd.StartMember(p, etcd.MemberConfig{Name: "cp-0", Network: w.network, ClientAddress: "cp-0:2379", PeerAddress: "cp-0:2380", InitialCluster: peers, Canonical: canonical})
	})
	w.server.Spawn("kube-apiserver", func(p *host.Process) {
		apiserver.Start(p, apiserver.Config{
			Network: w.network, Address: apiAddress, Etcd: []network.Address{"cp-0:2379"}, Detector: w.detector,
			Audit: func(r apiserver.AuditRecord) { w.audit = append(w.audit, r) },
		})
	})
	laptop := host.NewMachine(s, host.Config{Name: "laptop", Cores: 4}).Spawn("kubectl", func(*host.Process) {})
	w.admin = client.New(laptop, client.Config{Network: w.network, Server: apiAddress, UserAgent: "kubectl", User: &api.User{Name: "admin", Groups: []string{"system:masters", "system:authenticated"}}})
	w.run(10 * time.Second)
	w.must(&api.Request{Verb: api.VerbCreate, Resource: api.ServiceAccounts, Namespace: "default", Object: &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}}})
	catalogue := runtime.NewCatalogue(images)
	for i := range nodes {
		m := host.NewMachine(s, host.Config{Name: fmt.Sprint("node-", i), Zone: "a", Cores: 4})
		w.nodes = append(w.nodes, kubelet.Spawn(m, kubelet.Config{
			NodeName: m.Name(), Network: w.network, Server: apiAddress, NodeIP: fmt.Sprintf("172.16.%d.%d", (i+1)/256, (i+1)%256), PodCIDR: fmt.Sprintf("10.%d.%d.0/24", 128+i/256, i%256),
			Capacity: capacity,
			Runtime:  runtime.Config{Catalogue: catalogue, OnDevices: func(u runtime.DeviceUse) { w.devices = append(w.devices, u) }},
		}))
	}
	return w
}

func (w *world) run(d time.Duration) {
	w.Helper()
	if err := w.s.Run(w.s.Now().Add(d)); err != nil {
		w.Fatal(err)
	}
}

// do sends a request as the administrator and runs until it is answered.
func (w *world) do(r *api.Request) (*api.Response, error) {
	w.Helper()
	var response *api.Response
	var failure error
	done := false
	w.admin.Process().Do(func() {
		w.admin.Start(r, func(answer *api.Response, err error) { response, failure, done = answer, err, true })
	})
	for range 20000 {
		if done {
			return response, failure
		}
		w.run(time.Millisecond)
	}
	w.Fatalf("%s %s was never answered", r.Verb, api.Path(r))
	return nil, nil
}

func (w *world) must(r *api.Request) api.Object {
	w.Helper()
	response, err := w.do(r)
	if err != nil {
		w.Fatalf("%s %s: %v", r.Verb, api.Path(r), err)
	}
	return response.Object
}

func (w *world) create(o api.Object) api.Object {
	w.Helper()
	m := api.Meta(o)
	return w.must(&api.Request{Verb: api.VerbCreate, Resource: api.ResourceOf(o), Namespace: m.Namespace, Name: m.Name, Object: o})
}

func (w *world) pod(name string) *corev1.Pod {
	w.Helper()
	response, err := w.do(&api.Request{Verb: api.VerbGet, Resource: api.Pods, Namespace: "default", Name: name})
	if err != nil {
		return nil
	}
	return response.Object.(*corev1.Pod)
}

func (w *world) node(name string) *corev1.Node {
	w.Helper()
	response, err := w.do(&api.Request{Verb: api.VerbGet, Resource: api.Nodes, Name: name})
	if err != nil {
		return nil
	}
	return response.Object.(*corev1.Node)
}

func (w *world) delete(name string) {
	w.Helper()
	w.must(&api.Request{Verb: api.VerbDelete, Resource: api.Pods, Namespace: "default", Name: name})
}

// eventually runs until the condition holds, for at most d, and returns how long it took.
func (w *world) eventually(d time.Duration, what string, holds func() bool) time.Duration {
	w.Helper()
	began := w.s.Now()
	for w.s.Now().Sub(began) <= d {
		if holds() {
			return w.s.Now().Sub(began)
		}
		w.run(50 * time.Millisecond)
	}
	w.Fatalf("not within %v: %s\n%s", d, what, w.describe())
	return 0
}

// describe shows the pods' statuses and all events.
func (w *world) describe() string {
	var b strings.Builder
	response, err := w.do(&api.Request{Verb: api.VerbList, Resource: api.Pods})
	if err == nil {
		for _, o := range response.List.Items {
			pod := o.(*corev1.Pod)
			fmt.Fprintf(&b, "pod %s %s %s %s", pod.Name, pod.Status.Phase, pod.Status.Reason, pod.Status.Message)
			for _, c := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
				fmt.Fprintf(&b, " [%s ready=%v restarts=%d %+v]", c.Name, c.Ready, c.RestartCount, stateOf(c.State))
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString(strings.Join(w.events(""), "\n"))
	return b.String()
}

func stateOf(s corev1.ContainerState) string {
	switch {
	case s.Running != nil:
		return "running"
	case s.Terminated != nil:
		return fmt.Sprintf("terminated(%d %s)", s.Terminated.ExitCode, s.Terminated.Reason)
	case s.Waiting != nil:
		return "waiting(" + s.Waiting.Reason + ")"
	}
	return "-"
}

// events lists the events about an object ("" is all) as "reason: message" in order of their first time.
func (w *world) events(name string) []string {
	w.Helper()
	response, err := w.do(&api.Request{Verb: api.VerbList, Resource: api.Events})
	if err != nil {
		w.Fatal(err)
	}
	var out []string
	for _, o := range response.List.Items {
		e := o.(*corev1.Event)
		if name == "" || e.InvolvedObject.Name == name {
			out = append(out, fmt.Sprintf("%s: %s", e.Reason, e.Message))
		}
	}
	return out
}

// requests lists the audited writes of the node's kubelet about pods: "verb resource/subresource code".
func (w *world) requests(resource string) map[string]int {
	out := map[string]int{}
	for _, r := range w.audit {
		if strings.HasPrefix(r.UserAgent, "kubelet") && strings.Contains(r.URI, "/"+resource) {
			out[fmt.Sprintf("%s %d", r.Verb, r.Code)]++
		}
	}
	return out
}

func bound(name, node string, containers ...corev1.Container) *corev1.Pod {
	if len(containers) == 0 {
		containers = []corev1.Container{{Name: "c", Image: "nginx:1.25"}}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: node, Containers: containers, AutomountServiceAccountToken: api.Ptr(false)},
	}
}
