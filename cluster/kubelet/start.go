package kubelet

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

// Reasons why a container is not started, as its status shows them.
const (
	errCrashLoop    = "CrashLoopBackOff"
	errCreateConfig = "CreateContainerConfigError"
	errCreate       = "CreateContainerError"
	errRun          = "RunContainerError"
)

// startContainer starts one container: back-off, image, environment, create, start, post-start hook. What fails is kept
// as the container's reason until it starts.
func (r *round) startContainer(c *corev1.Container, done func(error)) {
	w, k := r.worker, r.worker.kubelet
	r.did = true
	finish := func(reason podstatus.Reason, err error) {
		if err == nil {
			delete(w.reasons, c.Name)
		} else {
			k.metrics.startErrors.Inc()
			w.reasons[c.Name] = reason
			r.fail(fmt.Errorf("failed to \"StartContainer\" for %q with %s: %q: %w", c.Name, reason.Err, reason.Message, err))
		}
		done(err)
	}
	if message, until, backing := w.backingOff(c, r.rt); backing {
		finish(podstatus.Reason{Err: errCrashLoop, Message: message}, &backoffError{errors.New(errCrashLoop), until})
		return
	}
	k.metrics.started.Inc()
	k.puller.ensure(w.pod, c, func(reason podstatus.Reason, err error) {
		if err != nil {
			k.containerEvent(w.pod, c, corev1.EventTypeWarning, "Failed", "Error: "+err.Error())
			finish(reason, err)
			return
		}
		w.environment(c, func(message string) {
			if message != "" {
				k.containerEvent(w.pod, c, corev1.EventTypeWarning, "Failed", "Error: "+message)
				finish(podstatus.Reason{Err: errCreateConfig, Message: message}, errors.New(errCreateConfig))
				return
			}
			r.create(c, finish)
		})
	})
}

func (r *round) create(c *corev1.Container, finish func(podstatus.Reason, error)) {
	w, k := r.worker, r.worker.kubelet
	attempt := int32(0)
	if before := r.rt.Container(c.Name); before != nil {
		attempt = before.RestartCount + 1
		w.removeOld(r.rt, c.Name)
	}
	spec := runtime.Container{
		Pod: w.uid, Sandbox: r.sandbox, Name: c.Name, Image: c.Image, RestartCount: attempt, SpecHash: specHash(c),
		ToCompletion: w.toCompletion(c),
	}
	k.runtime.CreateContainer(k.process, spec, func(id string, err error) {
		if err != nil {
			k.containerEvent(w.pod, c, corev1.EventTypeWarning, "Failed", "Error: "+withoutCode(err))
			finish(podstatus.Reason{Err: errCreate, Message: withoutCode(err)}, errors.New(errCreate))
			return
		}
		k.containerEvent(w.pod, c, corev1.EventTypeNormal, "Created", "Container created")
		k.runtime.StartContainer(k.process, w.uid, id, func(err error) {
			if err != nil {
				k.containerEvent(w.pod, c, corev1.EventTypeWarning, "Failed", "Error: "+withoutCode(err))
				finish(podstatus.Reason{Err: errRun, Message: withoutCode(err)}, errors.New(errRun))
				return
			}
			k.containerEvent(w.pod, c, corev1.EventTypeNormal, "Started", "Container started")
			k.process.After(hookTime(postStart(c)), func() { finish(podstatus.Reason{}, nil) })
		})
	})
}

// toCompletion reports whether the pod waits for the container's end: an init container that is no sidecar, or any in a
// pod that is not restarted for ever.
func (w *worker) toCompletion(c *corev1.Container) bool {
	for i := range w.pod.Spec.InitContainers {
		if init := &w.pod.Spec.InitContainers[i]; init.Name == c.Name {
			return init.RestartPolicy == nil || *init.RestartPolicy != corev1.ContainerRestartPolicyAlways
		}
	}
	return w.pod.Spec.RestartPolicy == corev1.RestartPolicyNever || w.pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure
}

// withoutCode is a gRPC error's description.
func withoutCode(err error) string {
	if _, description, ok := strings.Cut(err.Error(), " desc = "); ok {
		return description
	}
	return err.Error()
}

