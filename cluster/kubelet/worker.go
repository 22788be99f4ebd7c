package kubelet

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

// updateKind says why a pod is to be synced.
type updateKind uint8

const (
	updateCreate updateKind = iota
	updateChange
	updateSync
	updateKill
)

// worker is the state machine of one pod. It goes one way: syncing, then terminating (containers are stopped), then
// terminated (everything is cleaned up), then finished.
type worker struct {
	kubelet *Kubelet
	uid     types.UID
	pod     *corev1.Pod // the latest version
	created moment

	pending bool // an update waits
	working bool // a sync is under way

	terminating bool
	terminated  bool
	finished    bool
	deleted     bool // by its own deletion, not by having ended
	removed     bool // gone from the API
	restart     bool // a static pod's manifest is back: run it again after the end
	grace       int64
	evicted     *podstatus.Eviction

	seen     *runtime.PodStatus // PLEG's cache
	seenAt   moment
	lastSync moment
	requeued sim.Timer
	deadline sim.Timer

	reasons  map[string]podstatus.Reason // why containers could not be started
	volumes  volumes
	killing  *killing
	released bool // volumes and records are cleaned up
}

// update tells a pod's worker that there is something to look at; the first update creates the worker.
func (k *Kubelet) update(pod *corev1.Pod, kind updateKind) {
	w := k.workers[pod.UID]
	if w == nil {
		w = &worker{kubelet: k, uid: pod.UID, created: k.now(), seen: k.runtime.Status(pod.UID), reasons: map[string]podstatus.Reason{}}
		w.seenAt = k.now()
		if api.IsPodTerminal(pod) && len(w.seen.Running()) == 0 {
			w.terminating, w.terminated = true, true // it ended before this kubelet started
		}
		k.workers[pod.UID] = w
	} else if w.terminating && kind == updateCreate {
		w.restart = true
		return
	}
	if w.finished {
		return
	}
	w.pod = pod
	w.decideTermination(pod, kind)
	w.pending = true
	w.wake()
}

// kill asks for the end of a pod that the API no longer has.
func (k *Kubelet) kill(w *worker, pod *corev1.Pod) {
	if !w.finished {
		k.update(pod, updateKill)
	}
}

// decideTermination begins the end where the update asks for it, and settles the grace period.
func (w *worker) decideTermination(pod *corev1.Pod, kind updateKind) {
	began := false
	if !w.terminating {
		switch {
		case pod.DeletionTimestamp != nil:
			w.deleted, began = true, true
		case api.IsPodTerminal(pod), kind == updateKill:
			began = true
		}
		w.terminating = began
	}
	if !w.terminating || w.terminated {
		return
	}
	before := w.grace
	w.grace = effectiveGrace(w.grace, pod)
	if shortened := before != 0 && w.grace < before; began || shortened {
		w.volumes.cancel()
		if w.killing != nil && shortened {
			w.killing.shorten(w.grace)
		}
	}
}

// effectiveGrace is the grace period in seconds: the shortest that anybody has asked for, at least 1.
func effectiveGrace(current int64, pod *corev1.Pod) int64 {
	g, set := current, false
	if o := pod.DeletionGracePeriodSeconds; o != nil && (g == 0 || *o < g) {
		g, set = *o, true
	}
	if !set && g == 0 && pod.Spec.TerminationGracePeriodSeconds != nil {
		g = *pod.Spec.TerminationGracePeriodSeconds
	}
	return max(g, 1)
}

// wake starts the next sync, if none is under way.
func (w *worker) wake() {
	if w.working {
		return
	}
	w.working = true
	w.kubelet.process.ChargeFunc(w.kubelet.ops.sync, 1, w.begin)
}

// begin takes the pending update, and waits until PLEG has looked since the last sync: a sync must see what the one
// before it did.
func (w *worker) begin() {
	w.pending = false
	w.kubelet.process.Cancel(w.requeued)
	if !w.kubelet.pleg.fresh(w) {
		w.kubelet.pleg.waiters = append(w.kubelet.pleg.waiters, w)
		w.kubelet.pleg.await()
		return
	}
	w.run()
}

func (w *worker) run() {
	switch {
	case w.terminated:
		w.syncTerminated()
	case w.terminating:
		w.syncTerminating()
	default:
		w.sync()
	}
}

// backoffError is a failure that is worth another try only after a while.
type backoffError struct {
	error
	until moment
}

// errNetworkNotReady delays a pod until the node has its network; it is tried again every second.
var errNetworkNotReady = errors.New("network is not ready")

// errCancelled ends a sync that was overtaken by the pod's termination.
var errCancelled = errors.New("context canceled")

// done ends a sync and plans the next.
func (w *worker) done(err error, phaseChange bool) {
	k := w.kubelet
	w.lastSync = k.now()
	w.working = false
	if w.finished {
		return
	}
	switch {
	case phaseChange:
		w.pending = true
	case err == nil:
		w.requeue(k.jittered(purposeWorker, resyncPeriod, workerJitterPart))
	case errors.Is(err, errNetworkNotReady):
		w.requeue(k.jittered(purposeWorker, transientBackoff, workerJitterPart))
	default:
		d := syncBackoff
		var b *backoffError
		if errors.As(err, &b) {
			d = min(max(b.until.Sub(k.now()), 0), resyncPeriod)
		}
		w.requeue(k.jittered(purposeWorker, d, workerJitterPart))
	}
	if w.pending {
		w.wake()
	}
}

// requeue asks for a sync at the first turn of the sync loop after d.
func (w *worker) requeue(d time.Duration) {
	k := w.kubelet
	k.process.Cancel(w.requeued)
	due := k.now().Add(d).Sub(k.base)
	late := (syncTick - due%syncTick) % syncTick
	w.requeued = k.process.At(d+late, 0, k.kinds.requeue, 0, w)
}

func requeueDue(_ uint64, ref any) {
	w := ref.(*worker)
	w.kubelet.resync(w)
}

// resync asks for a sync with what is known.
func (k *Kubelet) resync(w *worker) {
	if !w.finished {
		k.update(w.pod, updateSync)
	}
}
