package apiserver

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/fairness"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
)

func value(o api.Object) string { return o.(*corev1.ConfigMap).Data["v"] }

// A server whose watches are held back answers old states to who allows it, and never to who does not.
func TestStaleReads(t *testing.T) {
	w := newWorld(t)
	old := w.must(0, create(configMap("a", "old"))).Object.(*corev1.ConfigMap)
	w.run(time.Second)
	w.stores[1].frozen = true
	changed := old.DeepCopy()
	changed.Data["v"] = "new"
	now := w.must(0, update(changed)).Object

	cached := get(api.ConfigMaps, "default", "a")
	cached.ResourceVersion = "0"
	if got := value(w.must(1, cached).Object); got != "old" {
		t.Errorf("get with resourceVersion 0 from the stale server: %q", got)
	}
	if got := value(w.must(1, get(api.ConfigMaps, "default", "a")).Object); got != "new" {
		t.Errorf("consistent get from the stale server: %q", got)
	}
	any := list(api.ConfigMaps, "default")
	any.ResourceVersion = "0"
	if got := value(w.must(1, any).List.Items[0]); got != "old" {
		t.Errorf("list with resourceVersion 0: %q", got)
	}
	began := w.s.Now()
	if got := value(w.must(1, list(api.ConfigMaps, "default")).List.Items[0]); got != "new" {
		t.Errorf("consistent list: %q", got)
	}
	if took := w.s.Now().Sub(began); took < 3*time.Second || took > 4*time.Second {
		t.Errorf("the fallback to the store came after %v, want 3 s", took)
	}
	fresh := list(api.ConfigMaps, "default")
	fresh.ResourceVersion = now.GetResourceVersion()
	_, err := w.do(1, fresh)
	want := fmt.Sprintf("Timeout: Too large resource version: %s, current: %s", now.GetResourceVersion(), w.revisionOf(1))
	if !storage.IsTooLargeResourceVersion(err) || err.Error() != want {
		t.Errorf("a revision that the cache does not reach: %v, want %s", err, want)
	}
	if seconds, ok := apierrors.SuggestsClientDelay(err); !ok || seconds != 1 {
		t.Errorf("suggested delay: %d, %v", seconds, ok)
	}
	// An update through the stale server works on what is stored.
	if _, err := w.do(1, update(old)); !apierrors.IsConflict(err) {
		t.Errorf("update of the old state through the stale server: %v", err)
	}
	w.stores[1].unfreeze()
	w.run(time.Second)
	if got := value(w.must(1, cached).Object); got != "new" {
		t.Errorf("after the delay: %q", got)
	}
}

func (w *world) revisionOf(i int) string {
	return api.FormatRV(w.servers[i].cachers[api.ConfigMaps.ID].cache.Revision())
}

