package watchcache

import (
	"errors"
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
	"k8s.io/apimachinery/pkg/watch"
	"pgregory.net/rapid"

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

// twin is the dumb one: it keeps every change for ever and filters them for each question.
type twin struct {
	changes []twinChange
	listed  uint64 // revision of the last list
}

type twinChange struct {
	revision uint64
	key      string
	object   *corev1.Pod // nil = deleted
}

func (tw *twin) at(revision uint64) map[string]*corev1.Pod {
	state := map[string]*corev1.Pod{}
	for _, ch := range tw.changes {
		if ch.revision > revision {
			break
		}
		if ch.object == nil {
			delete(state, ch.key)
		} else {
			state[ch.key] = ch.object
		}
	}
	return state
}

func (tw *twin) list(revision uint64, match func(*corev1.Pod) bool) (lines []string) {
	for _, p := range tw.at(revision) { //sim:unordered sorted below
		if match(p) {
			lines = append(lines, "ADDED "+p.Namespace+"/"+p.Name+"@"+p.ResourceVersion)
		}
	}
	slices.Sort(lines)
	return lines
}

func (tw *twin) after(revision uint64, match func(*corev1.Pod) bool) (lines []string) {
	for _, ch := range tw.changes {
		if ch.revision <= revision {
			continue
		}
		before := tw.at(ch.revision - 1)[ch.key]
		was, is := before != nil && match(before), ch.object != nil && match(ch.object)
		name := strings.TrimPrefix(ch.key, prefix)
		switch {
		case was && is:
			lines = append(lines, fmt.Sprintf("MODIFIED %s@%d", name, ch.revision))
		case is:
			lines = append(lines, fmt.Sprintf("ADDED %s@%d", name, ch.revision))
		case was:
			lines = append(lines, fmt.Sprintf("DELETED %s@%d", name, ch.revision))
		}
	}
	return lines
}

type watched struct {
	w     *Watcher
	match func(*corev1.Pod) bool
	from  uint64
	state bool // began with the state
	ended bool
	until uint64
	got   []string
}

// Whatever happens, every watcher sees what a filter over all changes would show it, lists are what the changes add up to,
// also at past revisions, and every index agrees with a scan.
func TestAgainstTheTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, tw := newPodCache(), &twin{}
		revision, now := uint64(1), int64(0)
		c.Replace(nil, revision)
		tw.listed = revision
		var all []*watched
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			now += int64(rapid.IntRange(0, 40).Draw(t, "seconds")) * int64(time.Second)
			switch rapid.IntRange(0, 11).Draw(t, "step") {
			case 0:
				revision += uint64(rapid.IntRange(1, 3).Draw(t, "gap"))
				c.Progress(revision)
			case 1, 2:
				all = append(all, startWatch(t, c, tw, revision, now)...)
			case 3:
				checkLists(t, c, tw, revision)
			case 4:
				for _, w := range all {
					w.got = append(w.got, take(w.w)...)
				}
			case 5:
				c.Bookmark(now)
			case 6:
				if rapid.IntRange(0, 5).Draw(t, "rarely") == 0 {
					relist(c, tw, all, revision)
				}
			default:
				revision += uint64(rapid.IntRange(1, 2).Draw(t, "gap"))
				applyOne(t, c, tw, revision, now)
			}
		}
		for _, w := range all {
			checkWatch(t, tw, w, revision)
		}
	})
}

func applyOne(t *rapid.T, c *Cache, tw *twin, revision uint64, now int64) {
	ns := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "ns")
	name := rapid.SampledFrom([]string{"p", "q", "r", "s"}).Draw(t, "name")
	k := prefix + ns + "/" + name
	if _, exists := tw.at(revision)[k]; exists && rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
		c.Apply(k, nil, 0, revision, now)
		tw.changes = append(tw.changes, twinChange{revision, k, nil})
		return
	}
	p := pod(ns, name, rapid.SampledFrom([]string{"", "n1", "n2"}).Draw(t, "node"),
		rapid.SampledFrom([]string{"x", "y"}).Draw(t, "app"), revision)
	c.Apply(k, p, 7, revision, now)
	tw.changes = append(tw.changes, twinChange{revision, k, p})
}

func drawSelector(t *rapid.T) (*Selector, func(*corev1.Pod) bool) {
	ns := rapid.SampledFrom([]string{"", "a"}).Draw(t, "in")
	label := rapid.SampledFrom([]string{"", "app=x", "app!=x"}).Draw(t, "labels")
	field := rapid.SampledFrom([]string{"", "spec.nodeName=n1", "spec.nodeName=", "spec.nodeName!=n1", "metadata.name=p"}).Draw(t, "fields")
	l, _ := labels.Parse(label)
	f, _ := fields.ParseSelector(field)
	s, _ := NewSelector(ns, "", l, f, getter)
	return &s, func(p *corev1.Pod) bool {
		set := fields.Set{"metadata.name": p.Name, "spec.nodeName": p.Spec.NodeName}
		return (ns == "" || p.Namespace == ns) && l.Matches(labels.Set(p.Labels)) && f.Matches(set)
	}
}

