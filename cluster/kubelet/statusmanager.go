package kubelet

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
)

// statusManager holds the latest status of every pod and brings it to the API: one pod at a time, a GET and a PATCH
// each, and the DELETE that ends a pod. What failed, or what somebody else changed, is put right every ten seconds.
type statusManager struct {
	kubelet *Kubelet
	entries map[types.UID]*statusEntry
	queue   []types.UID
	busy    bool
	// suspects are looked at by the next reconciliation.
	suspects map[types.UID]bool
	planned  bool
}

// statusEntry is one pod's status with its version: sent trails version until the API has it.
type statusEntry struct {
	uid             types.UID
	namespace, name string
	status          corev1.PodStatus
	version, sent   uint64
	to              types.UID // the API's pod that has what was sent: a static pod's mirror can be replaced
	finished        bool      // the pod has ended for good
	queued          bool
	since           moment // of the oldest change that the API does not have
}

func newStatusManager(k *Kubelet) statusManager {
	return statusManager{kubelet: k, entries: map[types.UID]*statusEntry{}, suspects: map[types.UID]bool{}}
}

// get returns a pod's status, if any was set.
func (m *statusManager) get(uid types.UID) (*corev1.PodStatus, bool) {
	if e := m.entries[uid]; e != nil {
		return &e.status, true
	}
	return nil, false
}

// latest returns the status of a pod: the one last set, else the API's.
func (m *statusManager) latest(pod *corev1.Pod) *corev1.PodStatus {
	if s, ok := m.get(pod.UID); ok {
		return s
	}
	if mirror := m.kubelet.source.mirrorOf(pod); mirror != nil {
		return &mirror.Status
	}
	return &pod.Status
}

// set takes a new status. Its conditions must be the caller's own.
func (m *statusManager) set(pod *corev1.Pod, s corev1.PodStatus) {
	s.ObservedGeneration = pod.Generation
	m.store(pod, s, pod.DeletionTimestamp != nil, false)
}

// finish takes note that a pod has ended for good: containers without an end get one, the phase becomes terminal.
func (m *statusManager) finish(pod *corev1.Pod) {
	s := podstatus.Finish(pod, m.latest(pod))
	s.Conditions = append([]corev1.PodCondition(nil), s.Conditions...)
	m.store(pod, s, true, true)
}

func (m *statusManager) store(pod *corev1.Pod, s corev1.PodStatus, force, finished bool) {
	old := m.latest(pod)
	if !podstatus.TransitionAllowed(&pod.Spec, old, &s) {
		return
	}
	podstatus.Settle(&s, old, m.kubelet.wall())
	e := m.entries[pod.UID]
	if e == nil {
		e = &statusEntry{uid: pod.UID, namespace: pod.Namespace, name: pod.Name}
		m.entries[pod.UID] = e
	} else if podstatus.Equal(&e.status, &s) && !force {
		return
	}
	if e.version == e.sent {
		e.since = m.kubelet.now()
	}
	e.status = s
	e.version++
	e.finished = e.finished || finished
	m.enqueue(e)
}

// setReady changes the readiness of a container, and of its pod with it.
func (m *statusManager) setReady(w *worker, id string, ready bool) {
	m.change(w, id, func(c *corev1.ContainerStatus) bool {
		differs := c.Ready != ready
		c.Ready = ready
		return differs
	}, func(s *corev1.PodStatus) {
		s.Conditions = podstatus.SetCondition(s.Conditions, podstatus.Ready(w.pod, s.Conditions, s.ContainerStatuses, s.InitContainerStatuses, s.Phase))
		s.Conditions = podstatus.SetCondition(s.Conditions, podstatus.ContainersReady(w.pod, s.ContainerStatuses, s.InitContainerStatuses, s.Phase))
	})
}

// setStarted changes whether a container has passed its startup probe.
func (m *statusManager) setStarted(w *worker, id string, started bool) {
	m.change(w, id, func(c *corev1.ContainerStatus) bool {
		differs := c.Started == nil || *c.Started != started
		c.Started = &started
		return differs
	}, func(*corev1.PodStatus) {})
}

