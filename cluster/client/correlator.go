package client

import (
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// The correlator's numbers (client-go tools/record/events_cache.go).
const (
	correlatorEntries = 4096
	aggregateAt       = 10               // similar events ...
	aggregateWithin   = 10 * time.Minute // ... each at most so long after the one before
	spamBurst         = 25               // events about one object from one source
	spamInterval      = 5 * time.Minute  // after that, one each
	aggregatePrefix   = "(combined from similar events): "
)

// moment is one instant on both of a process's clocks: names and timestamps come from the wall clock, intervals from
// the monotonic one.
type moment struct {
	wall      sim.Wall
	monotonic sim.Monotonic
}

func (m moment) time() metav1.Time {
	return metav1.Time{Time: m.wall.Time().Truncate(time.Second)}
}

// correlator decides what becomes of an event before it is sent: a new one, one more of an old one, one of a group of
// similar ones, or nothing. It is free of side effects but for its memory.
type correlator struct {
	aggregates *lru[eventKey, aggregate]
	counts     *lru[eventKey, eventCount]
	spam       *lru[spamKey, level]
}

// eventKey tells events apart. Aggregates leave out message and field path, and add the reporter.
type eventKey struct {
	source    corev1.EventSource
	kind      string
	namespace string
	name      string
	fieldPath string
	uid       string
	version   string
	eventType string
	reason    string
	message   string
	reporter  string
	instance  string
	aggregate bool
}

// hash leaves out what hardly ever tells two events of one recorder apart.
func (k *eventKey) hash() uint64 {
	h := hashString(hashString(hashString(0, k.name), k.reason), k.message)
	return hashString(hashString(hashString(h, k.fieldPath), k.namespace), k.uid)
}

// spamKey is what the spam filter counts by.
type spamKey struct {
	source                                     corev1.EventSource
	kind, namespace, name, uid, version, event string
}

func (k *spamKey) hash() uint64 {
	return hashString(hashString(hashString(hashString(0, k.name), k.namespace), k.uid), k.event)
}

// aggregate is the memory of one group of similar events.
type aggregate struct {
	messages []string // distinct ones, below aggregateAt
	last     sim.Monotonic
}

// eventCount is the memory of one event.
type eventCount struct {
	count int32
	first metav1.Time
	name  string
}

// correlated is the correlator's verdict.
type correlated struct {
	event   *corev1.Event
	patch   bool // the event exists: raise its count
	dropped bool
}

func newCorrelator() *correlator {
	return &correlator{
		aggregates: newLRU[eventKey, aggregate](correlatorEntries, (*eventKey).hash),
		counts:     newLRU[eventKey, eventCount](correlatorEntries, (*eventKey).hash),
		spam:       newLRU[spamKey, level](correlatorEntries, (*spamKey).hash),
	}
}

// correlate takes an event on its way out. The order matters: an event that the spam filter drops has been counted.
func (c *correlator) correlate(e *corev1.Event, now moment) correlated {
	e, k := c.aggregate(e, now)
	e, known := c.count(e, k)
	if !c.admit(e, now) {
		return correlated{dropped: true}
	}
	return correlated{event: e, patch: known}
}

// observe takes over what the server made of an event.
func (c *correlator) observe(e *corev1.Event) {
	k := fullKey(e)
	seen, _ := c.counts.place(&k)
	*seen = eventCount{count: e.Count, first: e.FirstTimestamp, name: e.Name}
}

func fullKey(e *corev1.Event) eventKey {
	o := &e.InvolvedObject
	return eventKey{
		source: e.Source, kind: o.Kind, namespace: o.Namespace, name: o.Name, fieldPath: o.FieldPath,
		uid: string(o.UID), version: o.APIVersion, eventType: e.Type, reason: e.Reason, message: e.Message,
	}
}

func groupKey(e *corev1.Event) eventKey {
	k := fullKey(e)
	k.fieldPath, k.message = "", ""
	k.reporter, k.instance, k.aggregate = e.ReportingController, e.ReportingInstance, true
	return k
}

// aggregate returns e, or in its place one event that stands for all of a group that differ in their message only.
func (c *correlator) aggregate(e *corev1.Event, now moment) (*corev1.Event, eventKey) {
	group := groupKey(e)
	a, known := c.aggregates.place(&group)
	if known && now.monotonic.Sub(a.last) > aggregateWithin {
		*a = aggregate{}
	}
	a.last = now.monotonic
	if !slices.Contains(a.messages, e.Message) {
		a.messages = append(a.messages, e.Message)
	}
	if len(a.messages) < aggregateAt {
		return e, fullKey(e)
	}
	// The group never grows past its limit: client-go forgets one message, whichever its map gives first. Forgetting the
	// newest is one of its outcomes, and needs no draw.
	a.messages = a.messages[:len(a.messages)-1]
	return combined(e, now), group
}

// combined stands for a group. It has no reporter, as in client-go.
func combined(e *corev1.Event, now moment) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name:      e.InvolvedObject.Name + "." + strconv.FormatInt(int64(now.wall), 16),
			Namespace: e.Namespace,
		},
		InvolvedObject: e.InvolvedObject,
		Reason:         e.Reason,
		Message:        aggregatePrefix + e.Message,
		Source:         e.Source,
		FirstTimestamp: now.time(),
		LastTimestamp:  now.time(),
		Count:          1,
		Type:           e.Type,
	}
}

// count returns e, or if the same was sent before a copy under the earlier one's name that counts one more.
func (c *correlator) count(e *corev1.Event, k eventKey) (_ *corev1.Event, known bool) {
	seen, _ := c.counts.place(&k)
	if seen.count > 0 {
		known, e = true, api.Shallow(e)
		e.Name, e.FirstTimestamp, e.Count = seen.name, seen.first, seen.count+1
	}
	*seen = eventCount{count: e.Count, first: e.FirstTimestamp, name: e.Name}
	return e, known
}

// admit is the spam filter.
func (c *correlator) admit(e *corev1.Event, now moment) bool {
	o := &e.InvolvedObject
	k := spamKey{
		source: e.Source, kind: o.Kind, namespace: o.Namespace, name: o.Name, uid: string(o.UID), version: o.APIVersion, event: e.Type,
	}
	bucket, known := c.spam.place(&k)
	if !known {
		// One unit a nanosecond, a token every spamInterval.
		full := spamBurst * int64(spamInterval)
		*bucket = level{units: full, capacity: full, rate: 1, cost: int64(spamInterval), at: now.monotonic}
	}
	return bucket.tryTake(now.monotonic)
}
