package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

type eventsEvent = eventsv1.Event

// fakeAPI is an API server without a store behind it: objects by kind and key, one revision, watches that get every change.
type fakeAPI struct {
	p        *host.Process
	objects  map[*api.Resource]map[string]api.Object
	watches  map[*api.Resource][]*network.ServerStream
	revision uint64
	// requests lists writes, in order, as "verb path".
	requests []string
	events   []*eventsEvent
	// refuse, if set, may fail a request.
	refuse func(r *api.Request) error
	// delay is how long an answer takes.
	delay time.Duration
	// graceful leaves deleted pods in place with a deletion timestamp.
	graceful bool
}

func (f *fakeAPI) ServeCall(c *network.ServerCall) {
	r := c.Payload().(*api.Request)
	f.p.After(f.delay, func() {
		if r.Verb.Writes() {
			f.requests = append(f.requests, r.Verb.String()+" "+api.Path(r))
		}
		object, err := f.serve(r)
		if err != nil {
			c.Fail(err)
			return
		}
		c.Reply(&api.Response{Object: object}, 100)
	})
}

func (f *fakeAPI) serve(r *api.Request) (api.Object, error) {
	if f.refuse != nil {
		if err := f.refuse(r); err != nil {
			return nil, err
		}
	}
	if r.Resource == api.EventsV1 {
		if r.Verb == api.VerbCreate {
			f.events = append(f.events, r.Object.(*eventsv1.Event))
		}
		return r.Object, nil
	}
	old := f.objects[r.Resource][api.Key(r.Namespace, r.Name)]
	if old == nil {
		return nil, apierrors.NewNotFound(r.Resource.GroupResource(), r.Name)
	}
	switch {
	case r.Subresource == "binding":
		return f.bind(old.(*corev1.Pod), r.Object.(*corev1.Binding))
	case r.Verb == api.VerbPatch:
		patched, err := r.Patch.Apply(old)
		if err != nil {
			return nil, err
		}
		return f.put(patched), nil
	case r.Verb == api.VerbDelete:
		f.delete(old)
		return old, nil
	}
	return nil, fmt.Errorf("fake: %s %s is not served", r.Verb, api.Path(r))
}

func (f *fakeAPI) bind(old *corev1.Pod, binding *corev1.Binding) (api.Object, error) {
	if old.DeletionTimestamp != nil {
		return nil, apierrors.NewConflict(corev1.Resource("pods/binding"), old.Name,
			fmt.Errorf("pod %s is being deleted, cannot be assigned to a host", old.Name))
	}
	pod := api.Shallow(old)
	pod.Spec.NodeName, pod.Status.NominatedNodeName = binding.Target.Name, ""
	pod.Status.Conditions, _ = api.WithPodCondition(pod.Status.Conditions,
		corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, f.now())
	return f.put(pod), nil
}

func (f *fakeAPI) now() metav1.Time { return api.Time(f.p.Wall().Time()) }

// put stores an object and tells the watches.
func (f *fakeAPI) put(object api.Object) api.Object {
	r := api.ResourceOf(object)
	key := api.KeyOf(object)
	kind := watch.Modified
	if f.objects[r] == nil {
		f.objects[r] = map[string]api.Object{}
	}
	if f.objects[r][key] == nil {
		kind = watch.Added
	}
	f.revision++
	object = api.ShallowCopy(object)
	object.SetResourceVersion(api.FormatRV(f.revision))
	f.objects[r][key] = object
	f.tell(r, api.WatchEvent{Type: kind, Object: object})
	return object
}

func (f *fakeAPI) delete(object api.Object) {
	if pod, ok := object.(*corev1.Pod); ok && f.graceful && pod.DeletionTimestamp == nil {
		leaving := api.Shallow(pod)
		now := f.now()
		leaving.DeletionTimestamp = &now
		f.put(leaving)
		return
	}
	f.remove(object)
}

func (f *fakeAPI) remove(object api.Object) {
	r := api.ResourceOf(object)
	delete(f.objects[r], api.KeyOf(object))
	f.revision++
	object = api.ShallowCopy(object)
	object.SetResourceVersion(api.FormatRV(f.revision))
	f.tell(r, api.WatchEvent{Type: watch.Deleted, Object: object})
}

