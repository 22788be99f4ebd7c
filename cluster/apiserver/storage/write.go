package storage

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Action is what a decision does to the key.
type Action uint8

const (
	// Nothing leaves the key as it is.
	Nothing Action = iota
	// Put stores Decision.Object.
	Put
	// Remove deletes the key.
	Remove
	// PutThenRemove stores the object and then deletes the key: two revisions.
	PutThenRemove
)

// Decision is what to do with a key, given its object.
type Decision struct {
	Action Action
	Object api.Object // to store: nobody else may hold it. Of Nothing and Remove: what to answer, nil for the object at hand.
	TTL    time.Duration
	// Before are other keys that must change first, each under its own condition. If one has changed meanwhile, the
	// decision is asked for again.
	Before []Before
}

// Before is a conditional write of another key; Revision 0 requires that it does not exist, a nil Object deletes it.
type Before struct {
	Key      string
	Revision int64
	Object   api.Object
	// Mine, if set, accepts what it finds in place of what it wanted to write: the trace of an earlier attempt.
	Mine func(found api.Object) bool
}

// Decider makes the decisions of a Write and hears how it ended.
type Decider interface {
	// Decide is asked what to do with old, the key's object or nil if there is none; the answer is Write.Decided, now or
	// later. It may be asked again about a newer object.
	Decide(old api.Object)
	// Done ends the write. obj is what the key holds after it; after a removal what it held, at the removal's revision.
	Done(obj api.Object, err error)
}

// Write is one conditional change of a key. The zero value with its exported fields set is ready for Start.
type Write struct {
	Store   *Store
	Key     string
	Decider Decider
	// Cached is what the cache has, nil if nothing: it saves the first read.
	Cached api.Object
	// Create means that the key is thought not to exist: the first decision is about nothing, and a key that does exist
	// ends the write with ErrKeyExists.
	Create bool

	old      api.Object // what was decided about
	revision int64      // of old; 0 = none
	current  bool       // old came from the store, not from the cache
	decision Decision
	refusal  error // of a decision on a cached object, to be told if the store agrees
	before   int   // how many of decision.Before are done
	stored   *Stored
}

// txn is a transaction with everything it points to, in one allocation. Once sent it belongs to the store, whose log keeps
// it by reference.
type txn struct {
	request mvcc.TxnRequest
	compare [1]mvcc.Compare
	success [1]mvcc.RequestOp
	failure [1]mvcc.RequestOp
	put     mvcc.PutRequest
	remove  mvcc.DeleteRangeRequest
	get     mvcc.RangeRequest
}

// Start begins the write.
func (w *Write) Start() {
	switch {
	case w.Create:
		w.current = true
		w.Decider.Decide(nil)
	case w.Cached != nil:
		w.decideOn(w.Cached, false)
	default:
		w.read()
	}
}

// decideOn asks for the decision about an object, which carries its revision.
func (w *Write) decideOn(obj api.Object, current bool) {
	w.old, w.current, w.revision = obj, current, 0
	if obj != nil {
		w.revision = int64(api.ParseRV(api.Meta(obj).ResourceVersion))
	}
	w.before = 0
	w.Decider.Decide(obj)
}

// read fetches what the store really has.
func (w *Write) read() {
	w.Store.Get(w.Key, func(obj api.Object, _ int64, err error) {
		if err != nil {
			w.Decider.Done(nil, err)
			return
		}
		w.fresh(obj)
	})
}

// fresh goes on with the store's own state. If what was decided on a cached object was decided on this very state, it
// stands.
func (w *Write) fresh(obj api.Object) {
	same := w.old != nil && obj != nil && api.Meta(obj).ResourceVersion == api.Meta(w.old).ResourceVersion
	switch {
	case obj == nil && !w.Create:
		w.Decider.Done(nil, ErrKeyNotFound)
	case same && w.refusal != nil:
		w.Decider.Done(nil, w.refusal)
	case same && w.decision.Action == Nothing:
		w.Decider.Done(obj, nil)
	default:
		w.refusal = nil
		w.decideOn(obj, true)
	}
}

// Decided is the answer to Decide.
func (w *Write) Decided(d Decision, err error) {
	w.decision, w.refusal = d, err
	switch {
	case err != nil && !w.current:
		w.read()
	case err != nil:
		w.Decider.Done(nil, err)
	case d.Action == Nothing && !w.current:
		w.read()
	case d.Action == Nothing:
		w.Decider.Done(answer(d.Object, w.old), nil)
	default:
		w.proceed()
	}
}

func answer(obj, otherwise api.Object) api.Object {
	if obj != nil {
		return obj
	}
	return otherwise
}

