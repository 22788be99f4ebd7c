package watchcache

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
)

const prefix = "/registry/pods/"

func nodeName(o api.Object) string { return o.(*corev1.Pod).Spec.NodeName }

func getter(field string) FieldGetter {
	if field == "spec.nodeName" {
		return nodeName
	}
	return nil
}

func newPodCache() *Cache {
	return New(Config{Resource: api.Pods, Index: "spec.nodeName", IndexValue: nodeName})
}

func pod(ns, name, node, app string, revision uint64) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{"app": app},
			ResourceVersion: api.FormatRV(revision)},
		Spec: corev1.PodSpec{NodeName: node},
	}
}

func key(p *corev1.Pod) string { return prefix + p.Namespace + "/" + p.Name }

func selector(t testing.TB, ns, label, field string) *Selector {
	l, err := labels.Parse(label)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fields.ParseSelector(field)
	if err != nil {
		t.Fatal(err)
	}
	s, unknown := NewSelector(ns, "", l, f, getter)
	if unknown != "" {
		t.Fatalf("unknown field %s", unknown)
	}
	return &s
}

// sink counts what a watcher tells it.
type sink struct{ pending, ended, overflow int }

func (s *sink) Pending()  { s.pending++ }
func (s *sink) Ended()    { s.ended++ }
func (s *sink) Overflow() { s.overflow++ }

// take drains a watcher into readable lines.
func take(w *Watcher) (lines []string) {
	for _, e := range w.Take(1<<30, 1<<30, nil).Events {
		lines = append(lines, line(e))
	}
	return lines
}

func line(e api.WatchEvent) string {
	m := api.Meta(e.Object)
	s := fmt.Sprintf("%s %s@%s", e.Type, api.Key(m.Namespace, m.Name), m.ResourceVersion)
	if m.Annotations[api.InitialEventsEnd] == "true" {
		s += " initial-events-end"
	}
	return strings.Replace(s, " @", " ", 1)
}

