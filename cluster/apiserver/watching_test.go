package apiserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func TestWatchFromARevision(t *testing.T) {
	w := newWorld(t)
	a := w.must(0, create(configMap("a", "1"))).Object.(*corev1.ConfigMap)
	watch := w.watch(1, &api.Request{Resource: api.ConfigMaps, ResourceVersion: a.ResourceVersion})
	changed := a.DeepCopy()
	changed.Data["v"] = "2"
	b := w.must(0, update(changed)).Object
	w.must(1, remove(api.ConfigMaps, "default", "a"))
	w.run(100 * time.Millisecond)
	lines := watch.take()
	if len(lines) != 2 || lines[0] != "MODIFIED a@"+b.GetResourceVersion() || !strings.HasPrefix(lines[1], "DELETED a@") {
		t.Fatalf("saw %q", lines)
	}
	if watch.events[0].Object != b {
		t.Error("the watch got a copy of the stored object")
	}
	// From the past the other server tells the same.
	replay := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: a.ResourceVersion})
	if got := replay.take(); !slices.Equal(got, lines) {
		t.Errorf("a replay saw %q, want %q", got, lines)
	}
}

func TestWatchWithoutARevisionBeginsWithTheState(t *testing.T) {
	w := newWorld(t)
	w.must(0, create(configMap("a", "1")))
	w.must(0, create(configMap("b", "1")))
	w.run(time.Second)
	watch := w.watch(1, &api.Request{Resource: api.ConfigMaps, Namespace: "default"})
	if got := watch.take(); len(got) != 2 || !strings.HasPrefix(got[0], "ADDED a@") || !strings.HasPrefix(got[1], "ADDED b@") {
		t.Errorf("saw %q", got)
	}
}

func TestWatchListIsConsistent(t *testing.T) {
	w := newWorld(t)
	w.must(0, create(configMap("a", "1")))
	w.run(time.Second)
	w.stores[1].frozen = true
	b := w.must(0, create(configMap("b", "1"))).Object
	watch := w.watch(1, &api.Request{Resource: api.ConfigMaps, Namespace: "default", SendInitialEvents: true, AllowBookmarks: true,
		Match: metav1.ResourceVersionMatchNotOlderThan})
	if len(watch.take()) != 0 {
		t.Fatal("a stale server began to answer")
	}
	w.stores[1].unfreeze()
	w.run(500 * time.Millisecond)
	got := watch.take()
	if len(got) != 3 || !strings.HasPrefix(got[0], "ADDED a@") || got[1] != "ADDED b@"+b.GetResourceVersion() ||
		!strings.HasPrefix(got[2], "BOOKMARK ") || !strings.HasSuffix(got[2], " initial-events-end") {
		t.Errorf("saw %q", got)
	}
	c := w.must(0, create(configMap("c", "1"))).Object
	w.run(100 * time.Millisecond)
	if got := watch.take(); len(got) == 0 || got[0] != "ADDED c@"+c.GetResourceVersion() {
		t.Errorf("then %q", got)
	}
}

func TestAWatchListThatCannotCatchUpFails(t *testing.T) {
	w := newWorld(t)
	w.stores[1].frozen = true
	w.must(0, create(configMap("b", "1")))
	watch := w.watch(1, &api.Request{Resource: api.ConfigMaps, SendInitialEvents: true, AllowBookmarks: true,
		Match: metav1.ResourceVersionMatchNotOlderThan})
	w.run(5 * time.Second)
	if !watch.closed || !apierrors.IsTimeout(watch.err) || !strings.Contains(watch.err.Error(), "Too large resource version") {
		t.Errorf("closed %v with %v", watch.closed, watch.err)
	}
}

func TestBookmarksComeEveryMinute(t *testing.T) {
	w := newWorld(t)
	watch := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: w.revisionOf(0), AllowBookmarks: true})
	for i := range 10 {
		w.must(0, create(configMap(fmt.Sprint("c", i), "1")))
		w.must(0, remove(api.ConfigMaps, "default", fmt.Sprint("c", i)))
		w.run(30 * time.Second)
	}
	bookmarks := 0
	for _, l := range watch.take() {
		if strings.HasPrefix(l, "BOOKMARK") {
			bookmarks++
		}
	}
	if bookmarks < 4 || bookmarks > 5 {
		t.Errorf("%d bookmarks in five minutes", bookmarks)
	}
}

func TestWatchTimeouts(t *testing.T) {
	w := newWorld(t)
	short := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: w.revisionOf(0), TimeoutSeconds: 5})
	long := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: w.revisionOf(0)})
	w.run(6 * time.Second)
	if !short.closed || short.err != nil || long.closed {
		t.Errorf("after 6 s: the short one closed %v (%v), the long one %v", short.closed, short.err, long.closed)
	}
	w.run(time.Hour)
	if !long.closed {
		t.Error("a watch without a timeout of its own lasts more than an hour")
	}
	if n := w.servers[0].cachers[api.ConfigMaps.ID].cache.Watchers(); n != 0 {
		t.Errorf("%d watchers left", n)
	}
	if n := w.servers[0].watchCounts; len(n.scopes) != 0 || slices.ContainsFunc(n.shapes, func(s watchShapes) bool { return s != watchShapes{} }) {
		t.Errorf("watches still counted: %v", n)
	}
}