// A resource that does not change catches up by progress notifications: no 3 s, no read of the store's objects.
func TestAConsistentListOfAQuietResourceIsFast(t *testing.T) {
	w := newWorld(t)
	w.must(0, create(configMap("a", "1")))
	for i := range 5 {
		w.must(0, create(testPod(fmt.Sprint("p", i), ""))) // moves the store's revision, not the config maps'
	}
	began := w.s.Now()
	w.send(1, list(api.ConfigMaps, "default"), func(r *api.Response, err error) {
		if err != nil || len(r.List.Items) != 1 {
			t.Errorf("%v, %v", r, err)
		}
		if took := w.s.Now().Sub(began); took > 50*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
	w.run(time.Second)
	if n := w.servers[1].metrics.fallbacks.Value(); n != 0 {
		t.Errorf("%d reads fell back to the store", n)
	}
}

func TestPagination(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.must(0, create(configMap(fmt.Sprintf("c%d", i), "1")))
	}
	page := list(api.ConfigMaps, "default")
	page.Limit = 4
	first := w.must(0, page).List
	if !slices.Equal(names(first), []string{"c0", "c1", "c2", "c3"}) || *first.RemainingItemCount != 6 || first.Continue == "" {
		t.Fatalf("first page: %q, remaining %v", names(first), first.RemainingItemCount)
	}
	w.must(1, create(configMap("c5x", "late")))
	w.must(1, remove(api.ConfigMaps, "default", "c6"))
	next := list(api.ConfigMaps, "default")
	next.Limit, next.Continue = 100, first.Continue
	for i := range 2 { // From one server's history and from the other's: the same, the state of the first page.
		rest := w.must(i, next).List
		if !slices.Equal(names(rest), []string{"c4", "c5", "c6", "c7", "c8", "c9"}) || rest.ResourceVersion != first.ResourceVersion {
			t.Errorf("server %d: the rest is %q at %s, the first page was at %s", i, names(rest), rest.ResourceVersion, first.ResourceVersion)
		}
	}
	exact := list(api.ConfigMaps, "default")
	exact.ResourceVersion, exact.Match = first.ResourceVersion, metav1.ResourceVersionMatchExact
	if got := names(w.must(1, exact).List); len(got) != 10 || got[6] != "c6" {
		t.Errorf("exactly at the first page's revision: %q", got)
	}
	next.Continue = "nonsense"
	if _, err := w.do(0, next); !apierrors.IsBadRequest(err) {
		t.Errorf("a continue token made by hand: %v", err)
	}
}

func TestPagesAfterCompaction(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.CompactionInterval = 20 * time.Second })
	for i := range 6 {
		w.must(0, create(configMap(fmt.Sprintf("c%d", i), "1")))
	}
	page := list(api.ConfigMaps, "default")
	page.Limit = 2
	first := w.must(0, page).List
	w.run(100 * time.Second) // Twice compacted, and the caches have heard of it.
	next := list(api.ConfigMaps, "default")
	next.Limit, next.Continue = 10, first.Continue
	w.must(0, create(configMap("c9", "late")))
	w.run(time.Minute)
	_, err := w.do(1, next)
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Code != http.StatusGone || status.ErrStatus.ListMeta.Continue == "" {
		t.Fatalf("continue after compaction: %v", err)
	}
	if !strings.HasPrefix(err.Error(), "The provided continue parameter is too old to display a consistent list result.") {
		t.Errorf("message %q", err)
	}
	next.Continue = status.ErrStatus.ListMeta.Continue
	if got := names(w.must(1, next).List); !slices.Equal(got, []string{"c2", "c3", "c4", "c5", "c9"}) {
		t.Errorf("the inconsistent rest: %q", got)
	}
	exact := list(api.ConfigMaps, "default")
	exact.ResourceVersion, exact.Match = first.ResourceVersion, metav1.ResourceVersionMatchExact
	if _, err := w.do(0, exact); !apierrors.IsResourceExpired(err) || err.Error() != "The resourceVersion for the provided list is too old." {
		t.Errorf("exact list after compaction: %v", err)
	}
}

func TestOneServerCompacts(t *testing.T) {
	w := newWorld(t)
	w.run(30 * time.Minute)
	// The first turn only learns the revision; then one compaction every five minutes, whoever makes it.
	version := int64(0)
	for _, r := range w.store.kv.Records(0) {
		if r.Key == compactKey {
			version = r.Version
		}
	}
	if version != 6 {
		t.Errorf("%d turns in 30 minutes, want 6", version)
	}
	if w.store.kv.CompactRevision() <= 0 {
		t.Error("nothing was compacted")
	}
}

