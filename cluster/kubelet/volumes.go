package kubelet

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// Mounting: a pod's sync asks every 300 ms whether all volumes are there (podAttachAndMountRetryInterval) and gives up
// after 2 min 3 s (podAttachAndMountTimeout); a volume that failed is tried again after 500 ms, doubling to 2 min 2 s
// (goroutinemap/exponentialbackoff).
const (
	mountPoll       = 300 * time.Millisecond
	mountTimeout    = 2*time.Minute + 3*time.Second
	mountBackoff    = 500 * time.Millisecond
	mountBackoffMax = 2*time.Minute + 2*time.Second
)

// rootCertificates is published into every namespace by a controller of its own; it is taken to be there.
const rootCertificates = "kube-root-ca.crt"

// reference is an object that a pod needs, and the key in it if not "".
type reference struct {
	resource *api.Resource
	name     string
	key      string
	optional bool
}

// volumes is the state of a pod's volumes.
type volumes struct {
	mounted  bool
	waiting  *mounting
	attempts map[string]*mountAttempt // by volume name
}

type mountAttempt struct {
	done  bool
	delay time.Duration
	next  moment
}

// mounting is a sync that waits for its volumes.
type mounting struct {
	worker *worker
	done   func(error)
	limit  sim.Timer
	ended  bool
}

// mount calls done when every volume is there, the wait has timed out, or the pod is to end.
func (v *volumes) mount(w *worker, done func(error)) {
	if v.mounted || len(w.pod.Spec.Volumes) == 0 {
		v.mounted = true
		done(nil)
		return
	}
	if v.attempts == nil {
		v.attempts = map[string]*mountAttempt{}
	}
	m := &mounting{worker: w, done: done}
	v.waiting = m
	m.limit = w.kubelet.process.After(mountTimeout, func() {
		m.end(fmt.Errorf("unmounted volumes=%v, unattached volumes=[], failed to process volumes=[]: context deadline exceeded", m.missing()))
	})
	// The reconciler mounts between the first look, which finds nothing, and the second.
	w.kubelet.process.After(mountPoll, m.poll)
}

// cancel ends the wait of a pod that is to end.
func (v *volumes) cancel() {
	if v.waiting != nil {
		v.waiting.end(errCancelled)
	}
}

func (v *volumes) unmount(*worker) { v.mounted, v.attempts = false, nil }

func (m *mounting) end(err error) {
	if m.ended {
		return
	}
	m.ended = true
	m.worker.volumes.waiting = nil
	m.worker.kubelet.process.Cancel(m.limit)
	m.done(err)
}

func (m *mounting) missing() []string {
	var out []string
	for i := range m.worker.pod.Spec.Volumes {
		if a := m.worker.volumes.attempts[m.worker.pod.Spec.Volumes[i].Name]; a == nil || !a.done {
			out = append(out, m.worker.pod.Spec.Volumes[i].Name)
		}
	}
	return out
}

// poll tries the volumes that are due, one after the other.
func (m *mounting) poll() {
	if m.ended {
		return
	}
	m.try(0)
}

func (m *mounting) try(i int) {
	w, k := m.worker, m.worker.kubelet
	if m.ended {
		return
	}
	if i == len(w.pod.Spec.Volumes) {
		m.finish()
		return
	}
	volume := &w.pod.Spec.Volumes[i]
	a := w.volumes.attempts[volume.Name]
	if a == nil {
		a = &mountAttempt{}
		w.volumes.attempts[volume.Name] = a
	}
	if a.done || k.now() < a.next {
		m.try(i + 1)
		return
	}
	k.objects.check(w.pod.Namespace, needs(volume), func(message string) {
		if message == "" {
			a.done = true
		} else {
			a.delay = min(max(2*a.delay, mountBackoff), mountBackoffMax)
			a.next = k.now().Add(a.delay)
			k.event(w.pod, corev1.EventTypeWarning, "FailedMount", fmt.Sprintf("MountVolume.SetUp failed for volume %q : %s", volume.Name, message))
		}
		m.try(i + 1)
	})
}

func (m *mounting) finish() {
	if len(m.missing()) == 0 {
		m.worker.volumes.mounted = true
		m.end(nil)
		return
	}
	m.worker.kubelet.process.After(mountPoll, m.poll)
}

