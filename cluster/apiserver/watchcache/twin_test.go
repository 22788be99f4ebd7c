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
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
)

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
