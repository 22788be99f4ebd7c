package kubelet

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

// killing is a pod being killed: its containers stop side by side, sidecars after the main containers and in reverse
// order, then the sandbox goes.
type killing struct {
	worker  *worker
	running map[string]bool // containers that have not ended
	waiting []*turn
	stops   []func(grace int64) // what a shorter grace period reaches
	left    int
	err     error
	done    func(error)
}

// turn is a sidecar that waits for others to end.
type turn struct {
	name  string
	timer sim.Timer
	run   func()
}

// killPod stops the pod's containers and sandboxes. grace is in seconds; 0 takes the pod's own.
func (w *worker) killPod(grace int64, done func(error)) {
	kill := &killing{worker: w, running: map[string]bool{}, done: func(err error) {
		w.killing = nil
		if err != nil {
			done(err)
			return
		}
		w.stopSandboxes(done)
	}}
	w.killing = kill
	live := w.kubelet.runtime.Status(w.uid).Running()
	kill.left = len(live)
	for _, c := range live {
		kill.running[c.Name] = true
	}
	if kill.left == 0 {
		kill.done(nil)
		return
	}
	for _, c := range live {
		order := killOrder{id: c.ID, name: c.Name}
		w.killContainer(&order, grace, kill, func(err error) { kill.ended(c.Name, err) })
	}
}

func (kill *killing) ended(name string, err error) {
	if err != nil {
		kill.err = fmt.Errorf("failed to \"KillContainer\" for %q: %w", name, err)
	}
	delete(kill.running, name)
	kill.left--
	for _, t := range slices.Clone(kill.waiting) {
		if !kill.mustWait(t.name) {
			kill.release(t)
		}
	}
	if kill.left == 0 {
		kill.done(kill.err)
	}
}

// mustWait reports whether a sidecar has to let others end first: all main containers, and the sidecars after it.
func (kill *killing) mustWait(name string) bool {
	pod := kill.worker.pod
	at := slices.IndexFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == name && podstatus.IsSidecar(&c) })
	if at < 0 {
		return false
	}
	for i := range pod.Spec.Containers {
		if kill.running[pod.Spec.Containers[i].Name] {
			return true
		}
	}
	for i := at + 1; i < len(pod.Spec.InitContainers); i++ {
		if c := &pod.Spec.InitContainers[i]; podstatus.IsSidecar(c) && kill.running[c.Name] {
			return true
		}
	}
	return false
}

// await calls next with the seconds waited, when it is the container's turn or its grace has run out.
func (kill *killing) await(name string, grace int64, next func(waited int64)) {
	if kill == nil || grace <= 0 || !kill.mustWait(name) {
		next(0)
		return
	}
	k := kill.worker.kubelet
	began := k.now()
	t := &turn{name: name}
	t.run = func() { next(int64(k.now().Sub(began) / time.Second)) }
	t.timer = k.process.After(time.Duration(grace)*time.Second, func() { kill.release(t) })
	kill.waiting = append(kill.waiting, t)
}

func (kill *killing) release(t *turn) {
	i := slices.Index(kill.waiting, t)
	if i < 0 {
		return
	}
	kill.waiting = slices.Delete(kill.waiting, i, i+1)
	kill.worker.kubelet.process.Cancel(t.timer)
	t.run()
}

// shorten makes what is under way end sooner.
func (kill *killing) shorten(grace int64) {
	for _, stop := range kill.stops {
		stop(grace)
	}
}

// killContainer stops one container: the event, the preStop hook, its turn, SIGTERM and in the end SIGKILL.
func (w *worker) killContainer(order *killOrder, override int64, kill *killing, done func(error)) {
	k := w.kubelet
	spec := w.spec(order.name)
	if spec == nil {
		k.runtime.StopContainer(k.process, w.uid, order.id, minimumGrace*time.Second, done)
		return
	}
	grace := w.graceOf(spec, order.reason)
	message := order.message
	if message == "" {
		message = "Stopping container " + spec.Name
	}
	k.containerEvent(w.pod, spec, corev1.EventTypeNormal, "Killing", message)
	if override > 0 {
		grace = override
	}
	w.runPreStop(spec, grace, func(spent int64) {
		grace -= spent
		kill.await(spec.Name, grace, func(waited int64) {
			w.stop(order.id, max(grace-waited, minimumGrace), kill, done)
		})
	})
}

// runPreStop runs the hook, for at most the grace period, and passes on the whole seconds it took.
func (w *worker) runPreStop(spec *corev1.Container, grace int64, next func(spent int64)) {
	hook := hookTime(preStop(spec))
	if hook == 0 || grace <= 0 {
		next(0)
		return
	}
	hook = min(hook, time.Duration(grace)*time.Second)
	w.kubelet.process.After(hook, func() { next(int64(hook / time.Second)) })
}

func (w *worker) stop(id string, grace int64, kill *killing, done func(error)) {
	k := w.kubelet
	finished := false
	if kill != nil {
		kill.stops = append(kill.stops, func(grace int64) {
			if !finished {
				k.runtime.StopContainer(k.process, w.uid, id, time.Duration(max(grace, minimumGrace))*time.Second, func(error) {})
			}
		})
	}
	k.runtime.StopContainer(k.process, w.uid, id, time.Duration(grace)*time.Second, func(err error) {
		finished = true
		if err == runtime.ErrNotFound {
			err = nil
		}
		done(err)
	})
}

func (w *worker) spec(name string) *corev1.Container {
	for _, list := range [][]corev1.Container{w.pod.Spec.Containers, w.pod.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// graceOf is the grace period of a container in seconds: the deletion's, else that of the probe that failed, else the
// pod's.
func (w *worker) graceOf(spec *corev1.Container, reason killReason) int64 {
	pod := w.pod
	if pod.DeletionGracePeriodSeconds != nil {
		return *pod.DeletionGracePeriodSeconds
	}
	if pod.Spec.TerminationGracePeriodSeconds == nil {
		return minimumGrace
	}
	for _, p := range []struct {
		reason killReason
		probe  *corev1.Probe
	}{{killStartup, spec.StartupProbe}, {killLiveness, spec.LivenessProbe}} {
		if p.reason == reason && p.probe != nil && p.probe.TerminationGracePeriodSeconds != nil {
			return *p.probe.TerminationGracePeriodSeconds
		}
	}
	return *pod.Spec.TerminationGracePeriodSeconds
}

// stopSandboxes stops every sandbox of the pod, one after the other.
func (w *worker) stopSandboxes(done func(error)) {
	k := w.kubelet
	sandboxes := k.runtime.Status(w.uid).Sandboxes
	var next func(i int)
	next = func(i int) {
		if i == len(sandboxes) {
			done(nil)
			return
		}
		k.runtime.StopSandbox(k.process, w.uid, sandboxes[i].ID, func(err error) {
			if err != nil {
				done(fmt.Errorf("failed to \"KillPodSandbox\" for %q: %w", w.uid, err))
				return
			}
			next(i + 1)
		})
	}
	next(0)
}
