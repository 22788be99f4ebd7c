package apiserver

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/apiserver/registry"
	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/apiserver/watchcache"
)

// get answers from the store, unless the client is content with the cache.
func (c *call) get() {
	r, e := c.request, c.entry
	key := e.Key(r.Namespace, r.Name)
	atLeast, err := parseRevision(r.ResourceVersion)
	if err != nil {
		c.finish(nil, err)
		return
	}
	cacher := c.server.cacherOf(e)
	if r.ResourceVersion == "" || !cacher.ready {
		c.server.store.Get(key, func(obj api.Object, revision int64, err error) {
			if err == nil && uint64(revision) < atLeast {
				err = storage.TooLargeResourceVersion(atLeast, uint64(revision), 0)
			}
			c.show(obj, err)
		})
		return
	}
	cacher.await(atLeast, func(err error) {
		obj, _ := cacher.cache.Get(key)
		c.show(obj, err)
	})
}

// show answers with a stored object, as the resource or subresource presents it.
func (c *call) show(stored api.Object, err error) {
	switch {
	case c.done:
	case err != nil:
		c.finish(nil, err)
	case stored == nil:
		c.finish(nil, c.entry.NotFound(c.request.Name))
	case c.request.Subresource == "scale":
		scale, err := c.entry.GetScale(stored)
		c.answer(&api.Response{Object: scale}, 0, err)
	default:
		c.answer(&api.Response{Object: c.entry.Present(stored)}, 0, nil)
	}
}

// listCall is a list in a call.
type listCall struct {
	*call
	list *api.List
	size int
}

func (c *call) list() {
	l := &listing{server: c.server, request: c.request, entry: c.entry}
	l.done = func(r listed, err error) {
		if c.done {
			return
		}
		if err != nil {
			c.finish(nil, err)
			return
		}
		lc := &listCall{call: c, list: r.list, size: r.bytes}
		s := c.server
		s.process.Charge(s.ops.list, r.seen, 0, s.kinds.listed, 0, lc)
	}
	l.start()
}

func (l *listCall) listed() {
	if !l.done {
		l.answer(&api.Response{List: l.list}, listOverheadBytes+l.size, nil)
	}
}

// listOverheadBytes is about what an answer takes besides its items.
const listOverheadBytes = 128

// listed is a finished list.
type listed struct {
	list   *api.List
	stored []api.Object // the items as they are stored
	bytes  int          // of all items
	seen   int64        // objects looked at
}

// listing is a list in progress, of a client or of the server itself.
type listing struct {
	server  *Server
	request *api.Request
	entry   *registry.Entry
	done    func(listed, error)

	cacher   *cacher
	selector *watchcache.Selector
	query    watchcache.Query
}

func (l *listing) start() {
	r, e := l.request, l.entry
	var err error
	if err = checkListOptions(r); err == nil {
		l.selector, err = selectorOf(e, r)
	}
	if err != nil {
		l.done(listed{}, err)
		return
	}
	l.cacher = l.server.cacherOf(e)
	l.query = watchcache.Query{Prefix: e.Prefix(l.selector.Namespace), Selector: l.selector, Limit: r.Limit}
	if name := l.selector.Name; name != "" && (l.selector.Namespace != "" || !e.Resource.Namespaced) {
		l.query.Key = e.Key(l.selector.Namespace, name)
	}
	w, revision, from, err := wayOf(r, l.query.Prefix)
	if err != nil {
		l.done(listed{}, err)
		return
	}
	l.query.From = from
	if from == "" && w == latest && revision == 0 {
		l.query.Limit = 0 // A list of whatever is cached comes whole.
	}
	l.choose(w, revision)
}

