package check

import (
	"errors"
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Operation is a request of a client, and what became of it.
type Operation struct {
	Client  string
	Request any
	// Call, Commit and Return are moments, that is steps of the kernel with an order within them; 0 where it has not
	// come. Commit is that of a write only.
	Call, Commit, Return int64
	Response             any
	Err                  error

	// called and returned are the newest revisions then.
	called, returned int64
	// expected is what the model answered at the commit.
	expected    any
	expectedErr error
	// written is the revision that it made, nil where it made none.
	written *written
}

func (o *Operation) String() string { return o.Client + ": " + describe(o.Request) }

// begin takes in that a client calls.
func (k *Checker) begin(client string, request any) *Operation {
	o := &Operation{Client: client, Request: request, Call: k.now(), called: k.model.revision()}
	k.stats.Called++
	k.pending[request] = o
	if k.keep {
		k.history = append(k.history, o)
	}
	return o
}

// committed takes in that an entry has been applied, and what the model answered.
func (k *Checker) committed(a *etcd.Application, response any, err error) {
	k.stats.Applied++
	var made *written
	if len(a.Events) > 0 {
		made = k.wrote(a)
	}
	o := k.pending[a.Request]
	if a.Request == nil || o == nil {
		return
	}
	switch {
	case o.Commit != 0:
		k.broken(OnceAtMost, "%v takes effect a second time, at index %d", o, a.Index)
		return
	case o.Return != 0 && o.Err != nil && !MaybeDone(o.Err):
		k.broken(OnceAtMost, "%v takes effect at index %d after it was refused: %v", o, a.Index, o.Err)
	}
	o.Commit, o.expected, o.expectedErr, o.written = k.now(), response, err, made
	if o.Return != 0 {
		delete(k.pending, a.Request)
	}
}

// end takes in the answer.
func (k *Checker) end(o *Operation, response any, err error) {
	o.Return, o.Response, o.Err, o.returned = k.now(), response, err, k.model.revision()
	switch {
	case err == nil:
		k.stats.Answered++
		if o.written != nil {
			o.written.acknowledged = true
		}
	case MaybeDone(err):
		k.stats.Failed++
	default:
		k.stats.Refused++
	}
	if o.Commit != 0 || isRead(o.Request) || err == nil {
		delete(k.pending, o.Request)
	}
	if v := k.judge(o); v != nil {
		k.Report(v)
	}
}

// judge says what is wrong with an answer, if anything is.
func (k *Checker) judge(o *Operation) error {
	switch {
	case isRead(o.Request):
		return k.judgeRead(o)
	case o.Err != nil:
		return o.judgeFailure()
	case o.Commit == 0 || o.Commit < o.Call || o.Commit > o.Return:
		return violation(CommittedFirst, "%v was answered with %s", o, describe(o.Response))
	case o.expectedErr != nil:
		return violation(AnsweredRight, "%v was answered with %s instead of %v", o, describe(o.Response), o.expectedErr)
	case !equalAnswers(o.Response, o.expected):
		return violation(AnsweredRight, "%v was answered with %s instead of %s", o, describe(o.Response), describe(o.expected))
	}
	return nil
}

// judgeFailure compares a write's failure with the model's, where the failure is an answer.
func (o *Operation) judgeFailure() error {
	switch {
	case MaybeDone(o.Err) || refusedBefore(o.Err):
		return nil // What is refused and comes to pass all the same is found when it does.
	case o.Commit == 0:
		return violation(CommittedFirst, "%v was answered with %v", o, o.Err)
	case !errors.Is(o.Err, o.expectedErr):
		return violation(AnsweredRight, "%v was answered with %v instead of %v", o, o.Err, o.expectedErr)
	}
	return nil
}

// judgeRead compares a read with the model at the revision that it names.
func (k *Checker) judgeRead(o *Operation) error {
	if o.Err != nil {
		return k.judgeFailedRead(o)
	}
	revision, serializable := readRevision(o)
	switch {
	case revision > o.returned:
		return violation(CommittedFirst, "%v was answered with %s, when %d was the newest", o, describe(o.Response), o.returned)
	case revision < o.called && !serializable:
		return violation(ReadsAreRecent, "%v was answered with %s, when %d had been committed before the call", o, describe(o.Response), o.called)
	}
	r, ok := o.Request.(*etcd.RangeRequest)
	if !ok {
		k.stats.Uncompared++ // A transaction's comparisons cannot be made on an old state.
		return nil
	}
	want, err := k.model.at(r, revision)
	switch {
	case errors.Is(err, etcd.ErrCompacted) && k.model.keys.CompactRevision() > revision:
		k.stats.Uncompared++
	case err != nil && k.model.keys.CompactRevision() > r.Revision && r.Revision > 0:
		k.stats.Uncompared++ // Compacted since.
	case err != nil:
		return violation(AnsweredRight, "%v was answered with %s instead of %v", o, describe(o.Response), err)
	case !equalAnswers(o.Response, want):
		return violation(AnsweredRight, "%v was answered with %s instead of %s", o, describe(o.Response), describe(want))
	}
	return nil
}

// judgeFailedRead looks for the reason of a refusal.
func (k *Checker) judgeFailedRead(o *Operation) error {
	r, ok := o.Request.(*etcd.RangeRequest)
	switch {
	case !ok:
	case errors.Is(o.Err, etcd.ErrCompacted) && (r.Revision <= 0 || r.Revision >= k.model.keys.CompactRevision()):
		return violation(RefusedWithReason, "%v was answered with %v, but %d is the oldest revision", o, o.Err, k.model.keys.CompactRevision())
	case errors.Is(o.Err, etcd.ErrFutureRev) && !r.Serializable && r.Revision <= o.called:
		return violation(RefusedWithReason, "%v was answered with %v, but %d was the newest at the call", o, o.Err, o.called)
	}
	return nil
}

// at reads as a member does that stands at a revision.
func (m *model) at(r *etcd.RangeRequest, revision int64) (*etcd.RangeResponse, error) {
	read := *r
	if read.Revision > revision {
		return nil, etcd.ErrFutureRev
	}
	if read.Revision <= 0 {
		read.Revision = revision
	}
	got, err := m.keys.Range(&read)
	if err == nil {
		got.Header.Revision = revision
	}
	return got, err
}

func readRevision(o *Operation) (revision int64, serializable bool) {
	switch r := o.Request.(type) {
	case *etcd.RangeRequest:
		return o.Response.(*etcd.RangeResponse).Header.Revision, r.Serializable
	case *etcd.TxnRequest:
		return o.Response.(*etcd.TxnResponse).Header.Revision, r.IsSerializable()
	}
	panic(fmt.Sprintf("check: %T is no read", o.Request))
}

func isRead(request any) bool {
	switch r := request.(type) {
	case *etcd.RangeRequest:
		return true
	case *etcd.TxnRequest:
		return r.IsReadOnly()
	}
	return false
}

// MaybeDone reports failures after which a write may have taken effect, or still may.
func MaybeDone(err error) bool {
	for _, answer := range answers {
		if errors.Is(err, answer) {
			return false
		}
	}
	return !refusedBefore(err)
}

// answers are failures that the state decides: they are given at a place in the log.
var answers = []error{
	etcd.ErrCompacted, etcd.ErrFutureRev, etcd.ErrKeyNotFound, etcd.ErrLeaseNotFound, etcd.ErrLeaseExists, lease.ErrTTLTooLarge,
}

// refusals are failures that come before agreement: the request is dropped.
var refusals = []error{
	etcd.ErrTooManyRequests, etcd.ErrRequestTooLarge, etcd.ErrNoSpace, etcd.ErrCorrupt,
	mvcc.ErrEmptyKey, mvcc.ErrValueProvided, mvcc.ErrLeaseProvided, mvcc.ErrTooManyOps, mvcc.ErrDuplicateKey, mvcc.ErrInvalidSort,
}

func refusedBefore(err error) bool {
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

func violation(g etcd.Guarantee, format string, args ...any) error {
	return &etcd.Violation{Guarantee: g, Found: fmt.Sprintf(format, args...)}
}
