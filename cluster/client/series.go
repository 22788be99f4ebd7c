package client

import (
	"cmp"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// The life of a series (client-go tools/events/event_broadcaster.go): without a new event for finishTime it is over,
// and what goes on is written to the server every refreshTime.
const (
	finishTime            = 6 * time.Minute
	refreshTime           = 30 * time.Minute
	eventRetryJitterMilli = 250
)

// seriesKey makes events isomorphic: everything but the note and the time. The references hold the resource version,
// so an object that changes in between starts a new event.
type seriesKey struct {
	eventType, action, reason string
	controller, instance      string
	regarding, related        corev1.ObjectReference
}

// seriesCache knows the events of the last minutes. Unlike the core/v1 sink it sends events side by side: only the
// client's limiter puts them in a row. A sweep over all series holds the cache, as upstream's holds its mutex; events
// that come meanwhile wait.
type seriesCache struct {
	client  *Client
	process *host.Process
	draws   *sim.Stream
	events  map[seriesKey]*eventsv1.Event
	sending int

	sweeping bool
	held     []*eventsv1.Event
	kinds    struct{ retry, refresh, finish sim.Kind }
}

func newSeriesCache(c *Client, p *host.Process, draws *sim.Stream) *seriesCache {
	s := &seriesCache{client: c, process: p, draws: draws, events: map[seriesKey]*eventsv1.Event{}}
	s.kinds.retry = p.Kind("client.series.retry", seriesRetry)
	s.kinds.refresh = p.Kind("client.series.refresh", func(_ uint64, ref any) { ref.(*seriesCache).refresh() })
	s.kinds.finish = p.Kind("client.series.finish", func(_ uint64, ref any) { ref.(*seriesCache).finish() })
	p.At(refreshTime, 0, s.kinds.refresh, 0, s)
	p.At(finishTime, 0, s.kinds.finish, 0, s)
	return s
}

func keyOfSeries(e *eventsv1.Event) seriesKey {
	k := seriesKey{
		eventType: e.Type, action: e.Action, reason: e.Reason,
		controller: e.ReportingController, instance: e.ReportingInstance, regarding: e.Regarding,
	}
	if e.Related != nil {
		k.related = *e.Related
	}
	return k
}

// record takes an event, which the caller must not use again.
func (s *seriesCache) record(e *eventsv1.Event) {
	if s.sweeping {
		s.held = append(s.held, e)
		return
	}
	k := keyOfSeries(e)
	known := s.events[k]
	switch {
	case known == nil:
		s.events[k] = e
		s.attempt(e)
	case known.Series == nil:
		known = withSeries(known, 2, s.process)
		s.events[k] = known
		s.attempt(known)
	default: // The server hears of it at the next sweep.
		s.events[k] = withSeries(known, known.Series.Count+1, s.process)
	}
}

func withSeries(e *eventsv1.Event, count int32, p *host.Process) *eventsv1.Event {
	changed := api.Shallow(e)
	changed.Series = &eventsv1.EventSeries{Count: count, LastObservedTime: NowMicro(p)}
	return changed
}

// attempt sends an event, and again if the server cannot be reached.
func (s *seriesCache) attempt(e *eventsv1.Event) {
	s.sending++
	(&seriesAttempt{cache: s, event: e}).try()
}

// seriesAttempt is one event on its way.
type seriesAttempt struct {
	cache *seriesCache
	event *eventsv1.Event
	tries int
}

func (a *seriesAttempt) try() { a.cache.send(a.event, a.tried) }

func (a *seriesAttempt) tried(_ *eventsv1.Event, retry bool) {
	a.tries++
	if !retry || a.tries >= eventTries {
		a.cache.sending--
		return
	}
	wait := jitter(a.cache.draws, purposeEventRetry, eventSleep, eventRetryJitterMilli)
	a.cache.process.At(wait, 0, a.cache.kinds.retry, 0, a)
}

func seriesRetry(_ uint64, ref any) { ref.(*seriesAttempt).try() }

// send writes an event once: a series by patch, or anew if the server has lost it. done gets what the server made of it, or
// whether to try again.
func (s *seriesCache) send(e *eventsv1.Event, done func(recorded *eventsv1.Event, retry bool)) {
	if e.Series == nil {
		s.create(e, done)
		return
	}
	s.client.Start(&api.Request{
		Verb: api.VerbPatch, Resource: api.EventsV1, Namespace: e.Namespace, Name: e.Name, Patch: setSeries(e.Series),
	}, func(response *api.Response, err error) {
		if apierrors.IsNotFound(err) {
			s.create(e, done)
			return
		}
		judge(e, response, err, done)
	})
}

func (s *seriesCache) create(e *eventsv1.Event, done func(*eventsv1.Event, bool)) {
	fresh := api.Shallow(e)
	fresh.ResourceVersion = ""
	s.client.Start(&api.Request{
		Verb: api.VerbCreate, Resource: api.EventsV1, Namespace: e.Namespace, Name: e.Name, Object: fresh,
	}, func(response *api.Response, err error) { judge(e, response, err, done) })
}

func judge(e *eventsv1.Event, response *api.Response, err error, done func(*eventsv1.Event, bool)) {
	switch {
	case err == nil:
		done(response.Object.(*eventsv1.Event), false)
	case !IsStatus(err):
		done(nil, true)
	default:
		// A series whose first event is still on its way was not there to be patched and is there now.
		done(nil, e.Series != nil && apierrors.IsAlreadyExists(err))
	}
}

// setSeries is the patch of an event that has become, or goes on as, a series.
func setSeries(series *eventsv1.EventSeries) *api.PatchBody {
	return &api.PatchBody{
		Apply: func(old api.Object) (api.Object, error) {
			changed := api.Shallow(old.(*eventsv1.Event))
			changed.Series = series
			return changed, nil
		},
		// {"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:00.000000Z"}}
		SizeBytes: 71,
	}
}

// refresh writes every series to the server, so that it does not expire there.
func (s *seriesCache) refresh() {
	var due []seriesKey
	for _, k := range s.sortedKeys() {
		if s.events[k].Series != nil {
			due = append(due, k)
		}
	}
	s.sweep(due, func(k seriesKey, recorded *eventsv1.Event) {
		if recorded != nil {
			s.events[k] = recorded
		}
	}, func() { s.process.At(refreshTime, 0, s.kinds.refresh, 0, s) })
}

// finish forgets what has not been seen for a while, series with their last count on the server.
func (s *seriesCache) finish() {
	old := s.process.Wall().Time().Add(-finishTime)
	var due []seriesKey
	for _, k := range s.sortedKeys() {
		switch e := s.events[k]; {
		case e.Series != nil && e.Series.LastObservedTime.Time.Before(old):
			due = append(due, k)
		case e.Series == nil && e.EventTime.Time.Before(old):
			delete(s.events, k)
		}
	}
	s.sweep(due, func(k seriesKey, _ *eventsv1.Event) { delete(s.events, k) },
		func() { s.process.At(finishTime, 0, s.kinds.finish, 0, s) })
}

// sweep sends the events of some keys one after the other; sent is called for those that need no other try. New
// events are held back until it is through.
func (s *seriesCache) sweep(keys []seriesKey, sent func(seriesKey, *eventsv1.Event), through func()) {
	if s.sweeping { // The other sweep has the cache; look again when it may be through.
		s.process.After(time.Second, func() { s.sweep(keys, sent, through) })
		return
	}
	s.sweeping = true
	s.sweepFrom(keys, sent, through)
}

func (s *seriesCache) sweepFrom(keys []seriesKey, sent func(seriesKey, *eventsv1.Event), through func()) {
	for len(keys) > 0 && s.events[keys[0]] == nil {
		keys = keys[1:]
	}
	if len(keys) == 0 {
		s.sweeping = false
		through()
		s.releaseHeld()
		return
	}
	k := keys[0]
	s.send(s.events[k], func(recorded *eventsv1.Event, retry bool) {
		if !retry {
			sent(k, recorded)
		}
		s.sweepFrom(keys[1:], sent, through)
	})
}

func (s *seriesCache) releaseHeld() {
	held := s.held
	s.held = nil
	for _, e := range held {
		s.record(e)
	}
}

// sortedKeys orders the cache by namespace and name of the events. Upstream goes through a map.
func (s *seriesCache) sortedKeys() []seriesKey {
	keys := slices.Collect(maps.Keys(s.events)) //sim:unordered sorted on the next line
	slices.SortFunc(keys, func(a, b seriesKey) int {
		x, y := s.events[a], s.events[b]
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	return keys
}
