package registry

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// eventTTL is how long an Event is kept (kube-apiserver --event-ttl).
const eventTTL = time.Hour

func eventEntries() []*Entry {
	return []*Entry{{
		Resource:    api.Events,
		TTL:         eventTTL,
		uncollected: true,
		name:        subdomainName,
		validate:    with(validateEvent),
		selectable:  eventFields,
		value:       eventField,
		columns:     eventColumns,
	}, {
		Resource:    api.EventsV1,
		Storage:     api.Events,
		TTL:         eventTTL,
		uncollected: true,
		name:        subdomainName,
		toStorage:   func(o api.Object) api.Object { return eventToCore(o.(*eventsv1.Event)) },
		fromStorage: func(o api.Object) api.Object { return EventFromCore(o.(*corev1.Event)) },
		validate:    with(validateEventV1),
		update:      both(validateEventV1Update),
		selectable:  eventFields,
		value:       eventField,
		columns:     eventColumns,
	}}
}

var eventFields = []string{"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
	"involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
	"reportingComponent", "source", "type"}

// eventField reads a stored (core) event.
func eventField(obj api.Object, name string) string {
	e := obj.(*corev1.Event)
	switch name {
	case "involvedObject.kind":
		return e.InvolvedObject.Kind
	case "involvedObject.namespace":
		return e.InvolvedObject.Namespace
	case "involvedObject.name":
		return e.InvolvedObject.Name
	case "involvedObject.uid":
		return string(e.InvolvedObject.UID)
	case "involvedObject.apiVersion":
		return e.InvolvedObject.APIVersion
	case "involvedObject.resourceVersion":
		return e.InvolvedObject.ResourceVersion
	case "involvedObject.fieldPath":
		return e.InvolvedObject.FieldPath
	case "reason":
		return e.Reason
	case "reportingComponent":
		return e.ReportingController
	case "source":
		if e.Source.Component != "" {
			return e.Source.Component
		}
		return e.ReportingController
	}
	return e.Type
}

// eventToCore converts to the stored form.
func eventToCore(e *eventsv1.Event) *corev1.Event {
	c := &corev1.Event{
		ObjectMeta: e.ObjectMeta, InvolvedObject: e.Regarding, Related: e.Related, Reason: e.Reason, Message: e.Note,
		Source: e.DeprecatedSource, FirstTimestamp: e.DeprecatedFirstTimestamp, LastTimestamp: e.DeprecatedLastTimestamp,
		Count: e.DeprecatedCount, Type: e.Type, EventTime: e.EventTime, Action: e.Action,
		ReportingController: e.ReportingController, ReportingInstance: e.ReportingInstance,
	}
	if e.Series != nil {
		c.Series = &corev1.EventSeries{Count: e.Series.Count, LastObservedTime: e.Series.LastObservedTime}
	}
	return c
}

// EventFromCore shows a stored event as events.k8s.io/v1.
func EventFromCore(c *corev1.Event) *eventsv1.Event {
	e := &eventsv1.Event{
		ObjectMeta: c.ObjectMeta, Regarding: c.InvolvedObject, Related: c.Related, Reason: c.Reason, Note: c.Message,
		DeprecatedSource: c.Source, DeprecatedFirstTimestamp: c.FirstTimestamp, DeprecatedLastTimestamp: c.LastTimestamp,
		DeprecatedCount: c.Count, Type: c.Type, EventTime: c.EventTime, Action: c.Action,
		ReportingController: c.ReportingController, ReportingInstance: c.ReportingInstance,
	}
	if c.Series != nil {
		e.Series = &eventsv1.EventSeries{Count: c.Series.Count, LastObservedTime: c.Series.LastObservedTime}
	}
	return e
}

// validateEvent is the lenient check of core/v1: the event lies in the namespace of its object, or in default.
func validateEvent(e *corev1.Event) field.ErrorList {
	return eventNamespace(e.Namespace, e.InvolvedObject.Namespace)
}

func eventNamespace(namespace, involved string) field.ErrorList {
	if involved == namespace || involved == "" && (namespace == metav1.NamespaceDefault || namespace == metav1.NamespaceSystem) {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("involvedObject", "namespace"), involved, "does not match event.namespace")}
}

// Limits of events.k8s.io/v1 (k8s.io/kubernetes pkg/apis/core/validation/events.go).
const (
	maxEventWord     = 128
	maxEventNote     = 1024
	eventTypeMessage = "has invalid value: "
)

// validateEventV1 is the strict check of events.k8s.io/v1.
func validateEventV1(e *eventsv1.Event) field.ErrorList {
	var errs field.ErrorList
	require := func(name, value string, limit int) {
		switch {
		case value == "":
			errs = append(errs, field.Required(field.NewPath(name), ""))
		case len(value) > limit:
			errs = append(errs, field.Invalid(field.NewPath(name), "", "can have at most "+itoa(limit)+" characters"))
		}
	}
	if e.EventTime.IsZero() {
		errs = append(errs, field.Required(field.NewPath("eventTime"), ""))
	}
	if e.Type != corev1.EventTypeNormal && e.Type != corev1.EventTypeWarning {
		errs = append(errs, field.Invalid(field.NewPath("type"), "", eventTypeMessage+e.Type))
	}
	if !isQualified(e.ReportingController) {
		errs = append(errs, checkQualified(e.ReportingController, field.NewPath("reportingController"))...)
	}
	require("reportingInstance", e.ReportingInstance, maxEventWord)
	require("action", e.Action, maxEventWord)
	require("reason", e.Reason, maxEventWord)
	if len(e.Note) > maxEventNote {
		errs = append(errs, field.Invalid(field.NewPath("message"), "", "can have at most "+itoa(maxEventNote)+" characters"))
	}
	if e.Series != nil && e.Series.Count < 2 {
		errs = append(errs, field.Invalid(field.NewPath("").Child("series", "count"), "", "should be at least 2"))
	}
	return append(errs, eventNamespace(e.Namespace, e.Regarding.Namespace)...)
}

// validateEventV1Update lets only the series and metadata change.
func validateEventV1Update(e, old *eventsv1.Event) field.ErrorList {
	a := api.Shallow(e)
	a.ObjectMeta, a.Series = old.ObjectMeta, old.Series
	if api.Equal(a, old) {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath(""), "", fieldImmutable)}
}