func startWatch(t *rapid.T, c *Cache, tw *twin, revision uint64, now int64) []*watched {
	sel, match := drawSelector(t)
	w := &watched{match: match}
	start := Start{Selector: sel, Prefix: prefix, Sink: &sink{}, Bookmarks: rapid.Bool().Draw(t, "bookmarks")}
	switch rapid.IntRange(0, 2).Draw(t, "start") {
	case 0:
		w.state, w.from = true, revision
	case 1:
		start.InitialEvents, w.state, w.from, start.BookmarkAfter = true, true, revision, revision
	default:
		w.from = uint64(rapid.IntRange(1, int(revision)+3).Draw(t, "from"))
		start.Revision = w.from
	}
	var err error
	if w.w, err = c.Watch(start, now); err != nil {
		mustBeTooOld(t, tw, w.from, err)
		return nil
	}
	if w.state {
		w.got = take(w.w)
	}
	return []*watched{w}
}

// mustBeTooOld: 410 is right only for what lies before the list or more than 100 changes back.
func mustBeTooOld(t *rapid.T, tw *twin, from uint64, err error) {
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Code != 410 {
		t.Fatalf("watch from %d: %v", from, err)
	}
	since := 0
	for _, ch := range tw.changes {
		if ch.revision > from && ch.revision > tw.listed {
			since++
		}
	}
	if from >= tw.listed && since <= minCapacity {
		t.Fatalf("410 for revision %d: the list was at %d and %d changes followed", from, tw.listed, since)
	}
}

func checkWatch(t *rapid.T, tw *twin, w *watched, revision uint64) {
	w.got = append(w.got, take(w.w)...)
	var want []string
	if w.state {
		want = tw.list(w.from, w.match)
	}
	until := revision
	if w.ended {
		until = w.until
	}
	for _, l := range tw.after(w.from, w.match) {
		if at := l[strings.LastIndex(l, "@")+1:]; api.ParseRV(at) <= until {
			want = append(want, l)
		}
	}
	var got []string
	last := uint64(0)
	for _, l := range w.got {
		if !strings.HasPrefix(l, string(watch.Bookmark)) {
			got = append(got, l)
			continue
		}
		at := api.ParseRV(strings.Fields(l)[1])
		if at < last {
			t.Fatalf("a bookmark goes back from %d to %d", last, at)
		}
		last = at
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s from %d saw\n %q, want\n %q", w.w, w.from, got, want)
	}
}

func relist(c *Cache, tw *twin, all []*watched, revision uint64) {
	for _, w := range all {
		if !w.ended {
			w.ended, w.until = true, revision
		}
	}
	c.EndAll()
	var items []Item
	for k, p := range tw.at(revision) { //sim:unordered Replace orders them
		items = append(items, Item{k, p, 7})
	}
	c.Replace(items, revision)
	tw.listed = revision
}

func checkLists(t *rapid.T, c *Cache, tw *twin, revision uint64) {
	sel, match := drawSelector(t)
	render := func(r Result) (lines []string) {
		for _, o := range r.Items {
			lines = append(lines, line(api.WatchEvent{Type: watch.Added, Object: o}))
		}
		return lines
	}
	if got, want := render(c.List(Query{Prefix: prefix, Selector: sel})), tw.list(revision, match); !slices.Equal(got, want) {
		t.Fatalf("list of %s: %q, want %q", sel, got, want)
	}
	past := uint64(rapid.IntRange(1, int(revision)).Draw(t, "past"))
	if c.CanServeExact(past) {
		if got, want := render(c.ListExact(Query{Prefix: prefix, Selector: sel}, past)), tw.list(past, match); !slices.Equal(got, want) {
			t.Fatalf("list of %s at %d: %q, want %q", sel, past, got, want)
		}
	} else if past >= tw.listed && c.history.len() < minCapacity {
		t.Fatalf("revision %d cannot be listed, though the list was at %d", past, tw.listed)
	}
	if int64(len(tw.at(revision))*7) != c.Bytes() || len(tw.at(revision)) != c.Len() {
		t.Fatalf("%d objects of %d bytes", c.Len(), c.Bytes())
	}
	checkPages(t, c, tw, revision, sel, match)
}

func checkPages(t *rapid.T, c *Cache, tw *twin, revision uint64, sel *Selector, match func(*corev1.Pod) bool) {
	limit := int64(rapid.IntRange(1, 4).Draw(t, "limit"))
	q := Query{Prefix: prefix, Selector: sel, Limit: limit}
	var got []string
	for {
		r := c.List(q)
		for _, o := range r.Items {
			got = append(got, line(api.WatchEvent{Type: watch.Added, Object: o}))
		}
		if int64(len(r.Items)) > limit {
			t.Fatalf("a page of %d has %d items", limit, len(r.Items))
		}
		if !r.More {
			break
		}
		q.From = r.LastKey + "\x00"
	}
	if want := tw.list(revision, match); !slices.Equal(got, want) {
		t.Fatalf("pages of %s: %q, want %q", sel, got, want)
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
