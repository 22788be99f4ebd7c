package client

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Recorder writes core/v1 Events, as kubelets and controllers do. Events queue for one sender, which correlates and
// sends them one at a time through the recorder's client and its limiter: a busy controller's events come late.
type Recorder struct {
	process   *host.Process
	component string
	host      string
	draws     *sim.Stream
	names     *eventClock
	sink      *sink
}

// NewRecorder returns a recorder, with a broadcaster of its own, whose events come from a component on a host; host is "" for
// components that are not of a node.
func NewRecorder(c *Client, p *host.Process, component, host string) *Recorder {
	draws := streamOf(p, "events/"+component)
	return &Recorder{process: p, component: component, host: host, draws: draws, names: eventClockOf(p), sink: newSink(c, p, draws)}
}

// WithComponent returns a recorder of another component that shares this one's queue and sender.
func (r *Recorder) WithComponent(component string) *Recorder {
	shared := *r
	shared.component = component
	return &shared
}

// Event records an event about obj, an API object or a *corev1.ObjectReference. eventType is Normal or Warning.
func (r *Recorder) Event(obj runtime.Object, eventType, reason, message string) {
	r.AnnotatedEvent(obj, nil, eventType, reason, message)
}

// Eventf is Event with a format.
func (r *Recorder) Eventf(obj runtime.Object, eventType, reason, format string, args ...any) {
	r.AnnotatedEvent(obj, nil, eventType, reason, fmt.Sprintf(format, args...))
}

// AnnotatedEvent is Event with annotations on the Event.
func (r *Recorder) AnnotatedEvent(obj runtime.Object, annotations map[string]string, eventType, reason, message string) {
	if eventType != corev1.EventTypeNormal && eventType != corev1.EventTypeWarning {
		panic(fmt.Sprintf("client: event type %q", eventType))
	}
	ref := Reference(obj)
	wall := r.process.Wall()
	now := moment{wall: wall}.time()
	r.sink.record(&corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name:        eventName(ref.Name, r.names.next(r.process), r.draws),
			Namespace:   eventNamespace(ref),
			Annotations: annotations,
		},
		InvolvedObject:      *ref,
		Reason:              reason,
		Message:             message,
		Source:              corev1.EventSource{Component: r.component, Host: r.host},
		FirstTimestamp:      now,
		LastTimestamp:       now,
		Count:               1,
		Type:                eventType,
		ReportingController: r.component,
		ReportingInstance:   r.host,
	})
}

// Pending is the number of events that wait for the sender or are being sent.
func (r *Recorder) Pending() int { return r.sink.pending() }

// raiseCount is the patch of an event that has occurred again.
func raiseCount(e *corev1.Event) *api.PatchBody {
	count, last, message := e.Count, e.LastTimestamp, e.Message
	return &api.PatchBody{
		Apply: func(old api.Object) (api.Object, error) {
			changed := api.Shallow(old.(*corev1.Event))
			changed.Count, changed.LastTimestamp, changed.Message = count, last, message
			return changed, nil
		},
		// {"count":12,"lastTimestamp":"2026-01-01T00:00:00Z","message":"..."}
		SizeBytes: 59 + len(message),
	}
}
