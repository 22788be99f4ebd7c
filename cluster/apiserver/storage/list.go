package storage

import (
	"errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// maxPage is what a page grows to while selectors drop what was read (upstream etcd3 maxLimit).
const maxPage = 10_000

// Query is a list from the store.
type Query struct {
	Prefix string
	// Match says which objects are wanted; nil wants all.
	Match func(api.Object) bool
	// Plain: nothing is left out by Match, so that a page can count what remains.
	Plain bool
	Limit int64
	// Revision to list at; 0 is the newest.
	Revision int64
	// AtLeast is a revision that the answer must have reached.
	AtLeast  int64
	Continue string

	from string
}

// Page is the answer.
type Page struct {
	Items     []api.Object
	Revision  int64
	Continue  string
	Remaining *int64
	// ItemBytes is the size of the items; Seen counts the objects read, wanted or not.
	ItemBytes, Seen int64
}

// List reads a page, linearizably where no revision is given.
func (s *Store) List(q Query, done func(Page, error)) {
	q.from = q.Prefix
	if q.Continue != "" {
		from, revision, err := DecodeContinue(q.Continue, q.Prefix)
		if err != nil {
			panic("storage: a continue token must be checked before List: " + err.Error())
		}
		q.from, q.Revision = from, max(revision, 0)
	}
	l := &list{store: s, query: q, done: done, limit: q.Limit}
	l.next()
}

// list is a list in progress: several reads, if a selector leaves pages short.
type list struct {
	store *Store
	query Query
	done  func(Page, error)
	page  Page
	limit int64
	last  string
}

func (l *list) next() {
	l.store.client.Range(&mvcc.RangeRequest{
		Key: l.query.from, RangeEnd: RangeEnd(l.query.Prefix), Limit: l.limit, Revision: l.query.Revision,
	}, l.got)
}

func (l *list) got(r *mvcc.RangeResponse, err error) {
	q := &l.query
	switch {
	case errors.Is(err, mvcc.ErrCompacted):
		l.done(Page{}, expired(q))
		return
	case errors.Is(err, mvcc.ErrFutureRev):
		l.tooLarge()
		return
	case err != nil:
		l.done(Page{}, err)
		return
	case r.Header.Revision < q.AtLeast:
		l.done(Page{}, TooLargeResourceVersion(uint64(q.AtLeast), uint64(r.Header.Revision), 0))
		return
	}
	if q.Revision == 0 {
		q.Revision = r.Header.Revision
	}
	more := l.take(r)
	if !more || q.Limit == 0 || int64(len(l.page.Items)) >= q.Limit {
		l.finish(r, more)
		return
	}
	// The selector dropped objects: read on, in greater steps.
	l.query.from = l.last + "\x00"
	l.limit = min(l.limit*2, maxPage)
	l.next()
}

// take collects what is wanted and reports whether something is left in the range.
func (l *list) take(r *mvcc.RangeResponse) (more bool) {
	more = int64(len(r.KVs)) < r.Count
	for _, kv := range r.KVs {
		if l.query.Limit > 0 && int64(len(l.page.Items)) >= l.query.Limit {
			return true
		}
		l.last = kv.Key
		l.page.Seen++
		if obj := ObjectOf(kv); obj != nil && (l.query.Match == nil || l.query.Match(obj)) {
			l.page.Items = append(l.page.Items, obj)
			l.page.ItemBytes += int64(kv.Value.SizeBytes())
		}
	}
	return more
}

func (l *list) finish(r *mvcc.RangeResponse, more bool) {
	l.page.Revision = l.query.Revision
	if more {
		l.page.Continue = EncodeContinue(l.last, l.query.Prefix, l.query.Revision)
		if l.query.Plain {
			remaining := r.Count - l.query.Limit
			l.page.Remaining = &remaining
		}
	}
	l.done(l.page, nil)
}

// tooLarge answers a list at a revision of the future with the current one.
func (l *list) tooLarge() {
	l.store.Revision(l.query.Prefix, func(current int64, err error) {
		l.done(Page{}, TooLargeResourceVersion(uint64(l.query.Revision), uint64(max(current, 0)), 0))
	})
}