func TestWatchFromTooFarBack(t *testing.T) {
	w := newWorld(t)
	cm := w.must(0, create(configMap("a", "0"))).Object.(*corev1.ConfigMap)
	first := cm.ResourceVersion
	for i := range 150 {
		cm = cm.DeepCopy()
		cm.Data["v"] = fmt.Sprint(i + 1)
		cm = w.must(0, update(cm)).Object.(*corev1.ConfigMap)
		w.run(time.Minute) // Slowly, so that the history stays at its least.
	}
	watch := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: first})
	if !watch.closed || !apierrors.IsResourceExpired(watch.err) || !strings.HasPrefix(watch.err.Error(), "too old resource version: "+first+" (") {
		t.Errorf("closed %v with %v", watch.closed, watch.err)
	}
}

// After compaction passed a server that was cut off from its watches, it lists anew and ends the watches of its clients.
func TestRelistAfterCompaction(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.CompactionInterval = time.Minute })
	w.must(0, create(configMap("a", "1")))
	w.run(time.Second)
	watch := w.watch(1, &api.Request{Resource: api.ConfigMaps, ResourceVersion: w.revisionOf(1)})
	w.stores[1].frozen = true
	w.must(0, create(configMap("b", "1")))
	w.must(0, remove(api.ConfigMaps, "default", "b"))
	w.must(0, create(configMap("c", "1")))
	w.run(4 * time.Minute)
	w.stores[1].unfreeze()
	w.run(5 * time.Second)
	if !watch.closed || watch.err != nil {
		t.Errorf("the client's watch: closed %v, %v", watch.closed, watch.err)
	}
	any := list(api.ConfigMaps, "default")
	any.ResourceVersion = "0"
	if got := names(w.must(1, any).List); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("after the new list: %q", got)
	}
}

// A client that does not read has its connection's window filled, then the watch's buffers, and loses the watch.
func TestASlowWatcherIsEnded(t *testing.T) {
	w := newWorld(t)
	watch := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: w.revisionOf(0)})
	watch.stream.ManualFlow()
	for i := range 100 {
		w.must(0, create(configMap(fmt.Sprint("c", i), strings.Repeat("x", 100_000))))
	}
	w.run(time.Second)
	if !watch.closed {
		t.Fatal("still open")
	}
	if n := w.servers[0].metrics.slowWatchers.Value(); n != 1 {
		t.Errorf("%d watchers terminated", n)
	}
	for i, l := range watch.take() {
		if !strings.HasPrefix(l, fmt.Sprintf("ADDED c%d@", i)) {
			t.Fatalf("event %d is %q", i, l)
		}
	}
}

func TestAWatcherThatGoesIsForgotten(t *testing.T) {
	w := newWorld(t)
	watch := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: w.revisionOf(0)})
	cache := w.servers[0].cachers[api.ConfigMaps.ID].cache
	if cache.Watchers() != 1 {
		t.Fatalf("%d watchers", cache.Watchers())
	}
	watch.stream.Close()
	w.run(time.Second)
	if cache.Watchers() != 0 {
		t.Errorf("%d watchers after the client went", cache.Watchers())
	}
}

// A restarted server fills its caches from the store and serves watches from revisions of its former life.
func TestAServerRestarts(t *testing.T) {
	w := newWorld(t)
	a := w.must(0, create(configMap("a", "1"))).Object
	w.must(1, create(configMap("between", "1")))
	w.hosts[0].Restart(time.Second)
	w.run(5 * time.Second)
	if got := value(w.must(0, get(api.ConfigMaps, "default", "a")).Object); got != "1" {
		t.Errorf("after the restart: %q", got)
	}
	b := w.must(1, create(configMap("b", "1"))).Object
	watch := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: b.GetResourceVersion()})
	w.must(0, remove(api.ConfigMaps, "default", "b"))
	w.run(100 * time.Millisecond)
	if got := watch.take(); len(got) != 1 || !strings.HasPrefix(got[0], "DELETED b@") {
		t.Errorf("saw %q", got)
	}
	old := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: a.GetResourceVersion()})
	if !old.closed || !apierrors.IsResourceExpired(old.err) {
		t.Errorf("a revision from before the restart: closed %v, %v", old.closed, old.err)
	}
}

// Events live for an hour: the store's lease deletes them, and watches hear of it.
func TestEventsExpire(t *testing.T) {
	w := newWorld(t)
	e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "x.1"}, InvolvedObject: corev1.ObjectReference{
		Kind: "Pod", Namespace: "default", Name: "x"}, Reason: "Testing", Type: "Normal"}
	w.must(0, create(e))
	w.run(59 * time.Minute)
	w.must(1, get(api.Events, "default", "x.1"))
	watch := w.watch(0, &api.Request{Resource: api.Events, ResourceVersion: api.FormatRV(w.servers[0].cachers[api.Events.ID].cache.Revision())})
	w.run(3 * time.Minute)
	if _, err := w.do(1, get(api.Events, "default", "x.1")); !apierrors.IsNotFound(err) {
		t.Errorf("after an hour: %v", err)
	}
	if got := watch.take(); len(got) != 1 || !strings.HasPrefix(got[0], "DELETED x.1@") {
		t.Errorf("the watch saw %q", got)
	}
	got := w.must(0, create(e)).Object
	v1 := w.must(1, get(api.EventsV1, "default", "x.1")).Object
	if api.ResourceOf(v1) != api.EventsV1 || v1.GetResourceVersion() != got.GetResourceVersion() {
		t.Errorf("as events.k8s.io: %T at %s", v1, v1.GetResourceVersion())
	}
}