// change copies the status, changes the container of that identifier in it, and if that made a difference completes and
// stores it.
func (m *statusManager) change(w *worker, id string, edit func(*corev1.ContainerStatus) bool, complete func(*corev1.PodStatus)) {
	old, ok := m.get(w.uid)
	if !ok {
		return
	}
	s := *old
	s.Conditions = slices.Clone(s.Conditions)
	s.ContainerStatuses, s.InitContainerStatuses = slices.Clone(s.ContainerStatuses), slices.Clone(s.InitContainerStatuses)
	for _, list := range [][]corev1.ContainerStatus{s.ContainerStatuses, s.InitContainerStatuses} {
		for i := range list {
			if list[i].ContainerID == id && edit(&list[i]) {
				complete(&s)
				m.store(w.pod, s, false, false)
				return
			}
		}
	}
}

// forget drops a pod that is gone.
func (m *statusManager) forget(uid types.UID) { delete(m.entries, uid) }

// enqueue puts a pod in line to be sent.
func (m *statusManager) enqueue(e *statusEntry) {
	if !e.queued {
		e.queued = true
		m.queue = append(m.queue, e.uid)
	}
	m.next()
}

// next sends the status of the first pod in line.
func (m *statusManager) next() {
	for !m.busy && len(m.queue) > 0 {
		e := m.entries[m.queue[0]]
		m.queue = m.queue[1:]
		if e == nil {
			continue
		}
		e.queued = false
		m.busy = true
		k := m.kubelet
		k.process.ChargeFunc(k.ops.status, 1, func() { m.send(e) })
	}
}

// release ends a send.
func (m *statusManager) release() {
	m.busy = false
	m.next()
}

// retry leaves a pod to the next reconciliation.
func (m *statusManager) retry(uid types.UID) {
	m.suspect(uid)
	m.release()
}

// send compares a status with the API's and patches the difference.
func (m *statusManager) send(e *statusEntry) {
	k := m.kubelet
	version := e.version
	if pod := k.source.pods[e.uid]; pod != nil && podstatus.IsStatic(pod) && k.source.mirrorOf(pod) == nil {
		m.release() // nobody to report on until the mirror pod is there
		return
	}
	k.client.Start(&api.Request{Verb: api.VerbGet, Resource: api.Pods, Namespace: e.namespace, Name: e.name}, func(r *api.Response, err error) {
		switch {
		case apierrors.IsNotFound(err):
			m.release()
		case err != nil:
			m.retry(e.uid)
		default:
			m.compareAndPatch(e, version, r.Object.(*corev1.Pod))
		}
	})
}

func (m *statusManager) compareAndPatch(e *statusEntry, version uint64, pod *corev1.Pod) {
	k := m.kubelet
	if uid := k.source.translate(pod); uid != e.uid {
		delete(m.entries, e.uid) // deleted and created again
		m.release()
		return
	}
	merged := podstatus.Merge(pod, &pod.Status, &e.status, k.mayRun(e.uid), k.wall())
	if equality.Semantic.DeepEqual(&pod.Status, &merged) {
		m.sent(e, version, pod)
		return
	}
	r := &api.Request{Verb: api.VerbPatch, Resource: api.Pods, Subresource: "status", Namespace: pod.Namespace, Name: pod.Name, Patch: statusPatch(pod, merged)}
	k.client.Start(r, func(r *api.Response, err error) {
		if err != nil {
			m.retry(e.uid)
			return
		}
		m.sent(e, version, r.Object.(*corev1.Pod))
	})
}

// mayRun reports whether containers of a pod may still run.
func (k *Kubelet) mayRun(uid types.UID) bool {
	w := k.workers[uid]
	return w != nil && !w.terminated
}

// sent books a success, and deletes the pod if this was the last that it had to say.
func (m *statusManager) sent(e *statusEntry, version uint64, pod *corev1.Pod) {
	k := m.kubelet
	if e.sent < version {
		k.metrics.statusSync.Observe(k.now().Sub(e.since))
		e.since = k.now()
	}
	e.sent, e.to = version, pod.UID
	if !m.deletable(e, pod) {
		m.release()
		return
	}
	uid := pod.UID
	options := metav1.NewDeleteOptions(0)
	options.Preconditions = &metav1.Preconditions{UID: &uid}
	k.client.Start(&api.Request{Verb: api.VerbDelete, Resource: api.Pods, Namespace: pod.Namespace, Name: pod.Name, Delete: options}, func(_ *api.Response, err error) {
		if err != nil {
			m.retry(e.uid)
			return
		}
		delete(m.entries, e.uid)
		m.release()
	})
}