// needs lists what a volume refers to.
func needs(v *corev1.Volume) []reference {
	var out []reference
	if c := v.ConfigMap; c != nil {
		out = append(out, keys(api.ConfigMaps, c.Name, c.Items, c.Optional)...)
	}
	if s := v.Secret; s != nil {
		out = append(out, keys(api.Secrets, s.SecretName, s.Items, s.Optional)...)
	}
	if v.Projected != nil {
		for _, source := range v.Projected.Sources {
			if c := source.ConfigMap; c != nil {
				out = append(out, keys(api.ConfigMaps, c.Name, c.Items, c.Optional)...)
			}
			if s := source.Secret; s != nil {
				out = append(out, keys(api.Secrets, s.Name, s.Items, s.Optional)...)
			}
		}
	}
	return out
}

func keys(r *api.Resource, name string, items []corev1.KeyToPath, optional *bool) []reference {
	o := api.Deref(optional, false)
	out := []reference{{r, name, "", o}}
	for _, item := range items {
		out = append(out, reference{r, name, item.Key, o})
	}
	return out
}

// objectCache holds the ConfigMaps and Secrets that pods of the node refer to. The original watches each; here one is
// read when it is first needed and, while it is missing, whenever it is asked for again.
type objectCache struct {
	kubelet *Kubelet
	found   map[string]api.Object
	asking  map[string][]func(api.Object, error)
}

func newObjectCache(k *Kubelet) objectCache {
	return objectCache{kubelet: k, found: map[string]api.Object{}, asking: map[string][]func(api.Object, error){}}
}

// check looks the references up, in order, and answers with the message of the first that is missing, or "".
func (c *objectCache) check(namespace string, refs []reference, done func(message string)) {
	i := slices.IndexFunc(refs, func(r reference) bool { return r.name != rootCertificates })
	if i < 0 {
		done("")
		return
	}
	ref, rest := refs[i], refs[i+1:]
	c.get(namespace, ref, func(o api.Object, err error) {
		switch message := ref.complaint(namespace, o, err); {
		case message == "", ref.optional && (err == nil || apierrors.IsNotFound(err)):
			c.check(namespace, rest, done)
		default:
			delete(c.found, ref.cacheKey(namespace)) // the missing key may be there next time
			done(message)
		}
	})
}

func (r *reference) cacheKey(namespace string) string {
	return r.resource.Name + "/" + api.Key(namespace, r.name)
}

func (r *reference) complaint(namespace string, o api.Object, err error) string {
	if err != nil {
		return err.Error() // configmap "x" not found
	}
	if r.key == "" {
		return ""
	}
	kind := r.resource.Kind
	switch o := o.(type) {
	case *corev1.ConfigMap:
		_, text := o.Data[r.key]
		if _, binary := o.BinaryData[r.key]; text || binary {
			return ""
		}
	case *corev1.Secret:
		if _, has := o.Data[r.key]; has {
			return ""
		}
	}
	return fmt.Sprintf("couldn't find key %v in %s %v/%v", r.key, kind, namespace, r.name)
}

// get returns an object, asking the API only once at a time for each.
func (c *objectCache) get(namespace string, ref reference, done func(api.Object, error)) {
	key := ref.cacheKey(namespace)
	if o := c.found[key]; o != nil {
		done(o, nil)
		return
	}
	c.asking[key] = append(c.asking[key], done)
	if len(c.asking[key]) > 1 {
		return
	}
	r := &api.Request{Verb: api.VerbGet, Resource: ref.resource, Namespace: namespace, Name: ref.name}
	c.kubelet.client.Start(r, func(r *api.Response, err error) {
		waiting := c.asking[key]
		delete(c.asking, key)
		var o api.Object
		if err == nil {
			o = r.Object
			c.found[key] = o
		}
		if apierrors.IsNotFound(err) {
			err = &notFound{fmt.Sprintf("%s %q not found", ref.resource.Singular, ref.name), err}
		}
		for _, fn := range waiting {
			fn(o, err)
		}
	})
}

// notFound is the short form that the kubelet's cache gives to a missing object.
type notFound struct {
	message string
	cause   error
}

func (e *notFound) Error() string { return e.message }

func (e *notFound) Unwrap() error { return e.cause }