// proceed does what comes next: the other keys, then this one.
func (w *Write) proceed() {
	switch {
	case w.before < len(w.decision.Before):
		w.writeBefore(w.decision.Before[w.before])
	case w.decision.Action == Remove:
		w.remove()
	case w.decision.TTL == 0:
		w.put(0)
	default:
		w.lease(w.put)
	}
}

// lease finds the store lease for an object that expires.
func (w *Write) lease(then func(id int64)) {
	w.Store.leases.get(int64(w.decision.TTL/time.Second), func(id int64, err error) {
		if err != nil {
			w.Decider.Done(nil, err)
			return
		}
		then(id)
	})
}

func (w *Write) put(lease int64) {
	w.stored = NewStored(w.decision.Object, w.Store.detector)
	t := &txn{put: mvcc.PutRequest{Key: w.Key, Value: w.stored, Lease: lease}}
	t.success[0].Put = &t.put
	w.submit(t, w.putDone)
}

func (w *Write) remove() {
	t := &txn{remove: mvcc.DeleteRangeRequest{Key: w.Key}}
	t.success[0].DeleteRange = &t.remove
	w.submit(t, w.removed)
}

// submit sends the transaction under the condition that the key is as decided upon, and reads it otherwise.
func (w *Write) submit(t *txn, done func(*mvcc.TxnResponse, error)) {
	t.compare[0] = mvcc.Compare{Target: mvcc.CompareModRevision, Key: w.Key, Number: w.revision}
	t.get = mvcc.RangeRequest{Key: w.Key}
	t.failure[0].Range = &t.get
	t.request = mvcc.TxnRequest{Compare: t.compare[:], Success: t.success[:], Failure: t.failure[:]}
	w.Store.client.Txn(&t.request, done)
}

// Size is the size of what was stored last, 0 if nothing was.
func (w *Write) Size() int {
	if w.stored == nil {
		return 0
	}
	return w.stored.size
}

func (w *Write) putDone(r *mvcc.TxnResponse, err error) {
	if !w.settled(r, err) {
		return
	}
	w.old, w.revision = w.stored.At(r.Header.Revision), r.Header.Revision
	if w.decision.Action == PutThenRemove {
		w.decision.Action = Remove
		w.remove()
		return
	}
	w.Decider.Done(w.old, nil)
}

func (w *Write) removed(r *mvcc.TxnResponse, err error) {
	if !w.settled(r, err) {
		return
	}
	w.Decider.Done(At(answer(w.decision.Object, w.old), r.Header.Revision), nil)
}

// settled handles what every transaction may meet; it reports whether the transaction was done.
func (w *Write) settled(r *mvcc.TxnResponse, err error) bool {
	switch {
	case err != nil:
		w.Decider.Done(nil, err)
	case r.Succeeded:
		return true
	case w.Create:
		w.Decider.Done(nil, ErrKeyExists)
	default:
		w.again(found(r))
	}
	return false
}

// again decides on what the failed condition found.
func (w *Write) again(obj api.Object) {
	if obj == nil {
		w.Decider.Done(nil, ErrKeyNotFound)
		return
	}
	w.decideOn(obj, true)
}

func found(r *mvcc.TxnResponse) api.Object {
	if kvs := r.Responses[0].Range.KVs; len(kvs) > 0 {
		return ObjectOf(kvs[0])
	}
	return nil
}

// writeBefore changes another key first. If that key is not as thought, the decision is asked for again: it will see the
// newer state or refuse.
func (w *Write) writeBefore(b Before) {
	request := &mvcc.TxnRequest{
		Compare: []mvcc.Compare{{Target: mvcc.CompareModRevision, Key: b.Key, Number: b.Revision}},
		Failure: []mvcc.RequestOp{{Range: &mvcc.RangeRequest{Key: b.Key}}},
	}
	if b.Object == nil {
		request.Success = []mvcc.RequestOp{{DeleteRange: &mvcc.DeleteRangeRequest{Key: b.Key}}}
	} else {
		request.Success = []mvcc.RequestOp{{Put: &mvcc.PutRequest{Key: b.Key, Value: NewStored(b.Object, w.Store.detector)}}}
	}
	w.Store.client.Txn(request, func(r *mvcc.TxnResponse, err error) {
		switch {
		case err != nil:
			w.Decider.Done(nil, err)
		case !r.Succeeded && !b.accepts(found(r)):
			w.before = 0
			w.Decider.Decide(w.old)
		default:
			w.before++
			w.proceed()
		}
	})
}

func (b *Before) accepts(found api.Object) bool {
	return b.Mine != nil && found != nil && b.Mine(found)
}
