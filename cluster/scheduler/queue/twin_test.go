package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/internal/testcluster"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/prioritysort"
	"github.com/fauxkube/fauxkube/cluster/scheduler/queue"
)

// gate keeps out pods whose label says so; any update of the pod itself may open it.
type gate struct{}

func (gate) Name() string { return "Gate" }

func (gate) PreEnqueue(pod *corev1.Pod) *framework.Status {
	if pod.Labels["gate"] == "shut" {
		return framework.NewStatus(framework.UnschedulableAndUnresolvable, "shut")
	}
	return nil
}

func (gate) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.UpdatePodLabel}}}
}

// named cares for nodes whose name starts with the pod's label "wants".
type named struct{}

func (named) Name() string { return "Named" }

func (named) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{{
		Event: framework.ClusterEvent{Resource: framework.Node, Action: framework.Add | framework.UpdateNodeTaint},
		Hint: func(pod *corev1.Pod, _, after any) (framework.Hint, error) {
			if strings.HasPrefix(after.(*corev1.Node).Name, pod.Labels["wants"]) {
				return framework.Queue, nil
			}
			return framework.QueueSkip, nil
		},
	}}
}

// leaving is glad about every pod that goes.
type leaving struct{}

func (leaving) Name() string { return "Leaving" }

func (leaving) EventsToRegister() []framework.ClusterEventWithHint {
	return []framework.ClusterEventWithHint{{Event: framework.ClusterEvent{Resource: framework.Pod, Action: framework.Delete}}}
}

const profile = "default-scheduler"

// counts are metrics that can be compared: pods by queue.
type counts struct{ pending map[string]int64 }

func (c *counts) Incoming(string, string)                         {}
func (c *counts) Pending(queue string, change int64)              { c.pending[queue] += change }
func (c *counts) Unschedulable(framework.PluginID, string, int64) {}

// entry is a pod in the twin.
type entry struct {
	pod      *corev1.Pod
	place    string // active, backoff, error, unschedulable, flying
	since    framework.Time
	sequence int
	refused  int
	errors   int
	by       []string
	gated    bool
	happened []happening // while it flies
}

type happening struct {
	event string
	after any
}

// twin does what the documentation says, by looking at all pods each time.
type twin struct {
	now      *framework.Time
	entries  []*entry
	sequence int
}

func (w *twin) of(name string) *entry {
	for _, e := range w.entries {
		if e.pod.Name == name {
			return e
		}
	}
	return nil
}

func (w *twin) first(place string, less func(a, b *entry) bool) *entry {
	var best *entry
	for _, e := range w.entries {
		if e.place == place && (best == nil || less(e, best)) {
			best = e
		}
	}
	return best
}

func byPriority(a, b *entry) bool {
	if pa, pb := framework.Priority(a.pod), framework.Priority(b.pod); pa != pb {
		return pa > pb
	}
	return a.sequence < b.sequence
}

func (w *twin) end(e *entry) framework.Time {
	count := e.refused
	if e.errors > 0 {
		count = e.errors
	}
	if count == 0 {
		return 0
	}
	d := time.Second
	for range count - 1 {
		d = min(2*d, 10*time.Second)
	}
	return e.since.Add(d).Truncate(time.Second)
}

func (w *twin) pop() *entry {
	e := w.first("active", byPriority)
	if e == nil {
		e = w.first("backoff", func(a, b *entry) bool {
			if w.end(a) != w.end(b) {
				return w.end(a) < w.end(b)
			}
			return byPriority(a, b)
		})
	}
	if e != nil {
		e.place, e.happened = "flying", nil
	}
	return e
}

// activate is where a pod goes that is worth trying.
func (w *twin) requeue(e *entry) {
	if e.gated = e.pod.Labels["gate"] == "shut"; e.gated {
		e.place = "unschedulable"
		if !slices.Contains(e.by, "Gate") {
			e.by = append(e.by, "Gate")
		}
		return
	}
	switch {
	case w.end(e) < w.now.Truncate(time.Second):
		e.place = "active"
	case len(e.by) == 0:
		e.place = "error"
	default:
		e.place = "backoff"
	}
}

