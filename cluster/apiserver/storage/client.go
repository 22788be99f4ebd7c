package storage

import (
	"errors"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Client is what storage asks of the store. Callbacks run later, never inside the call.
type Client interface {
	Range(r *mvcc.RangeRequest, done func(*mvcc.RangeResponse, error))
	Txn(r *mvcc.TxnRequest, done func(*mvcc.TxnResponse, error))
	// Grant creates a lease.
	Grant(ttlSeconds int64, done func(id int64, err error))
}

// The errors of storage itself; those of the store pass through.
var (
	ErrKeyExists   = errors.New("key exists")
	ErrKeyNotFound = errors.New("key not found")
)

// RangeEnd is the end of the range of keys that begin with prefix.
func RangeEnd(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return mvcc.AllKeys
}
