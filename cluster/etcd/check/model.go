package check

import (
	"errors"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/lease"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// model is the store as it should be: one keyspace and its leases, to which the log is applied.
type model struct {
	keys   *mvcc.Store
	leases *lease.Lessor
}

func newModel() model {
	l := lease.New(0)
	return model{keys: mvcc.New(l), leases: l}
}

func (m *model) revision() int64 { return m.keys.Revision() }

// apply does what an entry asks for. The answer is nil for entries that nobody waits for in this package.
func (m *model) apply(request any) (response any, err error) {
	switch r := request.(type) {
	case *etcd.PutRequest:
		return refused(m.keys.Put(r, true))
	case *etcd.DeleteRangeRequest:
		return m.keys.DeleteRange(r, true), nil
	case *etcd.TxnRequest:
		return refused(m.keys.Txn(r, true))
	case *etcd.CompactionRequest:
		_, _, err = m.keys.Compact(r.Revision)
	case *etcd.LeaseGrantRequest:
		_, err = m.leases.Grant(r.ID, r.TTLSeconds, 0)
	case *etcd.LeaseRevokeRequest:
		err = m.revoke(r.ID)
	case *etcd.LeaseExpiry:
		err = m.revoke(r.ID)
	}
	return nil, err
}

// refused drops the typed nil that goes with an error.
func refused[R any](response *R, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return response, nil
}

func (m *model) revoke(id int64) error {
	keys, err := m.leases.Revoke(id)
	if err == nil {
		m.keys.DeleteKeys(keys)
	}
	return err
}

// writes reports whether a request can change keys, so that the model's last changes are its own.
func writes(request any) bool {
	switch request.(type) {
	case *etcd.PutRequest, *etcd.DeleteRangeRequest, *etcd.TxnRequest, *etcd.LeaseRevokeRequest, *etcd.LeaseExpiry:
		return true
	default:
		return false
	}
}

// applied has the model do what a member has done, and compares.
func (k *Checker) applied(a *etcd.Application) {
	if errors.Is(a.Err, etcd.ErrNoSpace) || errors.Is(a.Err, etcd.ErrCorrupt) {
		k.committed(a, nil, a.Err) // An alarm stands, of which the model knows nothing.
		return
	}
	response, err := k.model.apply(a.Request)
	if (err == nil) != (a.Err == nil) && a.Request != nil {
		k.broken(AppliedAsTheModel, "index %d, %s: the member says %v, the model %v", a.Index, describe(a.Request), a.Err, err)
	}
	var changes []*mvcc.Record
	if err == nil && writes(a.Request) {
		changes = k.model.keys.Changes()
	}
	k.compareEvents(a, changes)
	k.committed(a, response, err)
	k.leases.applied(k, a)
	k.watches.commit(a)
	if r, ok := a.Request.(*etcd.CompactionRequest); ok && err == nil {
		k.watches.forget(r.Revision)
	}
}

// compareEvents compares what an entry changed with what it changes in the model.
func (k *Checker) compareEvents(a *etcd.Application, changes []*mvcc.Record) {
	if a.Revision != k.model.revision() {
		k.broken(AppliedAsTheModel, "index %d, %s, leads to revision %d, in the model to %d", a.Index, describe(a.Request), a.Revision, k.model.revision())
		return
	}
	if len(a.Events) != len(changes) {
		k.broken(AppliedAsTheModel, "index %d, %s, makes %d changes, in the model %d", a.Index, describe(a.Request), len(a.Events), len(changes))
		return
	}
	for i := range changes {
		want := changes[i].Event(true)
		if got := &a.Events[i]; got.Type != want.Type || *got.KV != *want.KV || !equalKV(got.PrevKV, want.PrevKV) {
			k.broken(AppliedAsTheModel, "index %d, %s: %s, in the model %s", a.Index, describe(a.Request), describeEvent(got), describeEvent(&want))
		}
	}
}
