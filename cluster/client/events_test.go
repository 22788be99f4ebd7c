package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// eventStore keeps events by name, as a server does.
type eventStore struct {
	events   map[string]api.Object
	requests []string // verb and name's first part
	refuse   func(r *api.Request) error
}

func (s *eventStore) answer(r *api.Request) (*api.Response, error) {
	s.requests = append(s.requests, fmt.Sprintf("%s %s", r.Verb, strings.SplitN(r.Name, ".", 2)[0]))
	if s.refuse != nil {
		if err := s.refuse(r); err != nil {
			return nil, err
		}
	}
	if s.events == nil {
		s.events = map[string]api.Object{}
	}
	k := api.Key(r.Namespace, r.Name)
	old := s.events[k]
	switch {
	case r.Verb == api.VerbCreate && old != nil:
		return nil, apierrors.NewAlreadyExists(r.Resource.GroupResource(), r.Name)
	case r.Verb == api.VerbCreate:
		s.events[k] = r.Object
	case old == nil:
		return nil, apierrors.NewNotFound(r.Resource.GroupResource(), r.Name)
	default:
		changed, err := r.Patch.Apply(old)
		if err != nil {
			return nil, err
		}
		s.events[k] = changed
	}
	return &api.Response{Object: s.events[k]}, nil
}

func (s *eventStore) only(t *testing.T) api.Object {
	t.Helper()
	if len(s.events) != 1 {
		t.Fatalf("%d events", len(s.events))
	}
	for _, e := range s.events {
		return e
	}
	return nil
}

func TestEventsEqualThoseOfARealControlPlane(t *testing.T) {
	recording, err := os.ReadFile("testdata/event-requests.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(recording) {
		var want map[string]any
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if got := recordAgain(t, line, want); !reflect.DeepEqual(got, want) {
			t.Errorf("sent\n%v\nrecorded\n%v", got, want)
		}
	}
}

