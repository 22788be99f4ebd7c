package apiserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/cluster/etcd/watch"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// fakeStore is a store in one piece behind a fixed latency, shared by the servers of a test. Unlike the real one it can
// be told to hold back what it tells one server's watches.
type fakeStore struct {
	simulation *sim.Simulation
	kv         *mvcc.Store
	watches    []*fakeWatch
	leases     map[int64][]string
	lastLease  int64
	down       bool // answers nothing
}

const storeLatency = time.Millisecond

func newFakeStore(s *sim.Simulation) *fakeStore {
	f := &fakeStore{simulation: s, leases: map[int64][]string{}}
	f.kv = mvcc.New(f)
	return f
}

func (f *fakeStore) Exists(id int64) bool { _, ok := f.leases[id]; return ok }

func (f *fakeStore) Attach(id int64, key string) { f.leases[id] = append(f.leases[id], key) }

func (f *fakeStore) Detach(id int64, key string) {
	f.leases[id] = slices.DeleteFunc(f.leases[id], func(k string) bool { return k == key })
}

// fakeClient is one server's way to the store.
type fakeClient struct {
	store   *fakeStore
	process *host.Process
	frozen  bool // its watches hear nothing
}

// later runs request now plus one latency at the store, and answer another one later at the client.
func (c *fakeClient) later(request func() func()) {
	c.process.After(storeLatency/2, func() {
		if c.store.down {
			return
		}
		answer := request()
		c.process.After(storeLatency/2, answer)
	})
}

func (c *fakeClient) Range(r *mvcc.RangeRequest, done func(*mvcc.RangeResponse, error)) {
	c.later(func() func() {
		resp, err := c.store.kv.Range(r)
		if err == nil {
			resp.Header.Revision = c.store.kv.Revision()
		}
		return func() { done(resp, err) }
	})
}

func (c *fakeClient) Txn(r *mvcc.TxnRequest, done func(*mvcc.TxnResponse, error)) {
	c.later(func() func() {
		before := c.store.kv.Revision()
		resp, err := c.store.kv.Txn(r, true)
		if err == nil {
			resp.Header.Revision = c.store.kv.Revision()
			c.store.notify(before)
		}
		return func() { done(resp, err) }
	})
}

func (c *fakeClient) Grant(ttlSeconds int64, done func(int64, error)) {
	c.later(func() func() {
		f := c.store
		f.lastLease++
		id := f.lastLease
		f.leases[id] = nil
		f.simulation.World().After(time.Duration(ttlSeconds)*time.Second, func() {
			before := f.kv.Revision()
			f.kv.DeleteKeys(f.leases[id])
			delete(f.leases, id)
			f.notify(before)
		})
		return func() { done(id, nil) }
	})
}

func (c *fakeClient) Compact(revision int64, done func(error)) {
	c.later(func() func() {
		_, _, err := c.store.kv.Compact(revision)
		return func() { done(err) }
	})
}

type fakeWatch struct {
	client    *fakeClient
	request   watch.Request
	to        receiver
	next      int64
	cancelled bool
	held      []func() // what a frozen client would have heard
}

func (c *fakeClient) Watch(r *watch.Request, to receiver) storeWatch {
	w := &fakeWatch{client: c, request: *r, to: to, next: r.StartRevision}
	c.later(func() func() {
		if w.next == 0 {
			w.next = c.store.kv.Revision() + 1
		}
		c.store.watches = append(c.store.watches, w)
		w.pull()
		return func() {}
	})
	return w
}

func (f *fakeStore) notify(before int64) {
	if f.kv.Revision() == before {
		return
	}
	for _, w := range f.watches {
		w.pull()
	}
}

