package apiserver

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

func TestANewClusterHasWhatItNeeds(t *testing.T) {
	w := newWorld(t)
	w.run(15 * time.Second)
	for i := range 2 {
		if !w.servers[i].Ready() {
			t.Fatalf("server %d is not ready", i)
		}
		got := names(w.must(i, list(api.Namespaces, "")).List)
		if want := []string{"default", "kube-node-lease", "kube-public", "kube-system"}; !slices.Equal(got, want) {
			t.Errorf("server %d: namespaces %q", i, got)
		}
	}
	svc := w.must(0, get(api.Services, "default", "kubernetes")).Object.(*corev1.Service)
	if svc.Spec.ClusterIP != "10.96.0.1" || svc.Spec.Ports[0].TargetPort.IntValue() != 6443 {
		t.Errorf("the kubernetes service: %+v", svc.Spec)
	}
	ep := w.must(1, get(api.Endpoints, "default", "kubernetes")).Object.(*corev1.Endpoints)
	if len(ep.Subsets) != 1 || len(ep.Subsets[0].Addresses) != 2 {
		t.Fatalf("endpoints of two servers: %+v", ep.Subsets)
	}
	if pc := w.must(0, get(api.PriorityClasses, "", "system-node-critical")).Object; pc == nil {
		t.Error("no priority class system-node-critical")
	}
	w.hosts[1].Kill()
	w.run(40 * time.Second)
	ep = w.must(0, get(api.Endpoints, "default", "kubernetes")).Object.(*corev1.Endpoints)
	if len(ep.Subsets[0].Addresses) != 1 {
		t.Errorf("a dead server is still an endpoint after 40 s: %+v", ep.Subsets)
	}
	w.detector.Verify()
}

func TestCreateReadUpdateDelete(t *testing.T) {
	w := newWorld(t)
	created := w.must(0, create(configMap("a", "1"))).Object.(*corev1.ConfigMap)
	if created.UID == "" || created.ResourceVersion == "" || created.CreationTimestamp.IsZero() {
		t.Errorf("created without system fields: %+v", created.ObjectMeta)
	}
	if got := w.must(1, get(api.ConfigMaps, "default", "a")).Object; got != api.Object(created) {
		t.Error("the other server shows another object for the same revision")
	}
	changed := created.DeepCopy()
	changed.Data = map[string]string{"v": "2"}
	updated := w.must(1, update(changed)).Object.(*corev1.ConfigMap)
	if updated.Data["v"] != "2" || updated.ResourceVersion == created.ResourceVersion || updated.UID != created.UID {
		t.Errorf("updated: %+v", updated)
	}
	again := w.must(1, update(updated)).Object
	if again.GetResourceVersion() != updated.ResourceVersion {
		t.Error("an update that changes nothing made a new revision")
	}
	_, err := w.do(0, update(changed))
	want := `Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again`
	if !apierrors.IsConflict(err) || err.Error() != want {
		t.Errorf("update from a stale copy: %v", err)
	}
	_, err = w.do(0, create(configMap("a", "3")))
	if !apierrors.IsAlreadyExists(err) || err.Error() != `configmaps "a" already exists` {
		t.Errorf("create again: %v", err)
	}
	w.must(0, remove(api.ConfigMaps, "default", "a"))
	_, err = w.do(1, get(api.ConfigMaps, "default", "a"))
	if !apierrors.IsNotFound(err) || err.Error() != `configmaps "a" not found` {
		t.Errorf("get after delete: %v", err)
	}
	if _, err = w.do(1, remove(api.ConfigMaps, "default", "a")); !apierrors.IsNotFound(err) {
		t.Errorf("delete again: %v", err)
	}
	w.detector.Verify()
}

func TestPatchesMergeWithoutConflicts(t *testing.T) {
	w := newWorld(t)
	w.must(0, create(configMap("a", "1")))
	answered := 0
	for i := range 5 {
		body := fmt.Sprintf(`{"data":{"k%d":"x"}}`, i)
		w.send(i%2, &api.Request{Verb: api.VerbPatch, Resource: api.ConfigMaps, Namespace: "default", Name: "a",
			Patch: &api.PatchBody{Type: types.MergePatchType, Data: []byte(body)}}, func(_ *api.Response, err error) {
			if err != nil {
				t.Error(err)
			}
			answered++
		})
	}
	w.run(time.Second)
	got := w.must(0, get(api.ConfigMaps, "default", "a")).Object.(*corev1.ConfigMap)
	if answered != 5 || len(got.Data) != 6 {
		t.Errorf("%d of 5 patches answered, data %v", answered, got.Data)
	}
}

