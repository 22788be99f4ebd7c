package kubelet

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// status computes the pod's status from what PLEG has seen.
func (w *worker) status(rt *runtime.PodStatus, terminal bool) corev1.PodStatus {
	k := w.kubelet
	return podstatus.Generate(&podstatus.Input{
		Pod: w.pod, Runtime: rt, Old: k.statuses.latest(w.pod), Terminal: terminal, Evict: w.eviction(),
		Probes: k.probes.of(w), HostIP: k.config.NodeIP,
		Reason: func(container string) (podstatus.Reason, bool) {
			r, ok := w.reasons[container]
			return r, ok
		},
	})
}

// sync brings the pod towards its spec: report, mount, then whatever the actions say.
func (w *worker) sync() {
	k := w.kubelet
	status := w.status(w.seen, false)
	if status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed {
		k.statuses.set(w.pod, status)
		w.terminating = true
		w.grace = effectiveGrace(w.grace, w.pod)
		w.done(nil, true)
		return
	}
	if status.Phase == corev1.PodRunning && k.statuses.latest(w.pod).Phase == corev1.PodPending {
		k.metrics.podStart.Observe(k.now().Sub(w.created))
	}
	k.statuses.set(w.pod, status)
	w.watchDeadline(&status)
	if message := k.networkError(); message != "" && !w.pod.Spec.HostNetwork {
		k.event(w.pod, corev1.EventTypeWarning, "NetworkNotReady", fmt.Sprintf("%v: %s", errNetworkNotReady, message))
		w.done(errNetworkNotReady, false)
		return
	}
	k.reconcileMirror(w)
	w.volumes.mount(w, func(err error) {
		if err != nil || w.terminating {
			w.done(firstError(err, errCancelled), false)
			return
		}
		k.probes.add(w)
		w.act()
	})
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// eviction is the kubelet's own verdict on the pod: its active deadline has passed.
func (w *worker) eviction() *podstatus.Eviction {
	if w.evicted == nil && w.pastDeadline() {
		const reason, message = "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
		w.kubelet.event(w.pod, corev1.EventTypeNormal, reason, message)
		w.evicted = &podstatus.Eviction{Reason: reason, Message: message}
	}
	return w.evicted
}

func (w *worker) pastDeadline() bool {
	left, has := w.untilDeadline(w.kubelet.statuses.latest(w.pod))
	return has && left <= 0
}

// untilDeadline is the time left of the pod's activeDeadlineSeconds.
func (w *worker) untilDeadline(s *corev1.PodStatus) (time.Duration, bool) {
	limit := w.pod.Spec.ActiveDeadlineSeconds
	if limit == nil || s.StartTime == nil || s.StartTime.IsZero() {
		return 0, false
	}
	end := s.StartTime.Add(time.Duration(*limit) * time.Second)
	return end.Sub(w.kubelet.process.Wall().Time()), true
}

// watchDeadline makes the sync loop look at the pod when its deadline has passed.
func (w *worker) watchDeadline(*corev1.PodStatus) {
	k := w.kubelet
	left, has := w.untilDeadline(k.statuses.latest(w.pod))
	if !has {
		return
	}
	k.process.Cancel(w.deadline)
	due := k.now().Add(max(left, 0)).Sub(k.base)
	w.deadline = k.process.At(max(left, 0)+(syncTick-due%syncTick)%syncTick, 0, k.kinds.requeue, 0, w)
}

// round is one pass of acting on a pod: what failed, and whether anything was done.
type round struct {
	worker  *worker
	actions actions
	rt      *runtime.PodStatus
	sandbox string
	errs    []error
	did     bool
}

// act carries out what the pod needs.
func (w *worker) act() {
	k := w.kubelet
	r := &round{worker: w, rt: w.seen, actions: computeActions(w.pod, w.seen, &k.probes)}
	r.sandbox = r.actions.sandbox
	if r.actions.createSandbox && r.actions.sandbox != "" {
		k.event(w.pod, corev1.EventTypeNormal, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
	}
	switch {
	case r.actions.killPod && len(r.rt.Sandboxes) == 0:
		r.createSandbox()
	case r.actions.killPod:
		r.did = true
		w.killPod(0, func(err error) {
			if err != nil {
				r.fail(err)
				r.end()
				return
			}
			r.createSandbox()
		})
	default:
		r.killNext(0)
	}
}

// killNext kills unwanted containers, one after the other.
func (r *round) killNext(i int) {
	if i == len(r.actions.kill) {
		r.startInit(0)
		return
	}
	r.did = true
	order := r.actions.kill[i]
	r.worker.killContainer(&order, 0, nil, func(err error) {
		if err != nil {
			r.fail(err)
			r.end()
			return
		}
		r.killNext(i + 1)
	})
}

func (r *round) createSandbox() {
	w, k := r.worker, r.worker.kubelet
	if !r.actions.createSandbox {
		r.end()
		return
	}
	r.did = true
	r.purgeInits()
	k.runtime.RunSandbox(k.process, runtime.Sandbox{
		UID: w.uid, Namespace: w.pod.Namespace, Name: w.pod.Name, Attempt: r.actions.attempt, HostNetwork: w.pod.Spec.HostNetwork,
		Devices: k.devices.of(w.uid),
	}, func(id string, err error) {
		if err != nil {
			if !w.terminating {
				k.event(w.pod, corev1.EventTypeWarning, "FailedCreatePodSandBox", fmt.Sprintf("Failed to create pod sandbox: %v", err))
				r.fail(fmt.Errorf("failed to \"CreatePodSandbox\" for %q: %w", formatPod(w.pod), err))
			}
			r.end()
			return
		}
		r.sandbox = id
		k.sandboxReady(w)
		r.startInit(0)
	})
}

// purgeInits forgets the init containers of the sandbox before: they run again.
func (r *round) purgeInits() {
	k := r.worker.kubelet
	for _, c := range r.rt.Containers {
		for i := range r.worker.pod.Spec.InitContainers {
			if r.worker.pod.Spec.InitContainers[i].Name == c.Name {
				k.runtime.RemoveContainer(k.process, r.worker.uid, c.ID, func(error) {})
			}
		}
	}
}

// sandboxReady reports at once that the pod has its network, before images are pulled.
func (k *Kubelet) sandboxReady(w *worker) {
	s := *k.statuses.latest(w.pod)
	s.Conditions = append([]corev1.PodCondition(nil), s.Conditions...)
	s.Conditions = podstatus.SetCondition(s.Conditions, corev1.PodCondition{
		Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue, ObservedGeneration: w.pod.Generation,
	})
	k.statuses.set(w.pod, s)
}

// startInit starts the init containers that are due, in order; a regular one that fails ends the round.
func (r *round) startInit(i int) {
	if i == len(r.actions.initStart) {
		r.startMain(0)
		return
	}
	spec := &r.worker.pod.Spec.InitContainers[r.actions.initStart[i]]
	r.startContainer(spec, func(err error) {
		if err != nil && !podstatus.IsSidecar(spec) {
			r.end()
			return
		}
		r.startInit(i + 1)
	})
}

// startMain starts the main containers that are due, one after the other.
func (r *round) startMain(i int) {
	if i == len(r.actions.start) {
		r.end()
		return
	}
	r.startContainer(&r.worker.pod.Spec.Containers[r.actions.start[i]], func(error) { r.startMain(i + 1) })
}

func (r *round) fail(err error) { r.errs = append(r.errs, err) }

// end finishes the round. A success is looked at right away, so that the containers' states need not wait for PLEG.
func (r *round) end() {
	w := r.worker
	err := r.err()
	w.done(err, false)
	if r.did && err == nil {
		w.kubelet.pleg.relist(w.uid)
	}
}

// err joins the failures; the earliest end of a back-off counts.
func (r *round) err() error {
	if len(r.errs) == 0 {
		return nil
	}
	joined := errors.Join(r.errs...)
	var first *backoffError
	for _, err := range r.errs {
		var b *backoffError
		if errors.As(err, &b) && (first == nil || b.until < first.until) {
			first = b
		}
	}
	if first != nil {
		return &backoffError{joined, first.until}
	}
	return joined
}