// pull sends everything that the watch has not had yet.
func (w *fakeWatch) pull() {
	f := w.client.store
	if w.cancelled || w.client.frozen {
		return
	}
	if w.next <= f.kv.CompactRevision() {
		w.cancelled = true
		w.tell(func() { w.to.Closed(mvcc.ErrCompacted) })
		return
	}
	r := &watch.Response{Header: mvcc.Header{Revision: f.kv.Revision()}}
	for _, record := range f.kv.Records(w.next) {
		if mvcc.InRange(record.Key, w.request.Key, w.request.RangeEnd) {
			r.Events = append(r.Events, record.Event(true))
		}
	}
	w.next = f.kv.Revision() + 1
	if len(r.Events) > 0 {
		w.tell(func() { w.to.Events(r) })
	}
}

func (w *fakeWatch) tell(fn func()) {
	w.client.process.After(storeLatency/2, func() {
		if w.client.frozen || len(w.held) > 0 {
			w.held = append(w.held, fn)
			return
		}
		fn()
	})
}

func (w *fakeWatch) Cancel() { w.cancelled = true }

func (w *fakeWatch) RequestProgress() {
	w.client.later(func() func() {
		w.pull()
		r := &watch.Response{Header: mvcc.Header{Revision: w.next - 1}}
		w.tell(func() { w.to.Events(r) })
		return func() {}
	})
}

// unfreeze lets the client's watches hear everything that they have missed.
func (c *fakeClient) unfreeze() {
	c.frozen = false
	for _, w := range c.store.watches {
		if w.client != c {
			continue
		}
		held := w.held
		w.held = nil
		for _, fn := range held {
			fn()
		}
		w.pull()
	}
}

// world is a test's cluster: a store, two servers behind a load balancer, and a client.
type world struct {
	t        tester
	s        *sim.Simulation
	n        *network.Network
	store    *fakeStore
	servers  []*Server
	stores   []*fakeClient // each server's
	hosts    []*host.Process
	client   *host.Process
	conns    map[network.Address]*network.Conn
	detector *storage.Detector
	audit    []AuditRecord
}

const balancer = network.Address("api")

func address(i int) network.Address { return network.Address(fmt.Sprintf("cp%d:6443", i)) }

func newWorld(t tester, configure ...func(*Config)) *world {
	s := sim.New(sim.Config{Seed: 7})
	t.Cleanup(s.Close)
	w := &world{t: t, s: s, n: network.New(s, network.Config{}), store: newFakeStore(s), conns: map[network.Address]*network.Conn{},
		detector: &storage.Detector{}, servers: make([]*Server, 2), stores: make([]*fakeClient, 2)}
	for i := range 2 {
		m := host.NewMachine(s, host.Config{Name: fmt.Sprint("cp", i), Cores: 4})
		w.hosts = append(w.hosts, m.Spawn("kube-apiserver", func(p *host.Process) {
			c := Config{Network: w.n, Address: address(i), AdvertiseIP: fmt.Sprint("192.168.0.", i+1), Detector: w.detector,
				Audit: func(r AuditRecord) { w.audit = append(w.audit, r) }}
			for _, f := range configure {
				f(&c)
			}
			w.stores[i] = &fakeClient{store: w.store, process: p}
			w.servers[i] = start(p, c, w.stores[i])
		}))
	}
	w.n.Balance(balancer, address(0), address(1))
	w.client = host.NewMachine(s, host.Config{Name: "laptop", Cores: 4}).Spawn("kubectl", func(*host.Process) {})
	w.run(5 * time.Second)
	w.must(0, create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}}))
	w.run(time.Second)
	return w
}

