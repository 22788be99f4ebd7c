package stages

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

// KWOK's back-off of a failed stage: 1 s doubling to 32 min, with a fifth of jitter (controllers/utils.go).
const (
	retryBase       = time.Second
	retryCap        = 32 * time.Minute
	retryJitterPart = 5
)

// player plays the stages of one kind.
type player struct {
	controller *Controller
	resource   *api.Resource
	stages     Lifecycle
	queue      *queue[*play]
	// waiting holds the latest job of each object, until a worker takes it.
	waiting map[string]*job[*play]
}

// play is a stage with the object, as seen, that it is played on.
type play struct {
	key     string
	object  api.Object
	stage   *Compiled
	step    int // the next one
	retries int
	latest  api.Object // as the last patch left it
}

func newPlayer(k *Controller, r *api.Resource, stages Lifecycle, name string, workers int) *player {
	p := &player{controller: k, resource: r, stages: stages, waiting: map[string]*job[*play]{}}
	p.queue = newQueue(k.process, name, workers, p.take)
	return p
}

// consider finds the stage for a version of an object and puts it in line, in place of one that still waits.
func (p *player) consider(obj api.Object) {
	key := api.KeyOf(obj)
	if j := p.waiting[key]; j != nil && j.item.object.GetResourceVersion() == obj.GetResourceVersion() {
		return
	}
	k := p.controller
	subject := &Subject{Object: obj}
	stage := p.stages.Match(subject, func(n int64) int64 { return k.draws.Int63n(purposeStage, n) })
	if stage == nil {
		return
	}
	d := stage.Delay(subject, k.process.Wall().Time(), func(n int64) int64 { return k.draws.Int63n(purposeDelay, n) })
	p.enqueue(&play{key: key, object: obj, stage: stage}, 0, d)
}

func (p *player) enqueue(item *play, weight int, d time.Duration) {
	if old := p.waiting[item.key]; old != nil {
		p.queue.cancel(old)
	}
	j := &job[*play]{item: item, weight: weight, queue: p.queue}
	p.waiting[item.key] = j
	p.queue.start(j, d)
}

// forget takes back what waits for an object that is gone.
func (p *player) forget(obj api.Object) {
	key := api.KeyOf(obj)
	if j := p.waiting[key]; j != nil {
		p.queue.cancel(j)
		delete(p.waiting, key)
	}
}

// take is a worker's turn.
func (p *player) take(item *play, finished func()) {
	delete(p.waiting, item.key)
	k := p.controller
	k.process.ChargeFunc(k.match, 1, func() { p.run(item, finished) })
}

// run does the next step, and after it those that follow.
func (p *player) run(item *play, finished func()) {
	if item.step == len(item.stage.Steps) {
		finished()
		if item.latest != nil && item.stage.ImmediateNextStage {
			p.consider(item.latest)
		}
		return
	}
	p.requests(item, func(err error) {
		switch {
		case err == nil:
			item.step++
			p.run(item, finished)
		case retryable(err):
			p.retry(item)
			finished()
		default:
			finished()
		}
	})
}

// requests sends what the step asks for: an event, then finalizers, then a deletion or a patch.
func (p *player) requests(item *play, done func(error)) {
	s := &item.stage.Steps[item.step]
	if s.Event != nil {
		p.event(item.object, s.Event)
	}
	p.finalizers(item, s, func(err error) {
		switch {
		case err != nil:
			done(err)
		case s.Delete:
			item.step = len(item.stage.Steps) - 1 // after a deletion only events matter, and those are sent
			p.delete(item, done)
		case s.Patch != nil:
			p.patch(item, s.Patch, done)
		default:
			done(nil)
		}
	})
}

func (p *player) event(obj api.Object, e *Event) {
	ref := &corev1.ObjectReference{Kind: p.resource.Kind, Namespace: obj.GetNamespace(), Name: obj.GetName(), UID: obj.GetUID()}
	p.controller.recorder.Event(ref, e.Type, e.Reason, e.Message)
}

func (p *player) finalizers(item *play, s *CompiledStep, done func(error)) {
	if s.Finalizers == nil {
		done(nil)
		return
	}
	body := FinalizersPatch(item.object.GetFinalizers(), s.Finalizers)
	if body == nil {
		done(nil)
		return
	}
	p.send(item, p.request(item, api.VerbPatch, "", "", body), done)
}

func (p *player) patch(item *play, patch *CompiledPatch, done func(error)) {
	k := p.controller
	pod, isPod := item.object.(*corev1.Pod)
	if isPod {
		if n, ok := k.node(pod.Spec.NodeName); ok {
			k.pools.each(n, pod, (*pool).use)
		}
	}
	k.process.ChargeFunc(k.render, 1, func() {
		body, err := k.renderer.Compute(patch, item.object)
		if err != nil || body == nil {
			done(err)
			return
		}
		p.send(item, p.request(item, api.VerbPatch, patch.Subresource, patch.User, body), done)
	})
}

func (p *player) delete(item *play, done func(error)) {
	r := p.request(item, api.VerbDelete, "", "", nil)
	r.Delete = metav1.NewDeleteOptions(0)
	item.latest = nil
	p.controller.client.Start(r, func(_ *api.Response, err error) { done(err) })
}

func (p *player) request(item *play, verb api.Verb, subresource, user string, body *api.PatchBody) *api.Request {
	r := &api.Request{
		Verb: verb, Resource: p.resource, Namespace: item.object.GetNamespace(), Name: item.object.GetName(),
		Subresource: subresource, Patch: body,
	}
	if user != "" {
		r.User = &api.User{Name: user}
	}
	return r
}

func (p *player) send(item *play, r *api.Request, done func(error)) {
	p.controller.client.Start(r, func(response *api.Response, err error) {
		if err == nil {
			item.latest = response.Object
		}
		done(err)
	})
}

// retry puts the play back in line behind fresh ones.
func (p *player) retry(item *play) {
	d := min(retryBase<<min(item.retries, 20), retryCap)
	item.retries++
	d += time.Duration(p.controller.draws.Int63n(purposeBackoff, int64(d/retryJitterPart)))
	p.enqueue(item, 1, d)
}

// retryable reports whether KWOK tries again: the server was out of reach or overloaded. Anything else, such as a
// conflict or an object that is gone, it leaves to the next event.
func retryable(err error) bool {
	return client.IsConnectionRefused(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err)
}
