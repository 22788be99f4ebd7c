package kubelet

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// Why an image is not there.
var (
	errImagePull        = errors.New("ErrImagePull")
	errImagePullBackOff = errors.New("ImagePullBackOff")
	errImageNeverPull   = errors.New("ErrImageNeverPull")
	errInvalidImage     = errors.New("InvalidImageName")
)

// puller makes sure that images are on the node. Pulls run one after the other (serializeImagePulls).
type puller struct {
	kubelet  *Kubelet
	backoff  *backoff
	previous map[string]string // by back-off key: what the last pull said
	limiter  *client.TokenBucket
	queue    []*pull
	busy     bool
}

// pull is one request of the queue.
type pull struct {
	image string
	done  func(took time.Duration, bytes int64, err error)
}

func newPuller(k *Kubelet) puller {
	return puller{
		kubelet: k, backoff: newBackoff(imageBackoff, imageBackoffMax), previous: map[string]string{},
		limiter: client.NewTokenBucket(k.process, pullQPSMilli, pullBurst),
	}
}

// ensure makes sure that the container's image is on the node, as its pull policy says.
func (p *puller) ensure(pod *corev1.Pod, c *corev1.Container, done func(podstatus.Reason, error)) {
	k := p.kubelet
	if c.Image == "" {
		const message = `Failed to apply default image tag "": couldn't parse image name "": invalid reference format`
		k.containerEvent(pod, c, corev1.EventTypeWarning, "InspectFailed", message)
		done(podstatus.Reason{Err: errInvalidImage.Error(), Message: message}, errInvalidImage)
		return
	}
	present := k.runtime.HasImage(c.Image)
	switch {
	case present && c.ImagePullPolicy != corev1.PullAlways:
		k.containerEvent(pod, c, corev1.EventTypeNormal, "Pulled",
			fmt.Sprintf("Container image %q already present on machine and can be accessed by the pod", c.Image))
		done(podstatus.Reason{}, nil)
	case c.ImagePullPolicy == corev1.PullNever:
		message := fmt.Sprintf("Container image %q is not present with pull policy of Never", c.Image)
		k.containerEvent(pod, c, corev1.EventTypeWarning, "ErrImageNeverPull", message)
		done(podstatus.Reason{Err: errImageNeverPull.Error(), Message: message}, errImageNeverPull)
	default:
		p.pull(pod, c, done)
	}
}

func (p *puller) pull(pod *corev1.Pod, c *corev1.Container, done func(podstatus.Reason, error)) {
	k := p.kubelet
	key := string(pod.UID) + "_" + c.Image
	if p.backoff.sinceUpdate(key, k.now()) {
		message := fmt.Sprintf("Back-off pulling image %q", c.Image)
		k.containerEvent(pod, c, corev1.EventTypeNormal, "BackOff", message)
		if before := p.previous[key]; before != "" {
			message += ": " + before
		}
		done(podstatus.Reason{Err: errImagePullBackOff.Error(), Message: message}, errImagePullBackOff)
		return
	}
	delete(p.previous, key)
	k.containerEvent(pod, c, corev1.EventTypeNormal, "Pulling", fmt.Sprintf("Pulling image %q", c.Image))
	asked := k.now()
	p.enqueue(&pull{image: runtime.WithDefaultTag(c.Image), done: func(took time.Duration, bytes int64, err error) {
		if err != nil {
			k.containerEvent(pod, c, corev1.EventTypeWarning, "Failed", fmt.Sprintf("Failed to pull image %q: %v", c.Image, err))
			p.backoff.next(key, k.now(), k.now())
			p.previous[key] = fmt.Sprintf("%s: %s", errImagePull, err)
			done(podstatus.Reason{Err: errImagePull.Error(), Message: err.Error()}, errImagePull)
			return
		}
		p.backoff.forget(k.now())
		k.containerEvent(pod, c, corev1.EventTypeNormal, "Pulled", fmt.Sprintf(
			"Successfully pulled image %q in %v (%v including waiting). Image size: %v bytes.", c.Image,
			took.Truncate(time.Millisecond), k.now().Sub(asked).Truncate(time.Millisecond), bytes))
		done(podstatus.Reason{}, nil)
	}})
}

func (p *puller) enqueue(q *pull) {
	p.queue = append(p.queue, q)
	p.next()
}

// next takes a pull from the queue. Beyond the registry's rate it fails at once, as the throttled image service does.
func (p *puller) next() {
	if p.busy || len(p.queue) == 0 {
		return
	}
	p.busy = true
	q := p.queue[0]
	p.queue = p.queue[1:]
	k := p.kubelet
	began := k.now()
	finish := func(bytes int64, err error) {
		p.busy = false
		q.done(k.now().Sub(began), bytes, err)
		p.next()
	}
	if !p.limiter.TryAccept() {
		finish(0, errors.New("pull QPS exceeded"))
		return
	}
	k.runtime.Pull(k.process, q.image, func(_ string, bytes int64, err error) {
		if err == nil {
			k.node.imagesChanged()
		}
		finish(bytes, err)
	})
}