func (w *world) run(d time.Duration) {
	w.t.Helper()
	if err := w.s.Run(w.s.Now().Add(d)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) conn(a network.Address) *network.Conn {
	c := w.conns[a]
	if c == nil {
		c = w.n.Dial(w.client, a)
		w.conns[a] = c
	}
	return c
}

// do sends a request to server i and runs until it is answered.
func (w *world) do(i int, r *api.Request) (*api.Response, error) {
	w.t.Helper()
	var resp *api.Response
	var failure error
	done := false
	w.send(i, r, func(answer *api.Response, err error) { resp, failure, done = answer, err, true })
	for range 1000 {
		if done {
			return resp, failure
		}
		w.run(100 * time.Millisecond)
	}
	w.t.Fatalf("%s %s was never answered", r.Verb, api.Path(r))
	return nil, nil
}

func (w *world) send(i int, r *api.Request, done func(*api.Response, error)) {
	if r.User == nil {
		r.User = &api.User{Name: "kubernetes-admin", Groups: []string{"system:masters"}}
	}
	if r.UserAgent == "" {
		r.UserAgent = "test"
	}
	w.conn(address(i)).Call(w.n.Method(api.MethodUnary), r, api.SizeOfRequest(r), 0, func(payload any, err error) {
		resp, _ := payload.(*api.Response)
		done(resp, err)
	})
}

// must is do that fails the test on an error.
func (w *world) must(i int, r *api.Request) *api.Response {
	w.t.Helper()
	resp, err := w.do(i, r)
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.Verb, api.Path(r), err)
	}
	return resp
}

func create(obj api.Object) *api.Request {
	return &api.Request{Verb: api.VerbCreate, Resource: api.ResourceOf(obj), Namespace: api.Meta(obj).Namespace, Object: obj}
}

func get(r *api.Resource, ns, name string) *api.Request {
	return &api.Request{Verb: api.VerbGet, Resource: r, Namespace: ns, Name: name}
}

func update(obj api.Object) *api.Request {
	m := api.Meta(obj)
	return &api.Request{Verb: api.VerbUpdate, Resource: api.ResourceOf(obj), Namespace: m.Namespace, Name: m.Name, Object: obj}
}

func list(r *api.Resource, ns string) *api.Request {
	return &api.Request{Verb: api.VerbList, Resource: r, Namespace: ns}
}

func remove(r *api.Resource, ns, name string) *api.Request {
	return &api.Request{Verb: api.VerbDelete, Resource: r, Namespace: ns, Name: name}
}

func configMap(name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Data: map[string]string{"v": value}}
}

func testPod(name, node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "c", Image: "nginx:1.25"}}},
	}
}

// watched is a client's watch and what it has told.
type watched struct {
	stream *network.Stream
	lines  []string
	events []api.WatchEvent
	closed bool
	err    error
}

func (c *watched) Receive(msg any, _ int) {
	for _, e := range msg.(*api.WatchBatch).Events {
		m := api.Meta(e.Object)
		line := fmt.Sprintf("%s %s@%s", e.Type, m.Name, m.ResourceVersion)
		if api.IsInitialEventsEnd(e) {
			line += " initial-events-end"
		}
		c.lines = append(c.lines, strings.Replace(line, " @", " ", 1))
		c.events = append(c.events, e)
	}
}

func (c *watched) Closed(err error) { c.closed, c.err = true, err }

// take returns the lines since the last call.
func (c *watched) take() []string {
	lines := c.lines
	c.lines = nil
	return lines
}

func (w *world) watch(i int, r *api.Request) *watched {
	r.Verb = api.VerbWatch
	if r.User == nil {
		r.User = &api.User{Name: "kubernetes-admin", Groups: []string{"system:masters"}}
	}
	c := &watched{}
	c.stream = w.conn(address(i)).Stream(w.n.Method(api.MethodWatch), r, api.SizeOfRequest(r), c)
	w.run(50 * time.Millisecond)
	return c
}

func mustLabels(t testing.TB, s string) labels.Selector {
	l, err := labels.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustFields(t testing.TB, s string) fields.Selector {
	f, err := fields.ParseSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func names(l *api.List) (out []string) {
	for _, o := range l.Items {
		out = append(out, api.Meta(o).Name)
	}
	return out
}

// tester is what the harness needs of a test, a benchmark or a property.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}
