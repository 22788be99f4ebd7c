package storage

import (
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Store is one API server's way to the objects in the store.
type Store struct {
	client   Client
	leases   leases
	detector *Detector
}

// New returns a store over a client. now reads the server's monotonic clock in nanoseconds; detector may be nil.
func New(client Client, now func() int64, detector *Detector) *Store {
	s := &Store{client: client, detector: detector}
	s.leases = leases{client: client, now: now}
	return s
}

// Get reads one object from the store, linearizably. A missing key gives a nil object and the store's revision.
func (s *Store) Get(key string, done func(obj api.Object, revision int64, err error)) {
	s.client.Range(&mvcc.RangeRequest{Key: key}, func(r *mvcc.RangeResponse, err error) {
		if err != nil {
			done(nil, 0, err)
			return
		}
		if len(r.KVs) == 0 {
			done(nil, r.Header.Revision, nil)
			return
		}
		done(ObjectOf(r.KVs[0]), r.Header.Revision, nil)
	})
}

// Revision asks the store for its current revision, linearizably: upstream reads one key that is never there.
func (s *Store) Revision(prefix string, done func(revision int64, err error)) {
	s.client.Range(&mvcc.RangeRequest{Key: prefix, Limit: 1}, func(r *mvcc.RangeResponse, err error) {
		if err != nil {
			done(0, err)
			return
		}
		done(r.Header.Revision, nil)
	})
}

// ObjectOf returns the object of a key's revision, nil where the key holds something else.
func ObjectOf(kv *mvcc.KeyValue) api.Object {
	s, ok := kv.Value.(*Stored)
	if !ok {
		return nil
	}
	return s.At(kv.ModRevision)
}