func (w *twin) worth(e *entry, h happening) bool {
	has := func(plugin string) bool { return slices.Contains(e.by, plugin) }
	switch h.event {
	case "node", "taint":
		return has("Named") && strings.HasPrefix(h.after.(*corev1.Node).Name, e.pod.Labels["wants"])
	case "gone":
		return has("Leaving")
	case "timeout":
		return true
	}
	return false
}

func (w *twin) move(h happening) {
	for _, e := range w.entries {
		switch {
		case e.place == "flying":
			e.happened = append(e.happened, h)
		case e.place == "unschedulable" && !e.gated && (len(e.by) == 0 || w.worth(e, h)):
			w.requeue(e)
		}
	}
}

func (w *twin) fail(e *entry, by ...string) {
	e.by = by
	w.sequence++
	e.since, e.sequence = *w.now, w.sequence
	if len(by) == 0 {
		e.errors++
	} else {
		e.refused++
		e.errors = 0
	}
	if len(by) > 0 && !slices.ContainsFunc(e.happened, func(h happening) bool { return w.worth(e, h) }) {
		e.place, e.gated = "unschedulable", false
		return
	}
	w.requeue(e)
}

func (w *twin) flush() {
	for _, e := range w.entries {
		if (e.place == "backoff" || e.place == "error") && w.end(e) < w.now.Truncate(time.Second) {
			e.place = "active"
		}
	}
}

// system is the queue under test beside its twin, on a clock of their own.
type system struct {
	now     framework.Time
	queue   *queue.Queue
	twin    twin
	names   *framework.PluginNames
	flying  map[string]*framework.QueuedPodInfo
	flushAt framework.Time
	ready   bool
	counts  counts
	serial  int
}

func newSystem(more ...framework.EnqueueExtensions) *system {
	s := &system{now: framework.Time(1000 * time.Second), names: framework.NewPluginNames(), flying: map[string]*framework.QueuedPodInfo{}}
	s.counts.pending = map[string]int64{}
	s.twin.now = &s.now
	s.queue = queue.New(queue.Config{
		Less: prioritysort.PrioritySort{}.Less, Now: func() framework.Time { return s.now },
		Symbols: framework.NewSymbols(), Plugins: s.names,
		Profiles: map[string]queue.Profile{profile: {
			PreEnqueue: []framework.PreEnqueuePlugin{gate{}},
			Enqueue:    append([]framework.EnqueueExtensions{gate{}, named{}, leaving{}}, more...),
		}},
		Pod: func(_, name string) *corev1.Pod {
			if e := s.twin.of(name); e != nil {
				return e.pod
			}
			return nil
		},
		Ready:   func() { s.ready = true },
		FlushAt: func(at framework.Time) { s.flushAt = at },
		Metrics: &s.counts,
	})
	return s
}

func testPod(name string, priority int32, labels map[string]string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(name), Labels: labels}}
	p.Spec.SchedulerName, p.Spec.Priority = profile, &priority
	return p
}

func (s *system) act(t *rapid.T) {
	switch testcluster.Pick(t, "action", []string{"add", "add", "pop", "pop", "refuse", "fail", "bind", "node", "gone", "delete", "wait", "wait", "relabel", "taint"}) {
	case "add":
		s.serial++
		pod := testPod(fmt.Sprintf("p%d", s.serial), int32(rapid.IntRange(0, 2).Draw(t, "priority")), map[string]string{
			"wants": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "wants"), "gate": rapid.SampledFrom([]string{"open", "open", "shut"}).Draw(t, "gate")})
		s.twin.sequence++
		e := &entry{pod: pod, since: s.now, sequence: s.twin.sequence}
		s.twin.entries = append(s.twin.entries, e)
		s.twin.requeue(e)
		s.queue.Add(pod)
	case "pop":
		s.pop(t)
	case "refuse", "fail":
		s.end(t, false)
	case "bind":
		s.end(t, true)
	case "node":
		s.node(t, framework.EventNodeAdd, "node")
	case "taint":
		s.node(t, framework.ClusterEvent{Resource: framework.Node, Action: framework.UpdateNodeTaint}, "taint")
	case "gone":
		s.twin.move(happening{event: "gone"})
		s.queue.Move(framework.EventAssignedPodDelete, testPod("other", 0, nil), nil, nil)
	case "delete":
		if e := s.pick(t, func(e *entry) bool { return e.place != "flying" }); e != nil {
			s.twin.entries = slices.DeleteFunc(s.twin.entries, func(x *entry) bool { return x == e })
			s.queue.Delete(e.pod)
		}
	case "relabel":
		s.relabel(t)
	case "wait":
		s.wait(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond)
	}
}

