package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// unmountTime is how long the volumes of a pod that has ended take to go: the reconciler's turn and the wait's
// (podAttachAndMountRetryInterval).
const unmountTime = 300 * time.Millisecond

// syncTerminating stops everything that the pod runs, and reports what became of it.
func (w *worker) syncTerminating() {
	k := w.kubelet
	k.statuses.set(w.pod, w.status(w.seen, false))
	k.probes.stop(w, false)
	w.killPod(w.grace, func(err error) {
		if err != nil {
			k.event(w.pod, corev1.EventTypeWarning, "FailedKillPod", fmt.Sprintf("error killing pod: %v", err))
			w.done(fmt.Errorf("error killing terminating pod: %w", err), false)
			return
		}
		k.probes.stop(w, true)
		stopped := k.runtime.Status(w.uid)
		if len(stopped.Running()) > 0 {
			w.done(fmt.Errorf("detected running containers after a successful KillPod"), false)
			return
		}
		k.statuses.set(w.pod, w.status(stopped, true))
		w.terminated = true
		w.done(nil, true)
	})
}

// syncTerminated cleans up after a pod, and hands its final status over; the status manager deletes it from the API.
func (w *worker) syncTerminated() {
	k := w.kubelet
	k.probes.stop(w, true)
	k.statuses.set(w.pod, w.status(w.seen, true))
	wait := time.Duration(0)
	if len(w.pod.Spec.Volumes) > 0 {
		wait = unmountTime
	}
	k.process.After(wait, func() {
		w.volumes.unmount(w)
		w.released, w.finished = true, true
		k.process.Cancel(w.requeued)
		k.process.Cancel(w.deadline)
		k.statuses.finish(w.pod)
		w.done(nil, false)
		k.sweep.request()
	})
}

// sweep is the kubelet's housekeeping: pods that have ended and are gone from the API are forgotten, and containers of
// pods that nobody knows are killed. It has its turn every two seconds, if there is a reason.
type sweep struct {
	kubelet *Kubelet
	planned bool
}

func (s *sweep) request() {
	if s.planned {
		return
	}
	s.planned = true
	s.kubelet.process.After(s.kubelet.untilTick(housekeepingPeriod), s.run)
}

func (s *sweep) run() {
	s.planned = false
	k := s.kubelet
	if !k.source.ready {
		s.request()
		return
	}
	for _, w := range k.orderedWorkers() {
		if w.finished && (w.removed || w.restart) {
			s.forget(w)
		}
	}
	for _, uid := range k.runtime.Pods() {
		if k.workers[uid] == nil && k.source.pods[uid] == nil {
			s.orphan(uid)
		}
	}
}

// forget drops a finished pod. A static one whose manifest is there again starts anew.
func (s *sweep) forget(w *worker) {
	k := s.kubelet
	delete(k.workers, w.uid)
	k.statuses.forget(w.uid)
	k.runtime.RemovePod(k.process, w.uid, func(error) {})
	if pod := k.source.pods[w.uid]; w.restart && pod != nil {
		k.update(pod, updateCreate)
	}
}

// orphan ends what a pod has left that the API deleted while the kubelet was down.
func (s *sweep) orphan(uid types.UID) {
	k := s.kubelet
	for _, c := range k.runtime.Status(uid).Running() {
		k.runtime.StopContainer(k.process, uid, c.ID, time.Second, func(error) { s.request() })
	}
	if len(k.runtime.Status(uid).Running()) == 0 {
		k.runtime.RemovePod(k.process, uid, func(error) {})
	}
}

// orderedWorkers lists the workers by the UID of their pods.
func (k *Kubelet) orderedWorkers() []*worker {
	out := make([]*worker, 0, len(k.workers))
	for _, uid := range sortedUIDs(k.workers) {
		out = append(out, k.workers[uid])
	}
	return out
}