func (f *fakeAPI) tell(r *api.Resource, e api.WatchEvent) {
	for _, w := range f.watches[r] {
		w.Send(&api.WatchBatch{Events: []api.WatchEvent{e}}, 200)
	}
}

func (f *fakeAPI) ServeStream(st *network.ServerStream) {
	r := st.Payload().(*api.Request)
	batch := &api.WatchBatch{}
	for _, key := range slices.Sorted(maps.Keys(f.objects[r.Resource])) {
		batch.Events = append(batch.Events, api.WatchEvent{Type: watch.Added, Object: f.objects[r.Resource][key]})
	}
	batch.Events = append(batch.Events, api.Bookmark(r.Resource, api.FormatRV(max(f.revision, 1)), true))
	st.Send(batch, 100)
	f.watches[r.Resource] = append(f.watches[r.Resource], st)
}

func (f *fakeAPI) pod(name string) *corev1.Pod {
	pod, _ := f.objects[api.Pods]["default/"+name].(*corev1.Pod)
	return pod
}

// world is a fake API server and a scheduler on two machines.
type world struct {
	t         testing.TB
	s         *sim.Simulation
	api       *fakeAPI
	scheduler *Scheduler
	metrics   *metrics.Registry
	now       time.Duration
}

const fakeAddress network.Address = "cp-1:6443"

func newWorld(t testing.TB, c Config, objects ...api.Object) *world {
	t.Helper()
	w := &world{t: t, s: sim.New(sim.Config{Seed: 1}), metrics: metrics.NewRegistry()}
	t.Cleanup(w.s.Close)
	n := network.New(w.s, network.Config{})
	w.api = &fakeAPI{objects: map[*api.Resource]map[string]api.Object{}, watches: map[*api.Resource][]*network.ServerStream{}}
	host.NewMachine(w.s, host.Config{Name: "cp-1", Cores: 4}).Spawn("kube-apiserver", func(p *host.Process) {
		w.api.p = p
		n.Listen(p, fakeAddress, w.api)
		for _, object := range objects {
			w.api.put(object)
		}
	})
	c.Network, c.Server, c.Host, c.Metrics = n, fakeAddress, "cp-2", w.metrics
	host.NewMachine(w.s, host.Config{Name: "cp-2", Cores: 4}).Spawn("kube-scheduler", func(p *host.Process) {
		w.scheduler = Start(p, c)
	})
	return w
}

// run lets simulated time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	w.now += d
	if err := w.s.Run(sim.Time(w.now)); err != nil {
		w.t.Fatal(err)
	}
}

// do runs fn as the API server.
func (w *world) do(fn func(f *fakeAPI)) {
	w.t.Helper()
	w.api.p.After(0, func() { fn(w.api) })
	w.run(0)
}

func (w *world) put(objects ...api.Object) {
	w.t.Helper()
	w.do(func(f *fakeAPI) {
		for _, o := range objects {
			f.put(o)
		}
	})
}

// conditionOf returns the pod's PodScheduled condition as "status reason message".
func (w *world) conditionOf(name string) string {
	pod := w.api.pod(name)
	if pod == nil {
		return "gone"
	}
	c := api.PodCondition(pod, corev1.PodScheduled)
	if c == nil {
		return ""
	}
	if c.Reason == "" {
		return string(c.Status)
	}
	return string(c.Status) + " " + c.Reason + " " + c.Message
}

func testNode(name, cpu string, change ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("node-" + name), Labels: map[string]string{corev1.LabelHostname: name}}}
	n.Status.Allocatable = api.Quantities("cpu", cpu, "memory", "16Gi", "pods", "110", "ephemeral-storage", "100Gi")
	for _, c := range change {
		c(n)
	}
	return n
}

func testPod(name, cpu string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("pod-" + name), Generation: 1}}
	p.Spec.SchedulerName = DefaultName
	p.Spec.Containers = []corev1.Container{{Name: "c", Image: "nginx:1.25"}}
	p.Spec.Containers[0].Resources.Requests = api.Quantities("cpu", cpu, "memory", "64Mi")
	p.Status.Phase = corev1.PodPending
	for _, c := range change {
		c(p)
	}
	return p
}

func priority(value int32) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.Priority = &value } }

func on(node string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Spec.NodeName = node } }

func notReady(n *corev1.Node) {
	n.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}}
}