func (s *system) node(t *rapid.T, event framework.ClusterEvent, name string) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: rapid.SampledFrom([]string{"a1", "b1"}).Draw(t, "node")}}
	s.twin.move(happening{name, node})
	s.queue.Move(event, node, node, nil)
}

func (s *system) pick(t *rapid.T, eligible func(*entry) bool) *entry {
	var among []*entry
	for _, e := range s.twin.entries {
		if eligible(e) {
			among = append(among, e)
		}
	}
	if len(among) == 0 {
		return nil
	}
	return testcluster.Pick(t, "which", among)
}

func (s *system) pop(t *rapid.T) {
	want := s.twin.pop()
	got := s.queue.Pop()
	if (want == nil) != (got == nil) || want != nil && got.Pod.Name != want.pod.Name {
		t.Fatalf("popped %v, twin %v", got, want)
	}
	if got != nil {
		s.flying[got.Pod.Name] = got
	}
}

// end ends a flight: the pod is bound, refused by some plugins, or failed otherwise.
func (s *system) end(t *rapid.T, bound bool) {
	e := s.pick(t, func(e *entry) bool { return e.place == "flying" })
	if e == nil {
		return
	}
	info := s.flying[e.pod.Name]
	delete(s.flying, e.pod.Name)
	if bound {
		s.twin.entries = slices.DeleteFunc(s.twin.entries, func(x *entry) bool { return x == e })
		s.queue.Done(e.pod.UID)
		return
	}
	by := testcluster.Pick(t, "by", [][]string{nil, {"Named"}, {"Leaving"}, {"Named", "Leaving"}})
	info.ClearRejectors()
	for _, plugin := range by {
		info.UnschedulablePlugins = info.UnschedulablePlugins.With(s.names.ID(plugin))
	}
	s.twin.fail(e, slices.Clone(by)...)
	if err := s.queue.AddUnschedulable(info); err != nil {
		t.Fatal(err)
	}
}

// relabel shuts or opens a waiting pod's gate. Only a pod that waits for it is let in by that.
func (s *system) relabel(t *rapid.T) {
	e := s.pick(t, func(e *entry) bool { return e.place == "unschedulable" && e.gated })
	if e == nil {
		return
	}
	before := e.pod
	e.pod = e.pod.DeepCopy()
	e.pod.Labels["gate"] = "open"
	s.twin.requeue(e)
	s.queue.Update(before, e.pod)
}

// wait lets time pass, with the flushes that the queue asks for.
func (s *system) wait(d time.Duration) {
	until := s.now.Add(d)
	for s.flushAt != 0 && s.flushAt <= until {
		s.now = max(s.now, s.flushAt)
		s.flushAt = 0
		s.queue.Flush()
		s.twin.flush()
	}
	s.now = until
	s.twin.flush()
}

func (s *system) check(t *rapid.T) {
	want := map[string]int64{}
	for _, e := range s.twin.entries {
		switch {
		case e.place == "error":
			want["backoff"]++
		case e.place == "unschedulable" && e.gated:
			want["gated"]++
		case e.place != "flying":
			want[e.place]++
		}
	}
	for _, name := range []string{"active", "backoff", "unschedulable", "gated"} {
		if s.counts.pending[name] != want[name] {
			t.Fatalf("%d pods %s, twin %d", s.counts.pending[name], name, want[name])
		}
	}
}

func TestQueueFollowsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSystem()
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			s.act(t)
			s.check(t)
		}
		for len(s.twin.entries) > 0 { // everything that is left comes out in the same order
			e := s.twin.pop()
			got := s.queue.Pop()
			if (e == nil) != (got == nil) {
				t.Fatalf("popped %v, twin %v", got, e)
			}
			if e == nil {
				break
			}
			if got.Pod.Name != e.pod.Name {
				t.Fatalf("popped %s, twin %s", got.Pod.Name, e.pod.Name)
			}
		}
	})
}