// choose goes the way of the list, or to the store where the cache is not there yet.
func (l *listing) choose(w way, revision uint64) {
	switch {
	case w == exact:
		l.exact(revision)
	case !l.cacher.ready && l.selector.Plain() && l.request.Limit > 0:
		l.fromStore(revision)
	case !l.cacher.ready:
		l.done(listed{}, l.cacher.unready())
	case w == consistent:
		l.consistent()
	default:
		l.cacher.await(revision, func(err error) {
			if err != nil {
				l.done(listed{}, err)
				return
			}
			l.fromCache()
		})
	}
}

// consistent asks the store for its revision and the cache for its content, once that has got there. If it does not in
// time, the store answers itself.
func (l *listing) consistent() {
	l.server.store.Revision(l.query.Prefix, func(revision int64, err error) {
		if err != nil {
			l.done(listed{}, err)
			return
		}
		l.cacher.await(uint64(revision), func(err error) {
			switch {
			case err == nil:
				l.server.metrics.consistentReads.Inc()
				l.fromCache()
			case storage.IsTooLargeResourceVersion(err):
				l.server.metrics.fallbacks.Inc()
				l.fromStore(0)
			default:
				l.done(listed{}, err)
			}
		})
	})
}

// exact lists at one revision: from the cache if it has reached it and still remembers it, else from the store.
func (l *listing) exact(revision uint64) {
	c := l.cacher
	if !c.ready || revision <= c.cache.Revision() && !c.cache.CanServeExact(revision) {
		l.fromStore(revision)
		return
	}
	c.await(revision, func(err error) {
		switch {
		case err != nil:
			l.done(listed{}, err)
		case !c.ready || !c.cache.CanServeExact(revision):
			l.fromStore(revision)
		default:
			l.finish(c.cache.ListExact(l.query, revision), revision)
		}
	})
}

func (l *listing) fromCache() { l.finish(l.cacher.cache.List(l.query), l.cacher.cache.Revision()) }

// finish answers with what the cache listed.
func (l *listing) finish(r watchcache.Result, revision uint64) {
	list := &api.List{ResourceVersion: api.FormatRV(revision), Items: l.present(r.Items)}
	if r.More {
		list.Continue = storage.EncodeContinue(r.LastKey, l.query.Prefix, int64(revision))
		if l.selector.Plain() {
			remaining := r.Seen - l.query.Limit
			list.RemainingItemCount = &remaining
		}
	}
	l.done(listed{list: list, stored: r.Items, bytes: int(r.Bytes), seen: r.Seen}, nil)
}

// fromStore reads the store at a revision, at its newest for 0.
func (l *listing) fromStore(revision uint64) {
	q := storage.Query{
		Prefix: l.query.Prefix, Match: l.selector.Matches, Plain: l.selector.Plain(), Limit: l.query.Limit, Continue: l.request.Continue,
	}
	switch w, _, _, _ := wayOf(l.request, l.query.Prefix); w {
	case exact:
		q.Revision = int64(revision)
	case latest:
		q.AtLeast = int64(revision)
	}
	l.server.store.List(q, l.fromPage)
}

func (l *listing) fromPage(p storage.Page, err error) {
	if err != nil {
		l.done(listed{}, err)
		return
	}
	list := &api.List{
		ResourceVersion: api.FormatRV(uint64(p.Revision)), Continue: p.Continue, RemainingItemCount: p.Remaining, Items: l.present(p.Items),
	}
	l.done(listed{list: list, stored: p.Items, bytes: int(p.ItemBytes), seen: p.Seen}, nil)
}

// present shows stored objects as the resource; for nearly all they are the same.
func (l *listing) present(stored []api.Object) []api.Object {
	if l.entry.ShowsAsStored() {
		return stored
	}
	out := make([]api.Object, len(stored))
	for i, o := range stored {
		out[i] = l.entry.Present(o)
	}
	return out
}

// unready is the 429 of a cache that is being filled (KEP-4568).
func (c *cacher) unready() error {
	message := "storage is (re)initializing"
	if c.problem != nil {
		message += ": " + c.problem.Error()
	}
	return apierrors.NewTooManyRequests(message, retryAfterUnready(c.server.now()-c.changed))
}