func TestGeneratedNames(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for range 20 {
		p := testPod("", "")
		p.GenerateName = "web-"
		name := api.Meta(w.must(0, create(p)).Object).Name
		if !strings.HasPrefix(name, "web-") || len(name) != 9 || seen[name] {
			t.Errorf("generated %q", name)
		}
		seen[name] = true
	}
}

func TestDeletingAPodGracefully(t *testing.T) {
	w := newWorld(t)
	w.must(0, create(testPod("p", "node-1")))
	deleted := w.must(1, remove(api.Pods, "default", "p")).Object.(*corev1.Pod)
	if deleted.DeletionTimestamp == nil || *deleted.DeletionGracePeriodSeconds != 30 {
		t.Fatalf("a running pod was deleted without grace: %+v", deleted.ObjectMeta)
	}
	_, err := w.do(0, create(testPod("p", "")))
	if !apierrors.IsAlreadyExists(err) || err.Error() != `object is being deleted: pods "p" already exists` {
		t.Errorf("create during deletion: %v", err)
	}
	r := remove(api.Pods, "default", "p")
	r.Delete = &metav1.DeleteOptions{GracePeriodSeconds: api.Ptr(int64(0))}
	watch := w.watch(0, &api.Request{Resource: api.Pods, Namespace: "default", ResourceVersion: deleted.ResourceVersion})
	w.must(0, r)
	w.run(100 * time.Millisecond)
	if lines := watch.take(); len(lines) != 2 || !strings.HasPrefix(lines[0], "MODIFIED p@") || !strings.HasPrefix(lines[1], "DELETED p@") {
		t.Errorf("the end of a graceful deletion: %q", lines)
	}
	if _, err = w.do(1, get(api.Pods, "default", "p")); !apierrors.IsNotFound(err) {
		t.Errorf("after the grace period: %v", err)
	}
}

func TestFinalizersHoldAnObject(t *testing.T) {
	w := newWorld(t)
	cm := configMap("held", "1")
	cm.Finalizers = []string{"example.com/hold"}
	w.must(0, create(cm))
	w.must(0, remove(api.ConfigMaps, "default", "held"))
	held := w.must(1, get(api.ConfigMaps, "default", "held")).Object.(*corev1.ConfigMap)
	if held.DeletionTimestamp == nil {
		t.Fatal("not marked as deleting")
	}
	free := held.DeepCopy()
	free.Finalizers = nil
	w.must(1, update(free))
	if _, err := w.do(0, get(api.ConfigMaps, "default", "held")); !apierrors.IsNotFound(err) {
		t.Errorf("without finalizers: %v", err)
	}
}

func TestDeletePreconditions(t *testing.T) {
	w := newWorld(t)
	created := w.must(0, create(configMap("a", "1"))).Object
	other := types.UID("someone-else")
	r := remove(api.ConfigMaps, "default", "a")
	r.Delete = &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}}
	_, err := w.do(1, r)
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "the UID in the precondition (someone-else) does not match the UID in record") {
		t.Errorf("delete of another uid: %v", err)
	}
	rv := created.GetResourceVersion()
	r = remove(api.ConfigMaps, "default", "a")
	r.Delete = &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &rv}}
	w.must(1, r)
}

func TestDeleteCollection(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		w.must(0, create(configMap(fmt.Sprint("c", i), "1")))
	}
	keep := configMap("keep", "1")
	keep.Labels = map[string]string{"keep": "yes"}
	w.must(0, create(keep))
	w.must(1, &api.Request{Verb: api.VerbDeleteCollection, Resource: api.ConfigMaps, Namespace: "default", LabelSelector: mustLabels(t, "!keep")})
	if got := names(w.must(0, list(api.ConfigMaps, "default")).List); !slices.Equal(got, []string{"keep"}) {
		t.Errorf("left: %q", got)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	w := newWorld(t)
	before := w.store.kv.Revision()
	r := create(configMap("a", "1"))
	r.DryRun = true
	if obj := w.must(0, r).Object.(*corev1.ConfigMap); obj.UID == "" {
		t.Error("the answer of a dry run is not what would have been stored")
	}
	if _, err := w.do(0, get(api.ConfigMaps, "default", "a")); !apierrors.IsNotFound(err) || w.store.kv.Revision() != before {
		t.Errorf("dry run stored something: %v, revision %d to %d", err, before, w.store.kv.Revision())
	}
	created := w.must(0, create(configMap("a", "1"))).Object.(*corev1.ConfigMap)
	changed := created.DeepCopy()
	changed.Data["v"] = "2"
	u := update(changed)
	u.DryRun = true
	w.must(0, u)
	d := remove(api.ConfigMaps, "default", "a")
	d.DryRun = true
	w.must(0, d)
	if got := w.must(0, get(api.ConfigMaps, "default", "a")).Object; got != api.Object(created) {
		t.Errorf("dry runs left %v", got)
	}
}

