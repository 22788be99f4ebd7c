package client

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// The shortest and longest lifetime that a reflector asks for its watches, in seconds: each is drawn in between, so
// that watches opened together do not end together (client-go tools/cache/reflector.go).
const (
	minWatchSeconds = 300
	maxWatchSeconds = 600
)

// state is where a reflector stands in its cycle:
//
//	idle -> initial -> watching -> (watching ...) -> waiting -> initial -> ...
//	           \-> listing -/
type state uint8

const (
	stateIdle     state = iota // not started
	stateInitial               // WatchList: initial events stream in
	stateListing               // the server cannot stream the initial state: an ordinary list
	stateWatching              // in step with the server
	stateWaiting               // backing off
	stateStopped
)

// reflector keeps one informer in step with the server. It is client-go's Reflector turned inside out: each function
// is what happens on one event, and what happens next is in state and next.
type reflector struct {
	client   *Client
	informer *Informer
	draws    *sim.Stream
	delay    sim.Kind
	state    state
	next     func() // what to do after the wait
	timer    sim.Timer
	backoff  backoff

	// resourceVersion is the last one seen; unavailable says that the server no longer, or not yet, knows it.
	resourceVersion string
	unavailable     bool
	// listed is the resource version of the last list, for a bug.
	listed string
	bugs   bugs

	stream  *watching // the watch that is open, nil if none is
	retries int       // of the present open, after Retry-After
	list    *listing  // the list that is under way, nil if none is
	paged   bool      // the server has no cache and answers lists in pages
}

func (r *reflector) init(c *Client, i *Informer, what string) {
	r.client, r.informer = c, i
	r.draws = streamOf(c.process, "reflector/"+c.config.UserAgent+"/"+what)
	r.delay = c.process.Kind("client.reflector.delay", delayDue)
}

func (r *reflector) start() {
	if r.state != stateIdle {
		return
	}
	r.backoff = newBackoff(r.now())
	r.informer.observe(r.client.process)
	r.bugs = plantedIn(r.client.process)
	r.listAndWatch()
}

func (r *reflector) stop() {
	r.state = stateStopped
	r.client.process.Cancel(r.timer)
	r.list = nil
	if r.stream != nil {
		r.stream.abandon()
		r.stream = nil
	}
	if o := r.informer.observer; o != nil {
		o.End()
	}
}

func (r *reflector) now() sim.Monotonic { return r.client.process.Monotonic() }

// listAndWatch begins a cycle: the initial state by a stream, then changes on that same stream.
func (r *reflector) listAndWatch() {
	r.retries = 0
	r.openInitial()
}

// openInitial asks for everything as a stream that goes on as a watch (WatchList): consistent with the store the first
// time, and at least as new as what is known already when starting again.
func (r *reflector) openInitial() {
	r.state = stateInitial
	request := r.watchRequest()
	request.SendInitialEvents = true
	request.Match = metav1.ResourceVersionMatchNotOlderThan
	if !r.unavailable {
		request.ResourceVersion = r.resourceVersion
	}
	r.open(request)
}

// openWatch goes on from the last resource version seen.
func (r *reflector) openWatch() {
	r.state = stateWatching
	request := r.watchRequest()
	request.ResourceVersion = r.resumeFrom()
	r.open(request)
}

func (r *reflector) watchRequest() *api.Request {
	o := &r.informer.options
	return &api.Request{
		Verb: api.VerbWatch, Resource: r.informer.resource, Namespace: o.Namespace,
		LabelSelector: o.LabelSelector, FieldSelector: o.FieldSelector, AllowBookmarks: true,
		TimeoutSeconds: minWatchSeconds + r.draws.Int63n(purposeWatchTimeout, maxWatchSeconds-minWatchSeconds),
		User:           r.client.config.User, UserAgent: r.client.config.UserAgent,
	}
}

// reopen opens a watch of the present state again.
func (r *reflector) reopen() {
	if r.state == stateInitial {
		r.openInitial()
		return
	}
	r.openWatch()
}

