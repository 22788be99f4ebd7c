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
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// truth is what the store held at a revision, as sorted lines of name=value.
func (w *world) truth(revision uint64) (lines []string) {
	prefix := registry.For(api.ConfigMaps).Prefix("default")
	r, err := w.store.kv.Range(&mvcc.RangeRequest{Key: prefix, RangeEnd: storage.RangeEnd(prefix), Revision: int64(revision)})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, kv := range r.KVs {
		lines = append(lines, line(storage.ObjectOf(kv)))
	}
	return lines
}

func line(o api.Object) string { return api.Meta(o).Name + "=" + value(o) }

func lines(l *api.List) (out []string) {
	for _, o := range l.Items {
		out = append(out, line(o))
	}
	return out
}

// Writers and readers work through both servers at once while watches are held back and let go and servers restart. Every
// list is what the store held at the list's revision; a consistent one is at least as new as every write that was
// answered before it began, and a client's reads by revision never go back.
func TestListsAreLinearizable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		defer h.w.s.Close()
		for range rapid.IntRange(10, 60).Draw(t, "steps") {
			h.step(t)
		}
		for i := range 2 {
			h.w.stores[i].unfreeze()
		}
		h.w.run(90 * time.Second)
		if h.open != 0 {
			t.Fatalf("%d requests were never answered", h.open)
		}
		h.checkWatches(t)
		h.w.detector.Verify()
	})
}

type history struct {
	w       *world
	acked   uint64 // newest revision of an answered write
	open    int
	started int
	watches []*watched
	from    []uint64
}

func newHistory(t *rapid.T) *history {
	h := &history{w: newWorld(asTB{t})}
	for i := range 2 {
		revision := h.w.servers[i].cachers[api.ConfigMaps.ID].cache.Revision()
		h.watches = append(h.watches, h.w.watch(i, &api.Request{Resource: api.ConfigMaps, Namespace: "default", ResourceVersion: api.FormatRV(revision)}))
		h.from = append(h.from, revision)
	}
	return h
}

func (h *history) step(t *rapid.T) {
	i := rapid.IntRange(0, 1).Draw(t, "server")
	name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	case 0, 1, 2:
		h.put(i, name)
	case 3:
		h.delete(i, name)
	case 4, 5:
		h.list(t, i, "")
	case 6:
		h.list(t, i, "0")
	case 7:
		h.w.stores[i].frozen = true
	case 8:
		h.w.stores[i].unfreeze()
	}
	h.w.run(time.Duration(rapid.IntRange(0, 3000).Draw(t, "µs")) * time.Microsecond)
	if rapid.IntRange(0, 15).Draw(t, "rest") == 0 {
		h.w.run(4 * time.Second)
	}
}

// put creates or patches, whichever fits.
func (h *history) put(i int, name string) {
	h.started++
	v := fmt.Sprint(h.started)
	patch := &api.Request{Verb: api.VerbPatch, Resource: api.ConfigMaps, Namespace: "default", Name: name, Patch: &api.PatchBody{
		Apply: func(old api.Object) (api.Object, error) {
			c := api.Shallow(old.(*corev1.ConfigMap))
			c.Data = map[string]string{"v": v}
			return c, nil
		}}}
	h.send(i, patch, func(err error) {
		if apierrors.IsNotFound(err) {
			h.send(i, create(configMap(name, v)), func(error) {})
		}
	})
}

func (h *history) delete(i int, name string) {
	h.send(i, remove(api.ConfigMaps, "default", name), func(error) {})
}

func (h *history) send(i int, r *api.Request, done func(error)) {
	h.open++
	h.w.send(i, r, func(resp *api.Response, err error) {
		h.open--
		if err == nil && resp.Object != nil {
			h.acked = max(h.acked, api.ParseRV(resp.Object.GetResourceVersion()))
		}
		done(err)
	})
}

func (h *history) list(t *rapid.T, i int, revision string) {
	atLeast := h.acked
	r := list(api.ConfigMaps, "default")
	if r.ResourceVersion = revision; revision == "0" {
		atLeast = 0
	}
	h.open++
	h.w.send(i, r, func(resp *api.Response, err error) {
		h.open--
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		at := api.ParseRV(resp.List.ResourceVersion)
		if at < atLeast {
			t.Fatalf("server %d listed at %d, though %d was answered before", i, at, atLeast)
		}
		if got, want := lines(resp.List), h.w.truth(at); !slices.Equal(got, want) {
			t.Fatalf("server %d at %d: %q, the store held %q", i, at, got, want)
		}
	})
}

// checkWatches replays what each watch saw and compares the end with the store.
func (h *history) checkWatches(t *rapid.T) {
	for i, w := range h.watches {
		state := map[string]string{}
		for _, l := range h.w.truth(h.from[i]) {
			name, v, _ := strings.Cut(l, "=")
			state[name] = v
		}
		last := h.from[i]
		for _, e := range w.events {
			at := api.ParseRV(e.Object.GetResourceVersion())
			if at <= last {
				t.Fatalf("watch %d went from %d to %d", i, last, at)
			}
			last = at
			if name := api.Meta(e.Object).Name; e.Type == "DELETED" {
				delete(state, name)
			} else {
				state[name] = value(e.Object)
			}
		}
		var got []string
		for name, v := range state { //sim:unordered sorted below
			got = append(got, name+"="+v)
		}
		slices.Sort(got)
		if want := h.w.truth(0); !slices.Equal(got, want) && !w.closed {
			t.Fatalf("watch %d ends with %q, the store holds %q", i, got, want)
		}
	}
}

// asTB lets the harness be used in a property.
type asTB struct{ *rapid.T }

func (asTB) Cleanup(func()) {}

// Two runs of one seed do the same, step by step.
func TestServersAreDeterministic(t *testing.T) {
	run := func() uint64 {
		w := newWorld(t)
		w.watch(0, &api.Request{Resource: api.ConfigMaps, SendInitialEvents: true, AllowBookmarks: true,
			Match: metav1.ResourceVersionMatchNotOlderThan})
		for i := range 50 {
			p := testPod("", "")
			p.GenerateName = "p-"
			w.send(i%2, create(p), func(*api.Response, error) {})
			w.send((i+1)%2, list(api.Pods, "default"), func(*api.Response, error) {})
			w.run(time.Millisecond)
		}
		w.run(10 * time.Minute)
		return w.s.Digest()
	}
	if a, b := run(), run(); a != b {
		t.Errorf("digests %016x and %016x", a, b)
	}
}