func TestSelectorTransitions(t *testing.T) {
	c := newPodCache()
	c.Replace(nil, 1)
	byNode, err := c.Watch(Start{Selector: selector(t, "", "", "spec.nodeName=n1"), Prefix: prefix, Revision: 1, Sink: &sink{}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	byLabel, err := c.Watch(Start{Selector: selector(t, "demo", "app=a", ""), Prefix: prefix, Revision: 1, Sink: &sink{}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []*corev1.Pod{
		pod("demo", "x", "", "a", 2), pod("demo", "x", "n1", "a", 3), pod("demo", "x", "n1", "b", 4),
		pod("other", "y", "n1", "a", 5), pod("demo", "x", "n2", "a", 6),
	} {
		c.Apply(key(p), p, 1, uint64(i+2), 0)
	}
	c.Apply(prefix+"demo/x", nil, 0, 7, 0)
	c.Apply(prefix+"other/y", nil, 0, 8, 0)
	wantNode := []string{"ADDED demo/x@3", "MODIFIED demo/x@4", "ADDED other/y@5", "DELETED demo/x@6", "DELETED other/y@8"}
	if got := take(byNode); !slices.Equal(got, wantNode) {
		t.Errorf("the node's watch saw %q, want %q", got, wantNode)
	}
	wantLabel := []string{"ADDED demo/x@2", "MODIFIED demo/x@3", "DELETED demo/x@4", "ADDED demo/x@6", "DELETED demo/x@7"}
	if got := take(byLabel); !slices.Equal(got, wantLabel) {
		t.Errorf("the label's watch saw %q, want %q", got, wantLabel)
	}
}

func TestDeliveredObjectsAreShared(t *testing.T) {
	c := newPodCache()
	c.Replace(nil, 1)
	var ws [2]*Watcher
	for i := range ws {
		ws[i], _ = c.Watch(Start{Selector: &Selector{plain: true}, Prefix: prefix, Revision: 1, Sink: &sink{}}, 0)
	}
	p := pod("demo", "x", "n1", "a", 2)
	c.Apply(key(p), p, 1, 2, 0)
	c.Apply(key(p), nil, 0, 3, 0)
	a, b := ws[0].Take(2, 100, nil).Events, ws[1].Take(2, 100, nil).Events
	if a[0].Object != api.Object(p) || b[0].Object != api.Object(p) {
		t.Error("an ADDED event carries a copy")
	}
	if a[1].Object != b[1].Object {
		t.Error("two watchers of one deletion got different objects")
	}
	if p.ResourceVersion != "2" || a[1].Object.GetResourceVersion() != "3" {
		t.Errorf("the stored pod reads %s and the deletion %s", p.ResourceVersion, a[1].Object.GetResourceVersion())
	}
}

func TestWatchListEndsWithItsBookmark(t *testing.T) {
	c := newPodCache()
	a, b := pod("demo", "a", "n1", "a", 3), pod("demo", "b", "n2", "a", 5)
	c.Replace([]Item{{key(a), a, 1}, {key(b), b, 1}}, 9)
	w, err := c.Watch(Start{Selector: &Selector{plain: true}, Prefix: prefix, InitialEvents: true, Bookmarks: true,
		BookmarkAfter: 7, Sink: &sink{}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ADDED demo/a@3", "ADDED demo/b@5", "BOOKMARK 9 initial-events-end"}
	if got := take(w); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Progress(12)
	at, ok := c.NextBookmark()
	if !ok || at > int64(2*time.Second) {
		t.Fatalf("the next bookmark is due at %v, %v", time.Duration(at), ok)
	}
	c.Bookmark(at)
	if got := take(w); !slices.Equal(got, []string{"BOOKMARK 12"}) {
		t.Errorf("then %q", got)
	}
	if at, _ = c.NextBookmark(); time.Duration(at) < time.Minute || time.Duration(at) > time.Minute+3*time.Second {
		t.Errorf("the one after is due at %v, want about a minute", time.Duration(at))
	}
}

func TestBookmarkBeforeTheDeadline(t *testing.T) {
	c := newPodCache()
	c.Replace(nil, 9)
	w, _ := c.Watch(Start{Selector: &Selector{plain: true}, Prefix: prefix, Revision: 9, Bookmarks: true,
		Deadline: int64(30 * time.Second), Sink: &sink{}}, 0)
	c.Progress(12)
	at, ok := c.NextBookmark()
	if !ok || at < int64(28*time.Second) || at >= int64(30*time.Second) {
		t.Fatalf("due at %v, %v; want 28 to 30 s", time.Duration(at), ok)
	}
	c.Bookmark(at)
	if got := take(w); !slices.Equal(got, []string{"BOOKMARK 12"}) {
		t.Errorf("got %q", got)
	}
}

func TestTooOld(t *testing.T) {
	c := newPodCache()
	c.Replace(nil, 10)
	start := func(revision uint64) error {
		w, err := c.Watch(Start{Selector: &Selector{plain: true}, Prefix: prefix, Revision: revision, Sink: &sink{}}, 0)
		if err == nil {
			w.End()
		}
		return err
	}
	if err := start(10); err != nil {
		t.Errorf("from the list: %v", err)
	}
	if err := start(9); err == nil || !apierrors.IsResourceExpired(err) || err.Error() != "too old resource version: 9 (10)" {
		t.Errorf("from before the list: %v", err)
	}
	// 150 changes that are two minutes apart: the ring keeps the last 100.
	for i := range 150 {
		p := pod("demo", "x", "n1", "a", uint64(11+i))
		c.Apply(key(p), p, 1, uint64(11+i), int64(i)*int64(2*time.Minute))
	}
	if err := start(60); err != nil {
		t.Errorf("from just before the ring: %v", err)
	}
	if err := start(59); err == nil || err.Error() != "too old resource version: 59 (60)" {
		t.Errorf("from before the ring: %v", err)
	}
	// Fast changes grow it instead.
	for i := range 1000 {
		p := pod("demo", "x", "n1", "a", uint64(161+i))
		c.Apply(key(p), p, 1, uint64(161+i), int64(300*time.Minute)+int64(i)*int64(time.Millisecond))
	}
	if err := start(300); err != nil {
		t.Errorf("within the last 75 s: %v", err)
	}
}

func TestAnEndedWatcherHearsNothing(t *testing.T) {
	c, s := newPodCache(), &sink{}
	c.Replace(nil, 1)
	w, _ := c.Watch(Start{Selector: &Selector{plain: true}, Prefix: prefix, Revision: 1, Sink: s}, 0)
	c.EndAll()
	if s.ended != 1 || c.Watchers() != 0 {
		t.Errorf("told %d times, %d watchers left", s.ended, c.Watchers())
	}
	c.Replace(nil, 5)
	p := pod("demo", "x", "n1", "a", 6)
	c.Apply(key(p), p, 1, 6, 0)
	if w.Len() != 0 {
		t.Errorf("got %q", take(w))
	}
}

func TestOverflowIsTold(t *testing.T) {
	c, s := newPodCache(), &sink{}
	c.Replace(nil, 1)
	w, _ := c.Watch(Start{Selector: selector(t, "", "", "spec.nodeName=n1"), Prefix: prefix, Revision: 1, Sink: s}, 0)
	for i := range 30 {
		p := pod("demo", fmt.Sprint("p", i), "n1", "a", uint64(2+i))
		c.Apply(key(p), p, 1, uint64(2+i), 0)
	}
	if s.overflow != 1 || s.pending != 1 || !w.Overflowing() {
		t.Errorf("overflow told %d times, pending %d times", s.overflow, s.pending)
	}
	take(w)
	if w.Overflowing() {
		t.Error("still overflowing after a drain")
	}
}

// BenchmarkApply: one pod of ten thousand changes under a thousand watchers by node and three of everything.
func BenchmarkApply(b *testing.B) {
	c := newPodCache()
	c.Replace(nil, 1)
	var watchers []*Watcher
	for i := range 1000 {
		s, _ := NewSelector("", "", nil, fields.OneTermEqualSelector("spec.nodeName", fmt.Sprint("node-", i)), getter)
		w, _ := c.Watch(Start{Selector: &s, Prefix: prefix, Revision: 1, Sink: &sink{}}, 0)
		watchers = append(watchers, w)
	}
	for range 3 {
		w, _ := c.Watch(Start{Selector: &Selector{plain: true}, Prefix: prefix, Revision: 1, Sink: &sink{}}, 0)
		watchers = append(watchers, w)
	}
	var pods []*corev1.Pod
	var keys []string
	for i := range 10_000 {
		p := pod("demo", fmt.Sprint("pod-", i), fmt.Sprint("node-", i%1000), "a", 2)
		pods, keys = append(pods, p), append(keys, key(p))
	}
	out := make([]api.WatchEvent, 0, 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n := i % len(pods)
		c.Apply(keys[n], pods[n], 1, uint64(i+2), int64(i)*1000)
		out = watchers[n%1000].Take(64, 1<<20, out[:0]).Events
		for _, w := range watchers[1000:] {
			out = w.Take(64, 1<<20, out[:0]).Events
		}
	}
}