// recordAgain makes a recorder record what the recorded request was about, at the instant that it happened, and
// returns what was sent.
func recordAgain(t *testing.T, line []byte, want map[string]any) map[string]any {
	name := want["metadata"].(map[string]any)["name"].(string)
	nanos, err := strconv.ParseInt(name[strings.LastIndexByte(name, '.')+1:], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	var core corev1.Event
	var v1 eventsv1.Event
	newAPI := want["apiVersion"] == "events.k8s.io/v1"
	if newAPI {
		err = json.Unmarshal(line, &v1)
	} else {
		err = json.Unmarshal(line, &core)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := sim.New(sim.Config{Start: time.Unix(0, nanos)})
	defer s.Close()
	n := network.New(s, network.Config{})
	store := &eventStore{}
	host.NewMachine(s, host.Config{Name: "cp-1"}).Spawn("server", func(p *host.Process) {
		n.Listen(p, fakeAddress, &fakeServer{unary: store.answer, p: p})
	})
	host.NewMachine(s, host.Config{Name: "vm"}).Spawn("client", func(p *host.Process) {
		c := New(p, Config{Network: n, Server: fakeAddress})
		if newAPI {
			NewEventsV1Recorder(c, p, v1.ReportingController, v1.ReportingInstance).
				Eventf(about(v1.Regarding), nil, v1.Type, v1.Reason, v1.Action, "%s", v1.Note)
			return
		}
		r := NewRecorder(c, p, core.Source.Component, core.Source.Host)
		message, combined := strings.CutPrefix(core.Message, aggregatePrefix)
		if combined {
			for i := range 9 {
				r.sink.correlator.correlate(&corev1.Event{
					InvolvedObject: core.InvolvedObject, Reason: core.Reason, Type: core.Type, Source: core.Source, Message: fmt.Sprint(i),
					ReportingController: core.Source.Component,
				}, moment{p.Wall(), p.Monotonic()})
			}
		}
		r.Eventf(about(core.InvolvedObject), core.Type, core.Reason, "%s", message)
	})
	if err := s.Run(sim.Time(time.Second)); err != nil {
		t.Fatal(err)
	}
	sent, err := api.Encode(store.only(t))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(sent, &got); err != nil {
		t.Fatal(err)
	}
	if newAPI { // The recorded process read its clock twice.
		if v1.EventTime.Sub(time.Unix(0, nanos)).Abs() > time.Millisecond {
			t.Errorf("eventTime %v, name of %v", v1.EventTime, time.Unix(0, nanos))
		}
		got["eventTime"] = want["eventTime"]
	}
	return got
}

// about returns an object that the reference refers to, or the reference if it cannot come from an object.
func about(ref corev1.ObjectReference) runtime.Object {
	r := api.ForKind(ref.APIVersion, ref.Kind)
	if ref.ResourceVersion == "" {
		return &ref
	}
	o := r.New()
	o.SetNamespace(ref.Namespace)
	o.SetName(ref.Name)
	o.SetUID(ref.UID)
	o.SetResourceVersion(ref.ResourceVersion)
	return o
}

// onRecorder runs body with a core/v1 recorder before a store, for some time.
func onRecorder(t *testing.T, store *eventStore, until time.Duration, limiter bool, body func(p *host.Process, r *Recorder)) *world {
	server := &fakeServer{unary: store.answer}
	w := newWorld(t, server, func(w *world, p *host.Process) {
		config := Config{}
		if limiter {
			config.Limiter = NewTokenBucket(p, 20_000, 30)
		}
		body(p, NewRecorder(w.client(p, config), p, "kubelet", "node-1"))
	})
	w.run(t, until)
	return w
}

func TestEqualEventsRaiseACountByPatch(t *testing.T) {
	store := &eventStore{}
	onRecorder(t, store, time.Minute, false, func(p *host.Process, r *Recorder) {
		for i := range 3 {
			p.After(time.Duration(i)*10*time.Second, func() { r.Event(podAt("1", "web", ""), "Warning", "BackOff", "again") })
		}
	})
	if want := []string{"create web", "patch web", "patch web"}; !slices.Equal(store.requests, want) {
		t.Errorf("%q", store.requests)
	}
	e := store.only(t).(*corev1.Event)
	if e.Count != 3 || e.LastTimestamp.Sub(e.FirstTimestamp.Time) != 20*time.Second || e.Source.Host != "node-1" || e.ReportingInstance != "node-1" {
		t.Errorf("%+v", e)
	}
}

func TestEventsAreSentOneAtATimeThroughTheClientsBucket(t *testing.T) {
	store := &eventStore{}
	var done []time.Duration
	store.refuse = nil
	onRecorder(t, store, time.Minute, true, func(p *host.Process, r *Recorder) {
		for i := range 60 {
			r.Event(podAt("1", fmt.Sprint("p", i), ""), "Normal", "Created", "m")
		}
		var look func()
		look = func() {
			if r.Pending() == 0 {
				done = append(done, time.Duration(p.Monotonic()))
				return
			}
			p.After(10*time.Millisecond, look)
		}
		look()
	})
	if len(done) != 1 || done[0] < 1500*time.Millisecond || done[0] > 1560*time.Millisecond {
		t.Errorf("60 events of a bucket of 20/30 sent after %v", done)
	}
}

func TestAPatchOfAnEventThatIsGoneCreatesItAnew(t *testing.T) {
	store := &eventStore{}
	onRecorder(t, store, time.Minute, false, func(p *host.Process, r *Recorder) {
		r.Event(podAt("1", "web", ""), "Warning", "BackOff", "again")
		p.After(10*time.Second, func() {
			clear(store.events) // expired
			r.Event(podAt("1", "web", ""), "Warning", "BackOff", "again")
		})
	})
	if want := []string{"create web", "patch web", "create web"}; !slices.Equal(store.requests, want) {
		t.Errorf("%q", store.requests)
	}
	if e := store.only(t).(*corev1.Event); e.Count != 2 {
		t.Errorf("count %d", e.Count)
	}
}

func TestAnEventIsTriedTwelveTimesAndAVerdictOnlyOnce(t *testing.T) {
	store := &eventStore{}
	w := onRecorder(t, store, 0, false, func(p *host.Process, r *Recorder) {
		r.Event(podAt("1", "first", ""), "Normal", "Created", "m")
		p.After(30*time.Minute, func() { r.Event(podAt("1", "second", ""), "Normal", "Created", "m") })
	})
	w.process.Kill() // Connections are refused, which is no verdict.
	w.run(t, 10*time.Minute)
	w.process.Start()
	w.run(t, 29*time.Minute)
	if len(store.requests) != 0 {
		t.Errorf("sent after twelve tries, 110 to 120 s: %q", store.requests)
	}
	store.refuse = func(*api.Request) error {
		return apierrors.NewForbidden(api.Events.GroupResource(), "x", errors.New("namespace is being terminated"))
	}
	w.run(t, time.Hour)
	if want := []string{"create second"}; !slices.Equal(store.requests, want) {
		t.Errorf("%q", store.requests)
	}
}

func TestAServerThatComesBackGetsTheEvent(t *testing.T) {
	store := &eventStore{}
	w := onRecorder(t, store, 0, false, func(p *host.Process, r *Recorder) {
		r.Event(podAt("1", "first", ""), "Normal", "Created", "m")
		r.Event(podAt("1", "second", ""), "Normal", "Created", "m")
	})
	w.process.Restart(time.Minute)
	w.run(t, 80*time.Second)
	if want := []string{"create first", "create second"}; !slices.Equal(store.requests, want) {
		t.Errorf("%q", store.requests)
	}
}

func TestTooManyEventsAreDropped(t *testing.T) {
	store := &eventStore{}
	onRecorder(t, store, time.Minute, false, func(p *host.Process, r *Recorder) {
		for i := range 1500 {
			r.Event(podAt("1", fmt.Sprint("p", i), ""), "Normal", "Created", "m")
		}
		if r.Pending() != 1001 {
			t.Errorf("%d wait", r.Pending())
		}
	})
	if len(store.events) != 1001 {
		t.Errorf("%d sent", len(store.events))
	}
}

func TestEventsAboutClusterScopedObjectsLiveInDefault(t *testing.T) {
	store := &eventStore{}
	onRecorder(t, store, time.Second, false, func(p *host.Process, r *Recorder) {
		r.Event(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", UID: "u"}}, "Normal", "NodeReady", "m")
	})
	e := store.only(t).(*corev1.Event)
	if e.Namespace != "default" || e.InvolvedObject.Namespace != "" || e.InvolvedObject.Kind != "Node" || e.InvolvedObject.APIVersion != "v1" {
		t.Errorf("%+v", e)
	}
}

// onSeries runs body with an events.k8s.io recorder before a store, for some time.
func onSeries(t *testing.T, store *eventStore, until time.Duration, body func(p *host.Process, r *EventsV1Recorder)) *world {
	server := &fakeServer{unary: store.answer}
	w := newWorld(t, server, func(w *world, p *host.Process) {
		body(p, NewEventsV1Recorder(w.client(p, Config{}), p, "default-scheduler", "default-scheduler-vm"))
	})
	w.run(t, until)
	return w
}

func failScheduling(r *EventsV1Recorder, resourceVersion string) {
	r.Eventf(podAt(resourceVersion, "web", ""), nil, "Warning", "FailedScheduling", "Scheduling", "0/%d nodes", 3)
}

func TestASecondEqualEventMakesASeriesAndFurtherOnesAreKeptBack(t *testing.T) {
	store := &eventStore{}
	w := onSeries(t, store, 4*time.Minute, func(p *host.Process, r *EventsV1Recorder) {
		for i := range 4 {
			p.After(time.Duration(i)*time.Minute, func() { failScheduling(r, "1") })
		}
	})
	if want := []string{"create web", "patch web"}; !slices.Equal(store.requests, want) {
		t.Fatalf("%q", store.requests)
	}
	e := store.only(t).(*eventsv1.Event)
	if e.Series.Count != 2 || e.Series.LastObservedTime.Sub(e.EventTime.Time) != time.Minute || e.Note != "0/3 nodes" {
		t.Errorf("%+v", e)
	}
	// Last seen after three minutes: the first look that finds it six minutes old, at twelve, writes it for the last time.
	w.run(t, 13*time.Minute)
	e = store.only(t).(*eventsv1.Event)
	if len(store.requests) != 3 || e.Series.Count != 4 || e.Series.LastObservedTime.Sub(e.EventTime.Time) != 3*time.Minute {
		t.Errorf("%q %+v", store.requests, e.Series)
	}
}

func TestASeriesThatGoesOnIsRefreshedEveryHalfHour(t *testing.T) {
	store := &eventStore{}
	onSeries(t, store, 61*time.Minute, func(p *host.Process, r *EventsV1Recorder) {
		for i := range 61 {
			p.After(time.Duration(i)*time.Minute, func() { failScheduling(r, "1") })
		}
	})
	if want := []string{"create web", "patch web", "patch web", "patch web"}; !slices.Equal(store.requests, want) {
		t.Fatalf("%q", store.requests)
	}
	if e := store.only(t).(*eventsv1.Event); e.Series.Count != 61 {
		t.Errorf("count %d", e.Series.Count)
	}
}

func TestAnEventAfterSixQuietMinutesIsANewOne(t *testing.T) {
	store := &eventStore{}
	onSeries(t, store, time.Hour, func(p *host.Process, r *EventsV1Recorder) {
		failScheduling(r, "1")
		p.After(13*time.Minute, func() { failScheduling(r, "1") })
	})
	if len(store.events) != 2 || len(store.requests) != 2 {
		t.Errorf("%q", store.requests)
	}
}

func TestAChangedObjectStartsANewEvent(t *testing.T) {
	store := &eventStore{}
	onSeries(t, store, time.Minute, func(p *host.Process, r *EventsV1Recorder) {
		failScheduling(r, "1")
		p.After(time.Second, func() { failScheduling(r, "2") })
	})
	if len(store.events) != 2 {
		t.Errorf("%q", store.requests)
	}
}

func TestASeriesInANamespaceThatIsGoneIsGivenUp(t *testing.T) {
	store := &eventStore{}
	w := onSeries(t, store, time.Minute, func(p *host.Process, r *EventsV1Recorder) {
		failScheduling(r, "1")
		p.After(time.Second, func() { failScheduling(r, "1") })
	})
	store.refuse = func(r *api.Request) error { return apierrors.NewNotFound(r.Resource.GroupResource(), r.Name) }
	w.run(t, time.Hour)
	// As recorded in the namespace-delete scenario: the last patch and the creation in its place are both refused.
	if want := []string{"create web", "patch web", "patch web", "create web"}; !slices.Equal(store.requests, want) {
		t.Errorf("%q", store.requests)
	}
}

func TestSeriesEventsWaitWhileASweepHoldsTheCache(t *testing.T) {
	store := &eventStore{}
	server := &fakeServer{unary: store.answer}
	newWorld(t, server, func(w *world, p *host.Process) {
		r := NewEventsV1Recorder(w.client(p, Config{}), p, "default-scheduler", "default-scheduler-vm")
		failScheduling(r, "1")
		p.After(time.Second, func() { failScheduling(r, "1") })
		p.After(12*time.Minute-time.Second, func() { server.slow = 10 * time.Second })
		p.After(12*time.Minute+time.Second, func() {
			failScheduling(r, "1")
			if len(r.series.held) != 1 {
				t.Errorf("%d held back", len(r.series.held))
			}
		})
	}).run(t, 13*time.Minute)
	// The sweep finishes the old series, so that the held event begins anew.
	if want := []string{"create web", "patch web", "patch web", "create web"}; !slices.Equal(store.requests, want) || len(store.events) != 2 {
		t.Errorf("%q", store.requests)
	}
}