func TestSelectors(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		p := testPod(fmt.Sprint("p", i), fmt.Sprint("n", i%2))
		if i < 3 {
			p.Labels["tier"] = "front"
		}
		w.must(0, create(p))
	}
	for _, tc := range []struct {
		labels, fields string
		want           []string
	}{
		{"tier=front", "", []string{"p0", "p1", "p2"}},
		{"", "spec.nodeName=n1", []string{"p1", "p3", "p5"}},
		{"tier=front", "spec.nodeName!=n1", []string{"p0", "p2"}},
		{"", "metadata.name=p4", []string{"p4"}},
		{"", "metadata.name=p4,spec.nodeName=n1", nil},
	} {
		r := list(api.Pods, "default")
		r.LabelSelector, r.FieldSelector = mustLabels(t, tc.labels), mustFields(t, tc.fields)
		if got := names(w.must(1, r).List); !slices.Equal(got, tc.want) {
			t.Errorf("%q %q: %q, want %q", tc.labels, tc.fields, got, tc.want)
		}
	}
	r := list(api.Pods, "default")
	r.FieldSelector = mustFields(t, "spec.color=red")
	if _, err := w.do(0, r); !apierrors.IsBadRequest(err) || err.Error() != "field label not supported: spec.color" {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestListOptionsThatMeanNothing(t *testing.T) {
	w := newWorld(t)
	for _, r := range []*api.Request{
		{Match: metav1.ResourceVersionMatchExact},
		{Match: metav1.ResourceVersionMatchExact, ResourceVersion: "0"},
		{Match: "Roughly", ResourceVersion: "5"},
	} {
		r.Verb, r.Resource = api.VerbList, api.Pods
		if _, err := w.do(0, r); !apierrors.IsInvalid(err) {
			t.Errorf("resourceVersionMatch %q with %q: %v", r.Match, r.ResourceVersion, err)
		}
	}
	if _, err := w.do(0, &api.Request{Verb: api.VerbList, Resource: api.Pods, ResourceVersion: "new"}); !apierrors.IsBadRequest(err) {
		t.Errorf("a resource version that is no number: %v", err)
	}
}

// While a cache is being filled its clients are told to come back; a page of everything is read from the store.
func TestAnUnfilledCache(t *testing.T) {
	w := newWorld(t)
	w.must(0, create(configMap("a", "1")))
	c := w.servers[0].cachers[api.ConfigMaps.ID]
	watch := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: w.revisionOf(0)})
	w.store.down = true // The list that would fill it is never answered.
	c.fail(errors.New("the store said no"))
	w.run(1500 * time.Millisecond)
	if !watch.closed || watch.err != nil {
		t.Errorf("the watch of a cache that starts anew: closed %v, %v", watch.closed, watch.err)
	}
	_, err := w.do(0, list(api.ConfigMaps, ""))
	if !apierrors.IsTooManyRequests(err) || err.Error() != "storage is (re)initializing: the store said no" {
		t.Errorf("list: %v", err)
	}
	again := w.watch(0, &api.Request{Resource: api.ConfigMaps, ResourceVersion: "1"})
	if !again.closed || !apierrors.IsTooManyRequests(again.err) {
		t.Errorf("watch: %v", again.err)
	}
	w.store.down = false
	page := list(api.ConfigMaps, "")
	page.Limit = 10
	if got := names(w.must(0, page).List); !slices.Equal(got, []string{"a"}) {
		t.Errorf("a page from the store: %q", got)
	}
}

func TestRetryAfterOfAnUnfilledCacheGrows(t *testing.T) {
	for seconds, want := range map[int64]int{0: 1, 11: 1, 12: 2, 20: 3, 30: 6, 40: 11, 60: 30, 600: 30} {
		if got := retryAfterUnready(seconds * int64(time.Second)); got != want {
			t.Errorf("after %d s: %d, want %d", seconds, got, want)
		}
	}
}

func TestFloodsAreTurnedAway(t *testing.T) {
	limits := fairness.Defaults()
	limits.Seats = 8
	for i := range limits.Levels {
		limits.Levels[i].QueueLengthLimit = min(limits.Levels[i].QueueLengthLimit, 2)
	}
	w := newWorld(t, func(c *Config) { c.Fairness = &limits })
	jane := &api.User{Name: "jane", Groups: []string{"system:authenticated"}}
	served, rejected := 0, 0
	for range 200 {
		r := get(api.ConfigMaps, "default", "a")
		r.User = jane
		w.send(0, r, func(_ *api.Response, err error) {
			switch {
			case apierrors.IsTooManyRequests(err):
				rejected++
				if seconds, ok := apierrors.SuggestsClientDelay(err); !ok || seconds < 1 {
					t.Errorf("no Retry-After: %v", err)
				}
			case apierrors.IsNotFound(err):
				served++
			default:
				t.Error(err)
			}
		})
	}
	w.run(5 * time.Second)
	if served == 0 || rejected == 0 || served+rejected != 200 {
		t.Errorf("%d served, %d turned away", served, rejected)
	}
	// Nobody else noticed.
	w.must(0, list(api.Namespaces, ""))
	if n := w.servers[0].config.Metrics.Sum("apiserver_flowcontrol_rejected_requests_total", "priority_level", "global-default"); n != int64(rejected) {
		t.Errorf("%d rejections counted, %d seen", n, rejected)
	}
	for _, l := range w.servers[0].Levels() {
		if l.Executing != 0 || l.InUse != 0 || l.Waiting != 0 {
			t.Errorf("at rest: %+v", l)
		}
	}
}
