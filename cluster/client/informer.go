package client

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// Options narrow what an informer watches. The zero value watches every object of the kind.
type Options struct {
	Namespace     string
	LabelSelector labels.Selector
	FieldSelector fields.Selector
}

// Handler is told of changes. Functions may be nil. Objects are shared and must not be changed.
type Handler struct {
	Add    func(o api.Object)
	Update func(old, new api.Object)
	Delete func(o api.Object)
	// DeletedFinalStateUnknown is called in place of Delete, if set, where the deletion itself was missed: the
	// object is the last state that the informer has seen. client-go wraps it in a type of that name.
	DeletedFinalStateUnknown func(last api.Object)
	// Resync, if positive, calls Update(o, o) for every object at this interval.
	Resync time.Duration
}

// Informer mirrors one kind of objects, and calls handlers, each with every change in order.
type Informer struct {
	resource  *api.Resource
	options   Options
	store     store
	handlers  []*handler
	reflector reflector
	synced    sim.Signal
	observer  InformerObserver // nil is none
}

// handler is a registered Handler.
type handler struct {
	Handler
	informer *Informer
}

// Resource is what the informer watches.
func (i *Informer) Resource() *api.Resource { return i.resource }

// OnEvent registers a handler. It is called with Add for everything known already, at once and in order of keys.
func (i *Informer) OnEvent(h Handler) {
	r := &handler{Handler: h, informer: i}
	i.handlers = append(i.handlers, r)
	if h.Add != nil && len(i.store.items) > 0 { // An empty store is not worth an order.
		for _, o := range i.store.all().objects() {
			h.Add(o)
		}
	}
	if h.Resync > 0 {
		i.reflector.scheduleResync(r)
	}
}

// AddIndex files objects under the values that fn returns for them. Adding a name twice keeps the first function.
func (i *Informer) AddIndex(name string, fn func(o api.Object) []string) {
	if i.store.index(name) == nil {
		i.store.addIndex(name, fn)
	}
}

// ByIndex returns the objects filed under a value of an index, sorted by key. It panics without such an index.
func (i *Informer) ByIndex(name, value string) []api.Object {
	x := i.store.index(name)
	if x == nil {
		panic(fmt.Sprintf("client: informer of %s has no index %q", i.resource, name))
	}
	bucket := x.buckets[value]
	if bucket == nil {
		return nil
	}
	return bucket.objects()
}

// CountByIndex is the number of objects filed under a value of an index.
func (i *Informer) CountByIndex(name, value string) int {
	x := i.store.index(name)
	if x == nil {
		panic(fmt.Sprintf("client: informer of %s has no index %q", i.resource, name))
	}
	bucket := x.buckets[value]
	if bucket == nil {
		return 0
	}
	return bucket.len()
}

// Get returns the object of that name, as far as the informer knows.
func (i *Informer) Get(namespace, name string) (api.Object, bool) {
	return i.store.get(key{namespace, name})
}

// List returns the objects of a namespace ("" is all) that the selector matches (nil is all), sorted by key.
func (i *Informer) List(namespace string, selector labels.Selector) []api.Object {
	return i.store.list(namespace, selector)
}

// Len is the number of objects known.
func (i *Informer) Len() int { return len(i.store.items) }

// Synced reports whether the initial state has arrived and every handler has seen it.
func (i *Informer) Synced() bool { return i.synced.IsSet() }

// HasSynced is Synced to wait for.
func (i *Informer) HasSynced() *sim.Signal { return &i.synced }

// ResourceVersion is up to where the informer has followed the store, "" before the first sync. Bookmarks move it
// even while no object changes.
func (i *Informer) ResourceVersion() string { return i.reflector.resourceVersion }

// changed takes over one object of which a watch tells that it is new or has changed.
func (i *Informer) changed(o api.Object) {
	if i.observer != nil {
		i.observer.Told(o, false)
	}
	i.apply(o)
}

// apply takes over one object that is new or has changed.
func (i *Informer) apply(o api.Object) {
	old := i.store.put(keyOf(o), o)
	if old == nil {
		i.added(o)
		return
	}
	i.updated(old, o)
}

// drop takes over the deletion of an object, whose last state o is.
func (i *Informer) drop(o api.Object) {
	if i.observer != nil {
		i.observer.Told(o, true)
	}
	if i.store.remove(keyOf(o)) == nil {
		return
	}
	for _, h := range i.handlers {
		if h.Delete != nil {
			h.Delete(o)
		}
	}
}

// replace takes over a whole list. What is not in it has been deleted at some unseen moment; client-go tells of
// those first (tools/cache/the_real_fifo.go), here in order of keys.
func (i *Informer) replace(objects []api.Object) {
	if !i.reflector.bugs.keepsDeleted {
		i.dropMissing(objects)
	}
	for _, o := range objects {
		i.apply(o)
	}
	i.synced.Set()
}

func (i *Informer) dropMissing(objects []api.Object) {
	if len(i.store.items) == 0 {
		return
	}
	listed := make(map[key]struct{}, len(objects))
	for _, o := range objects {
		listed[keyOf(o)] = struct{}{}
	}
	var missing []key
	for k := range i.store.items { //sim:unordered sorted below
		if _, still := listed[k]; !still {
			missing = append(missing, k)
		}
	}
	slices.SortFunc(missing, compareKeys)
	for _, k := range missing {
		i.lost(i.store.remove(k))
	}
}

func (i *Informer) added(o api.Object) {
	for _, h := range i.handlers {
		if h.Add != nil {
			h.Add(o)
		}
	}
}

func (i *Informer) updated(old, new api.Object) {
	for _, h := range i.handlers {
		if h.Update != nil {
			h.Update(old, new)
		}
	}
}

func (i *Informer) lost(last api.Object) {
	for _, h := range i.handlers {
		switch {
		case h.DeletedFinalStateUnknown != nil:
			h.DeletedFinalStateUnknown(last)
		case h.Delete != nil:
			h.Delete(last)
		}
	}
}

// resync shows every object to one handler again.
func (h *handler) resync() {
	if h.Update == nil || !h.informer.Synced() {
		return
	}
	for _, o := range h.informer.store.all().objects() {
		h.Update(o, o)
	}
}