// ended is the end of the open watch: nil where the server closed it in order.
func (r *reflector) ended(w *watching, err error) {
	r.stream = nil
	if w.received == 0 && r.retryOpen(w, err) {
		return
	}
	r.retries = 0
	if isBroken(err) {
		err = nil // client-go takes a broken connection for the end of the stream.
	}
	if err == nil && w.veryShort() {
		err = errVeryShortWatch
	}
	if r.state == stateInitial {
		r.initialEnded(err)
	} else {
		r.watchEnded(err)
	}
}

// retryOpen opens a watch again that the server refused with a Retry-After, or whose connection broke before there
// was an answer: rest.Request.Watch.
func (r *reflector) retryOpen(w *watching, err error) bool {
	wait, asked := serverAsksToWait(err)
	if !asked && isBroken(err) && w.veryShort() {
		wait, asked = retryAfterReset, true
	}
	if !asked || r.retries >= maxRetries {
		return false
	}
	r.retries++
	r.after(wait, r.takeToken)
	return true
}

// takeToken queues in the limiter, which watches do only when they are tried again.
func (r *reflector) takeToken() {
	limiter := r.client.config.Limiter
	if limiter == nil || limiter.take(r) {
		r.granted()
	}
}

func (r *reflector) granted() {
	if r.state != stateStopped {
		r.reopen()
	}
}

// initialEnded is the end of a WatchList before all initial events have come.
func (r *reflector) initialEnded(err error) {
	switch {
	case err == nil:
		r.openInitial()
	case isRetriable(err):
		r.afterBackoff(r.openInitial)
	case isExpired(err), isTooLarge(err):
		r.unavailable = true
		r.openInitial()
	default:
		r.startList()
	}
}

// watchEnded is the end of a watch in step.
func (r *reflector) watchEnded(err error) {
	switch {
	case err == nil:
		r.openWatch()
	case isRetriable(err):
		r.afterBackoff(r.openWatch)
	default: // Above all 410: the server has forgotten the resource version.
		r.endCycle()
	}
}

// endCycle starts over after a back-off.
func (r *reflector) endCycle() { r.afterBackoff(r.listAndWatch) }

// afterBackoff does next after a back-off, keeping in mind whether initial events or a watch come next.
func (r *reflector) afterBackoff(next func()) {
	r.after(r.backoff.step(r.now(), r.draws), next)
}

// after does next when d has passed, unless the reflector is stopped meanwhile.
func (r *reflector) after(d time.Duration, next func()) {
	r.next = next
	r.timer = r.client.process.At(d, 0, r.delay, 0, r)
}

func delayDue(_ uint64, ref any) {
	r := ref.(*reflector)
	next := r.next
	r.next, r.timer = nil, sim.Timer{}
	if next != nil && r.state != stateStopped {
		next()
	}
}

// scheduleResync shows everything to one handler again and again.
func (r *reflector) scheduleResync(h *handler) {
	p := r.client.process
	k := p.Kind("client.reflector.resync", resyncDue)
	p.At(h.Resync, 0, k, 0, h)
}

func resyncDue(_ uint64, ref any) {
	h := ref.(*handler)
	r := &h.informer.reflector
	if r.state == stateStopped {
		return
	}
	h.resync()
	r.scheduleResync(h)
}

// errVeryShortWatch ends a cycle whose watch was over within a second without an event: starting it again at once could
// go on for ever.
var errVeryShortWatch = errors.New("very short watch: unexpected watch close - watch lasted less than a second and no items received")

// isBroken reports that the other side broke the connection, which a decoder sees as the end of its input. A ping that
// nobody answered is another error, which wraps this one: client-go cannot tell what it may have missed then, and
// starts over.
func isBroken(err error) bool { return err == network.ErrReset }

// isRetriable reports that the server could not be asked or has no time: asking again loses nothing.
func isRetriable(err error) bool {
	return IsConnectionRefused(err) || apierrors.IsTooManyRequests(err)
}

// isExpired reports that the server no longer has the history since the resource version asked for.
func isExpired(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

// isTooLarge reports that the server does not yet know the resource version asked for.
func isTooLarge(err error) bool {
	return apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}