// deletable reports whether the pod's deletion waits for nothing but the kubelet's word.
func (m *statusManager) deletable(e *statusEntry, pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil && !podstatus.IsMirror(pod) && api.IsPodTerminal(pod) && e.finished
}

// statusPatch is the strategic merge patch from the API's status to ours, with the pod's UID as a precondition.
func statusPatch(pod *corev1.Pod, next corev1.PodStatus) *api.PatchBody {
	uid := pod.UID
	return &api.PatchBody{
		Type: types.StrategicMergePatchType, SizeBytes: patchSize(&pod.Status, &next),
		Apply: func(o api.Object) (api.Object, error) {
			old := o.(*corev1.Pod)
			if old.UID != uid {
				return nil, apierrors.NewConflict(api.Pods.GroupResource(), old.Name,
					fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", uid, old.UID))
			}
			p := api.Shallow(old)
			p.Status = next
			p.Status.Conditions = foreignAndOwned(old.Status.Conditions, next.Conditions)
			return p, nil
		},
	}
}

// foreignAndOwned keeps the conditions of others as they are now.
func foreignAndOwned(now, next []corev1.PodCondition) []corev1.PodCondition {
	out := make([]corev1.PodCondition, 0, max(len(now), len(next))) // Mostly both are of one set of types.
	for _, c := range now {
		if !podstatus.Owned(c.Type) && c.Type != corev1.DisruptionTarget {
			out = append(out, c)
		}
	}
	for _, c := range next {
		if podstatus.Owned(c.Type) || c.Type == corev1.DisruptionTarget {
			out = append(out, c)
		}
	}
	return out
}

// Lengths in bytes of what a status patch is made of, measured on patches of a real kubelet.
const (
	patchBase      = 120 // {"metadata":{"uid":...},"status":{...}}
	patchCondition = 130
	patchOrder     = 30 // of a condition in $setElementOrder
	patchContainer = 650
	patchAddresses = 140
)

// patchSize models the length of the patch from a to b.
func patchSize(a, b *corev1.PodStatus) int {
	size := patchBase
	for i := range b.Conditions {
		size += patchOrder
		if was := podstatus.Condition(a.Conditions, b.Conditions[i].Type); was == nil || *was != b.Conditions[i] {
			size += patchCondition + len(b.Conditions[i].Message)
		}
	}
	if !equality.Semantic.DeepEqual(a.ContainerStatuses, b.ContainerStatuses) {
		size += patchContainer * len(b.ContainerStatuses)
	}
	if !equality.Semantic.DeepEqual(a.InitContainerStatuses, b.InitContainerStatuses) {
		size += patchContainer * len(b.InitContainerStatuses)
	}
	if a.PodIP != b.PodIP || a.HostIP != b.HostIP {
		size += patchAddresses
	}
	return size
}

// compare is told that the API has another version of a pod: if its status is not what was sent, somebody else wrote it.
func (m *statusManager) compare(uid types.UID) {
	if m.entries[uid] != nil {
		m.suspect(uid)
	}
}

func (m *statusManager) suspect(uid types.UID) {
	m.suspects[uid] = true
	if !m.planned {
		m.planned = true
		m.kubelet.process.At(m.kubelet.untilTick(reconcilePeriod), 0, m.kubelet.kinds.status, 0, m.kubelet)
	}
}

// statusDue is the turn of the reconciliation.
func statusDue(_ uint64, ref any) {
	m := &ref.(*Kubelet).statuses
	m.planned = false
	suspects := sortedUIDs(m.suspects)
	m.suspects = map[types.UID]bool{}
	for _, uid := range suspects {
		if e := m.entries[uid]; e != nil && (e.sent < e.version || m.outdated(e)) {
			m.enqueue(e)
		}
	}
}

// outdated reports whether the API's pod waits for its deletion, or shows another status than was sent.
func (m *statusManager) outdated(e *statusEntry) bool {
	pod := m.kubelet.source.pods[e.uid]
	if pod == nil {
		return false
	}
	if mirror := m.kubelet.source.mirrorOf(pod); mirror != nil {
		pod = mirror
	}
	return m.deletable(e, pod) || !podstatus.Equal(&pod.Status, &e.status)
}
