package client

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// EventsV1Recorder writes events.k8s.io/v1 Events, as the scheduler does. Equal events become a series: the first is
// created, the second turns it into a series on the server, further ones are only counted until the series is
// refreshed or finished.
type EventsV1Recorder struct {
	process    *host.Process
	controller string
	instance   string
	draws      *sim.Stream
	names      *eventClock
	series     *seriesCache
}

// NewEventsV1Recorder returns a recorder with a broadcaster of its own. controller becomes the reportingController,
// instance the reportingInstance: upstream's is the controller, a hyphen and the host's name.
func NewEventsV1Recorder(c *Client, p *host.Process, controller, instance string) *EventsV1Recorder {
	draws := streamOf(p, "events.k8s.io/"+controller)
	return &EventsV1Recorder{
		process: p, controller: controller, instance: instance, draws: draws, names: eventClockOf(p), series: newSeriesCache(c, p, draws),
	}
}

// Eventf records an event about regarding, to which related (nil for nothing) has something to do. eventType is Normal
// or Warning.
func (r *EventsV1Recorder) Eventf(regarding, related runtime.Object, eventType, reason, action, note string, args ...any) {
	if eventType != corev1.EventTypeNormal && eventType != corev1.EventTypeWarning {
		panic(fmt.Sprintf("client: event type %q", eventType))
	}
	if len(args) > 0 {
		note = fmt.Sprintf(note, args...)
	}
	ref := Reference(regarding)
	e := &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name:      eventName(ref.Name, r.names.next(r.process), r.draws),
			Namespace: eventNamespace(ref),
		},
		EventTime:           NowMicro(r.process),
		ReportingController: r.controller,
		ReportingInstance:   r.instance,
		Action:              action,
		Reason:              reason,
		Regarding:           *ref,
		Note:                note,
		Type:                eventType,
	}
	if related != nil {
		e.Related = Reference(related)
	}
	r.series.record(e)
}

// Pending is the number of events being sent.
func (r *EventsV1Recorder) Pending() int { return r.series.sending }