func TestTheNamespaceMustExist(t *testing.T) {
	w := newWorld(t)
	cm := configMap("a", "1")
	cm.Namespace = "nowhere"
	if _, err := w.do(0, create(cm)); !apierrors.IsNotFound(err) || err.Error() != `namespaces "nowhere" not found` {
		t.Errorf("create in a namespace that is not there: %v", err)
	}
	// One that another server has just created, and whose cache has not heard of it yet, is found in the store.
	w.stores[1].frozen = true
	w.must(0, create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "fresh"}}))
	cm.Namespace = "fresh"
	w.must(1, create(cm))
	w.stores[1].unfreeze()
}

func TestBindingAndScale(t *testing.T) {
	w := newWorld(t)
	w.must(0, create(testPod("p", "")))
	w.must(0, &api.Request{Verb: api.VerbCreate, Resource: api.Pods, Subresource: "binding", Namespace: "default", Name: "p",
		Object: &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p"}, Target: corev1.ObjectReference{Kind: "Node", Name: "n1"}}})
	pod := w.must(1, get(api.Pods, "default", "p")).Object.(*corev1.Pod)
	if pod.Spec.NodeName != "n1" {
		t.Errorf("bound to %q", pod.Spec.NodeName)
	}
	_, err := w.do(1, &api.Request{Verb: api.VerbCreate, Resource: api.Pods, Subresource: "binding", Namespace: "default", Name: "p",
		Object: &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p"}, Target: corev1.ObjectReference{Kind: "Node", Name: "n2"}}})
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), `pod p is already assigned to node "n1"`) {
		t.Errorf("bound twice: %v", err)
	}
	w.must(0, create(deployment("web", 3)))
	g := get(api.Deployments, "default", "web")
	g.Subresource = "scale"
	scale := w.must(0, g).Object.(*autoscalingv1.Scale).DeepCopy()
	if scale.Spec.Replicas != 3 {
		t.Fatalf("scale shows %d", scale.Spec.Replicas)
	}
	scale.Spec.Replicas = 5
	answer := w.must(1, &api.Request{Verb: api.VerbUpdate, Resource: api.Deployments, Subresource: "scale", Namespace: "default", Name: "web", Object: scale})
	d := w.must(0, get(api.Deployments, "default", "web")).Object
	if shown := answer.Object.(*autoscalingv1.Scale); shown.Spec.Replicas != 5 || shown.ResourceVersion != d.GetResourceVersion() {
		t.Errorf("answer to a new scale: %+v, stored %s", shown, d.GetResourceVersion())
	}
}

func TestServicesGetDifferentAddresses(t *testing.T) {
	w := newWorld(t)
	service := func(name, ip string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
			Spec: corev1.ServiceSpec{ClusterIP: ip, Ports: []corev1.ServicePort{{Port: 80}}}}
	}
	// Both servers are asked for one address at the same instant.
	failures, successes := []error{}, 0
	for i := range 2 {
		w.send(i, create(service(fmt.Sprint("s", i), "10.96.7.7")), func(_ *api.Response, err error) {
			if err != nil {
				failures = append(failures, err)
			} else {
				successes++
			}
		})
	}
	w.run(2 * time.Second)
	if successes != 1 || len(failures) != 1 || !strings.Contains(failures[0].Error(), "provided IP is already allocated") {
		t.Fatalf("%d got the address, the others %v", successes, failures)
	}
	drawn := w.must(0, create(service("drawn", ""))).Object.(*corev1.Service)
	if drawn.Spec.ClusterIP == "" || drawn.Spec.ClusterIP == "10.96.7.7" {
		t.Errorf("drew %q", drawn.Spec.ClusterIP)
	}
	holder := "s0"
	if _, err := w.do(0, get(api.Services, "default", "s0")); err != nil {
		holder = "s1"
	}
	w.must(0, remove(api.Services, "default", holder))
	w.run(time.Second)
	w.must(1, create(service("next", "10.96.7.7")))
}

// A server died between taking an address and storing the service: the next attempt at the same service takes it over, and
// what nobody comes back for is freed.
func TestAddressesLeftBehind(t *testing.T) {
	w := newWorld(t)
	service := func(name, ip string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
			Spec: corev1.ServiceSpec{ClusterIP: ip, ClusterIPs: []string{ip}, Ports: []corev1.ServicePort{{Port: 80}}}}
	}
	for _, s := range []*corev1.Service{service("mine", "10.96.1.1"), service("lost", "10.96.1.2")} {
		for _, b := range reservations(s, nil) {
			b.Object.SetCreationTimestamp(api.Time(w.s.Start()))
			w.stores[0].Txn(&mvcc.TxnRequest{Success: []mvcc.RequestOp{{Put: &mvcc.PutRequest{Key: b.Key,
				Value: storage.NewStored(b.Object, nil)}}}}, func(*mvcc.TxnResponse, error) {})
		}
	}
	w.run(time.Second)
	w.must(0, create(service("mine", "10.96.1.1")))
	if _, err := w.do(0, create(service("other", "10.96.1.2"))); err == nil {
		t.Error("an address that is taken was given away")
	}
	w.run(5 * time.Minute)
	w.must(0, create(service("other", "10.96.1.2")))
	if _, err := w.do(1, create(service("third", "10.96.1.1"))); err == nil {
		t.Error("the repair freed an address in use")
	}
}

