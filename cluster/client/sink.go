package client

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// How both event machines deal with a server that does not answer (client-go tools/record/event.go and
// tools/events/event_broadcaster.go): twelve tries, ten seconds apart, and at most 1000 events wait.
const (
	eventTries     = 12
	eventSleep     = 10 * time.Second
	maxQueueEvents = 1000
)

// sink sends core/v1 events one at a time: a state machine over the queue, the request and the wait between tries.
type sink struct {
	client     *Client
	process    *host.Process
	draws      *sim.Stream
	correlator *correlator
	retry      sim.Kind

	queue []*corev1.Event
	head  int
	// What is being sent.
	busy  bool
	event *corev1.Event
	patch bool
	tries int
}

func newSink(c *Client, p *host.Process, draws *sim.Stream) *sink {
	return &sink{
		client: c, process: p, draws: draws, correlator: newCorrelator(),
		retry: p.Kind("client.events.retry", sinkRetry),
	}
}

func (s *sink) pending() int {
	n := len(s.queue) - s.head
	if s.busy {
		n++
	}
	return n
}

// record queues an event, or drops it if too many wait.
func (s *sink) record(e *corev1.Event) {
	if len(s.queue)-s.head >= maxQueueEvents {
		return
	}
	s.queue = append(s.queue, e)
	if !s.busy {
		s.next()
	}
}

// next takes events from the queue until one has to be sent.
func (s *sink) next() {
	s.busy = false
	for s.head < len(s.queue) {
		e := s.pop()
		result := s.correlator.correlate(e, moment{s.process.Wall(), s.process.Monotonic()})
		if result.dropped {
			continue
		}
		s.busy, s.event, s.patch, s.tries = true, result.event, result.patch, 0
		s.send()
		return
	}
	s.event = nil
}

func (s *sink) pop() *corev1.Event {
	e := s.queue[s.head]
	s.queue[s.head] = nil
	s.head++
	if s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	}
	return e
}

func (s *sink) send() {
	if !s.patch {
		s.create()
		return
	}
	e := s.event
	s.client.Start(&api.Request{
		Verb: api.VerbPatch, Resource: api.Events, Namespace: e.Namespace, Name: e.Name, Patch: raiseCount(e),
	}, func(response *api.Response, err error) {
		if apierrors.IsNotFound(err) { // It has expired, or somebody has deleted it.
			s.create()
			return
		}
		s.sent(response, err)
	})
}

func (s *sink) create() {
	s.client.Start(&api.Request{
		Verb: api.VerbCreate, Resource: api.Events, Namespace: s.event.Namespace, Name: s.event.Name, Object: s.event,
	}, s.sent)
}

func (s *sink) sent(response *api.Response, err error) {
	if err == nil {
		s.correlator.observe(response.Object.(*corev1.Event))
		s.next()
		return
	}
	s.tries++
	// A status is a verdict: the event is malformed, or its namespace is going.
	if IsStatus(err) || s.tries >= eventTries {
		s.next()
		return
	}
	wait := eventSleep
	if s.tries == 1 { // So that clients do not all come back at once to a server that was down.
		wait = time.Duration(s.draws.Int63n(purposeEventRetry, int64(eventSleep)))
	}
	s.process.At(wait, 0, s.retry, 0, s)
}

func sinkRetry(_ uint64, ref any) { ref.(*sink).send() }