// removeOld deletes all but the newest dead container of a name: the one before the new container is kept for its
// state, as the garbage collector's MaxPerPodContainer of 1 does.
func (w *worker) removeOld(rt *runtime.PodStatus, name string) {
	k, kept := w.kubelet, false
	for _, c := range rt.Containers {
		if c.Name != name || c.State == runtime.Running {
			continue
		}
		if kept {
			k.runtime.RemoveContainer(k.process, w.uid, c.ID, func(error) {})
		}
		kept = true
	}
}

// backingOff reports whether a container that ended must still wait, with the message of its status, and otherwise
// books its end: the delay counts from there.
func (w *worker) backingOff(c *corev1.Container, rt *runtime.PodStatus) (message string, until moment, backing bool) {
	k := w.kubelet
	var dead *runtime.ContainerStatus
	for i := range rt.Containers {
		if s := &rt.Containers[i]; s.Name == c.Name && s.State == runtime.Exited {
			dead = s
			break
		}
	}
	if dead == nil {
		return "", 0, false
	}
	key := fmt.Sprintf("%s_%s_%s_%s_%x", w.pod.Name, w.pod.Namespace, w.uid, c.Name, specHash(c))
	ended := w.momentOf(dead)
	if !k.crashes.since(key, ended, k.now()) {
		k.crashes.next(key, ended, k.now())
		return "", 0, false
	}
	delay := k.crashes.delay(key)
	k.containerEvent(w.pod, c, corev1.EventTypeWarning, "BackOff",
		fmt.Sprintf("Back-off restarting failed container %s in pod %s", c.Name, formatPod(w.pod)))
	return fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", delay, c.Name, formatPod(w.pod)), ended.Add(delay), true
}

// momentOf places a container's end on the monotonic clock.
func (w *worker) momentOf(s *runtime.ContainerStatus) moment {
	k := w.kubelet
	return k.now().Add(-time.Duration(k.process.Wall() - sim.Wall(s.FinishedAt)))
}

func postStart(c *corev1.Container) *corev1.LifecycleHandler {
	if c.Lifecycle == nil {
		return nil
	}
	return c.Lifecycle.PostStart
}

func preStop(c *corev1.Container) *corev1.LifecycleHandler {
	if c.Lifecycle == nil {
		return nil
	}
	return c.Lifecycle.PreStop
}

var sleeping = regexp.MustCompile(`\bsleep\s+(\d+)\b`)

// hookTime is how long a hook takes: as long as it sleeps, by action or by command; anything else takes no time.
func hookTime(h *corev1.LifecycleHandler) time.Duration {
	switch {
	case h == nil:
	case h.Sleep != nil:
		return time.Duration(h.Sleep.Seconds) * time.Second
	case h.Exec != nil:
		if m := sleeping.FindStringSubmatch(strings.Join(h.Exec.Command, " ")); m != nil {
			seconds, _ := strconv.Atoi(m[1]) // digits only; beyond an int it is 0
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

// environment checks what the container's environment refers to. It answers with the message of the first object or
// key that is missing, or "".
func (w *worker) environment(c *corev1.Container, done func(message string)) {
	var refs []reference
	for i := range c.EnvFrom {
		e := &c.EnvFrom[i]
		if e.ConfigMapRef != nil {
			refs = append(refs, reference{api.ConfigMaps, e.ConfigMapRef.Name, "", api.Deref(e.ConfigMapRef.Optional, false)})
		}
		if e.SecretRef != nil {
			refs = append(refs, reference{api.Secrets, e.SecretRef.Name, "", api.Deref(e.SecretRef.Optional, false)})
		}
	}
	for i := range c.Env {
		v := c.Env[i].ValueFrom
		if v != nil && v.ConfigMapKeyRef != nil {
			refs = append(refs, reference{api.ConfigMaps, v.ConfigMapKeyRef.Name, v.ConfigMapKeyRef.Key, api.Deref(v.ConfigMapKeyRef.Optional, false)})
		}
		if v != nil && v.SecretKeyRef != nil {
			refs = append(refs, reference{api.Secrets, v.SecretKeyRef.Name, v.SecretKeyRef.Key, api.Deref(v.SecretKeyRef.Optional, false)})
		}
	}
	w.kubelet.objects.check(w.pod.Namespace, refs, done)
}