func TestAudit(t *testing.T) {
	w := newWorld(t)
	w.audit = nil
	w.must(0, create(configMap("a", "1")))
	w.do(1, create(configMap("a", "1")))
	w.must(0, get(api.ConfigMaps, "default", "a"))
	w.must(1, remove(api.ConfigMaps, "default", "a"))
	var got []string
	for _, r := range w.audit {
		if r.UserAgent == "test" {
			got = append(got, fmt.Sprintf("%s %s %d %s %s", r.Verb, r.URI, r.Code, r.BodyKind, r.Name))
		}
	}
	want := []string{
		"create /api/v1/namespaces/default/configmaps 201 ConfigMap a",
		"create /api/v1/namespaces/default/configmaps 409 ConfigMap ",
		"delete /api/v1/namespaces/default/configmaps/a 200 DeleteOptions a",
	}
	if !slices.Equal(got, want) {
		t.Errorf("audited\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMetricsOfRequests(t *testing.T) {
	w := newWorld(t)
	w.must(0, create(configMap("a", "1")))
	w.do(0, get(api.ConfigMaps, "default", "b"))
	m := w.servers[0].config.Metrics
	if n := m.Sum("apiserver_request_total", "client", "test", "verb", "POST", "code", "201", "resource", "configmaps"); n != 1 {
		t.Errorf("counted %d creates", n)
	}
	if n := m.Sum("apiserver_request_total", "client", "test", "verb", "GET", "code", "404"); n != 1 {
		t.Errorf("counted %d failed gets", n)
	}
	if n := m.Sum("apiserver_request_sli_duration_seconds", "verb", "POST", "resource", "configmaps", "scope", "resource"); n != 1 {
		t.Errorf("observed %d creates", n)
	}
	if n := m.Sum("apiserver_current_inflight_requests"); n != 0 {
		t.Errorf("%d requests in flight at rest", n)
	}
}

func TestRequestsTimeOutWhenTheStoreIsSilent(t *testing.T) {
	w := newWorld(t)
	w.store.down = true
	var err error
	began := w.s.Now()
	var took time.Duration
	w.send(0, get(api.ConfigMaps, "default", "a"), func(_ *api.Response, e error) { err, took = e, w.s.Now().Sub(began) })
	w.run(2 * time.Minute)
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Code != http.StatusGatewayTimeout || took < time.Minute || took > 61*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}

func TestBodiesAreLimited(t *testing.T) {
	w := newWorld(t)
	big := configMap("big", strings.Repeat("x", 4<<20))
	if _, err := w.do(0, create(big)); !apierrors.IsRequestEntityTooLargeError(err) {
		t.Errorf("a body of 4 MiB: %v", err)
	}
}
